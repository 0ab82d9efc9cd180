"""lossd.jax.remote_loss against local torch, over a real server: under grad, jit, value_and_grad and vmap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import lossd
import numpy as np
import pytest
import torch
from lossd.jax import remote_loss
from running import RunningServer
from torch import Tensor, nn

FLOATS = ("float32", "float16", "bfloat16")
SOURCE = "mean((input - target)**2) + 0.1*sum(abs(input - target))"


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[lossd.Client]:
    with lossd.Client(server.target) as connected:
        yield connected


class Counting(lossd.Client):
    """A client that remembers what it sent: which gradients, and whether with a grad_output."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.sent: list[tuple[tuple[str, ...], bool]] = []

    def evaluate(self, loss: lossd.Loss, /, *inputs: Any, **options: Any) -> lossd.Result:
        self.sent.append((tuple(options["gradients"]), options["grad_output"] is not None))
        return super().evaluate(loss, *inputs, **options)


@pytest.fixture
def counting(server: RunningServer) -> Iterator[Counting]:
    with Counting(server.target) as connected:
        yield connected


def pair(dtype: str = "float32", shape: tuple[int, ...] = (5, 3)) -> tuple[jax.Array, jax.Array]:
    made = np.random.default_rng(7)
    return tuple(jnp.asarray(made.standard_normal(shape), dtype) for _ in range(2))


def to_torch(array: jax.Array) -> Tensor:
    if array.dtype == jnp.bfloat16:
        return torch.from_numpy(np.array(array).view(np.int16)).view(torch.bfloat16)
    widened = np.array(array).astype(np.int64) if array.dtype == np.int32 else np.array(array)
    return torch.from_numpy(widened)


def same_bits(array: jax.Array, tensor: Tensor) -> bool:
    ours = to_torch(array)
    return ours.dtype is tensor.dtype and torch.equal(ours, tensor)


def expected(module: nn.Module, *arrays: jax.Array, vector: jax.Array | None = None) -> tuple[Tensor, Tensor]:
    """torch's result and the gradient of the first input."""
    first, *rest = map(to_torch, arrays)
    result = module(first.requires_grad_(), *rest)
    result.backward(None if vector is None else to_torch(vector))
    return result.detach(), first.grad


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("loss", "module"),
    [
        (lossd.MSELoss(), nn.MSELoss()),
        (lossd.SmoothL1Loss(beta=0.5, reduction="sum"), nn.SmoothL1Loss(beta=0.5, reduction="sum")),
        (0.5 * lossd.MSELoss(), lambda x, y: 0.5 * nn.functional.mse_loss(x, y)),
        (lossd.Expression(SOURCE), lambda x, y: torch.mean((x - y) ** 2) + 0.1 * torch.sum(torch.abs(x - y))),
    ],
    ids=["mse", "smooth_l1_sum", "sum", "expression"],
)
def test_value_and_gradient_are_torchs_bits(
    client: lossd.Client, loss: lossd.Loss, module: Any, dtype: str, compiled: bool
) -> None:
    """value_and_grad, with and without jit around it."""
    function = jax.value_and_grad(remote_loss(client, loss))
    input_, target = pair(dtype)
    value, gradient = (jax.jit(function) if compiled else function)(input_, target)
    ours, theirs = expected(module, input_, target)
    assert same_bits(value, ours)
    assert same_bits(gradient, theirs)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
def test_cotangents_go_through_the_formula(client: lossd.Client, compiled: bool) -> None:
    """An unreduced loss, and a reduced one times a number: jax's cotangent is torch's grad_output."""
    input_, target = pair()
    vector = jnp.linspace(-1, 2, 15).reshape(5, 3)
    huber = remote_loss(client, lossd.HuberLoss(reduction="none"))

    def weighed(first: jax.Array) -> jax.Array:
        return (huber(first, target) * vector).sum()

    gradient = (jax.jit(jax.grad(weighed)) if compiled else jax.grad(weighed))(input_)
    assert same_bits(gradient, expected(nn.HuberLoss(reduction="none"), input_, target, vector=vector)[1])
    value, product = jax.vjp(lambda first: remote_loss(client, lossd.MSELoss())(first, target), input_)
    assert value.shape == ()
    (scaled,) = product(jnp.float32(0.3))
    assert same_bits(scaled, expected(nn.MSELoss(), input_, target, vector=jnp.float32(0.3))[1])


def test_integers_have_no_gradient(client: lossd.Client) -> None:
    """Class indices, jax's int32, are sent as torch's int64 and get float0."""
    logits, target = pair(shape=(4, 10))[0], jnp.array([1, 0, 9, 3])
    assert target.dtype == jnp.int32
    function = remote_loss(client, lossd.CrossEntropyLoss())
    gradient, nothing = jax.grad(function, argnums=(0, 1), allow_int=True)(logits, target)
    assert same_bits(gradient, expected(nn.CrossEntropyLoss(), logits, target)[1])
    assert nothing.dtype == jax.dtypes.float0
    by_name = jax.jit(jax.grad(lambda own: function(target=target, input=own)))(logits)
    assert same_bits(by_name, to_torch(gradient))


def test_one_trip_is_enough(counting: Counting) -> None:
    """Value and gradient come together; a gradient is asked only for what jax differentiates."""
    function = remote_loss(counting, lossd.MSELoss())
    input_, target = pair()
    function(input_, target)
    jax.grad(function)(input_, target)
    jax.block_until_ready(jax.jit(jax.grad(function, argnums=1))(input_, target))
    assert counting.sent == [((), False), (("input",), False), (("target",), False)]
    jax.grad(lambda own: 3 * function(own, target))(input_)
    assert counting.sent[3:] == [(("input",), False), (("input",), True)]


def test_members_of_a_map_go_one_by_one(counting: Counting) -> None:
    """vmap, of values and of gradients, under jit too, is what a loop gives."""
    function = remote_loss(counting, lossd.L1Loss())
    input_, target = pair(shape=(3, 4))
    values = jax.vmap(function)(input_, target)
    assert [float(value) for value in values] == [float(function(*rows)) for rows in zip(input_, target, strict=True)]
    gradients = jax.jit(jax.vmap(jax.grad(function), in_axes=(0, None)))(input_, target[0])
    looped = jnp.stack([jax.grad(function)(row, target[0]) for row in input_])
    assert gradients.tolist() == looped.tolist()


def test_large_arrays_pass_through_a_compiled_function(client: lossd.Client) -> None:
    """A callback that waits for a large array of the very computation that it is part of must not hang."""
    input_, target = pair(shape=(512, 2048))
    function = remote_loss(client, lossd.MSELoss())
    gradient = jax.jit(jax.grad(lambda own: function(jnp.tanh(own) @ jnp.eye(2048), target)))(input_)
    assert gradient.shape == input_.shape
    assert jnp.isfinite(gradient).all()


def test_a_training_loop_descends(client: lossd.Client) -> None:
    """One compiled step, a hundred times; the guide's line y = 2 x is learnt."""
    inputs, targets = jnp.array([[2.0], [4.0], [6.0]]), jnp.array([[4.0], [8.0], [12.0]])
    mse = remote_loss(client, lossd.MSELoss())

    @jax.jit
    def step(weight: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, gradient = jax.value_and_grad(lambda own: mse(inputs * own, targets))(weight)
        return weight - 0.01 * gradient, value

    weight = jnp.float32(0.5)
    for _ in range(100):
        weight, value = step(weight)
    assert float(value) < 1e-6
    assert abs(float(weight) - 2) < 1e-3


def test_errors_are_lossds(client: lossd.Client) -> None:
    """Shapes are refused at the trace, elements where the arrays are there; under jit jax wraps the message."""
    with pytest.raises(lossd.InvalidArgument) as shapes:
        jax.jit(remote_loss(client, lossd.MSELoss()))(jnp.ones((3, 1)), jnp.ones(3))
    assert (shapes.value.field, shapes.value.reason) == ("inputs.target", "SHAPE_MISMATCH")
    entropy, wrong = remote_loss(client, lossd.CrossEntropyLoss()), (jnp.ones((1, 3)), jnp.array([3]))
    for function in (entropy, jax.grad(entropy)):
        with pytest.raises(lossd.InvalidArgument) as elements:
            function(*wrong)
        assert elements.value.field.startswith("inputs.target")
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"inputs\.target"):
        jax.block_until_ready(jax.jit(entropy)(*wrong))
    with pytest.raises(TypeError, match=r"lossd\.MSELoss"):
        remote_loss(client, nn.MSELoss())


def test_forward_mode_and_second_derivatives_are_refused(client: lossd.Client) -> None:
    """Neither is answered wrongly: jax says that it cannot."""
    function, (input_, target) = remote_loss(client, lossd.MSELoss()), pair()
    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(lambda own: function(own, target), (input_,), (input_,))
    with pytest.raises(ValueError, match="JVP"):
        jax.grad(lambda own: jax.grad(function)(own, target).sum())(input_)
