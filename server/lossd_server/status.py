"""A fault as the bytes of google.rpc.Status, the one form in which callers see errors."""

from __future__ import annotations

from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from lossd_server.faults import Fault

DOMAIN = "lossd.v1"

# a status travels in headers, of which clients take 8 KiB; callers' own names can make it longer
_LONGEST_MESSAGE = 600
_LONGEST_FIELD = 200


def encode(fault: Fault) -> status_pb2.Status:
    """The status of a fault: one ErrorInfo, the field at fault, and when to retry where that helps."""
    message, field = _cut(fault.message, _LONGEST_MESSAGE), _cut(fault.field, _LONGEST_FIELD)
    status = status_pb2.Status(code=code_pb2.Code.Value(fault.code), message=message)
    metadata = {name: str(number) for name, number in fault.details.items()}
    if fault.expected is not None:
        metadata["expected"] = str(fault.expected)
    details = [error_details_pb2.ErrorInfo(reason=fault.reason, domain=DOMAIN, metadata=metadata)]
    if field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if fault.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(fault.retry_after * 1e9))
        details.append(retry)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
