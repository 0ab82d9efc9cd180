"""The bridge to jax, `pip install 'lossd[jax]'`: carries values, gradients and types across; knows no formula."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

try:
    import jax
except ModuleNotFoundError as error:
    raise ImportError("lossd.jax needs jax: pip install 'lossd[jax]'", name=error.name) from None

from lossd.client import Client
from lossd.evaluation import Evaluation
from lossd.loss import Loss
from lossd.results import Result
from lossd.tensors import Array

Inputs = Mapping[str, Any]
Wanted = Mapping[str, tuple[()]]
"""Inputs to differentiate, as the keys of a pytree without leaves: so they pass through a trace as they are."""


def remote_loss(client: Client, loss: Loss, *, timeout: float | None = None) -> Callable[..., jax.Array]:
    """A function of arrays that a server computes, and that jax differentiates, compiles and maps.

    Formula: that of `loss`, in torch's own bits.

    It is one trip, value and gradients together, for a reduced loss; a cotangent other than 1 is one trip more,
    for the exact vector–Jacobian product, and so is the backward of an unreduced loss. Tracing asks the server for
    the type of the result, once for inputs of such types and shapes. Under `vmap` the members go one after another.

    jax's integers have 32 bits unless it is told otherwise and torch's class indices 64: int32 is sent as int64.

    Args:
        client: a connected `lossd.Client`, or `lossd.local()`.
        loss: any loss: a typed one, a weighted sum, an expression, …
        timeout: seconds that a call may take; default the client's.

    Returns:
        A function of arrays in torch's forward order or by name. It gives a scalar, or an array for an unreduced
        loss. Errors are `lossd.LossdError`s; those that only the elements show (a class index out of range) become
        jax's own runtime error under `jax.jit`, with lossd's message in it. First derivatives only.

    >>> import jax, lossd
    >>> from lossd.jax import remote_loss
    >>> with lossd.local() as client:
    ...     mse = remote_loss(client, lossd.MSELoss())
    ...     prediction, truth = jax.numpy.array([1.0, 2.0, 4.0]), jax.numpy.array([1.0, 4.0, 0.0])
    ...     value, gradient = jax.value_and_grad(mse)(prediction, truth)
    >>> print(f"{value:.4f}", gradient)
    6.6667 [ 0.        -1.3333334  2.6666667]
    """
    if not isinstance(loss, Loss):
        raise TypeError(f"expected one of lossd's losses such as lossd.MSELoss(), given {loss!r:.80}")
    remote = _Remote(client, loss, timeout)
    differentiable = jax.custom_vjp(remote.value)
    differentiable.defvjp(remote.forward, remote.backward, symbolic_zeros=True)

    def call(*inputs: Any, **named_inputs: Any) -> jax.Array:
        given: Inputs = Evaluation(loss, *inputs, **named_inputs).inputs
        value: jax.Array = differentiable({name: jax.numpy.asarray(own) for name, own in given.items()})
        return value

    return call


class _Remote:
    """One loss on one server: its value, and the two halves of its derivative as jax wants them."""

    def __init__(self, client: Client, loss: Loss, timeout: float | None) -> None:
        self._client, self._loss, self._timeout = client, loss, timeout
        self._types: dict[tuple[tuple[str, str, tuple[int, ...]], ...], jax.ShapeDtypeStruct] = {}

    def value(self, inputs: Inputs) -> jax.Array:
        return self._ask((), inputs)[0]

    def forward(self, primals: Inputs) -> tuple[jax.Array, tuple[Inputs, Wanted, Inputs]]:
        inputs = {name: primal.value for name, primal in primals.items()}
        wanted: Wanted = {name: () for name, primal in primals.items() if primal.perturbed}
        value, fetched = self._ask(() if self._type(inputs).shape else tuple(wanted), inputs)
        return value, (inputs, wanted, fetched)

    def backward(self, residuals: tuple[Inputs, Wanted, Inputs], cotangent: Any) -> tuple[Inputs | None]:
        inputs, wanted, fetched = residuals
        if isinstance(cotangent, jax.custom_derivatives.SymbolicZero):
            return (None,)
        product = partial(self._product, tuple(wanted))
        found = _outside(product, _types_of(inputs, wanted), inputs, fetched, cotangent)
        return ({name: found.get(name) for name in inputs},)  # jax makes zeros of None, float0 for integers

    def _ask(self, names: Sequence[str], inputs: Inputs) -> tuple[jax.Array, Inputs]:
        """The value, and the gradients of the inputs named."""
        types = self._type(inputs), _types_of(inputs, names)
        answer: tuple[jax.Array, Inputs] = _outside(partial(self._answer, names), types, inputs)
        return answer

    def _answer(self, names: Sequence[str], inputs: Inputs) -> tuple[Array, Mapping[str, Array]]:
        result = self._evaluate(inputs, names)
        value = result.value if result.losses is None else result.losses
        return np.asarray(value, self._type(inputs).dtype), {name: result.gradients[name] for name in names}

    def _product(self, names: Sequence[str], inputs: Inputs, fetched: Inputs, cotangent: Any) -> Mapping[str, Any]:
        """The vector-Jacobian product; what came with the value is that of 1."""
        if fetched and np.asarray(cotangent) == 1:
            return fetched
        gradients = self._evaluate(inputs, names, cotangent).gradients
        return {name: gradients[name] for name in names}

    def _evaluate(self, inputs: Inputs, names: Sequence[str], grad_output: Any = None) -> Result:
        sent: dict[str, Any] = {name: np.asarray(own, _sent_as(own.dtype)) for name, own in inputs.items()}
        return self._client.evaluate(
            self._loss, gradients=names, grad_output=grad_output, timeout=self._timeout, **sent
        )

    def _type(self, inputs: Inputs) -> jax.ShapeDtypeStruct:
        """The type of the result, asked once for inputs of such types."""
        key = tuple((name, str(own.dtype), tuple(own.shape)) for name, own in inputs.items())
        if key not in self._types:
            types: dict[str, Any] = {name: (_sent_as(own.dtype), own.shape) for name, own in inputs.items()}
            result = self._client.validate(self._loss, timeout=self._timeout, **types).result
            self._types[key] = _type(result.shape, jax.numpy.dtype(result.dtype))
        return self._types[key]


def _outside(function: Callable[..., Any], types: Any, *arguments: Any) -> Any:
    """Calls a function of numpy's world: at once where the arrays are there, so that its errors arrive as they are."""
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(arguments)):
        return jax.pure_callback(function, types, *arguments, vmap_method="sequential")
    return jax.tree.map(jax.numpy.asarray, function(*arguments))


def _types_of(inputs: Inputs, names: Iterable[str]) -> dict[str, jax.ShapeDtypeStruct]:
    return {name: _type(inputs[name].shape, inputs[name].dtype) for name in names}


def _type(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)  # type: ignore[no-untyped-call]  # jax gives it no types


def _sent_as(dtype: Any) -> Any:
    return np.dtype(np.int64) if dtype == np.int32 else dtype
