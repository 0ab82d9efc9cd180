"""From what is said of a task and what samples show to ranked losses with their reasons; knows no single loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.advice import arguments, outputs, watching
from lossd_server.judge.advice.arguments import Filled
from lossd_server.judge.advice.disagreements import disagreements
from lossd_server.judge.advice.questions import QUESTIONS, Question, check
from lossd_server.judge.advice.rules import CANDIDATES
from lossd_server.judge.advice.rules.implications import imply
from lossd_server.judge.advice.rules.rule import NEVER, Candidate, Fits
from lossd_server.judge.advice.sample import Measurement, Sample
from lossd_server.judge.advice.samples import measure
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.catalogue import ENTRIES

REACH = 6.0
"""How far below the best a loss may score and still be recommended."""
MOST_REJECTED = 6
COMPARED = 5
"""Places of the order that an answer must change to be asked for."""
_COSTS = ("under_cost", "over_cost")
_TENSORS = ("weight", "pos_weight")
FEW = 2
"""Cautions of a recommendation up to which the first trap of the catalogue is told too."""
_LOUD = ("refused", "refuses", "logits go unnoticed", "no elements", "target is ignored", "applied twice",
         "accepted", "smooth twice", "one outlier", "sorted by frequency", "belong to")  # fmt: skip
"""Words of traps that are no news here: they are refused, diagnostics find them, or a rule says them already."""


_BEYOND = (
    "beyond this server's limits, which refuses it at this size ({}): the method is right, use it where the model is "
    "trained"
)


@dataclass(frozen=True)
class Scored:
    """A candidate and the rules that hold for it."""

    candidate: Candidate
    held: tuple[Fits, ...]

    @property
    def score(self) -> float:
        """The sum of all that holds."""
        return self.candidate.base + sum(rule.score for rule in self.held)

    @property
    def promise(self) -> float:
        """What it would score if nothing spoke against it."""
        return self.candidate.base + sum(rule.score for rule in self.held if rule.score > 0)

    @property
    def possible(self) -> bool:
        """Whether nothing rules it out."""
        return all(rule.score > NEVER for rule in self.held)

    def against(self) -> str:
        """The weightiest reason against it."""
        worst = min((rule for rule in self.held if rule.score < 0), key=lambda rule: rule.score, default=None)
        return worst.says if worst is not None else self.candidate.against or "others fit better"


@dataclass(frozen=True)
class Recommendation:
    """A loss that fits; see the contract's message of this name. `beyond` says why this service cannot build it."""

    loss: str
    arguments: tuple[Filled, ...]
    reasons: tuple[str, ...]
    cautions: tuple[str, ...]
    metrics: tuple[str, ...]
    output: str
    score: float
    beyond: str = ""


class Open(NamedTuple):
    """A question whose answer would change the order, and what each answer that comes into question would put first."""

    question: Question
    first: Mapping[str, str]


class Fact(NamedTuple):
    """An answer that the advice goes by; its source is "said", "measured" or "implied"."""

    value: Any
    source: str


@dataclass(frozen=True)
class Advice:
    """What fits, what does not, what is open and what was measured."""

    task: str | None
    recommendations: tuple[Recommendation, ...]
    rejected: tuple[tuple[str, str], ...]
    open: tuple[Open, ...]
    measurements: tuple[Measurement, ...]
    cautions: tuple[str, ...]
    facts: Mapping[str, Fact]


def advise(
    given: Mapping[str, Any],
    target: Tensor | None = None,
    input: Tensor | None = None,  # noqa: A002  # torch's name
    limit: int = 5,
) -> Advice:
    """Advises on the loss for a task.

    Args:
        given: answers by name of the question.
        target: a sample of targets.
        input: the model's outputs for the same examples.
        limit: most recommendations.

    Raises:
        Fault: for an answer that there is not, or a sample without a finite number.

    >>> advice = advise({"task": "regression", "outliers": True})
    >>> [recommendation.loss for recommendation in advice.recommendations][:2]
    ['huber_loss', 'smooth_l1_loss']
    >>> advice.rejected[0][0]
    'mse_loss'
    """
    said = check(given)
    known = dict(said)
    if not (target is not None and said.get("task") == "classification"):
        imply(known)  # a sample is read as data of the task that follows
    sample = measure(known, target, input)
    firm = {name: value for name, value in said.items() if (name, value) != ("task", "classification")}
    facts = {**said, **sample.facts, **firm}
    why = imply(facts)
    task = facts.get("task")
    ranking = rank(facts)
    recommendations = _recommend_all(ranking, facts, sample, limit)
    settled = firm.get("task") not in (None, task)
    return Advice(
        task,
        tuple(recommendations),
        tuple(_reject(ranking, {each.loss for each in recommendations})),
        tuple(_open(facts, [scored.candidate.loss for scored in _take(ranking, COMPARED)])),
        tuple(sample.measurements),
        (
            *([f"task={firm['task']} is taken for {task}: {why['task']}"] if settled and "task" in why else []),
            *(f"{why[name]}: say it, as only the ratio of both counts" for name in _COSTS if name in why),
            *sample.cautions,
            *disagreements(firm if not settled else {n: v for n, v in firm.items() if n != "task"}, task, sample),
        ),
        {name: Fact(value, _source(name, value, firm, sample)) for name, value in sorted(facts.items())},
    )


def rank(facts: Mapping[str, Any]) -> list[Scored]:
    """The candidates of the task, the best first; none while the task is unknown."""
    scored = [
        Scored(candidate, tuple(rule for rule in candidate.fits if rule.hold(facts)))
        for candidate in CANDIDATES.get(facts.get("task") or "", ())
    ]
    return sorted(scored, key=lambda each: -each.score)


def _take(ranking: list[Scored], limit: int) -> list[Scored]:
    """Those to recommend: of what is possible, the best and what comes near it."""
    possible = [scored for scored in ranking if scored.possible]
    fitting = [scored for scored in possible if scored.score > 0]
    if not fitting:
        return possible[:1]
    return [scored for scored in fitting if scored.score >= fitting[0].score - REACH][:limit]


def _recommend_all(ranking: list[Scored], facts: Mapping[str, Any], sample: Sample, limit: int) -> list[Recommendation]:
    """Those to recommend; where the best is beyond this service's limits, also the best of those that are not."""
    found = [_recommend(scored, facts, sample) for scored in _take(ranking, limit)]
    while found and all(each.beyond for each in found):
        names = {each.loss for each in found}
        ranking = [scored for scored in ranking if scored.candidate.loss not in names]
        more = [_recommend(scored, facts, sample) for scored in _take(ranking, limit)]
        if not more:
            break
        found += more
    return found[:limit]


def _flaw(loss: str, filled: Iterable[Filled]) -> str:
    """Why this service cannot build a loss with these arguments, for example as it would be too large; "" if it can."""
    entry = ENTRIES[loss]
    if not isinstance(entry, BoundEntry):
        return ""  # a sum of others
    given = {
        each.name: torch.tensor(each.value, dtype=torch.float32) if each.name in _TENSORS else each.value
        for each in filled
    }
    try:
        entry.build(given, path="loss", allow_broadcast=False)
    except Fault as fault:
        return f"{fault.field.removeprefix('loss.')}: {fault.message}".removeprefix("loss: ")
    return ""


def _recommend(scored: Scored, facts: Mapping[str, Any], sample: Sample) -> Recommendation:
    candidate = scored.candidate
    filled = arguments.fill(candidate, facts, sample)
    speaking = sorted((rule for rule in scored.held if rule.score > 0 and rule.says), key=lambda rule: -rule.score)
    worse = sorted((rule for rule in scored.held if rule.score < 0), key=lambda rule: rule.score)
    reasons = [_with_evidence(rule, facts, sample) for rule in speaking]
    where = [f"{each.name}={_shown(each.value)}: {each.says}" for each in filled]
    traps = [trap for trap in ENTRIES[candidate.loss].traps if not any(word in trap for word in _LOUD)][:1]
    beyond = _flaw(candidate.loss, filled)
    warnings = [_BEYOND.format(beyond)] if beyond else []
    warnings += [each.minds for each in filled if each.minds] + _left_in(candidate, filled, sample)
    warnings += [*(rule.says for rule in worse), *candidate.minds]
    return Recommendation(
        candidate.loss,
        tuple(filled),
        tuple(dict.fromkeys((*reasons, candidate.why, *where))),
        tuple(dict.fromkeys(warnings + (traps if len(warnings) < FEW else []))),
        watching.watch(candidate, facts),
        outputs.output(candidate.loss, candidate.task, {each.name: each.value for each in filled}, facts),
        scored.score,
        beyond,
    )


def _left_in(candidate: Candidate, filled: Iterable[Filled], sample: Sample) -> list[str]:
    """What to mind where a number stands for no target, and the loss has no argument to leave it out."""
    given = {each.name: each.value for each in filled}
    parts = [(candidate.loss, given)] + [(term, own) for _, term, own in given.get("terms", ())]
    takes = all("ignore_index" in own for term, own in parts if term != "weighted_sum")
    if sample.ignore_index is None or takes:
        return []
    return [f"it has no ignore_index: leave targets of {sample.ignore_index} out, or give them a `weight` of 0"]


def _with_evidence(rule: Fits, facts: Mapping[str, Any], sample: Sample) -> str:
    """What a rule says, with the measurements that made it hold."""
    seen = [sample.because[name] for name in rule.when if name in sample.because and facts[name] == sample.facts[name]]
    return f"{rule.says} (measured: {'; '.join(dict.fromkeys(seen))})" if seen else rule.says


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], tuple):  # terms of a sum
        return " + ".join(f"{weight:g} × {term}" for weight, term, _ in value)
    if isinstance(value, list) and len(value) > 4:
        return f"[{', '.join(map(str, value[:3]))}, … {len(value)} in all]"
    return repr(value) if not isinstance(value, str) else value


def _reject(ranking: list[Scored], taken: set[str]) -> Iterator[tuple[str, str]]:
    """Near misses: the most promising of those that are not recommended, however many are asked for."""
    taken = taken | {scored.candidate.loss for scored in _take(ranking, len(ranking))}
    rest = sorted((each for each in ranking if each.candidate.loss not in taken), key=lambda each: -each.promise)
    for scored in rest[:MOST_REJECTED]:
        yield scored.candidate.loss, scored.against()


def _open(facts: Mapping[str, Any], now: list[str]) -> Iterator[Open]:
    """Questions that would change what is recommended, the most telling first; what is predicted comes before all."""
    found: list[tuple[float, Open]] = []
    for question in QUESTIONS:
        if facts.get(question.name) is not None or not question.asked_of(facts.get("task")):
            continue
        orders = {_text(answer): _order(facts, question, answer) for answer in question.answers(facts.get("task"))}
        telling = sum(_moved(now, order) for order in orders.values()) / max(len(orders), 1)
        if telling:
            first = {answer: order[0] if order else "" for answer, order in orders.items()}
            found.append((telling + 1000 * (question.name == "task"), Open(question, first)))
    yield from (each for _, each in sorted(found, key=lambda pair: -pair[0]))


def _order(facts: Mapping[str, Any], question: Question, answer: Any) -> list[str]:
    tried = {**facts, **question.beside, question.name: answer}
    if facts.get("task") == "classification":
        tried["task"] = "classification"
    imply(tried)
    return [scored.candidate.loss for scored in _take(rank(tried), COMPARED)]


def _moved(now: list[str], then: list[str]) -> float:
    """How much of the order changed; the first place counts most."""
    places = max(len(now), len(then))
    pairs = [(now[i : i + 1], then[i : i + 1]) for i in range(places)]
    return sum((2.0 if place == 0 else 1 / (place + 1)) for place, (old, new) in enumerate(pairs) if old != new)


def _source(name: str, value: Any, said: Mapping[str, Any], sample: Sample) -> str:
    if said.get(name) == value:
        return "said"
    return "measured" if sample.facts.get(name) == value else "implied"


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
