"""What a request asks beside its loss, metrics and diagnostics, and how the answers are written; knows no loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lossd.v1 import diagnostic_pb2 as pb
from lossd.v1 import tensor_pb2
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.diagnostics.findings import Finding, Level
from lossd_server.judge.metrics import Metrics
from lossd_server.losses.contract import Loss, Tensors
from lossd_server.worker import tensors


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


def metrics_of(names: Iterable[str], loss: Loss, inputs: Tensors) -> Metrics:
    """The metrics of one evaluation, whose first input is what a model put out."""
    output, *others = (name for name in loss.input_names if name in inputs)
    targets = {name: inputs[name] for name in others}
    metrics = Metrics(names, loss, inputs[output], targets)
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
