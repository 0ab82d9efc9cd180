"""lossd.torch.RemoteLoss against torch's own modules, over a real server: the same bits, the same habits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lossd
import numpy as np
import pytest
import torch
from congruence import oracle
from lossd.torch import RemoteLoss
from running import RunningServer
from torch import Tensor, nn

PAGE = Path(__file__).parents[2] / "docs" / "bridges.md"
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
PAIR = {"input": (5, 3), "target": (5, 3)}
SOURCE = "mean((input - target)**2) + 0.1*sum(abs(input - target))"


class Custom(nn.Module):
    """The same formula as SOURCE."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  # torch's own name
        return torch.mean((input - target) ** 2) + 0.1 * torch.sum(torch.abs(input - target))


class Sum(nn.Module):
    """0.8 of one loss and 0.2 of another."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  # torch's own name
        return 0.8 * nn.functional.mse_loss(input, target) + 0.2 * nn.functional.l1_loss(input, target)


LOSSES: dict[str, tuple[lossd.Loss, nn.Module]] = {
    "mse": (lossd.MSELoss(), nn.MSELoss()),
    "l1_sum": (lossd.L1Loss(reduction="sum"), nn.L1Loss(reduction="sum")),
    "huber_none": (lossd.HuberLoss(delta=0.5, reduction="none"), nn.HuberLoss(delta=0.5, reduction="none")),
    "logits": (lossd.BCEWithLogitsLoss(), nn.BCEWithLogitsLoss()),
    "sum": (0.8 * lossd.MSELoss() + 0.2 * lossd.L1Loss(), Sum()),
    "expression": (lossd.Expression(SOURCE), Custom()),
}


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[lossd.Client]:
    with lossd.Client(server.target) as connected:
        yield connected


class Counting(lossd.Client):
    """A client that remembers what it sent: which gradients, and whether with a grad_output."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.sent: list[tuple[tuple[str, ...], bool]] = []
        self.validations = 0

    def evaluate(self, loss: lossd.Loss, /, *inputs: Any, **options: Any) -> lossd.Result:
        self.sent.append((tuple(options["gradients"]), options["grad_output"] is not None))
        return super().evaluate(loss, *inputs, **options)

    def validate(self, loss: lossd.Loss, /, **options: Any) -> lossd.Validation:
        self.validations += 1
        return super().validate(loss, **options)


@pytest.fixture
def counting(server: RunningServer) -> Iterator[Counting]:
    with Counting(server.target) as connected:
        yield connected


def pair(dtype: torch.dtype, *seed: object) -> tuple[Tensor, Tensor]:
    made = oracle.generator("bridge", dtype, *seed)
    return tuple(torch.randn(5, 3, generator=made).to(dtype) for _ in range(2))


def differentiate(criterion: nn.Module, inputs: tuple[Tensor, ...], vector: Tensor | None) -> list[Tensor]:
    """The result, then the gradient of each floating input, through `.backward`."""
    leaves = [own.detach().requires_grad_(own.is_floating_point()) for own in inputs]
    result = criterion(*leaves)
    result.backward(vector)
    return [result.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


def assert_same(criterion: nn.Module, module: nn.Module, inputs: tuple[Tensor, ...], factor: float = 1.0) -> None:
    """Results and gradients of both, bit for bit, from a `grad_output` of `factor` or random numbers times it.

    torch adds up in the order of the memory, and lossd sends C order: so that is what torch gets here.
    """
    result = module(*inputs)
    vector = torch.randn(result.shape, generator=oracle.generator(result.shape)) if result.dim() else torch.ones(())
    vector = (factor * vector).to(result.dtype)
    expected = differentiate(module, tuple(own.contiguous() for own in inputs), vector)
    given = differentiate(criterion, inputs, vector)
    assert len(expected) == len(given)
    for ours, theirs in zip(expected, given, strict=True):
        assert oracle.same_bits(ours, theirs), f"{theirs} for {ours}"


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_values_and_gradients_are_torchs_bits(client: lossd.Client, name: str, dtype: torch.dtype) -> None:
    """Every element type, reduced and not, typed, summed and written as a formula; backward starts from 1."""
    loss, module = LOSSES[name]
    input_, target = pair(dtype, name)
    assert_same(RemoteLoss(client, loss), module, (input_, target.sigmoid() if name == "logits" else target))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("factor", [0.3, -7.0, 65536.0, 0.0])
def test_a_backward_that_starts_elsewhere_has_torchs_bits_too(
    client: lossd.Client, dtype: torch.dtype, factor: float
) -> None:
    """grad_output goes through the formula's own backward, so that no rounding or underflow differs."""
    for name in ("mse", "huber_none", "expression"):
        loss, module = LOSSES[name]
        assert_same(RemoteLoss(client, loss), module, pair(dtype, name, factor), factor)


def test_classes_and_sequences(client: lossd.Client) -> None:
    """Index inputs go along and get no gradient; lengths as well, by name."""
    logits = torch.randn(4, 10, generator=oracle.generator("logits"))
    weight = torch.linspace(0.5, 2, 10)
    theirs = nn.CrossEntropyLoss(weight, label_smoothing=0.1)
    ours = RemoteLoss(client, lossd.CrossEntropyLoss(weight=weight, label_smoothing=0.1))
    assert_same(ours, theirs, (logits, torch.tensor([1, 0, 9, 3])))

    log_probs = torch.randn(12, 2, 5, generator=oracle.generator("ctc")).log_softmax(2).requires_grad_()
    rest = {
        "targets": torch.tensor([[1, 2, 3], [4, 4, 1]]),
        "input_lengths": torch.tensor([12, 10]),
        "target_lengths": torch.tensor([3, 2]),
    }
    value = RemoteLoss(client, lossd.CTCLoss())(log_probs=log_probs, **rest)
    value.backward()
    given, log_probs.grad = log_probs.grad, None
    nn.CTCLoss()(log_probs, *rest.values()).backward()
    assert oracle.same_bits(given, log_probs.grad)


def test_strides_do_not_matter(client: lossd.Client) -> None:
    """Transposed, expanded, sliced and reversed views are read as what they show."""
    base = torch.randn(6, 4, generator=oracle.generator("strides"))
    criterion, module = RemoteLoss(client, lossd.MSELoss()), nn.MSELoss()
    for view in (base.T, base[::2, 1:3], base[:1].expand(6, 4), base.flip(0)):
        assert_same(criterion, module, (view, view.roll(1, 0)))


def test_only_what_needs_a_gradient_is_asked_for(counting: Counting) -> None:
    """One trip for value and gradients; none are asked for under no_grad or for inputs that need none."""
    criterion = RemoteLoss(counting, lossd.MSELoss())
    input_, target = pair(torch.float32)
    with torch.no_grad():
        assert not criterion(input_.clone().requires_grad_(), target).requires_grad
    assert not criterion(input_, target).requires_grad
    leaf = input_.clone().requires_grad_()
    criterion(leaf, target).backward()
    both = criterion(leaf, target.clone().requires_grad_())
    assert counting.sent == [((), False), ((), False), (("input",), False), (("input", "target"), False)]
    (both / 4).backward()
    assert counting.sent[4:] == [(("input", "target"), True)]
    assert counting.validations == 1, "the type of the result is asked for once"


def test_an_unreduced_loss_is_one_trip_each_way(counting: Counting) -> None:
    criterion = RemoteLoss(counting, lossd.L1Loss(reduction="none"))
    input_, target = pair(torch.bfloat16)
    leaf = input_.requires_grad_()
    (criterion(leaf, target) * torch.arange(3.0)).sum().backward()
    assert counting.sent == [((), False), (("input",), True)]
    ours, leaf.grad = leaf.grad, None
    (nn.L1Loss(reduction="none")(leaf, target) * torch.arange(3.0)).sum().backward()
    assert oracle.same_bits(ours, leaf.grad)


def test_the_result_has_the_type_that_torch_gives_it(client: lossd.Client) -> None:
    """Mixed inputs promote: a value alone would not tell its type."""
    low, high = torch.ones(3, dtype=torch.bfloat16), torch.zeros(3, dtype=torch.float64)
    mixed = RemoteLoss(client, lossd.Expression("mean(input - target)"))
    assert mixed(low, high).dtype is torch.float64
    assert mixed(low, low).dtype is torch.bfloat16


@pytest.mark.parametrize("name", ["mse", "huber_none"])
def test_second_derivatives_are_refused(client: lossd.Client, name: str) -> None:
    """create_graph itself works, as other parts of a graph may want it; what goes through this loss is refused."""
    leaf = pair(torch.float32)[0].requires_grad_()
    loss = RemoteLoss(client, LOSSES[name][0])(leaf, torch.zeros(5, 3)).sum()
    (first,) = torch.autograd.grad(loss, leaf, create_graph=True)
    assert first.requires_grad
    with pytest.raises(NotImplementedError, match="first derivatives"):
        first.sum().backward()


def test_a_graph_can_be_used_twice_if_it_is_kept(client: lossd.Client) -> None:
    """retain_graph is honoured and gradients add up; without it torch says that the graph is gone."""
    leaf = torch.ones(3, requires_grad=True)
    loss = RemoteLoss(client, lossd.MSELoss(reduction="sum"))(leaf, torch.zeros(3))
    loss.backward(retain_graph=True)
    loss.backward()
    assert leaf.grad is not None
    assert leaf.grad.tolist() == [4, 4, 4]
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


def test_what_it_gives_is_the_callers_own_memory(client: lossd.Client) -> None:
    """Results and gradients may be changed in place, as those of torch may."""
    leaf = torch.ones(3, requires_grad=True)
    losses = RemoteLoss(client, lossd.L1Loss(reduction="none"))(leaf, torch.zeros(3))
    losses.detach().mul_(2)
    losses.sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.mul_(3).tolist() == [3, 3, 3]


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_a_training_loop_ends_with_the_same_weights(client: lossd.Client, kind: type[torch.optim.Optimizer]) -> None:
    """Linear(1, 1), 20 steps: bit for bit the weights that the local loss trains."""

    def train(criterion: nn.Module) -> list[Tensor]:
        torch.manual_seed(0)
        model = nn.Linear(1, 1)
        optimizer = kind(model.parameters(), lr=0.01)
        inputs, targets = torch.tensor([[2.0], [4.0], [6.0]]), torch.tensor([[4.0], [8.0], [12.0]])
        for _ in range(20):
            optimizer.zero_grad()
            criterion(model(inputs), targets).backward()
            optimizer.step()
        return [parameter.detach() for parameter in model.parameters()]

    assert_all = zip(train(nn.MSELoss()), train(RemoteLoss(client, lossd.MSELoss())), strict=True)
    assert all(oracle.same_bits(ours, theirs) for ours, theirs in assert_all)


def test_it_is_a_module_without_parameters(client: lossd.Client) -> None:
    """It can be part of a model, and shows its loss."""
    criterion = RemoteLoss(client, lossd.HuberLoss(delta=2.0))
    assert not criterion.state_dict()
    assert "HuberLoss(delta=2.0)" in repr(nn.Sequential(criterion))


def test_errors_are_lossds(client: lossd.Client) -> None:
    """The field and the reason of the server; nothing of grpc's or torch's."""
    with pytest.raises(lossd.InvalidArgument) as shapes:
        RemoteLoss(client, lossd.MSELoss())(torch.ones(3, 1), torch.ones(3))
    assert (shapes.value.field, shapes.value.reason) == ("inputs.target", "SHAPE_MISMATCH")
    with pytest.raises(lossd.InvalidArgument) as elements:
        RemoteLoss(client, lossd.CrossEntropyLoss())(torch.ones(1, 3), torch.tensor([3]))
    assert elements.value.field.startswith("inputs.target")
    with pytest.raises(lossd.InvalidArgument) as missing:
        RemoteLoss(client, lossd.MSELoss())(torch.ones(3))
    assert (missing.value.field, missing.value.reason) == ("inputs.target", "MISSING_FIELD")
    with pytest.raises((lossd.DeadlineExceeded, lossd.Overloaded)):  # Overloaded: the server sees that it is too late
        RemoteLoss(client, lossd.MSELoss(), timeout=1e-6)(torch.ones(3), torch.ones(3))
    with pytest.raises(TypeError, match=r"expected a torch\.Tensor"):
        RemoteLoss(client, lossd.MSELoss())(torch.ones(3), np.ones(3))
    with pytest.raises(TypeError, match=r"lossd\.MSELoss"):
        RemoteLoss(client, nn.MSELoss())


def test_bfloat16_needs_no_further_package(server: RunningServer) -> None:
    """Where ml_dtypes is not installed, lossd reads bfloat16 as float32; the bridge gives torch its bits back."""
    program = """
import sys
sys.modules["ml_dtypes"] = None  # as if it were not installed
import lossd, torch
from lossd.torch import RemoteLoss
with lossd.Client(sys.argv[1]) as client:
    leaf = torch.linspace(-2, 3, 7, dtype=torch.bfloat16).requires_grad_()
    losses = RemoteLoss(client, lossd.SmoothL1Loss(reduction="none"))(leaf, torch.zeros(7, dtype=torch.bfloat16))
    losses.sum().backward()
ours, leaf.grad = leaf.grad, None
exact = torch.nn.SmoothL1Loss(reduction="none")(leaf, torch.zeros(7, dtype=torch.bfloat16))
exact.sum().backward()
print(losses.dtype, ours.dtype, torch.equal(losses, exact), torch.equal(ours, leaf.grad))
"""
    done = subprocess.run([sys.executable, "-c", program, server.target], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("torch.bfloat16 torch.bfloat16 True True\n", "")


@pytest.mark.parametrize(("missing", "bridge"), [("torch", "lossd.torch"), ("jax", "lossd.jax")])
def test_a_missing_framework_is_told_by_its_extra(missing: str, bridge: str) -> None:
    """The bridge cannot be imported without its framework, and says which extra brings it."""
    program = f"import sys; sys.modules[{missing!r}] = None; import lossd, {bridge}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last == f"ImportError: {bridge} needs {missing}: pip install 'lossd[{missing}]'"


@pytest.mark.parametrize("index", [0, 1], ids=["torch", "jax"])
def test_the_examples_of_the_page_run(server: RunningServer, index: int) -> None:
    """docs/bridges.md: each block of Python as it stands."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 2
    environment = {**os.environ, "LOSSD_SERVER": server.target}
    command = [sys.executable, "-W", "error", "-c", blocks[index]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
