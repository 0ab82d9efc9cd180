"""A Fit's slices: which call goes on where the answer before it stopped; knows nothing of training."""

from __future__ import annotations

from google.protobuf.message import DecodeError
from lossd import framing
from lossd.v1 import training_service_pb2 as pb

from lossd_server.engine.contract import malformed


class Slices:
    """The calls that one Fit is made of.

    Args:
        request: the caller's, which is the first of them.

    >>> slices = Slices(pb.FitRequest(session_id="w0-1", epochs=3).SerializeToString())
    >>> answer = pb.FitResponse(seq=4, epochs=[pb.Epoch(epoch=1)])
    >>> pb.FitRequest.FromString(slices.after(answer.SerializeToString())).after_epoch
    1
    >>> answer.stop_reason = pb.STOP_REASON_EPOCHS
    >>> slices.after(answer.SerializeToString()) is None
    True
    """

    def __init__(self, request: bytes) -> None:
        try:
            asked = pb.FitRequest.FromString(bytes(framing.split(request).header))
        except (DecodeError, framing.MalformedMessage) as error:
            raise malformed(error) from None
        self._next = pb.FitRequest(session_id=asked.session_id, after_epoch=asked.after_epoch, resume=True)

    def after(self, answer: bytes) -> bytes | None:
        """The call that goes on after an answer, or None where that was the last one."""
        told = pb.FitResponse.FromString(answer)
        if told.stop_reason or told.replayed:
            return None
        self._next.seq = told.seq
        if told.epochs:
            self._next.after_epoch = told.epochs[-1].epoch
        return self._next.SerializeToString()
