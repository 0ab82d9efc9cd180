"""Losses, models and optimizers as data: every message has its class, every field its argument, and they add up."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import lossd
import numpy as np
import pytest
import torch
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from lossd import nn, optim, spec
from lossd.v1 import loss_pb2, model_pb2

UNIONS: list[tuple[type[Message], Any]] = [
    (loss_pb2.LossSpec, lossd),
    (model_pb2.ModelSpec, nn),
    (model_pb2.OptimizerSpec, optim),
]
CLASSES = [(union, getattr(room, name), name) for union, room in UNIONS for name in spec.members(union.DESCRIPTOR)]
LOSSES = [kind for union, kind, _ in CLASSES if union is loss_pb2.LossSpec]
TORCH_LOSSES = [kind for kind in LOSSES if kind not in (lossd.WeightedSum, lossd.Expression)]
weights = st.one_of(st.none(), st.floats(-10, 10).filter(bool))


@pytest.mark.parametrize(("union", "kind", "name"), CLASSES, ids=lambda value: str(value))
def test_every_message_is_a_class_and_every_field_an_argument(union: type[Message], kind: type[Any], name: str) -> None:
    """So that a new message of the contract cannot be forgotten here."""
    message = getattr(union(), spec.members(union.DESCRIPTOR)[name])
    sent = {field.name for field in message.DESCRIPTOR.fields}
    outer = {field.name for field in union.DESCRIPTOR.fields if field.containing_oneof is None}
    assert {field.name for field in dataclasses.fields(kind)} == sent | outer


@pytest.mark.parametrize("kind", TORCH_LOSSES)
def test_arguments_and_inputs_are_those_of_torch(kind: type[lossd.Loss]) -> None:
    """The deprecated size_average and reduce excepted."""
    ours = {field.name for field in dataclasses.fields(kind)} - {"allow_broadcast"}
    theirs = set(inspect.signature(getattr(torch.nn, kind.__name__)).parameters) - {"size_average", "reduce"}
    assert ours == theirs
    forward = inspect.signature(getattr(torch.nn, kind.__name__).forward).parameters
    renamed = {"log_input": "input"}  # PoissonNLLLoss's, which is a logarithm only if its argument log_input says so
    assert list(kind.INPUTS) == [renamed.get(name, name) for name in forward if name != "self"]


@pytest.mark.parametrize("kind", TORCH_LOSSES)
def test_every_loss_is_documented_alike(kind: type[lossd.Loss]) -> None:
    text = inspect.getdoc(kind) or ""
    parts = ["Formula:", "Args:", "Inputs:", "Example:", f"Reference: torch.nn.{kind.__name__}"]
    places = [text.find(part) for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    described = text[places[1] : places[2]]
    arguments = {field.name for field in dataclasses.fields(kind)} - {"allow_broadcast"}
    assert [name for name in arguments if f"\n    {name}: " not in described] == []


def examples() -> st.SearchStrategy[lossd.Loss]:
    values: dict[str, st.SearchStrategy[Any]] = {
        "reduction": st.sampled_from([None, "none", "mean", "sum"]),
        "allow_broadcast": st.booleans(),
        "weight": st.one_of(st.none(), st.lists(st.floats(0, 9, width=32), min_size=1, max_size=3)),
        "ignore_index": st.one_of(st.none(), st.integers(-100, 100)),
        "blank": st.one_of(st.none(), st.integers(0, 9)),
    }
    values["pos_weight"] = values["weight"]
    flags = st.one_of(st.none(), st.booleans())
    flag_names = {"log_input", "full", "log_target", "zero_infinity"}

    def of(kind: type[lossd.Loss]) -> st.SearchStrategy[lossd.Loss]:
        names = [field.name for field in dataclasses.fields(kind)]
        return st.fixed_dictionaries(
            {name: flags if name in flag_names else values.get(name, weights) for name in names}
        ).map(lambda arguments: kind(**arguments))

    single = st.sampled_from(TORCH_LOSSES).flatmap(of)
    return st.recursive(
        single, lambda part: st.builds(lambda a, b, x: x * a + b.named("b"), part, part, st.floats(-9, 9)), max_leaves=4
    )


@given(examples())
def test_specifications_return_as_they_were(loss: lossd.Loss) -> None:
    """What is read back from the wire means the same: equal, and of equal hash."""
    back = spec.read(loss_pb2.LossSpec.FromString(loss.wire))
    assert back == loss
    assert hash(back) == hash(loss)
    assert type(back) is type(loss)


def test_models_and_optimizers_return_as_they_were() -> None:
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Sequential(nn.ReLU(), nn.Tanh()), nn.Sigmoid())
    assert spec.read(spec.write(model, model_pb2.ModelSpec())) == model
    optimizer = optim.SGD(lr=0.01, momentum=0.0, nesterov=False)
    message = spec.write(optimizer, model_pb2.OptimizerSpec())
    assert message.sgd.HasField("momentum")
    assert not message.sgd.HasField("dampening")
    assert spec.read(message) == optimizer
    assert spec.read(model_pb2.ModelSpec()) is None


def test_nothing_given_is_nothing_sent() -> None:
    """None means torch's default, which the server knows; zero is not None."""
    assert loss_pb2.LossSpec.FromString(lossd.HuberLoss().wire).huber_loss == loss_pb2.HuberLoss()
    zero = loss_pb2.LossSpec.FromString(lossd.CrossEntropyLoss(ignore_index=0).wire).cross_entropy_loss
    assert zero.HasField("ignore_index")


def test_a_weight_changed_afterwards_changes_nothing() -> None:
    weight = np.ones(3, np.float32)
    loss = lossd.CrossEntropyLoss(weight=weight)
    weight[0] = 9
    assert loss == lossd.CrossEntropyLoss(weight=[1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (
            lambda: lossd.MSELoss(reduction="avg"),
            ValueError,
            "reduction is 'avg'; expected one of 'none', 'mean', 'sum'",
        ),
        (lambda: lossd.MSELoss(reduction="batchmean"), ValueError, "expected one of 'none', 'mean', 'sum'"),
        (lambda: lossd.MSELoss(reduction="unspecified"), ValueError, "expected one of"),
        (lambda: lossd.HuberLoss(delta="big"), TypeError, "HuberLoss: delta cannot be 'big'"),
        (lambda: lossd.MSELoss("mean"), TypeError, "positional"),
        (lambda: lossd.MSELoss(size_average=True), TypeError, "size_average"),
        (lambda: lossd.CrossEntropyLoss(weight=["a"]), lossd.InvalidArgument, "weight"),
        (lambda: lossd.WeightedSum(terms=[lossd.WeightedTerm(loss=torch.nn.MSELoss())]), TypeError, "expected one of"),
        (lambda: spec.write(torch.nn.ReLU(), model_pb2.ModelSpec()), TypeError, "expected one of lossd's Sequential"),
        (lambda: lossd.MSELoss() + 1, TypeError, "unsupported operand"),
        (lambda: lossd.MSELoss() * lossd.MSELoss(), TypeError, "unsupported operand"),
    ],
)
def test_mistakes_are_reported_where_they_are_written(make: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        make()


def test_losses_add_up() -> None:
    loss = 0.8 * lossd.MSELoss() + lossd.L1Loss() * 0.2
    assert isinstance(loss, lossd.WeightedSum)
    assert [(term.weight, term.loss) for term in loss.terms] == [(0.8, lossd.MSELoss()), (0.2, lossd.L1Loss())]
    assert loss.labels == ("mse_loss", "l1_loss")
    assert [term.weight for term in (0.5 * loss).terms] == [0.4, 0.1]
    assert loss == lossd.WeightedSum(terms=loss.terms)
    assert sum([lossd.MSELoss(), lossd.L1Loss()]) == lossd.MSELoss() + lossd.L1Loss()
    assert np.float64(0.8) * lossd.MSELoss() == 0.8 * lossd.MSELoss()


def test_labels_are_unique() -> None:
    """However the sum came about, a repeated label gets a number."""
    twice = lossd.MSELoss() + lossd.MSELoss()
    assert (twice + twice).labels == ("mse_loss", "mse_loss_2", "mse_loss_3", "mse_loss_4")
    assert (lossd.MSELoss().named("a") + lossd.L1Loss().named("a")).labels == ("a", "a_2")
    nested = (lossd.MSELoss() + lossd.L1Loss()).named("fit") + lossd.HuberLoss()
    assert nested.labels == ("fit", "huber_loss")
    assert isinstance(next(iter(nested.terms)).loss, lossd.WeightedSum)


def test_terms_may_read_other_inputs() -> None:
    student = lossd.KLDivLoss().on(input="student", target="teacher")
    loss = student + lossd.CrossEntropyLoss().on(input="student")
    assert loss.inputs == {"student": True, "teacher": True, "target": False}
    renamed = loss.on(student="logits")
    assert list(renamed.inputs) == ["logits", "teacher", "target"]
    assert renamed.on(logits="student") == loss
    weighted = lossd.Expression("sum(w * input)").on(w="importance")
    assert list(weighted.on(input="score").inputs) == ["score", "target", "importance"]


def test_an_expression_is_one_argument() -> None:
    loss = lossd.Expression("mean((input - target)**2)", allow_broadcast=True)
    message = loss_pb2.LossSpec.FromString(loss.wire)
    assert message.expression.source == "mean((input - target)**2)"
    assert message.allow_broadcast
    assert repr(loss) == "Expression(allow_broadcast=True, source='mean((input - target)**2)')"
