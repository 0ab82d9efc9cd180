"""Watches the steps of a held session for who asks for diagnostics, and says what it finds; knows no verb and no rule.

What is found never changes what a call does, and what fails in here is logged and left out.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from lossd.v1 import diagnostic_pb2
from torch import Tensor

from lossd_server.judge.diagnostics import rules
from lossd_server.judge.diagnostics.course import WINDOW, Course, Epochs
from lossd_server.judge.diagnostics.evaluation import diagnose
from lossd_server.judge.diagnostics.findings import Finding, Level, Severity, worst_first
from lossd_server.judge.diagnostics.watch import Memory, Watch
from lossd_server.losses.contract import Evaluated, Loss, Tensors
from lossd_server.losses.evaluation import sum_up
from lossd_server.training import outcomes
from lossd_server.training.outcomes import MicroBatch, Step
from lossd_server.worker import judging
from lossd_server.worker.held import Held

log = logging.getLogger(__name__)

MOST = 32
"""Findings of one call or epoch."""
MEASURED, EVERY = 20, 10
"""At `Level.CHEAP` parameters and outputs are looked at in so many first steps, and then in one of so many."""
YOUNG = frozenset(
    {
        "BOXES_APART",
        "LABELS_FLIPPED",
        "LABELS_SHIFTED",
        "OFFSET_PREDICTIONS",
        "SCALE_MISMATCH",
        "SIGN_FLIPPED",
        "VARIANCE_OFF",
    }
)
"""Codes of outputs that weights show which have hardly been trained: information in a session's first steps."""
FIRST = 10
"""Steps of a Fit that are watched one by one at `Level.CHEAP`; then one an epoch is, and one in so many at most."""
SPARSER = 20
"""Later at most one in this part of the steps made, so that what watching costs in all hardly grows."""


class Watching:
    """Watches one session.

    Args:
        held: the session.
        level: how much to look for; at `Level.OFF` steps are counted, and nothing else is done.
    """

    def __init__(self, held: Held, level: Level) -> None:
        self._bound = held.session.bound_input
        self._course: Course = held.course
        self._memory: Memory = held.watched
        self._level = level
        if held.described.HasField("clip_grad_norm"):
            self._course.clip = held.described.clip_grad_norm.max_norm

    def begin(self, gradient: bool = True, measuring: bool = False) -> Watch | None:
        """Who watches the next step; `gradient` as `Watch` has it, `measuring` too but for steps whose turn it is."""
        if self._level == Level.OFF:
            return None
        step = self._course.step + 1
        due = self._level == Level.FULL or step <= MEASURED or step % EVERY == 0
        return Watch(self._level, self._memory, gradient, measuring or due)

    def stepped(self, done: Step, watch: Watch | None) -> list[Finding]:
        """What looks wrong after a step."""
        try:
            watched = watch.finish() if watch is not None else None
            self._course.stepped(done.step, done.value, done.grad_norm, done.lr, done.micro_batches, watched)
            return self._found(rules.of_step, watch) if watch is not None else []
        except Exception:  # the step is made, and must be answered
            log.exception("a step could not be diagnosed")
            return []

    def waits(self, done: MicroBatch, watch: Watch | None) -> list[Finding]:
        """What looks wrong after a micro-batch."""
        try:
            watched = watch.finish() if watch is not None else None
            self._course.waits(done.pending, watched)
            return self._found(rules.of_micro_batch, watch) if watch is not None else []
        except Exception:  # the micro-batch counts, and must be answered
            log.exception("a micro-batch could not be diagnosed")
            return []

    def discarded(self) -> list[Finding]:
        """The gradients that waited were forgotten; nothing looks wrong."""
        self._course.pending = 0
        return []

    def _found(self, find: Callable[[Course], list[Finding]], watch: Watch) -> list[Finding]:
        found = [*find(self._course)]
        seen = watch.seen
        if seen is not None and (watch.measuring or any(one.diagnostic.severity > Severity.INFO for one in found)):
            told = evaluated(diagnose(seen.loss, seen.tensors, seen.result(), self._level), self._bound)
            found += map(_of_the_young, told) if self._course.step <= WINDOW else told
        return worst_first(found)[:MOST]


class FitWatching:
    """Watches a Fit: at `Level.FULL` every step, at `Level.CHEAP` a few; see `training.fitting.Observer`."""

    def __init__(self, held: Held, level: Level) -> None:
        self._watching = Watching(held, level)
        self._every = level == Level.FULL
        self._epochs = Epochs()
        self._last = 0
        self._found: dict[tuple[str, str, str], Finding] = {}
        self._new: list[Finding] = []

    def watch(self, steps: int, batch: int) -> outcomes.Watch | None:
        """As `Observer` has it."""
        apart = max(FIRST, steps // SPARSER)
        due = steps >= self._last + apart and steps - batch > self._last  # not yet in this epoch
        if not (self._every or steps < FIRST or due):
            return None
        self._last = steps
        return self._watching.begin(measuring=True)

    def stepped(self, step: Step, watch: outcomes.Watch | None) -> None:
        """As `Observer` has it."""
        assert watch is None or isinstance(watch, Watch), "it is one of `watch`'s"
        for finding in self._watching.stepped(step, watch):
            self._found[finding.diagnostic.code, finding.field, finding.term] = finding

    def ended(self, training: float, validation: float | None) -> Sequence[Mapping[str, Any]]:
        """As `Observer` has it."""
        found = list(self._found.values())
        self._found = {}
        if validation is not None:
            self._epochs.ended(training, validation)
            found += rules.of_epoch(self._epochs)
        told = worst_first(found)[:MOST]
        self._new += told
        return list(facts(told))

    def new(self) -> list[Finding]:
        """What was found in the epochs that have ended since this was last asked."""
        new, self._new = self._new, []
        return new


class EvaluationWatching:
    """Diagnoses the batches of an evaluation: at `Level.FULL` all, at `Level.CHEAP` the first.

    Args:
        bound: the loss's input that is the model's output.
    """

    def __init__(self, bound: str, level: Level) -> None:
        self._bound = bound
        self._level = level
        self._found: dict[tuple[str, str, str], Finding] = {}
        self._looked = False

    def look(self, loss: Loss, tensors: Tensors, value: Tensor, terms: Mapping[str, float]) -> None:
        """Takes a batch in."""
        if self._level == Level.OFF or (self._looked and self._level == Level.CHEAP):
            return
        self._looked = True
        result = Evaluated(value, reduced=True, terms=dict(terms))
        sum_up(result, loss, tensors)
        with torch.enable_grad():  # which an evaluation of a model does without
            found = diagnose(loss, tensors, result, self._level)
        for finding in evaluated(found, self._bound):
            self._found.setdefault((finding.diagnostic.code, finding.field, finding.term), finding)

    def found(self) -> list[Finding]:
        """What looks wrong, the worst first."""
        return worst_first(self._found.values())[:MOST]


def _of_the_young(finding: Finding) -> Finding:
    """The same of a session that has made few steps."""
    if finding.diagnostic.code not in YOUNG:
        return finding
    return dataclasses.replace(finding, diagnostic=dataclasses.replace(finding.diagnostic, severity=Severity.INFO))


def facts(findings: Iterable[Finding]) -> Iterator[dict[str, Any]]:
    """Findings as plain values, by the names of the contract's fields."""
    messages: list[diagnostic_pb2.Diagnostic] = []
    judging.write_findings(findings, messages)
    for message in messages:
        plain = {field.name: value for field, value in message.ListFields()}
        yield plain | {"evidence": dict(message.evidence)}


def evaluated(findings: Iterable[Finding], bound: str) -> list[Finding]:
    """What is said of a loss's inputs, as words about a session: of `bound`, which is the model's output, and targets.

    >>> from lossd_server.judge.diagnostics.training import UNSCALED
    >>> [found.field for found in evaluated([Finding(UNSCALED, "", field="inputs.input")], "input")]
    ['outputs']
    """
    return [
        dataclasses.replace(
            finding,
            field=_field(finding.field, bound),
            evidence={name: float(value) for name, value in finding.evidence.items()},
        )
        for finding in findings
    ]


def _field(path: str, bound: str) -> str:
    place, _, rest = path.partition(".")
    name = rest.partition(".")[0].partition("[")[0]
    if place not in ("inputs", "gradients") or not name:
        return path
    if name == bound:
        return "outputs" + rest[len(name) :]
    return f"targets.{rest}"
