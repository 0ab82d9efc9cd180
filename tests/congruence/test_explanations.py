"""What an explanation says of examples is what torch says, over the whole catalogue; bad input is refused as ever."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from congruence import oracle
from congruence.field import harness
from congruence.test_every_entry import ENTRIES, INVALID_ARGUMENT, cases, example
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import explanation_pb2 as pb
from lossd_server.judge.explaining import explanation
from lossd_server.losses.binding import BoundEntry
from lossd_server.worker.worker import Worker
from torch import Tensor

ONE_NUMBER = {
    "barlow_twins_loss", "circle_loss", "contrastive_loss", "dice_loss", "focal_tversky_loss", "jaccard_loss",
    "l2_norm", "lovasz_hinge_loss", "multi_similarity_loss", "nt_xent_loss", "rmse_loss", "sup_con_loss",
    "tversky_loss", "vicreg_loss",
}  # fmt: skip
"""Losses of which the examples' parts do not add up, since they are no sum over examples."""


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


def ask(
    worker: Worker, name: str, inputs: Mapping[str, Tensor], arguments: Mapping[str, Any] | None = None, **asked: Any
) -> pb.ExplainLossResponse:
    return explain(worker, pb.ExplainLossRequest(loss=harness.spec(name, arguments or {}), **asked), inputs)


def explain(worker: Worker, request: pb.ExplainLossRequest, inputs: Mapping[str, Tensor]) -> pb.ExplainLossResponse:
    for name, given in inputs.items():
        request.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
    answer, _ = oracle.run(worker, "ExplainLoss", request, answer=pb.ExplainLossResponse)
    return answer


def by_index(answer: pb.ExplainLossResponse, field: str) -> list[float]:
    return [getattr(one, field) for one in sorted(answer.worst, key=lambda one: one.index)]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def reductions(entry: BoundEntry) -> Iterator[dict[str, Any]]:
    yield from ({"reduction": how} for how in entry.reductions)
    for argument in entry.arguments:
        if argument.name == "aggregation":
            yield from ({"aggregation": how} for how in argument.choices)
    if not entry.reductions and all(argument.name != "aggregation" for argument in entry.arguments):
        yield {}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_parts_of_all_examples_add_up_to_the_loss(worker: Worker, entry: BoundEntry) -> None:
    """Under every reduction; times weight_sum, to loss_sum. Where they do not, the explanation says why."""
    assert entry.example is not None
    inputs = example(entry)
    for how in reductions(entry):
        answer = ask(worker, entry.class_name, inputs, {**entry.example.arguments, **how}, limit=1000)
        if entry.name in ONE_NUMBER:
            assert answer.unexplained
            assert not any(one.HasField("contribution") for one in answer.worst)
            assert [one.gradient_norm for one in answer.worst], "gradients tell what pulls all the same"
            continue
        parts = [one.contribution for one in answer.worst]
        assert len(parts) == answer.examples >= 1
        scale = sum(map(abs, parts))
        assert sum(parts) == pytest.approx(answer.value, rel=1e-5, abs=1e-5 * scale), how
        assert sum(one.share for one in answer.worst) == pytest.approx(1.0 if scale else 0.0)
        assert not answer.unexplained
        if how.get("reduction") == "mean" and answer.HasField("loss_sum"):
            expected = pytest.approx(answer.loss_sum, rel=1e-5, abs=1e-5 * scale * answer.weight_sum)
            assert sum(part * answer.weight_sum for part in parts) == expected


def test_regression(worker: Worker) -> None:
    """Losses, gradients, shares, order, words, residuals and curves of a loss of several numbers an example."""
    x, y = normal(50, 3), normal(50, 3, seed=1)
    answer = ask(worker, "MSELoss", {"input": x, "target": y}, limit=1000)
    rows = F.mse_loss(x, y, reduction="none").double().mean(1)
    assert by_index(answer, "loss") == pytest.approx(rows.tolist(), rel=1e-5)
    assert by_index(answer, "gradient_norm") == pytest.approx((2 * (x - y) / 150).norm(dim=1).tolist(), rel=1e-5)
    assert by_index(answer, "share") == pytest.approx((rows / rows.sum()).tolist(), rel=1e-5)
    assert [one.index for one in answer.worst] == rows.argsort(descending=True).tolist()
    first = answer.worst[0]
    assert first.prediction == ", ".join(f"{number:.4g}" for number in x[first.index].tolist())
    histograms = {one.name: one for one in answer.histograms}
    for name, values in (("residual", x.double() - y.double()), ("loss", rows)):
        counts, _ = np.histogram(values.numpy(), bins=histograms[name].edges)
        assert list(histograms[name].counts) == counts.tolist()
        assert (histograms[name].edges[0], histograms[name].edges[-1]) == pytest.approx(
            (float(values.min()), float(values.max()))
        )
    curves = {curve.name: curve for curve in answer.curves}
    assert (curves["shift"].at, curves["scale"].at) == (0.0, 1.0)
    for place, loss in zip(curves["shift"].x, curves["shift"].loss, strict=True):
        assert loss == pytest.approx(float(F.mse_loss(x + place, y)), rel=1e-6)
    for place, loss in zip(curves["scale"].x, curves["scale"].loss, strict=True):
        assert loss == pytest.approx(float(F.mse_loss(x * place, y)), rel=1e-6)
    assert list(curves["residual"].loss) == pytest.approx([place**2 for place in curves["residual"].x], abs=1e-9)
    assert not curves["residual"].HasField("at")


def test_classification_with_weights_and_ignored_targets(worker: Worker) -> None:
    """An example whose elements are all ignored has no loss, adds nothing, and stands last."""
    x, y, weight = normal(30, 4), torch.arange(30) % 4, torch.tensor([1.0, 2.0, 0.5, 3.0])
    y[7] = -100
    answer = ask(worker, "CrossEntropyLoss", {"input": x, "target": y}, {"weight": weight}, limit=1000)
    losses = F.cross_entropy(x, y, weight, reduction="none").double()
    kept = [one for one in answer.worst if one.HasField("loss")]
    assert [one.index for one in kept] == [index for index in losses.argsort(descending=True).tolist() if index != 7]
    assert [one.loss for one in kept] == pytest.approx(losses.sort(descending=True).values[:29].tolist(), rel=1e-5)
    last = answer.worst[-1]
    assert (last.index, last.target, last.contribution, last.gradient_norm) == (7, "ignored", 0.0, 0.0)
    assert sum(one.contribution for one in answer.worst) == pytest.approx(
        float(F.cross_entropy(x, y, weight)), rel=1e-6
    )
    (given,) = [one for one in answer.histograms if one.name == "true_class_probability"]
    true = torch.cat([x[:7], x[8:]]).softmax(1).gather(1, torch.cat([y[:7], y[8:]]).unsqueeze(1))
    assert list(given.counts) == np.histogram(true.numpy(), bins=given.edges)[0].tolist()
    (curve,) = answer.curves
    assert (curve.name, curve.at) == ("temperature", 1.0)
    for place, loss in zip(curve.x, curve.loss, strict=True):
        assert loss == pytest.approx(float(F.cross_entropy(x / place, y, weight)), rel=1e-5)
    first = answer.worst[0]
    probabilities = x[first.index].softmax(0)
    assert first.prediction == f"class {int(probabilities.argmax())}, p {float(probabilities.max()):.2g}"
    assert first.target == f"class {int(y[first.index])}, p {float(probabilities[y[first.index]]):.2g}"


def test_soft_targets_count_as_their_likeliest_class(worker: Worker) -> None:
    x, y = normal(6, 3), normal(6, 3, seed=1).softmax(1)
    answer = ask(worker, "CrossEntropyLoss", {"input": x, "target": y}, limit=1000)
    assert by_index(answer, "loss") == pytest.approx(F.cross_entropy(x, y, reduction="none").tolist(), rel=1e-5)
    assert [one.target.split(",")[0] for one in sorted(answer.worst, key=lambda one: one.index)] == [
        f"class {int(row.argmax())}" for row in y
    ]


def test_labels_and_probabilities(worker: Worker) -> None:
    x, y = normal(20, 6), (normal(20, 6, seed=1) > 0).float()
    answer = ask(worker, "BCEWithLogitsLoss", {"input": x, "target": y}, limit=3)
    losses = F.binary_cross_entropy_with_logits(x, y, reduction="none").mean(1)
    assert [one.loss for one in answer.worst] == pytest.approx(
        losses.sort(descending=True).values[:3].tolist(), rel=1e-5
    )
    labels = (x[answer.worst[0].index] > 0).nonzero().reshape(-1).tolist()
    assert answer.worst[0].prediction.startswith("labels " + ", ".join(map(str, labels[:4])))
    (given,) = [one for one in answer.histograms if one.name == "true_label_probability"]
    assert sum(given.counts) == 120
    alike = ask(worker, "BCELoss", {"input": x.sigmoid(), "target": y}, limit=3)
    assert [one.index for one in alike.worst] == [one.index for one in answer.worst]
    calm = slice(20, 41)  # where the temperature is low, float32 has no probabilities near 0 and 1
    assert list(alike.curves[0].loss)[calm] == pytest.approx(list(answer.curves[0].loss)[calm], rel=1e-4)


def test_segmentation(worker: Worker) -> None:
    """Each picture is an example: the mean over its pixels that count."""
    x, y = normal(4, 3, 5, 5), torch.randint(0, 3, (4, 5, 5), generator=torch.Generator().manual_seed(2))
    y[0, :4] = -100
    answer = ask(worker, "CrossEntropyLoss", {"input": x, "target": y}, limit=1000)
    losses = F.cross_entropy(x, y, reduction="none").reshape(4, -1)
    counts = (y != -100).reshape(4, -1).sum(1)
    assert by_index(answer, "loss") == pytest.approx((losses.sum(1) / counts).tolist(), rel=1e-5)
    right = (x.argmax(1) == y).reshape(4, -1).sum(1)
    said = [one.prediction for one in sorted(answer.worst, key=lambda one: one.index)]
    assert said == [f"{int(good)} of {int(count)} right" for good, count in zip(right, counts, strict=True)]
    masks = (y > 0).float()
    binary = ask(worker, "BCEWithLogitsLoss", {"input": x[:, 0], "target": masks}, limit=1000)
    of_each = [one.target for one in sorted(binary.worst, key=lambda one: one.index)]
    assert of_each == [f"{int(mask.sum())} of 25 are 1" for mask in masks]
    dice = ask(worker, "DiceLoss", {"input": x, "target": y.clamp_min(0)}, limit=1000)
    alone = [ask(worker, "DiceLoss", {"input": x[i : i + 1], "target": y[i : i + 1].clamp_min(0)}) for i in range(4)]
    assert by_index(dice, "loss") == pytest.approx([one.value for one in alone], rel=1e-6)
    assert "do not add up" in dice.unexplained


def test_sequences_count_in_the_second_dimension(worker: Worker) -> None:
    """CTC: the batch is dimension 1, and the mean divides by the target's length first; words are decoded labels."""
    log_probs = normal(12, 3, 5).log_softmax(2).requires_grad_()
    targets, steps, lengths = torch.tensor([[1, 2, 0], [3, 3, 4], [2, 0, 0]]), torch.tensor([12, 10, 8]), [2, 3, 1]
    inputs = {
        "log_probs": log_probs.detach(), "targets": targets, "input_lengths": steps,
        "target_lengths": torch.tensor(lengths),
    }  # fmt: skip
    answer = ask(worker, "CTCLoss", inputs, limit=1000)
    losses = F.ctc_loss(log_probs, targets, steps, torch.tensor(lengths), reduction="none")
    assert by_index(answer, "loss") == pytest.approx(
        [float(loss) / length for loss, length in zip(losses.detach(), lengths, strict=True)], rel=1e-5
    )
    (gradient,) = torch.autograd.grad(F.ctc_loss(log_probs, targets, steps, torch.tensor(lengths)), log_probs)
    assert by_index(answer, "gradient_norm") == pytest.approx(gradient.norm(dim=(0, 2)).tolist(), rel=1e-5)
    assert [one.target for one in sorted(answer.worst, key=lambda one: one.index)] == ["1 2", "3 3 4", "2"]
    flat = {**inputs, "targets": torch.tensor([1, 2, 3, 3, 4, 2])}
    assert by_index(ask(worker, "CTCLoss", flat, limit=1000), "loss") == by_index(answer, "loss")


def test_masked_tokens_and_pairs_of_answers(worker: Worker) -> None:
    """Token losses are means over the tokens that the mask keeps; a pair is one example."""
    given = {name: normal(4, 6, seed=seed).mul(0.1) for seed, name in enumerate(("log_probs", "old_log_probs"))}
    mask = (torch.arange(6) < torch.tensor([[6], [3], [1], [0]])).long()
    inputs = {**given, "advantages": normal(4, seed=5), "mask": mask}
    answer = ask(worker, "PPOClipLoss", inputs, {"aggregation": "token_mean"}, limit=1000)
    ratio = (given["log_probs"] - given["old_log_probs"]).exp()
    adv = inputs["advantages"].unsqueeze(1)
    rows = (-torch.minimum(ratio * adv, ratio.clamp(0.8, 1.2) * adv) * mask).sum(1)
    kept = [one for one in answer.worst if one.HasField("loss")]
    assert sorted(one.index for one in kept) == [0, 1, 2]
    for one in kept:
        assert one.loss == pytest.approx(float(rows[one.index] / mask[one.index].sum()), rel=1e-4)
        assert one.contribution == pytest.approx(float(rows[one.index] / 10), rel=1e-4)
    names = ("policy_chosen_logps", "policy_rejected_logps", "reference_chosen_logps", "reference_rejected_logps")
    pairs = {name: -normal(5, seed=seed).abs() * 9 for seed, name in enumerate(names)}
    answer = ask(worker, "DPOLoss", pairs, {"beta": 0.1}, limit=1000)
    margin = pairs[names[0]] - pairs[names[1]] - pairs[names[2]] + pairs[names[3]]
    assert by_index(answer, "loss") == pytest.approx((-F.logsigmoid(0.1 * margin)).tolist(), rel=1e-5)


def test_a_weighted_sum(worker: Worker) -> None:
    """Terms in their order with what they add, nested ones too; examples' losses are Σ weight × term."""
    x, y = normal(40), normal(40, seed=1)
    request = pb.ExplainLossRequest(limit=1000)
    terms = request.loss.weighted_sum.terms
    terms.add(label="square", weight=0.8).loss.mse_loss.SetInParent()
    inner = terms.add(label="inner", weight=2.0).loss.weighted_sum.terms
    inner.add(label="absolute", weight=0.5).loss.l1_loss.SetInParent()
    answer = explain(worker, request, {"input": x, "target": y})
    square, absolute = (x - y).double().square(), (x - y).double().abs()
    assert by_index(answer, "loss") == pytest.approx((0.8 * square + absolute).tolist(), rel=1e-5)
    assert sum(by_index(answer, "contribution")) == pytest.approx(answer.value, rel=1e-6)
    found = {term.label: (term.weight, term.value, term.contribution) for term in answer.terms}
    mean = float(absolute.mean())
    assert list(found) == ["square", "inner", "inner/absolute"]
    assert found["square"] == pytest.approx((0.8, float(square.mean()), 0.8 * float(square.mean())), rel=1e-6)
    assert found["inner"] == pytest.approx((2.0, 0.5 * mean, mean), rel=1e-6)
    assert found["inner/absolute"] == pytest.approx((1.0, mean, mean), rel=1e-6)


@pytest.mark.parametrize(
    ("source", "adds_up", "own"),
    [
        ("mean((input - target)**2)", True, lambda e: e**2),
        ("sum(abs(input - target))", True, abs),
        ("(input - target)**2", True, lambda e: e**2),
        ("mean((input - target)**2) + 0.1*sum(abs(input - target))", False, lambda e: e**2 + 0.1 * abs(e)),
    ],
)
def test_formulas_are_evaluated_for_each_example_alone(worker: Worker, source: str, adds_up: bool, own: Any) -> None:
    """What a formula says of an example by itself is its loss; the parts are given where these add up."""
    x, y = normal(10), normal(10, seed=1)
    answer = ask(worker, "Expression", {"input": x, "target": y}, {"source": source}, limit=1000)
    assert by_index(answer, "loss") == pytest.approx([own(float(e)) for e in x - y], rel=1e-5)
    assert all(one.HasField("contribution") is adds_up for one in answer.worst)
    if adds_up:
        assert sum(by_index(answer, "contribution")) == pytest.approx(answer.value, rel=1e-5)
    else:
        assert "do not add up" in answer.unexplained
    many = ask(
        worker, "Expression", {"input": normal(300), "target": normal(300, seed=1)}, {"source": "mean(input - target)"}
    )
    assert "at most 256" in many.unexplained
    assert not any(one.HasField("loss") for one in many.worst)


def test_numbers_that_are_none_come_first_and_are_counted_apart(worker: Worker) -> None:
    """NaN before infinity before all others; shares are of what is finite, and bins hold nothing else."""
    x = torch.tensor([1.0, math.nan, 2.0, math.inf, 3.0])
    answer = ask(worker, "L1Loss", {"input": x, "target": torch.zeros(5)}, {"reduction": "sum"})
    assert [one.index for one in answer.worst] == [1, 3, 4, 2, 0]
    assert [one.HasField("share") for one in answer.worst] == [False, False, True, True, True]
    assert [one.share for one in answer.worst[2:]] == pytest.approx([3 / 6, 2 / 6, 1 / 6])
    assert math.isnan(answer.value)
    losses = next(one for one in answer.histograms if one.name == "loss")
    assert (sum(losses.counts), losses.nonfinite, losses.edges[0], losses.edges[-1]) == (3, 2, 1.0, 3.0)
    huge = torch.tensor([-1.7e308, 1.7e308], dtype=torch.float64)
    edges = next(
        one.edges
        for one in ask(worker, "L1Loss", {"input": huge, "target": torch.zeros(2, dtype=torch.float64)}).histograms
        if one.name == "residual"
    )
    assert all(map(math.isfinite, edges))
    assert list(edges) == sorted(edges)


def test_nothing_and_one_thing(worker: Worker) -> None:
    """No example at all, one without a batch, and a scalar."""
    empty = ask(worker, "MSELoss", {"input": torch.zeros(0), "target": torch.zeros(0)})
    assert (empty.examples, list(empty.worst), list(empty.histograms), list(empty.curves)) == (0, [], [], [])
    assert math.isnan(empty.value)
    single = ask(worker, "CrossEntropyLoss", {"input": normal(5), "target": torch.tensor(2)})
    assert single.examples == 1
    assert single.worst[0].loss == pytest.approx(single.value)
    assert single.worst[0].target.startswith("class 2")
    scalar = ask(worker, "MSELoss", {"input": torch.tensor(2.0), "target": torch.tensor(5.0)})
    assert (scalar.examples, scalar.worst[0].loss, scalar.worst[0].prediction) == (1, 9.0, "2")


@pytest.mark.parametrize(("limit", "told"), [(0, 20), (1, 1), (1000, 30)])
def test_the_limit(worker: Worker, limit: int, told: int) -> None:
    answer = ask(worker, "MSELoss", {"input": normal(30), "target": normal(30, seed=1)}, limit=limit)
    assert (len(answer.worst), answer.examples) == (told, 30)


@pytest.mark.parametrize(("limit", "reason"), [(-1, "ARGUMENT_OUT_OF_RANGE"), (1001, "LIMIT_EXCEEDED")])
def test_a_limit_out_of_range_is_refused(worker: Worker, limit: int, reason: str) -> None:
    with pytest.raises(oracle.Refused) as refused:
        ask(worker, "MSELoss", {"input": normal(3), "target": normal(3)}, limit=limit)
    assert (refused.value.reason, refused.value.field) == (reason, "limit")


@pytest.mark.parametrize("entry", ENTRIES[::4], ids=lambda entry: entry.name)
def test_what_cannot_be_evaluated_is_refused_in_the_same_words(worker: Worker, entry: BoundEntry) -> None:
    """Shapes, types and elements are checked as by EvaluateLoss, before anything is computed."""
    assert entry.example is not None
    inputs = example(entry)
    refusals = 0
    for name in inputs:
        for wrong in (torch.full_like(inputs[name], 99).unsqueeze(-1), inputs[name].to(torch.int8)):
            spec = harness.spec(entry.class_name, entry.example.arguments)
            told = []
            for verb, request, answer in (
                ("EvaluateLoss", evaluation.EvaluateLossRequest(loss=spec), evaluation.EvaluateLossResponse),
                ("ExplainLoss", pb.ExplainLossRequest(loss=spec), pb.ExplainLossResponse),
            ):
                for key, given in {**inputs, name: wrong}.items():
                    request.inputs[key].CopyFrom(oracle.tensor(given, "raw", []))
                try:
                    oracle.run(worker, verb, request, answer=answer)
                    told.append(None)
                except oracle.Refused as refused:
                    told.append((refused.code, refused.reason, refused.field, refused.message))
            assert told[0] == told[1]
            refusals += told[0] is not None
    assert refusals


def test_odd_inputs_are_explained_or_refused(worker: Worker) -> None:
    """Other shapes, types and elements than a loss expects never come back as a fault of the server's."""
    explained, codes = 0, set()
    for entry in ENTRIES[::2]:
        for arguments, inputs in list(cases(entry))[::9]:
            try:
                ask(worker, entry.class_name, inputs, arguments, limit=1000)
                explained += 1
            except oracle.Refused as refused:
                codes.add(refused.code)
            except (KeyError, TypeError, ValueError, OverflowError):  # no message holds this
                continue
    assert codes == {INVALID_ARGUMENT}
    assert explained > 100


def test_a_caller_who_is_gone_stops_the_work(worker: Worker) -> None:
    """Between the evaluations that an explanation is made of, not only before the first."""
    request = pb.ExplainLossRequest()
    request.loss.expression.source = "mean((input - target)**2)"
    for name in ("input", "target"):
        request.inputs[name].CopyFrom(oracle.tensor(normal(200), "raw", []))
    asked = 0

    def gone() -> bool:
        nonlocal asked
        asked += 1
        return asked > 50

    answer = worker.run("ExplainLoss", [memoryview(request.SerializeToString())], time.monotonic(), gone=gone)
    assert answer.failed
    assert asked == 51


def test_time_that_is_up_leaves_out_and_answers(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes many evaluations is bounded in time: the rest of the page is there all the same."""
    monkeypatch.setattr(explanation, "MAX_SECONDS", 0.0)
    answer = ask(
        worker, "Expression", {"input": normal(9), "target": normal(9)}, {"source": "mean((input - target)**2)"}
    )
    assert "takes too long" in answer.unexplained
    assert [one.name for one in answer.histograms] == ["residual", "gradient_norm"]
    assert not [curve for curve in answer.curves if curve.name != "residual"]


def test_large_inputs_stay_bounded(worker: Worker) -> None:
    """Of many examples some stand for all on the curves, which say so; losses and gradients are of all."""
    x, y = normal(3000, 100), torch.arange(3000) % 100
    answer = ask(worker, "CrossEntropyLoss", {"input": x, "target": y}, limit=5)
    (curve,) = answer.curves
    assert 1000 < curve.examples < 3000
    assert sum(next(one for one in answer.histograms if one.name == "loss").counts) == 3000
    assert len(answer.SerializeToString()) < 20_000
