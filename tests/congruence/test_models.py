"""Models against torch: the same parameters of the same seed, the same outputs and gradients, bit for bit."""

from __future__ import annotations

import dataclasses
import inspect
import warnings
from typing import Any

import pytest
import torch
from congruence import oracle
from congruence.model_cases import CASES, INDEXED, RECURRENT, Case, build
from lossd import nn as ours
from lossd import spec
from lossd.v1 import model_pb2
from lossd_server.faults import Fault
from lossd_server.training.models import Model
from torch import Tensor, nn

pytestmark = pytest.mark.filterwarnings(
    "ignore:Using padding='same'", "ignore:LSTM with projections", "ignore:Sparse invariant"
)
ELSEWHERE = {"device", "dtype", "inplace"}
"""Arguments that choose where, in what type and in whose memory torch computes: not the caller's."""
LEFT_OUT: dict[str, set[str]] = {
    **{f"MaxPool{n}d": {"return_indices"} for n in (1, 2, 3)},  # a layer gives one tensor
    **{f"AdaptiveMaxPool{n}d": {"return_indices"} for n in (1, 2, 3)},
    "Embedding": {"_weight", "_freeze"},  # private; a session's state_dict sets weights
    "EmbeddingBag": {"_weight", "include_last_offset"},  # offsets are a second input
    "Hardtanh": {"min_value", "max_value"},  # deprecated names of min_val and max_val
    "MultiheadAttention": {"kdim", "vdim"},  # keys and values are the input itself
    "TransformerEncoder": {"enable_nested_tensor", "mask_check"},  # for padding masks, a second input
    "Identity": {"args", "kwargs"},  # ignored by torch
    **{name: {"args", "kwargs"} for name in ("Softsign", "Tanhshrink", "Tanh", "Sigmoid", "LogSigmoid", "Softmax2d")},
}
OF_RECURRENT = {
    "input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional",
}  # fmt: skip
"""Arguments that torch's signatures of RNN, LSTM and GRU hide."""
ADDED = {**{name: {"output"} for name in RECURRENT}, **{f"Conv{n}d": {"same_padding"} for n in (1, 2, 3)}}
"""What this service adds."""
JOINING = ("Sequential", "Residual", "Branches", "ProgramModel")
NAMES = [name for name in spec.members(model_pb2.ModelSpec.DESCRIPTOR) if name not in JOINING]


def test_every_layer_has_a_case() -> None:
    """So that a new layer of the contract cannot be forgotten here."""
    assert {case.name for case in CASES} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_torchs(name: str) -> None:
    """Each argument of torch's constructor is a field, but those listed with their reason, in torch's order."""
    theirs = list(inspect.signature(getattr(nn, name)).parameters)
    if name in RECURRENT:
        theirs = [*OF_RECURRENT, *{"RNN": ["nonlinearity"], "LSTM": ["proj_size"], "GRU": []}[name]]
    message = getattr(model_pb2, name).DESCRIPTOR
    fields = [field.name for field in message.fields]
    expected = [argument for argument in theirs if argument not in ELSEWHERE | LEFT_OUT.get(name, set())]
    assert set(fields) == set(expected) | ADDED.get(name, set())
    assert [field.name for field in dataclasses.fields(getattr(ours, name))] == fields
    if name not in RECURRENT:
        assert [field for field in fields if field in expected] == expected


def assert_same(given: Tensor, expected: Tensor, what: str) -> None:
    if expected.is_sparse:
        assert given.is_sparse
        given, expected = given.to_dense(), expected.to_dense()
    assert oracle.same_bits(given.detach(), expected.detach()), f"{what}: {given} for {expected}"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_layer_is_torchs(case: Case) -> None:
    """Parameters, outputs in training and evaluation, gradients and buffers equal those of torch from the same seed."""
    torch.manual_seed(3)
    layer, tail = case.theirs(), nn.PReLU()
    torch.manual_seed(3)
    model = build(ours.Sequential(case.ours(), ours.PReLU()))
    assert oracle.same_bits(torch.get_rng_state(), _state_after(case))
    theirs = {**{f"0.{name}": value for name, value in layer.state_dict().items()}, "1.weight": tail.weight}
    assert list(model.module.state_dict()) == list(theirs)
    for name, value in model.module.state_dict().items():
        assert_same(value, theirs[name], name)
    for training in (True, False):
        model.module.train(training)
        layer.train(training)
        one, other = case.input(), case.input()
        if case.name not in INDEXED:
            one.requires_grad_()
            other.requires_grad_()
        before = torch.get_rng_state()
        planned = model.check({"input": one})
        assert torch.equal(torch.get_rng_state(), before), "a check draws no random number"
        for name, value in model.module.state_dict().items():
            assert_same(value, theirs[name], f"{name} after a check")
        torch.manual_seed(5)
        expected = tail(case.compute(layer, other))
        torch.manual_seed(5)
        output = model.run({"input": one})
        assert (planned.shape, planned.dtype, planned.device.type) == (expected.shape, torch.float32, "meta")
        assert_same(output, expected, "output")
        weights = torch.randn(expected.shape, generator=oracle.generator(str(case)))
        gradients = [
            torch.autograd.grad(result, [*inputs, *parameters], weights, allow_unused=True)
            for result, inputs, parameters in (
                (output, [one] * one.requires_grad, model.module.parameters()),
                (expected, [other] * other.requires_grad, [*layer.parameters(), *tail.parameters()]),
            )
        ]
        for given, wanted in zip(*gradients, strict=True):
            assert (given is None) == (wanted is None)
            if wanted is not None:
                assert_same(given, wanted, "gradient")
        for name, value in {f"0.{name}": value for name, value in layer.state_dict().items()}.items():
            assert_same(model.module.state_dict()[name], value, f"{name} after a step")
        with torch.no_grad():
            torch.manual_seed(6)
            expected = tail(case.compute(layer, case.input()))
            torch.manual_seed(6)
            assert_same(model.run({"input": case.input()}), expected, "output without gradients")


def _state_after(case: Case) -> Tensor:
    torch.manual_seed(3)
    case.theirs()
    nn.PReLU()
    return torch.get_rng_state()


def other_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Shapes near one: batches of one and none, other sizes of each dimension, one dimension less and more."""
    changed = [
        (*shape[:axis], size, *shape[axis + 1 :]) for axis, old in enumerate(shape) for size in (0, 1, old - 1, old + 1)
    ]
    return [*dict.fromkeys(changed), shape[1:], shape[:-1], (1, *shape), (*shape, 2), (), (3,)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_checked_runs(case: Case) -> None:
    """A shape is refused exactly if torch refuses it or warns of it; all others give torch's result."""
    torch.manual_seed(3)
    layer = case.theirs()
    torch.manual_seed(3)
    model = build(ours.Sequential(case.ours(), ours.PReLU()))
    for training in (True, False):
        model.module.train(training)
        layer.train(training)
        for shape in other_shapes(case.shape):
            input_ = case.input(shape)
            try:
                torch.manual_seed(5)
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    warnings.filterwarnings("ignore", message="Using padding='same'|LSTM with projections")
                    expected = case.compute(layer, input_)
            except (RuntimeError, ValueError, IndexError, TypeError, AssertionError, UserWarning) as error:
                expected, refusal = None, str(error)
            fault = refusal_of(model, input_)
            if fault is not None:
                assert (fault.reason, fault.field) == ("SHAPE_MISMATCH", "inputs.input"), fault.message
                assert expected is None or _stricter(case, shape), f"{shape}, {fault.message}: torch takes it"
                continue
            assert expected is not None, f"{shape} passes, but torch says: {refusal}"
            torch.manual_seed(5)
            output = model.run({"input": input_})
            assert_same(output, nn.functional.prelu(expected, torch.tensor([0.25])), str(shape))


def refusal_of(model: Model, input_: Tensor) -> Fault | None:
    """Why the model does not take an input."""
    try:
        model.check({"input": input_})
    except Fault as fault:
        return fault
    return None


def _stricter(case: Case, shape: tuple[int, ...]) -> bool:
    """Whether torch may take what is refused: offsets of bags, channels that a GroupNorm has no use for, and what has
    no elements for another reason than a batch of none.
    """
    empty = 0 in shape[1:] or (case.name == "Upsample" and 0 in shape)
    return empty or (case.name == "EmbeddingBag" and len(shape) != 2) or case.name == "GroupNorm"


def with_branches() -> tuple[Any, nn.Module]:
    """A model of two inputs by name and one that flows in, and torch's own modules of it."""
    model = ours.Sequential(
        ours.Branches(
            {
                "user": ours.Sequential(ours.Embedding(9, 4), ours.Dropout(0.3)).on("user"),
                "bag": ours.EmbeddingBag(5, 3, mode="sum").on("words"),
                "dense": ours.Sequential(ours.Residual(ours.Linear(6, 6)), ours.BatchNorm1d(6)),
            }
        ),
        ours.Linear(13, 8),
        ours.Branches({"a": ours.Linear(8, 4), "b": ours.Linear(8, 4)}, bilinear=ours.Bilinear(4, 4, 2)),
    )
    parts = [
        nn.Sequential(nn.Embedding(9, 4), nn.Dropout(0.3)),
        nn.EmbeddingBag(5, 3, mode="sum"),
        nn.Linear(6, 6),
        nn.BatchNorm1d(6),
        nn.Linear(13, 8),
        nn.Linear(8, 4),
        nn.Linear(8, 4),
        nn.Bilinear(4, 4, 2),
    ]
    return model, nn.ModuleList(parts)


def joined(parts: Any, inputs: dict[str, Tensor]) -> Tensor:
    """What `with_branches` computes."""
    user, bag, linear, norm, middle, a, b, bilinear = parts
    x = inputs["input"]
    wide = torch.cat((user(inputs["user"]), bag(inputs["words"]), norm(x + linear(x))), dim=-1)
    x = middle(wide)
    return bilinear(a(x), b(x))


INPUTS = {
    "user": torch.tensor([0, 8, 3]),
    "words": torch.tensor([[0, 4], [1, 1], [2, 0]]),
    "input": torch.linspace(-1, 1, 18).reshape(3, 6),
}


def test_branches_read_inputs_by_name() -> None:
    """Several inputs, merged by concatenation and by a Bilinear: torch's numbers, and names that say where they are."""
    spec_, parts = with_branches()
    torch.manual_seed(1)
    model = build(spec_)
    torch.manual_seed(1)
    _, parts = with_branches()
    assert model.input_names == ("user", "words", "input")
    assert model.indices == {"user", "words"}
    assert [*model.module.state_dict()][:4] == [
        "0.user.0.weight",
        "0.bag.weight",
        "0.dense.0.module.weight",
        "0.dense.0.module.bias",
    ]
    assert [*model.module.state_dict()][-2:] == ["2.bilinear.weight", "2.bilinear.bias"]
    for training in (True, False):
        model.module.train(training)
        parts.train(training)
        planned = model.check(INPUTS)
        torch.manual_seed(2)
        output = model.run(INPUTS)
        torch.manual_seed(2)
        expected = joined(parts, INPUTS)
        assert planned.shape == expected.shape
        assert_same(output, expected, "output")
        for given, wanted in zip(
            torch.autograd.grad(output.sum(), list(model.module.parameters())),
            torch.autograd.grad(expected.sum(), list(parts.parameters())),
            strict=True,
        ):
            assert_same(given, wanted, "gradient")


@pytest.mark.parametrize("merge", ["sum", "mean", "product", "stack", "concat"])
def test_merges(merge: str) -> None:
    """Each as its name says, of the outputs in their order."""
    model = build(ours.Branches({"a": ours.Linear(2, 3), "b": ours.Tanh(), "c": ours.Linear(2, 2)}, merge=merge))  # type: ignore[arg-type]  # one of them
    x = torch.randn(4, 2)
    if merge in ("sum", "mean", "product", "stack"):
        with pytest.raises(Fault, match=r"layer 0 \(Branches\) does not take"):
            model.check({"input": x})
        model = build(ours.Branches({"a": ours.Linear(2, 2), "b": ours.Tanh(), "c": ours.Linear(2, 2)}, merge=merge))  # type: ignore[arg-type]  # one of them
    a, b, c = (model.module.get_submodule(name)(x) for name in "abc")
    expected = {
        "sum": lambda: a + b + c,
        "mean": lambda: (a + b + c) / 3,
        "product": lambda: a * b * c,
        "stack": lambda: torch.stack((a, b, c), -1),
        "concat": lambda: torch.cat((a, b, c), -1),
    }[merge]()
    assert model.check({"input": x}).shape == expected.shape
    assert_same(model.run({"input": x}), expected, merge)


BAD_INPUTS: dict[str, tuple[dict[str, Tensor], str, str, str]] = {
    "index too great": ({"user": torch.tensor([0, 9, 3])}, "VALUE_OUT_OF_RANGE", "user", "0 to 8"),
    "index below": ({"words": torch.tensor([[0, -1]] * 3)}, "VALUE_OUT_OF_RANGE", "words", "0 to 4"),
    "greatest index": ({"words": torch.tensor([[0, 2**62]] * 3)}, "VALUE_OUT_OF_RANGE", "words", "0 to 4"),
    "float index": ({"user": torch.zeros(3)}, "DTYPE_MISMATCH", "user", "takes int64 or int32"),
    "int16 index": ({"words": torch.zeros(3, 2, dtype=torch.int16)}, "DTYPE_MISMATCH", "words", "takes int64"),
    "double": ({"input": torch.zeros(3, 6).double()}, "DTYPE_MISMATCH", "input", "send float32"),
    "whole numbers": ({"input": torch.zeros(3, 6).long()}, "DTYPE_MISMATCH", "input", "send float32"),
    "half": ({"input": torch.zeros(3, 6).half()}, "DTYPE_MISMATCH", "input", "send float32"),
    "width": ({"input": torch.zeros(3, 5)}, "SHAPE_MISMATCH", "input", "a last dimension of 6, but gets"),
    "bags": ({"words": torch.zeros(3, dtype=torch.int64)}, "SHAPE_MISMATCH", "words", "bags of one length"),
    "rows": ({"user": torch.zeros(4, dtype=torch.int64)}, "SHAPE_MISMATCH", "input", "Branches"),
    "one row": ({name: given[:1] for name, given in INPUTS.items()}, "SHAPE_MISMATCH", "input", "more than 1 value"),
}


def test_one_size_at_most_is_left_to_unflatten() -> None:
    """torch refuses it in its first run, and does not say why."""
    with pytest.raises(Fault, match="-1 once at most") as refused:
        build(ours.Sequential(ours.Linear(6, 6), ours.Unflatten(1, (-1, -1, 2))))
    assert refused.value.field.endswith("unflatten.unflattened_size")


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_inputs_are_refused_by_name(name: str) -> None:
    """The layer, what it takes and which input brought it; nothing runs, and what follows is as if nothing had been."""
    inputs, reason, field, says = BAD_INPUTS[name]
    model = build(with_branches()[0])
    before = {key: value.clone() for key, value in model.module.state_dict().items()}
    for _ in range(2):
        with pytest.raises(Fault, match=says) as refused:
            model.check(INPUTS | inputs)
        assert (refused.value.reason, refused.value.field) == (reason, f"inputs.{field}")
    assert all(oracle.same_bits(value, before[key]) for key, value in model.module.state_dict().items())
    assert model.check(INPUTS).shape == (3, 2)


def test_int32_indices_and_views_of_indices_are_taken() -> None:
    """Flattened and unflattened indices are still those of an input; what is computed from indices is not."""
    model = build(ours.Sequential(ours.Unflatten(1, (2, 2)), ours.Flatten(1), ours.Identity(), ours.Embedding(5, 3)))
    good = torch.tensor([[0, 1, 2, 4]], dtype=torch.int32)
    assert model.check({"input": good}).shape == model.run({"input": good}).shape == (1, 4, 3)
    with pytest.raises(Fault, match="input has 5"):
        model.check({"input": good + 1})
    padded = build(ours.Sequential(ours.ConstantPad1d(1, 7.0), ours.Embedding(5, 3)))
    with pytest.raises(Fault, match="takes float32, but gets int32"):
        padded.check({"input": good})
    side = ours.Branches({"a": ours.Identity(), "b": ours.Identity()})
    with pytest.raises(Fault, match="the indices of an input of the model"):
        build(ours.Sequential(side, ours.Embedding(5, 3))).check({"input": good})


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_layer_returns_as_it_was(case: Case) -> None:
    """Through the contract and back: equal, and of equal hash."""
    layer = case.ours()
    back = spec.read(model_pb2.ModelSpec.FromString(spec.write(layer, model_pb2.ModelSpec()).SerializeToString()))
    assert back == layer
    assert hash(back) == hash(layer)


def test_joined_models_return_as_they_were() -> None:
    """Branches, their inputs and what merges them too."""
    model = with_branches()[0]
    back = spec.read(model_pb2.ModelSpec.FromString(spec.write(model, model_pb2.ModelSpec()).SerializeToString()))
    assert back == model
    assert hash(back) == hash(model)
    other = ours.Branches({"a": ours.ReLU()}, merge="stack", dim=0)
    assert spec.read(spec.write(other, model_pb2.ModelSpec())) == other


def test_words_for_padding_are_torchs() -> None:
    with pytest.raises(ValueError, match="expected sizes, 'same' or 'valid'"):
        ours.Conv2d(1, 1, 1, padding="full")  # type: ignore[arg-type]  # the mistake
    assert ours.Conv2d(1, 1, 3, padding="same") == ours.Conv2d(1, 1, 3, same_padding=True)


def test_a_plan_is_looked_up() -> None:
    """A second check of a shape runs nothing, and the number of plans is bounded."""
    model: Any = build(ours.Linear(1, 1))
    first = model.check({"input": torch.zeros(3, 1)})
    assert model.check({"input": torch.ones(3, 1)}) is first
    for rows in range(600):
        model.check({"input": torch.zeros(rows, 1)})
    assert len(model._plans) <= 256


@pytest.mark.parametrize("kind", [ours.Embedding, ours.EmbeddingBag])
def test_evaluation_changes_no_rows(kind: Any) -> None:
    """Rows too long are scaled for the result alone, where torch would scale them for good."""
    model = build(kind(5, 3, max_norm=0.1))
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    indices = torch.tensor([[0, 1], [2, 3]])
    model.module.eval()
    with torch.no_grad():
        output = model.run({"input": indices})
        assert_same(model.module.state_dict()["weight"], before["weight"], "weight")
        local = getattr(nn, kind.__name__)(5, 3, max_norm=0.1)
        local.load_state_dict(before)
        assert_same(output, local(indices), "output")
    model.module.train()
    model.run({"input": indices})
    assert_same(model.module.state_dict()["weight"], local.weight, "weight")
