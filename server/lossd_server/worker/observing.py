"""What telemetry shall hear of an evaluation: refuses bad names of series; knows no Prometheus and no window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from lossd_server.faults import Fault
from lossd_server.judge.catalogue import METRICS
from lossd_server.judge.diagnostics.findings import Finding
from lossd_server.losses.contract import Evaluated, Loss, Tensors
from lossd_server.losses.examples import lay_out
from lossd_server.telemetry.observation import Observation, is_name, of_evaluation


def check_series(name: str) -> None:
    """Refuses what no series may be called; an empty name is none.

    Raises:
        Fault: ARGUMENT_OUT_OF_RANGE.
    """
    if name and not is_name(name):
        shown = name if len(name) <= 80 else f"{name[:80]}…"
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"series is {shown!r}; expected at most 64 letters, digits, dots, underscores and hyphens",
            field="series",
        )


def observe(
    series: str,
    value: float = 0.0,
    sums: tuple[float, float] | None = None,
    examples: int = 0,
    metrics: Mapping[str, float] | None = None,
    findings: Iterable[Finding] = (),
    loss: str = "",
) -> tuple[Observation, ...]:
    """One evaluation as `Timing.observed` takes it; nothing if it is of no series and nothing was found.

    Args:
        series: as the request names it, after `check_series`.
        value: the loss.
        sums: numerator and denominator of its mean, where it has them.
        examples: how many.
        metrics: those that are one number, by what the request calls them.
        findings: of the diagnostics.
        loss: what the loss is called.
    """
    codes = Counter((found.diagnostic.code, found.diagnostic.severity.name.lower()) for found in findings)
    if not series:
        return (Observation(codes=codes),) if codes else ()
    told = {name: (number, _higher(name)) for name, number in (metrics or {}).items()}
    return (of_evaluation(series, value, sums, examples, told, codes, loss),)


def observe_evaluation(
    series: str, loss: Loss, inputs: Tensors, result: Evaluated, metrics: Mapping[str, float], findings: list[Finding]
) -> tuple[Observation, ...]:
    """The same of what `evaluate` answers."""
    if not series:
        return observe(series, findings=findings)
    sums = None
    if result.loss_sum is not None and result.weight_sum is not None:
        sums = result.loss_sum, result.weight_sum
    value = float(result.value if result.reduced else result.value.double().mean())
    return observe(series, value, sums, lay_out(loss, inputs).count, metrics, findings, loss.name)


def _higher(name: str) -> bool | None:
    """Whether more of a metric is better; None for one that the catalogue does not know.

    >>> _higher("precision(threshold=0.3)"), _higher("mae"), _higher("magic")
    (True, False, None)
    """
    metric = METRICS.get(name.partition("(")[0].strip())
    return None if metric is None else metric.higher
