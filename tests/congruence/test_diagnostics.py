"""Mistakes on real models are found by the right code; healthy evaluations and odd inputs are left in peace."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
import torch
from congruence import healthy, planted
from congruence import test_every_entry as every
from congruence.planted import Planted
from lossd_server.faults import Fault
from lossd_server.judge.diagnostics import evaluation
from lossd_server.judge.diagnostics.catalogue import DIAGNOSTICS
from lossd_server.judge.diagnostics.evaluation import EVALUATION, diagnose
from lossd_server.judge.diagnostics.findings import Finding, Level, Severity
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.composite import Term, WeightedSum
from lossd_server.losses.contract import Evaluated, Loss
from lossd_server.losses.evaluation import evaluate
from torch import Tensor

LEVELS = (Level.CHEAP, Level.FULL)
FALSE_ALARMS = 0.02


@pytest.fixture(autouse=True)
def _no_rule_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What fails in a rule is logged, and the evaluation answers."""
    yield
    assert not [record for record in caplog.records if record.name == evaluation.__name__]


@pytest.fixture(scope="module")
def mistakes() -> list[Planted]:
    return planted.corpus()


def run(
    loss: Loss, inputs: Mapping[str, Tensor], gradients: tuple[str, ...] = ()
) -> tuple[dict[str, Tensor], Evaluated]:
    """Inputs of its own and the result; gradients of all inputs for "*" where the loss has any."""
    tensors = {name: tensor.clone() for name, tensor in inputs.items()}
    try:
        return tensors, evaluate(loss, tensors, gradients)
    except Fault as fault:
        if fault.reason != "NOT_DIFFERENTIABLE":
            raise
    return tensors, evaluate(loss, tensors)


def codes(findings: list[Finding]) -> list[str]:
    return [finding.diagnostic.code for finding in findings]


def test_every_planted_mistake_is_found(mistakes: list[Planted]) -> None:
    """At the level that its diagnostic claims, and at `full`; none that is worse comes first without being of it."""
    assert len(mistakes) >= 100
    missed = {}
    for mistake in mistakes:
        loss = planted.build(mistake.loss, mistake.arguments)
        if mistake.refused:
            with pytest.raises(Fault) as refusal:
                run(loss, mistake.inputs)
            assert refusal.value.reason == mistake.code, mistake.mistake
            continue
        assert DIAGNOSTICS[mistake.code].level <= mistake.level, mistake.mistake
        tensors, result = run(loss, mistake.inputs, mistake.gradients)
        for level in {mistake.level, Level.FULL}:
            found = codes(diagnose(loss, tensors, result, level))
            if mistake.code not in found:
                missed[mistake.mistake] = (level.name, found)
    assert not missed


def test_every_diagnostic_has_a_planted_mistake(mistakes: list[Planted]) -> None:
    """A rule that nothing sets off is not known to work."""
    assert {one.code for one in EVALUATION} - {mistake.code for mistake in mistakes} == set()


def test_a_mistake_is_told_with_its_numbers(mistakes: list[Planted]) -> None:
    """A message holds numbers, evidence has the names that the table lists, and a field names an input."""
    for mistake in mistakes[::3]:
        if mistake.refused:
            continue
        loss = planted.build(mistake.loss, mistake.arguments)
        tensors, result = run(loss, mistake.inputs, mistake.gradients)
        for found in diagnose(loss, tensors, result, Level.FULL):
            assert set(found.evidence) == set(found.diagnostic.evidence), found
            assert all(isinstance(float(number), float) for number in found.evidence.values()), found
            assert re.search(r"\d|nan|inf", found.message), found
            assert found.field.removeprefix("inputs.") in {*tensors, "", "loss"}, found


@pytest.mark.parametrize("level", LEVELS)
def test_healthy_evaluations_raise_no_alarm(level: Level) -> None:
    """Of 200 and more evaluations of models trained little and much, fewer than 2 % raise anything above INFO."""
    evaluations = healthy.corpus()
    assert len(evaluations) >= 200
    alarms: Counter[str] = Counter()
    for one in evaluations:
        loss = planted.build(one.loss, one.arguments)
        tensors, result = run(loss, one.inputs, one.gradients)
        worse = [code for code in diagnose(loss, tensors, result, level) if code.diagnostic.severity > Severity.INFO]
        if worse:
            alarms[f"{one.name}: {codes(worse)}"] += 1
    assert len(alarms) < FALSE_ALARMS * len(evaluations), alarms


def grown(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inputs repeated to 40 rows, where all have rows: enough for every rule to look."""
    if any(not tensor.dim() for tensor in inputs.values()):
        return dict(inputs)
    return {name: torch.cat([tensor] * 40)[:40] for name, tensor in inputs.items()}


def spoilt(inputs: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """The inputs as they are, of one number only, and in another order of memory."""
    yield dict(inputs)
    for number in (math.nan, math.inf, -1e30, 0.0):
        yield {
            name: torch.full_like(given, number) if given.is_floating_point() else given
            for name, given in inputs.items()
        }
    yield {name: given.T.contiguous().T if given.dim() == 2 else given for name, given in inputs.items()}


def bits(tensors: Mapping[str, Tensor]) -> dict[str, bytes]:
    """Every bit of some tensors."""
    return {
        name: bytes(tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist() if tensor.numel() else b"")
        for name, tensor in tensors.items()
    }


@pytest.mark.parametrize("entry", every.ENTRIES, ids=lambda entry: entry.name)
def test_odd_inputs_change_nothing(entry: BoundEntry) -> None:
    """What an evaluation takes is looked at without an error, and inputs, value and gradients keep every bit."""
    assert entry.example is not None
    large = grown(every.example(entry))
    cases = [(arguments, inputs) for arguments, inputs in every.cases(entry)][::3]
    cases += [(entry.example.arguments, inputs) for inputs in spoilt(large)]
    looked = 0
    for arguments, inputs in cases:
        try:
            loss = planted.build(entry.class_name, arguments)
            tensors, result = run(loss, inputs, ("*",))
        except Fault:
            continue
        before = [bits(part) for part in (tensors, result.gradients, {"value": result.value})]
        for level in (Level.OFF, *LEVELS):
            found = diagnose(loss, tensors, result, level)
            assert level > Level.OFF or found == []
        assert [bits(part) for part in (tensors, result.gradients, {"value": result.value})] == before
        looked += 1
    assert looked


def test_a_sum_is_diagnosed_term_by_term() -> None:
    """A finding of a term has its label, and names the input as the request does; sums inside sums have both labels."""
    p = (torch.randn(64, 5) * 3).softmax(1)
    kind = ("kind", 1.0, "CrossEntropyLoss", {"input": "scores", "target": "classes"})
    outer = planted.build("WeightedSum", {"terms": (("number", 1.0, "MSELoss", {}), kind)})
    assert isinstance(outer, WeightedSum)
    nested = WeightedSum((Term("both", 2.0, outer, {"scores": "given"}),), "loss")
    y = torch.randn(64)
    inputs = {"input": y + torch.randn(64) / 10, "target": y, "scores": p, "classes": torch.arange(64) % 5}
    tensors, result = run(outer, inputs)
    found = {one.diagnostic.code: one for one in diagnose(outer, tensors, result, Level.CHEAP)}
    assert found["PROBABILITIES_AS_LOGITS"].term == "kind"
    assert found["PROBABILITIES_AS_LOGITS"].field == "inputs.scores"
    inputs["given"] = inputs.pop("scores")
    tensors, result = run(nested, inputs)
    found = {one.diagnostic.code: one for one in diagnose(nested, tensors, result, Level.CHEAP)}
    assert found["PROBABILITIES_AS_LOGITS"].term == "both/kind"
    assert found["PROBABILITIES_AS_LOGITS"].field == "inputs.given"


def test_cheap_does_not_read_all() -> None:
    """`cheap` looks at samples: what hides between them and does not reach the result is found by `full` only."""
    loss = planted.build("CrossEntropyLoss", {})
    logits, target = torch.randn(1024, 4096), torch.randint(4096, (1024,))
    logits[1, 5], target[1] = float("nan"), -100
    tensors, result = run(loss, {"input": logits, "target": target})
    assert "NAN_INPUT" not in codes(diagnose(loss, tensors, result, Level.CHEAP))
    found = diagnose(loss, tensors, result, Level.FULL)
    assert codes(found)[0] == "NAN_INPUT"
    assert (found[0].evidence["row"], found[0].evidence["first"]) == (1, 4096 + 5)
    assert "[1, 5]" in found[0].message
