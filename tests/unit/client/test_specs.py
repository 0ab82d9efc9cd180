"""Losses, models and optimizers as data: every message has its class, every field its argument, and they add up."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

import lossd
import numpy as np
import pytest
import torch
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from lossd import nn, optim, options, spec
from lossd.losses import torch_nn
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2

UNIONS: list[tuple[type[Message], Any]] = [
    (loss_pb2.LossSpec, lossd),
    (model_pb2.ModelSpec, nn),
    (optimizer_pb2.OptimizerSpec, optim),
    (optimizer_pb2.SchedulerSpec, optim.lr_scheduler),
]
CLASSES = [(union, getattr(room, name), name) for union, room in UNIONS for name in spec.members(union.DESCRIPTOR)]
LOSSES = [kind for union, kind, _ in CLASSES if union is loss_pb2.LossSpec]
WRITTEN = (lossd.WeightedSum, lossd.Expression, lossd.Program, lossd.Plugin)
"""Losses that the caller writes; their own tests say what they take."""
CATALOGUE = [kind for kind in LOSSES if kind not in WRITTEN]
TORCH_LOSSES = [kind for kind in CATALOGUE if kind.__module__ == torch_nn.__name__]


@pytest.mark.parametrize(("union", "kind", "name"), CLASSES, ids=lambda value: str(value))
def test_every_message_is_a_class_and_every_field_an_argument(union: type[Message], kind: type[Any], name: str) -> None:
    """So that a new message of the contract cannot be forgotten here."""
    message = getattr(union(), spec.members(union.DESCRIPTOR)[name])
    sent = {field.name for field in message.DESCRIPTOR.fields}
    outer = {field.name for field in union.DESCRIPTOR.fields if field.containing_oneof is None}
    if kind is lossd.Plugin:
        assert set(kind("newsvendor_loss", under=3.0).arguments()) == sent | outer
    else:
        assert {field.name for field in dataclasses.fields(kind)} == sent | outer


def test_the_losses_of_torch_are_all_of_torch_nn() -> None:
    """Every class of torch.nn that computes a loss, but for a deprecated alias."""
    theirs = {name for name in dir(torch.nn) if name.endswith("Loss")} - {"NLLLoss2d"}
    assert {kind.__name__ for kind in TORCH_LOSSES} == theirs | {"AdaptiveLogSoftmaxWithLoss"}


@pytest.mark.parametrize("kind", TORCH_LOSSES)
def test_arguments_and_inputs_are_those_of_torch(kind: type[lossd.Loss]) -> None:
    """The deprecated size_average and reduce excepted, and where and in what type torch keeps its parameters."""
    ours = {field.name for field in dataclasses.fields(kind)} - {"allow_broadcast"}
    theirs = set(inspect.signature(getattr(torch.nn, kind.__name__)).parameters)
    assert ours == theirs - {"size_average", "reduce", "device", "dtype"}
    forward = inspect.signature(getattr(torch.nn, kind.__name__).forward).parameters
    renamed = {"log_input": "input", "input_": "input", "target_": "target"}
    names = [renamed.get(name, name) for name in forward if name != "self"]
    assert list(kind.INPUTS)[: len(names)] == names
    assert all("." in name for name in list(kind.INPUTS)[len(names) :]), "only parameters come after them"


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (lossd.LinearCrossEntropyLoss, {"in_features": 4, "num_classes": 3, "bias": True}),
        (lossd.AdaptiveLogSoftmaxWithLoss, {"in_features": 8, "n_classes": 9, "cutoffs": [2], "head_bias": True}),
    ],
)
def test_parameters_are_inputs_by_their_torch_names(kind: type[lossd.Loss], arguments: dict[str, Any]) -> None:
    module = getattr(torch.nn, kind.__name__)(**arguments)
    assert list(kind.INPUTS)[2:] == [name for name, _ in module.named_parameters()]
    assert {name for name in kind.INPUTS if name.endswith(".bias")} == kind.OPTIONAL


@pytest.mark.parametrize("kind", CATALOGUE)
def test_every_loss_is_documented_alike(kind: type[lossd.Loss]) -> None:
    """Formula, arguments, inputs, traps, an example with its value and where it comes from, in this order."""
    text = inspect.getdoc(kind) or ""
    arguments = {field.name for field in dataclasses.fields(kind)} - {"allow_broadcast"}
    parts = ["Formula: ", *(["Args:\n"] if arguments else []), "Inputs:\n", "Example:\n", "Reference: "]
    places = [text.find(f"\n{part}") for part in parts]
    assert -1 not in places
    assert places == sorted(places)
    said = dict(zip(parts, (text[a:b] for a, b in zip(places, [*places[1:], None], strict=True)), strict=True))
    assert [name for name in arguments if f"\n    {name}: " not in said["Args:\n"]] == []
    assert [name for name in kind.INPUTS if f"\n    {name}: " not in said["Inputs:\n"]] == []
    inputs = options.described(kind)
    assert {name for name in kind.INPUTS if inputs[name].endswith("optional.")} == kind.OPTIONAL
    assert f">>> {kind.__name__}(" in said["Example:\n"]
    assert re.search(r"client\.evaluate\([^#]*\)\.value   # -?\d", said["Example:\n"])
    where = said["Reference: "].split(": ")[1]
    assert where == f"torch.nn.{kind.__name__}" if kind in TORCH_LOSSES else re.match("https?://", where)
    assert [line for line in text.splitlines() if len(line) > 116] == []


@pytest.mark.parametrize("kind", CATALOGUE)
def test_optional_inputs_are_inputs(kind: type[lossd.Loss]) -> None:
    assert set(kind.INPUTS) >= kind.OPTIONAL
    assert set(kind.INPUTS) - kind.OPTIONAL, "something has to be given"


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Anything that an argument annotated so may be, in the contract's eyes; ranges are the server's."""
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) is Sequence:
        return st.lists(st.integers(0, 99), min_size=1, max_size=3).map(tuple)
    if get_args(hint) and type(None) in get_args(hint):
        inner = [values(part) for part in get_args(hint) if part is not type(None)]
        return st.one_of(st.none(), *inner)
    if isinstance(hint, type) and issubclass(hint, spec.Spec):
        return built(hint)
    plain = {
        bool: st.booleans(),
        int: st.integers(-100, 100),
        float: st.floats(-10, 10),
        str: st.sampled_from(["a", ""]),
    }
    return plain[hint] if hint in plain else st.lists(st.floats(0, 9, width=32), min_size=1, max_size=3)


def built(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any of this class."""
    hints = get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    return st.fixed_dictionaries({name: values(hints[name]) for name in names}).map(lambda given: kind(**given))


def examples() -> st.SearchStrategy[lossd.Loss]:
    """Any loss of the catalogue with any arguments, and sums of them."""
    single = st.sampled_from(CATALOGUE).flatmap(built)
    return st.recursive(
        single, lambda part: st.builds(lambda a, b, x: x * a + b.named("b"), part, part, st.floats(-9, 9)), max_leaves=4
    )


@pytest.mark.parametrize("kind", CATALOGUE)
@settings(max_examples=5)
@given(data=st.data())
def test_every_loss_returns_as_it_was(kind: type[lossd.Loss], data: st.DataObject) -> None:
    """Required arguments, enums, lists, objects and tensors; nothing is lost on the wire and nothing added."""
    loss = data.draw(built(kind))
    back = spec.read(loss_pb2.LossSpec.FromString(loss.wire))
    assert back == loss
    for field in dataclasses.fields(kind):
        ours, theirs = getattr(loss, field.name), getattr(back, field.name)
        assert (
            np.array_equal(ours, theirs)
            if isinstance(theirs, np.ndarray)
            else ours == theirs or repr(ours) == repr(theirs)
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
    message = spec.write(optimizer, optimizer_pb2.OptimizerSpec())
    assert message.sgd.HasField("momentum")
    assert not message.sgd.HasField("dampening")
    assert spec.read(message) == optimizer
    assert spec.read(model_pb2.ModelSpec()) is None


def test_groups_and_schedulers_return_as_they_were() -> None:
    """Groups of the same and of another class, schedulers in one another, a number for all groups or one each."""
    groups = [
        optim.Group("*.bias", optim.Muon(lr=0.5)),
        optim.Group(["0.*", "1.weight"], optim.Adafactor(eps=(None, 0.1))),
    ]
    optimizer = optim.Muon(lr=0.01, groups=groups)
    assert spec.read(spec.write(optimizer, optimizer_pb2.OptimizerSpec())) == optimizer
    lr_scheduler = optim.lr_scheduler
    parts = [lr_scheduler.LinearLR(total_iters=3), lr_scheduler.CosineAnnealingLR(T_max=9)]
    for scheduler in (
        lr_scheduler.StepLR(step_size=3, gamma=0.5, interval="epoch"),
        lr_scheduler.SequentialLR(schedulers=parts, milestones=[3], interval="step"),
        lr_scheduler.ChainedScheduler(schedulers=parts),
        lr_scheduler.OneCycleLR(max_lr=0.1, total_steps=9, max_momentum=[0.9, 0.8], anneal_strategy="linear"),
    ):
        assert spec.read(spec.write(scheduler, optimizer_pb2.SchedulerSpec())) == scheduler
    assert lr_scheduler.OneCycleLR(max_lr=[0.1]) == lr_scheduler.OneCycleLR(max_lr=0.1)


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
        (lambda: lossd.MSELoss() - 1, TypeError, "unsupported operand"),
        (lambda: lossd.MSELoss() * lossd.MSELoss(), TypeError, "multiplied or divided by a number; given MSELoss"),
        (lambda: lossd.MSELoss() * "a", TypeError, "multiplied or divided by a number; given 'a'"),
        (lambda: "a" * lossd.MSELoss(), TypeError, "multiplied or divided by a number; given 'a'"),
        (lambda: lossd.MSELoss() / [2], TypeError, "multiplied or divided by a number"),
        (lambda: np.ones(3) * lossd.MSELoss(), TypeError, "multiplied or divided by a number"),
        (lambda: lossd.MSELoss() / 0, ZeroDivisionError, "division by zero"),
        (lambda: nn.Sequential([nn.ReLU()]), TypeError, r"one by one, not a list: Sequential\(\*layers\)"),
        (lambda: nn.Sequential(nn.ReLU() for _ in "ab"), TypeError, "not a generator"),
        (lambda: nn.Sequential(nn.ReLU), TypeError, "given the class ReLU; write ReLU"),
        (lambda: nn.Sequential(torch.nn.ReLU()), TypeError, r"takes modules, given ReLU\(\)"),
        (lambda: nn.Branches([nn.ReLU()]), TypeError, "a dict of branches by name, .*; given list"),
        (lambda: nn.Branches(nn.ReLU(), nn.ReLU()), TypeError, "a dict of branches by name, .*; given several modules"),
        (lambda: nn.Branches({"a": 1}), TypeError, "branch 'a' is to be a module, given 1"),
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
    assert np.float64(0.8) * lossd.MSELoss() == 0.8 * lossd.MSELoss() == lossd.MSELoss() * np.float64(0.8)


def test_losses_are_negated_subtracted_and_divided() -> None:
    """A sum as a whole, and by any library's scalars."""
    a, b = lossd.MSELoss(), lossd.L1Loss()
    assert -a == -1.0 * a
    assert a - b == a + -1.0 * b
    assert (a - 0.5 * (a - b)).labels == ("mse_loss", "mse_loss_2", "l1_loss")
    assert [term.weight for term in (a - 0.5 * (a - b)).terms] == [None, -0.5, 0.5]
    assert [term.weight for term in ((a + 2 * b) / 3).terms] == [1 / 3, 2 / 3]
    for two in (2, np.float32(2), np.int64(2), np.array(2.0), torch.tensor(2.0)):
        assert (a / two, a * two) == (0.5 * a, 2.0 * a)


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


def test_an_object_without_arguments_is_not_no_object() -> None:
    """LinearCrossEntropyOptions() asks for chunks by torch's own choice; leaving it out asks for none."""
    shape = {"in_features": 2, "num_classes": 3}
    asked = lossd.LinearCrossEntropyLoss(**shape, options=lossd.LinearCrossEntropyOptions())
    sent = loss_pb2.LossSpec.FromString(asked.wire).linear_cross_entropy_loss
    assert sent.HasField("options")
    assert asked != lossd.LinearCrossEntropyLoss(**shape)
    assert spec.read(loss_pb2.LossSpec(linear_cross_entropy_loss=sent)) == asked
