"""A loss of the server as a module of torch: carries values, gradients and types across; knows no formula."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lossd.client import Client
from lossd.errors import InvalidArgument
from lossd.evaluation import Evaluation
from lossd.loss import Loss
from lossd.results import Result
from lossd.tensors import Array

Inputs = Mapping[str, Tensor]

_TWICE = (
    "lossd gives first derivatives, and this asks for the derivative of one; "
    "compute this loss with torch.nn where you need it, or call the backward of this one without create_graph"
)


class RemoteLoss(nn.Module):
    """A loss that is computed by a server, and that torch differentiates as one of its own.

    Formula: that of `loss`, in torch's own bits.

    A reduced loss fetches its gradients together with its value, so forward and backward are one trip. A backward
    that starts from anything but 1, as in `(loss / 4).backward()` or with a gradient scaler, is one trip more, for
    the exact vector–Jacobian product; a factor inside the loss, `0.25 * lossd.MSELoss()`, costs none. The first
    call with inputs of new element types is preceded by one that asks for the type of the result.

    Args:
        client: a connected `lossd.Client`, or `lossd.local()`.
        loss: any loss: a typed one, a weighted sum, an expression, …
        timeout: seconds that a call may take; default the client's.

    Inputs: tensors in torch's forward order or by name, on any device, of any strides.

    Returns a scalar, or a tensor for an unreduced loss, on the device of the first input.

    Second derivatives are refused with NotImplementedError.

    >>> import lossd, torch
    >>> from lossd.torch import RemoteLoss
    >>> with lossd.local() as client:
    ...     criterion = RemoteLoss(client, lossd.MSELoss())
    ...     prediction = torch.tensor([78.0, 85.0, 92.0], requires_grad=True)
    ...     loss = criterion(prediction, torch.tensor([80.0, 87.0, 90.0]))
    ...     loss.backward()
    >>> loss.item(), prediction.grad
    (4.0, tensor([-1.3333, -1.3333,  1.3333]))
    """

    def __init__(self, client: Client, loss: Loss, *, timeout: float | None = None) -> None:
        super().__init__()
        if not isinstance(loss, Loss):
            raise TypeError(f"expected one of lossd's losses such as lossd.MSELoss(), given {loss!r:.80}")
        self.client = client
        self.loss = loss
        self.timeout = timeout
        self._types: dict[tuple[tuple[str, torch.dtype, int], ...], _Type] = {}

    def forward(self, *inputs: Tensor, **named_inputs: Tensor) -> Tensor:
        """The loss of these inputs."""
        by_name: dict[str, Any] = named_inputs  # any, as the names are the caller's
        given: Inputs = Evaluation(self.loss, *inputs, **by_name).inputs
        for name, own in given.items():
            if not isinstance(own, Tensor):
                raise TypeError(f"{name} is a {type(own).__name__}; expected a torch.Tensor")
        # told here, as inside a Function autograd is off
        wanted = [name for name, own in given.items() if own.requires_grad and torch.is_grad_enabled()]
        value: Tensor = _Evaluate.apply(self, tuple(given), tuple(wanted), *given.values())  # type: ignore[no-untyped-call]
        return value

    def extra_repr(self) -> str:
        return f"{self.client!r}, {self.loss!r}"

    def _evaluate(self, inputs: Inputs, gradients: Iterable[str] = (), grad_output: Tensor | None = None) -> Result:
        named: dict[str, Any] = dict(inputs)
        return self.client.evaluate(
            self.loss, gradients=gradients, grad_output=grad_output, timeout=self.timeout, **named
        )

    def _type(self, inputs: Inputs) -> _Type:
        """The type of the result, which neither a loss nor its value tells; asked once for inputs of such types."""
        key = tuple((name, value.dtype, value.dim()) for name, value in inputs.items())
        if key not in self._types:
            self._types[key] = self._ask_type(inputs)
        return self._types[key]

    def _ask_type(self, inputs: Inputs) -> _Type:
        types: dict[str, Any] = {name: (value.dtype, tuple(value.shape)) for name, value in inputs.items()}
        try:
            result = self.client.validate(self.loss, timeout=self.timeout, **types).result
        except InvalidArgument as error:
            if error.reason != "UNSUPPORTED":
                raise
            # a loss whose course depends on the data has no dry run; such a one is a scalar of its inputs' type
            floating = (value for value in inputs.values() if value.is_floating_point())
            return _Type(next((value.dtype for value in floating), torch.float32), scalar=True)
        return _Type(getattr(torch, result.dtype), scalar=not result.shape)


class _Type(NamedTuple):
    """Element type of a result, and whether it is a scalar: that needs no grad_output."""

    dtype: torch.dtype
    scalar: bool


class _Evaluate(torch.autograd.Function):
    """An evaluation as a node of autograd's graph."""

    @staticmethod
    def forward(ctx: Any, remote: RemoteLoss, names: tuple[str, ...], wanted: tuple[str, ...], *inputs: Tensor) -> Any:
        given = dict(zip(names, inputs, strict=True))
        kind = remote._type(given)
        result = remote._evaluate(given, wanted if kind.scalar else ())
        ctx.remote, ctx.names, ctx.wanted, ctx.fetched = remote, names, wanted, kind.scalar
        fetched = _gradients(result, given, wanted) if kind.scalar else []
        ctx.save_for_backward(*inputs, *fetched)
        device = inputs[0].device if inputs else None
        if result.losses is not None:
            return _tensor(result.losses, kind.dtype).to(device)
        return torch.tensor(result.value, dtype=kind.dtype, device=device)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        (grad_output,), names = grad_outputs, ctx.names
        inputs, fetched = ctx.saved_tensors[: len(names)], ctx.saved_tensors[len(names) :]
        if not ctx.fetched or grad_output.item() != 1:
            given = dict(zip(names, inputs, strict=True))
            fetched = _gradients(ctx.remote._evaluate(given, ctx.wanted, grad_output), given, ctx.wanted)
        if torch.is_grad_enabled():
            tensors = (*fetched, grad_output, *inputs)
            fetched = _FirstDerivative.apply(len(fetched), *tensors)  # type: ignore[no-untyped-call]
        found = dict(zip(ctx.wanted, fetched, strict=True))
        return None, None, None, *(found.get(name) for name in names)


class _FirstDerivative(torch.autograd.Function):
    """Gradients that know what they depend on, and refuse to be differentiated."""

    @staticmethod
    def forward(ctx: Any, count: int, *tensors: Tensor) -> Any:
        return tuple(gradient.clone() for gradient in tensors[:count])

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        raise NotImplementedError(_TWICE)


def _gradients(result: Result, inputs: Inputs, names: Iterable[str]) -> list[Tensor]:
    return [_tensor(result.gradients[name], inputs[name].dtype).to(inputs[name].device) for name in names]


def _tensor(array: Array, dtype: torch.dtype) -> Tensor:
    """A tensor of its own memory, bit for bit; bfloat16 arrives as `lossd.tensors.read` says."""
    if dtype is not torch.bfloat16:
        return torch.from_numpy(array.copy())
    codes = array.view(np.uint16) if array.itemsize == 2 else array.view(np.uint32) >> 16
    return torch.from_numpy(np.array(codes, np.uint16).view(np.int16)).view(dtype)
