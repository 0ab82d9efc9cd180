"""What a request asks beside its loss, metrics and diagnostics, and how the answers are written; knows no loss."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from lossd.v1 import diagnostic_pb2 as pb
from lossd.v1 import tensor_pb2
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.diagnostics.findings import Finding, Level
from lossd_server.judge.metrics import Metrics
from lossd_server.limits import MAX_REQUEST_ID
from lossd_server.losses.contract import Loss, Tensors
from lossd_server.worker import tensors
from lossd_server.worker.observing import check_series


def check_words(request: Any) -> None:
    """Refuses what is wrong about an evaluation or a chunk whatever its loss: its request_id, series, attachments.

    Raises:
        Fault: BAD_ATTACHMENT, LIMIT_EXCEEDED, ARGUMENT_OUT_OF_RANGE.
    """
    if request.attachments:  # those of the outermost message were taken off before it was parsed
        raise Fault("BAD_ATTACHMENT", "attachments belong in the outermost message", field="attachments")
    if len(request.request_id) > MAX_REQUEST_ID:
        raise Fault(
            "LIMIT_EXCEEDED",
            f"request_id has {len(request.request_id)} characters; at most {MAX_REQUEST_ID}",
            field="request_id",
        )
    check_series(request.series)


def level(asked: int) -> Level:
    """The level that a request asks for; unset is off.

    Raises:
        Fault: ARGUMENT_OUT_OF_RANGE for a number that is no level.
    """
    if not asked:
        return Level.OFF
    try:
        return Level(asked)
    except ValueError:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"diagnostics is {asked}; expected DIAGNOSTICS_LEVEL_OFF, _CHEAP or _FULL",
            field="diagnostics",
        ) from None


def write_findings(findings: Iterable[Finding], into: Any) -> None:
    """Appends findings to a message's `diagnostics`."""
    for finding in findings:
        kind = finding.diagnostic
        into.append(
            pb.Diagnostic(
                code=kind.code,
                severity=pb.Severity.Name(kind.severity),
                message=finding.message,
                remedy=kind.remedy,
                field=finding.field,
                evidence=finding.evidence,
                term=finding.term,
            )
        )


def metrics_of(names: Collection[str], loss: Loss, inputs: Tensors, counted: bool = True) -> Metrics | None:
    """The metrics of one evaluation, whose first input is what a model put out; None where none are asked for.

    Args:
        inputs: that `loss` has checked.
        counted: whether to compute them, not only to refuse those that cannot be told here.
    """
    if not names:
        return None
    output, *others = (name for name in loss.input_names if name in inputs)
    targets = {name: inputs[name] for name in others}
    metrics = Metrics(names, loss, inputs[output], targets)
    if counted:
        metrics.update(inputs[output], targets)
    return metrics


def write_metrics(
    metrics: Metrics, values: Any, arrays: Any, encoding: tensor_pb2.ResponseEncoding, out: list[memoryview]
) -> None:
    """Fills a message's `metrics` and `metric_arrays`."""
    for name, value in metrics.compute().items():
        values[name] = value
    several: Mapping[str, Tensor] = metrics.arrays()
    for name, array in several.items():
        tensors.encode(arrays[name], array, encoding, out)
