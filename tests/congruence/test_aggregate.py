"""AggregateLoss: one number of a data set, to the last bit whatever its chunks, and the one that torch has for all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from congruence import aggregating, oracle
from congruence.aggregating import aggregate, chunkings, cut
from congruence.field import harness
from lossd.v1 import evaluation_service_pb2 as pb
from lossd.v1 import loss_pb2
from lossd_server.judge import blocks
from lossd_server.losses import catalogue
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.evaluation import evaluate
from lossd_server.worker.worker import Worker
from torch import Tensor, nn

ENTRIES = [entry for entry in catalogue.ENTRIES.values() if isinstance(entry, BoundEntry)]
WHOLE = (
    *("barlow_twins_loss", "circle_loss", "clip_loss", "contrastive_loss", "info_nce_loss", "multi_similarity_loss"),
    *("nt_xent_loss", "sup_con_loss", "vicreg_loss", "rmse_loss", "l2_norm"),
    *("dice_loss", "jaccard_loss", "tversky_loss", "focal_tversky_loss", "generalized_dice_loss"),
    *("lovasz_softmax_loss", "lovasz_hinge_loss"),
)
"""Losses that compare the examples of a batch with each other, or take a root of their mean."""
PER_IMAGE = WHOLE[-7:]
"""Those that score each image by itself if they are told to."""
COUNT = 23


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few examples, so that small data sets are made of many."""
    monkeypatch.setattr(blocks, "BLOCK_ELEMENTS", 40)
    monkeypatch.setattr(blocks, "STEPS", 2)


def float32(value: float) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(value)


def within_one_ulp(value: float, reference: float) -> bool:
    """Whether two numbers are neighbours in float32, or the same."""
    if math.isnan(value) or math.isnan(reference):
        return math.isnan(value) and math.isnan(reference)
    return float32(value) in (
        float32(reference),
        np.nextafter(float32(reference), np.float32(np.inf)),
        np.nextafter(float32(reference), np.float32(-np.inf)),
    )


def all_alike(
    worker: Worker, spec: loss_pb2.LossSpec, inputs: Mapping[str, Tensor], many: int = 40, **asked: Any
) -> pb.AggregateLossResponse:
    """The one answer over 1, 7 and many chunks; every field but their number the same to the last bit."""
    count = next(g.shape[aggregating.along(n, g)] for n, g in inputs.items() if not aggregating.whole(n, g))
    kinds = 2 if "policy_rejected_logps" in inputs and spec.HasField("kto_loss") else 1
    answers = []
    for number, sizes in chunkings(count, many).items():
        answer = aggregate(worker, spec, cut(inputs, sizes), **asked)
        assert (answer.chunks, answer.examples) == (number, count * kinds)
        answer.ClearField("chunks")
        answers.append(answer)
    first, *others = [answer.SerializeToString(deterministic=True) for answer in answers]
    assert [other == first for other in others] == [True, True]
    return answers[0]


def arguments_of(entry: BoundEntry) -> Iterator[dict[str, Any]]:
    """Those of the entry's example, with every reduction that makes one number."""
    assert entry.example is not None
    given = dict(entry.example.arguments) | ({"per_image": True} if entry.name in PER_IMAGE else {})
    if entry.reductions:
        yield from (given | {"reduction": how} for how in entry.reductions if how != "none")
    elif any(argument.name == "aggregation" for argument in entry.arguments):
        ways = ("token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean")
        yield from (given | {"aggregation": how} for how in ways)
    else:
        yield given


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    "entry", [entry for entry in ENTRIES if entry.name not in WHOLE or entry.name in PER_IMAGE], ids=lambda e: e.name
)
def test_what_is_accepted_is_one_evaluation_of_all_examples(worker: Worker, entry: BoundEntry) -> None:
    """Every line but `WHOLE`: over all chunkings the same bits, diagnostics too, and the loss of all in float64."""
    for arguments in arguments_of(entry):
        inputs = aggregating.of_example(entry, COUNT, harness.build(entry.class_name, arguments))
        answer = all_alike(worker, harness.spec(entry.class_name, arguments), inputs, diagnostics=3)
        loss = harness.build(entry.class_name, arguments)
        of_all = evaluate(loss, aggregating.widened(inputs))
        assert within_one_ulp(answer.value, float(of_all.value)), (arguments, answer.value, float(of_all.value))
        told = evaluate(loss, inputs).weight_sum
        assert answer.HasField("weight_sum") == (told is not None)
        assert told is None or answer.weight_sum == told
        if told is not None and loss.reduction == "mean":
            assert answer.loss_sum / answer.weight_sum == pytest.approx(float(of_all.value), rel=1e-12)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_losses_of_the_batch_as_a_whole_are_refused_at_the_first_chunk(
    worker: Worker, name: str, reduction: str
) -> None:
    """Whatever their reduction: the sum of two halves is not the loss of both together either."""
    entry = catalogue.ENTRIES[name]
    assert isinstance(entry, BoundEntry)
    assert entry.example is not None
    arguments = dict(entry.example.arguments) | ({"reduction": reduction} if entry.reductions else {})
    arguments |= {"per_image": False} if entry.name in PER_IMAGE else {}
    inputs = aggregating.of_example(entry, 4, harness.build(entry.class_name, arguments))
    with pytest.raises(oracle.Refused) as refused:
        aggregate(worker, harness.spec(entry.class_name, arguments), [inputs])
    assert (refused.value.reason, refused.value.field) == ("UNSUPPORTED", "chunks[0].loss")


def test_the_table_of_whole_losses_is_complete(worker: Worker) -> None:
    """Every other line is one of examples: `WHOLE` is not only losses that happen to be refused."""
    for name in WHOLE:
        entry = catalogue.ENTRIES[name]
        assert isinstance(entry, BoundEntry)
        assert entry.example is not None
        together = {"per_image": False} if name in PER_IMAGE else {}
        loss = harness.build(entry.class_name, {**entry.example.arguments, **together})
        inputs = {
            key: torch.tensor(listed, dtype=loss.input(key).kind.default)  # type: ignore[union-attr]
            for key, listed in entry.example.inputs.items()
        }
        assert loss.weight_sum(inputs) is None, name


CLASSES = 5


def classified(dtype: torch.dtype, count: int = 150, shape: tuple[int, ...] = ()) -> dict[str, Tensor]:
    draw = oracle.generator(dtype, count)
    target = torch.randint(CLASSES, (count, *shape), generator=draw)
    target[torch.rand(target.shape, generator=draw) < 0.2] = -100
    return {"input": torch.randn(count, CLASSES, *shape, generator=draw).mul(4).to(dtype), "target": target}


def numbers(dtype: torch.dtype, count: int = 150, *shape: int) -> dict[str, Tensor]:
    draw = oracle.generator(dtype, "n")
    given = torch.randn(2, count, *shape, generator=draw).mul(300).to(dtype)
    return {"input": given[0], "target": given[1]}


def labelled(dtype: torch.dtype, count: int = 150) -> dict[str, Tensor]:
    draw = oracle.generator(dtype, "l")
    target = torch.rand(count, 3, generator=draw).round().to(dtype)
    return {"input": torch.randn(count, 3, generator=draw).mul(5).to(dtype), "target": target}


def sequences(dtype: torch.dtype, count: int = 60) -> dict[str, Tensor]:
    draw = oracle.generator(dtype, "s")
    return {
        "log_probs": torch.randn(12, count, CLASSES, generator=draw).log_softmax(-1).to(dtype),
        "targets": torch.randint(1, CLASSES, (count, 5), generator=draw),
        "input_lengths": torch.randint(6, 13, (count,), generator=draw),
        "target_lengths": torch.randint(0, 6, (count,), generator=draw),
    }


def class_weights(dtype: torch.dtype) -> Tensor:
    return torch.tensor([0.2, 0.0, 1.5, 3.0, 0.7]).to(dtype)


CASES: dict[str, tuple[str, Any, Any]] = {
    "weights and ignored": ("CrossEntropyLoss", lambda d: {"weight": class_weights(d)}, classified),
    "smoothing": ("CrossEntropyLoss", lambda d: {"weight": class_weights(d), "label_smoothing": 0.2}, classified),
    "sum": ("CrossEntropyLoss", lambda d: {"weight": class_weights(d), "reduction": "sum"}, classified),
    "pixels": ("CrossEntropyLoss", lambda d: {}, lambda d: classified(d, 20, (3, 4))),
    "squares beyond float16": ("MSELoss", lambda d: {}, lambda d: numbers(d, 100, 3)),
    "sum beyond float16": ("L1Loss", lambda d: {"reduction": "sum"}, numbers),
    "positives": ("BCEWithLogitsLoss", lambda d: {"pos_weight": torch.tensor([1.0, 5.0, 0.1]).to(d)}, labelled),
    "batchmean": (
        "KLDivLoss",
        lambda d: {"reduction": "batchmean"},
        lambda d: {n: g.double().softmax(-1).log().to(d) if n == "input" else g for n, g in labelled(d).items()},
    ),
}


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_values_are_torchs_in_float64_whatever_the_chunks(worker: Worker, case: str, dtype: torch.dtype) -> None:
    """Within one ulp of float32 of torch's own module in float64, rounded to the type that the value has.

    Class weights of 0, ignored targets, smoothing and sums beyond float16's range included.
    """
    class_name, make, data = CASES[case]
    inputs, arguments = data(dtype), make(dtype)
    answer = all_alike(worker, harness.spec(class_name, arguments), inputs)
    wide = {name: given.double() if isinstance(given, Tensor) else given for name, given in arguments.items()}
    reference = getattr(nn, class_name)(**wide)(*aggregating.widened(inputs).values())
    assert within_one_ulp(answer.value, float(reference.to(dtype)))
    if dtype == torch.float64:
        assert answer.value == pytest.approx(float(reference), rel=1e-13)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_sequences_of_any_padding_are_one_data_set(worker: Worker, reduction: str) -> None:
    """CTC: chunks pad as far as they need, or write their labels in a row; the bits are the same."""
    inputs = sequences(torch.float32)
    spec = harness.spec("CTCLoss", {"reduction": reduction})
    answer = all_alike(worker, spec, inputs)
    tight = []
    for chunk in cut(inputs, [20, 15, 0, 25]):
        steps = int(chunk["input_lengths"].max()) if len(chunk["input_lengths"]) else 12
        labels = [row[:n] for row, n in zip(chunk["targets"], chunk["target_lengths"].tolist(), strict=True)]
        flat = torch.cat(labels) if labels else chunk["targets"].reshape(-1)
        tight.append(chunk | {"log_probs": chunk["log_probs"][:steps], "targets": flat})
    other = aggregate(worker, spec, tight)
    assert (other.value, other.loss_sum, other.weight_sum) == (answer.value, answer.loss_sum, answer.weight_sum)
    reference = nn.CTCLoss(reduction=reduction)(*aggregating.widened(inputs).values())
    assert within_one_ulp(answer.value, float(reference))


@pytest.mark.usefixtures("small_blocks")
def test_weighted_sums_keep_each_terms_own_mean(worker: Worker) -> None:
    """A sum of a mean over classes and a sum over elements: every term and the total are those of all examples."""
    spec = loss_pb2.LossSpec()
    for label, weight, loss in (("ce", 0.5, "CrossEntropyLoss"), ("z", 0.01, "ZLoss")):
        term = spec.weighted_sum.terms.add(label=label, weight=weight)
        term.loss.CopyFrom(harness.spec(loss, {"reduction": "sum"} if label == "z" else {}))
    inputs = classified(torch.float32, 150)
    answer = all_alike(worker, spec, inputs)
    wide = inputs["input"].double()
    entropy = nn.functional.cross_entropy(wide, inputs["target"])
    z = wide.logsumexp(1).square().sum()
    assert answer.terms == {"ce": float(entropy.float()), "z": float(z.float())}
    assert answer.value == float((0.5 * entropy + 0.01 * z).float())
    assert not answer.HasField("loss_sum")


def test_sums_of_huge_data_lose_nothing(worker: Worker) -> None:
    """300,000 numbers over real blocks: a float64 reference, to the last bit of float32."""
    inputs = numbers(torch.float32, 300_000)
    answer = all_alike(worker, harness.spec("MSELoss", {}), inputs, 1000)
    exact = math.fsum(((inputs["input"].double() - inputs["target"].double()) ** 2).tolist()) / 300_000
    assert answer.value == float(float32(exact))
    assert answer.loss_sum == pytest.approx(exact * 300_000, rel=1e-14)


@pytest.mark.usefixtures("small_blocks")
def test_nothing_but_empty_chunks_is_the_loss_of_nothing(worker: Worker) -> None:
    """A mean over no example is nan and a sum is 0, as torch has it, of losses that take no empty batch too."""
    nothing = {"input": torch.zeros(0, 3), "target": torch.zeros(0, dtype=torch.int64)}
    for name in ("CrossEntropyLoss", "MultiMarginLoss"):
        mean = aggregate(worker, harness.spec(name, {}), [nothing] * 3)
        assert math.isnan(mean.value)
        assert (mean.chunks, mean.examples) == (3, 0)
        assert aggregate(worker, harness.spec(name, {"reduction": "sum"}), [nothing]).value == 0


@pytest.mark.usefixtures("small_blocks")
def test_what_is_not_finite_shows_in_the_loss_of_all(worker: Worker) -> None:
    """Infinity stays, and infinity less infinity is nan."""
    inputs = numbers(torch.float32, 100)
    inputs["input"][40] = math.inf
    assert all_alike(worker, harness.spec("L1Loss", {}), inputs).value == math.inf
    inputs["input"][60] = math.nan
    assert math.isnan(all_alike(worker, harness.spec("L1Loss", {}), inputs).value)


@pytest.mark.usefixtures("small_blocks")
def test_inputs_of_all_examples_come_once(worker: Worker) -> None:
    """Parameters of a loss and what stretches over the examples: with the first chunk, and again if they are equal."""
    draw = oracle.generator("shared")
    inputs = {"input": torch.randn(40, 3, generator=draw), "target": torch.randn(3, generator=draw)}
    spec = harness.spec("MSELoss", {})
    spec.allow_broadcast = True
    pieces = [{"input": piece, "target": inputs["target"]} for piece in inputs["input"].split(7)]
    once = [pieces[0], *({"input": piece["input"]} for piece in pieces[1:])]
    answers = {aggregate(worker, spec, chunks).value for chunks in ([inputs], pieces, once)}
    assert answers == {float(nn.functional.mse_loss(inputs["input"].double(), inputs["target"].expand(40, 3)).float())}
    with pytest.raises(oracle.Refused) as refused:
        aggregate(worker, spec, [pieces[0], pieces[1] | {"target": torch.zeros(3)}])
    assert refused.value.field == "chunks[1].inputs.target"


LIKE = {"input": torch.ones(4, 3), "target": torch.ones(4, 3)}


@pytest.mark.parametrize(
    ("chunk", "reason", "field"),
    [
        ({"input": torch.ones(4, 3)}, "MISSING_FIELD", "inputs.target"),
        ({**LIKE, "weight": torch.ones(3)}, "UNKNOWN_NAME", "inputs.weight"),
        ({name: given.double() for name, given in LIKE.items()}, "DTYPE_MISMATCH", "inputs.input"),
        ({name: torch.ones(4, 2) for name in LIKE}, "SHAPE_MISMATCH", "inputs.input"),
        ({name: torch.ones(4) for name in LIKE}, "SHAPE_MISMATCH", "inputs.input"),
        ({name: torch.ones(()) for name in LIKE}, "SHAPE_MISMATCH", "inputs.input"),
        ({**LIKE, "target": torch.ones(3, 3)}, "SHAPE_MISMATCH", "inputs.target"),
    ],
)
def test_a_chunk_unlike_the_first_is_refused_with_how_far_it_came(
    worker: Worker, chunk: dict[str, Tensor], reason: str, field: str
) -> None:
    with pytest.raises(oracle.Refused) as refused:
        aggregate(worker, harness.spec("MSELoss", {}), [LIKE, LIKE, chunk])
    assert (refused.value.reason, refused.value.field) == (reason, f"chunks[2].{field}")


@pytest.mark.parametrize(
    ("name", "arguments", "inputs", "field"),
    [
        ("MSELoss", {"reduction": "none"}, LIKE, "loss"),
        ("MSELoss", {}, {name: torch.ones(()) for name in LIKE}, "inputs.input"),
        ("CrossEntropyLoss", {}, {"input": torch.ones(3), "target": torch.tensor(1)}, "inputs.input"),
        ("BCEWithLogitsLoss", {"weight": torch.ones(4, 1)}, LIKE, "loss"),
        ("MSELoss", {}, {**LIKE, "target": torch.ones(5, 3)}, "inputs.target"),
    ],
)
def test_what_no_chunk_can_be_is_refused_at_the_first(
    worker: Worker, name: str, arguments: dict[str, Any], inputs: dict[str, Tensor], field: str
) -> None:
    """No reduction, no dimension of examples, a weight for each example in an argument, inputs that do not fit."""
    with pytest.raises(oracle.Refused) as refused:
        aggregate(worker, harness.spec(name, arguments), [inputs])
    assert refused.value.field == f"chunks[0].{field}"


def test_formulas_are_refused(worker: Worker) -> None:
    """What a formula makes of all examples cannot be told from what it makes of some."""
    spec = loss_pb2.LossSpec()
    spec.expression.source = "mean((input - target)**2)"
    with pytest.raises(oracle.Refused) as refused:
        aggregate(worker, spec, [LIKE])
    assert refused.value.reason == "UNSUPPORTED"


def test_words_of_the_first_chunk_are_refused_in_others(worker: Worker) -> None:
    """Another loss in the middle is a mistake, not a change of mind."""
    opened = pb.AggregateLossRequest(loss=harness.spec("MSELoss", {}))
    for name, given in LIKE.items():
        opened.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
    for words in ({"loss": harness.spec("L1Loss", {})}, {"metrics": ["mae"]}, {"request_id": "x"}):
        name = aggregating.ask(worker, "AggregateLoss", opened).request_id
        later = pb.AggregateLossRequest(**words)
        for key, given in LIKE.items():
            later.inputs[key].CopyFrom(oracle.tensor(given, "raw", []))
        status = aggregating.refusal(worker, "AggregateChunk", aggregating.envelope(name, later))
        told = oracle.Refused(status)
        assert (told.reason, told.field) == ("UNKNOWN_NAME", f"chunks[1].{next(iter(words))}")
        assert aggregating.details(status) == {"chunks": "1", "examples": "4"}
        gone = aggregating.refusal(worker, "AggregateEnd", aggregating.envelope(name))
        assert oracle.Refused(gone).reason == "DEVICE_UNAVAILABLE", "an error ends the data set"


def test_a_device_holds_so_many_data_sets(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused with when to come back, and taken once another one has gone; those under way go on."""
    monkeypatch.setattr("lossd_server.worker.aggregating.MAX_AGGREGATIONS", 2)
    opened = pb.AggregateLossRequest(loss=harness.spec("MSELoss", {}))
    for name, given in LIKE.items():
        opened.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
    first, second = (aggregating.ask(worker, "AggregateLoss", opened).request_id for _ in range(2))
    assert oracle.Refused(aggregating.refusal(worker, "AggregateLoss", opened)).reason == "OVERLOADED"
    aggregating.ask(worker, "AggregateDrop", aggregating.envelope(first))
    third = aggregating.ask(worker, "AggregateLoss", opened).request_id
    for name in (second, third):
        assert aggregating.ask(worker, "AggregateEnd", aggregating.envelope(name)).examples == 4


def test_data_sets_hold_so_many_bytes(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for its block counts; whoever goes over it is ended, and the others are not."""
    opened = pb.AggregateLossRequest(loss=harness.spec("MSELoss", {}))
    for name, given in LIKE.items():
        opened.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
    kept = aggregating.ask(worker, "AggregateLoss", opened).request_id
    held = sum(given.nbytes for given in LIKE.values())
    monkeypatch.setattr("lossd_server.worker.aggregating.MAX_AGGREGATION_BYTES", held + held // 2)
    assert oracle.Refused(aggregating.refusal(worker, "AggregateLoss", opened)).reason == "DEVICE_OUT_OF_MEMORY"
    assert aggregating.ask(worker, "AggregateEnd", aggregating.envelope(kept)).value == 0


def sorted_classes(count: int) -> dict[str, Tensor]:
    """What a fair model says of classes that come one after the other, as files often hold them."""
    draw = oracle.generator("sorted", count)
    target = torch.arange(count) * CLASSES // count
    logits = torch.randn(count, CLASSES, generator=draw) + 2 * nn.functional.one_hot(target, CLASSES)
    return {"input": logits, "target": target}


@pytest.mark.parametrize("level", [2, 3])
def test_diagnostics_are_of_the_whole(worker: Worker, level: int) -> None:
    """Sorted data and a short last block raise no alarm; a mistake is told once; whatever the chunks."""
    spec, inputs = harness.spec("CrossEntropyLoss", {}), sorted_classes(120_001)
    healthy = all_alike(worker, spec, inputs, diagnostics=level)
    assert [found.code for found in healthy.diagnostics if found.severity > 1] == []
    softened = inputs | {"input": inputs["input"].softmax(-1)}
    mistaken = all_alike(worker, spec, softened, diagnostics=level)
    codes = [found.code for found in mistaken.diagnostics]
    assert len(codes) == len(set(codes))
    assert "PROBABILITIES_AS_LOGITS" in codes


def test_what_is_grave_is_found_in_any_block(worker: Worker) -> None:
    """One NaN among 120,000 examples, which a sample may miss: an error that says in which of them."""
    inputs = sorted_classes(120_001)
    inputs["input"][100_007, 3] = math.nan
    answer = all_alike(worker, harness.spec("CrossEntropyLoss", {}), inputs, diagnostics=2)
    assert math.isnan(answer.value)
    grave = [found.message for found in answer.diagnostics if found.severity == 3]
    assert grave
    assert any("(examples 87380 to 120000)" in message for message in grave)


def test_metrics_that_keep_every_example_are_bounded(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """auroc sorts all that it was shown: beyond the device's share of memory the data set is refused, with a remedy."""
    monkeypatch.setattr("lossd_server.worker.aggregating.MAX_AGGREGATION_BYTES", 2**22)
    spec, inputs = harness.spec("BCEWithLogitsLoss", {}), numbers(torch.float32, 400_000)
    inputs["target"] = (inputs["target"] > 0).float()
    assert aggregate(worker, spec, cut(inputs, [200_000] * 2), metrics=["accuracy"]).examples == 400_000
    with pytest.raises(oracle.Refused, match="leave out metrics that keep all examples") as refused:
        aggregate(worker, spec, cut(inputs, [200_000] * 2), metrics=["auroc"])
    assert refused.value.reason == "DEVICE_OUT_OF_MEMORY"
