"""A worker's refusal on its way to the caller."""

from __future__ import annotations

from google.rpc import error_details_pb2, status_pb2


class Refused(Exception):
    """What a worker answered in place of a response.

    Args:
        encoded: a google.rpc.Status.
    """

    def __init__(self, encoded: bytes) -> None:
        self.status = status_pb2.Status.FromString(encoded)

    def telling(self, words: str, **details: int) -> Refused:
        """The same with words behind its own and further details, unless it tells these by itself."""
        told = Refused(self.status.SerializeToString())
        for detail in told.status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info) and not details.keys() & info.metadata.keys():
                info.metadata.update({name: str(number) for name, number in details.items()})
                detail.Pack(info)
                told.status.message += words
        return told
