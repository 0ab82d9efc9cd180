"""What lives with one device: takes a request's bytes, answers with a response's."""

from __future__ import annotations

import math
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from google.protobuf.message import Message
from lossd.v1 import catalog_service_pb2 as catalog
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import training_service_pb2 as training

from lossd_server import status
from lossd_server.faults import Fault
from lossd_server.losses import catalogue
from lossd_server.losses.threads import use_at_most
from lossd_server.telemetry import logs
from lossd_server.worker import cataloguing
from lossd_server.worker.evaluating import Evaluator, Timing, Trip
from lossd_server.worker.failures import as_fault
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import refuse_unknown_fields
from lossd_server.worker.training import Trainer

Segment: TypeAlias = "bytes | memoryview"
Verb: TypeAlias = Callable[[Any, Sequence[memoryview], Trip], tuple[Message, list[memoryview], Timing]]


class Answer(NamedTuple):
    """A response as segments (header, then attachments), or the bytes of a google.rpc.Status."""

    segments: list[Segment]
    failed: bool = False
    timing: Timing = Timing()
    queued: float = 0.0


class Worker:
    """Runs requests on one device, one at a time, in the order given.

    Args:
        device: "cpu:0", "cuda:1", …: the name callers see, and the torch device but for the number of a CPU.
        owner: prefix of the identifiers of the sessions it holds.
        max_sessions: sessions it may hold.
        threads: threads that one kernel may use; 0 leaves torch's default.
        programs: whether it evaluates programs.
    """

    def __init__(self, device: str, owner: str, *, max_sessions: int, threads: int = 0, programs: bool = True) -> None:
        self.torch_version = str(torch.__version__)
        self._device = torch.device("cpu" if device.startswith("cpu") else device)
        # a device that is not there must show now, and what torch loads at the first gradient take no call's time
        torch.ones(1, device=self._device, requires_grad=True).square().sum().backward()  # type: ignore[no-untyped-call]
        catalogue.plugins()  # nor what plugins import
        if threads:
            use_at_most(threads)
        held = Programs(programs)
        evaluator = Evaluator(self._device, device, held)
        self._trainer = Trainer(self._device, device, owner, max_sessions, held)
        self._verbs: dict[str, tuple[type[Message], Verb]] = {
            "EvaluateLoss": (evaluation.EvaluateLossRequest, evaluator.one),
            "BatchEvaluateLoss": (evaluation.BatchEvaluateLossRequest, evaluator.batch),
            "StreamEvaluateLoss": (evaluation.StreamEvaluateLossRequest, evaluator.streamed),
            "ValidateLoss": (catalog.ValidateLossRequest, evaluator.validate),
            "ListLosses": (catalog.ListLossesRequest, cataloguing.list_losses),
            "GetLoss": (catalog.GetLossRequest, cataloguing.get_loss),
            "CreateSession": (training.CreateSessionRequest, self._trainer.create),
            "GetSession": (training.GetSessionRequest, self._trainer.get),
            "DeleteSession": (training.DeleteSessionRequest, self._trainer.delete),
            "TrainStep": (training.TrainStepRequest, self._trainer.step),
            "Forward": (training.ForwardRequest, self._trainer.forward),
            "GetSessionState": (training.GetSessionStateRequest, self._trainer.state),
        }

    def run(
        self,
        verb: str,
        segments: Sequence[memoryview],
        admitted: float,
        deadline: float = math.inf,
        request_id: str = "",
        gone: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """Answers one request.

        Args:
            verb: the RPC's name.
            segments: the request's header, then its attachments; attachments may be written over once the
                answer is there.
            admitted: when, by `time.monotonic`.
            deadline: when its caller stops waiting, by the same clock.
            request_id: what the log calls it.
            gone: tells whether the caller has stopped waiting before that.
        """
        logs.request_id.set(request_id)
        trip = Trip(time.monotonic() - admitted, deadline, gone)
        try:
            trip.check()
            request_type, run = self._verbs[verb]
            request = request_type()
            request.MergeFromString(segments[0])  # type: ignore[arg-type]  # upb reads any buffer
            refuse_unknown_fields(request)
            response, attachments, timing = run(request, segments[1:], trip)
            return Answer([response.SerializeToString(), *attachments], timing=timing, queued=trip.queued)
        except Exception as error:  # noqa: BLE001  # a defect must not end the worker, and is logged
            return refused(as_fault(error), trip.queued)

    @property
    def sessions(self) -> int:
        """Sessions it holds."""
        return len(self._trainer)

    @property
    def memory(self) -> int:
        """Bytes in use: allocated on an accelerator, or resident of this process."""
        if self._device.type == "cuda":
            return torch.cuda.memory_allocated(self._device)
        return resident_bytes()


def refused(fault: Fault, queued: float = 0.0) -> Answer:
    """The answer that a fault is."""
    return Answer([status.encode(fault).SerializeToString()], failed=True, queued=queued)


def resident_bytes() -> int:
    """Resident set of this process."""
    if sys.platform == "linux":
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
