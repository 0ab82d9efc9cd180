"""What a caller may learn of an exception."""

from __future__ import annotations

import logging

from google.protobuf.message import DecodeError

from lossd_server.faults import Fault

log = logging.getLogger(__name__)


def as_fault(error: Exception) -> Fault:
    """The fault to answer with. A defect is logged in full and answered with nothing but INTERNAL."""
    match error:
        case Fault():
            return error
        case DecodeError():
            return Fault("MALFORMED_MESSAGE", "the request is not a message of the type that this method takes")
        case MemoryError():
            return Fault("DEVICE_OUT_OF_MEMORY", "the server has not enough free memory; retry", retry_after=1.0)
    log.error("a request failed in an unforeseen way", exc_info=error)
    return Fault("INTERNAL", "lossd failed on this request; its log has the detail under the request id")
