"""Builds the optimizers of torch.optim from names and arguments, and undoes a step that failed; knows no single rule of
theirs but what torch would find out too late.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_STEP_WORK
from lossd_server.training.models import Spec

_EPSILONS = ("eps1", "eps2")
"""What torch.optim.adafactor calls the two numbers of Adafactor's eps."""
_NS_STEPS = 5
"""Torch's own number of them."""
_MOST_NS_STEPS = 99
"""torch refuses more, but not before the first step."""


def build_optimizer(spec: Spec, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
    """The optimizer that `spec` describes over `parameters`; what torch refuses names the argument."""
    optimizer: Callable[..., torch.optim.Optimizer] = getattr(torch.optim, spec.class_name)
    defaults = {name: parameter.default for name, parameter in inspect.signature(optimizer).parameters.items()}
    arguments = {
        name: _argument(value, defaults[name], f"{spec.path}.{name}") for name, value in spec.arguments.items()
    }
    if spec.class_name == "Muon":
        _check_muon(spec, parameters)
    try:
        return optimizer(parameters, **arguments)
    except ValueError as error:
        name = _at_fault(optimizer, parameters, arguments, str(error))
        given = f"{name} is {arguments[name]}" if name else spec.class_name
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"{given}: torch.optim.{spec.class_name} refuses this, {str(error)[:200]}; its message in the contract "
            "says the range",
            field=f"{spec.path}.{name}" if name else spec.path,
        ) from None


@contextmanager
def all_or_nothing(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Inside, the optimizer steps; if that fails, parameters and the optimizer's state are what they were.

    It may fail halfway through the parameters: for want of memory, or for arguments that only later steps cannot
    compute with.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    before = [parameter.detach().clone() for parameter in parameters]
    state = {
        parameter: {name: value.clone() if isinstance(value, Tensor) else value for name, value in held.items()}
        for parameter, held in optimizer.state.items()
    }
    try:
        yield
    except BaseException as error:
        with torch.no_grad():
            for parameter, value in zip(parameters, before, strict=True):
                parameter.copy_(value)
        optimizer.state.clear()
        optimizer.state.update(state)
        if isinstance(error, ArithmeticError):
            raise Fault(
                "UNSUPPORTED",
                f"torch cannot compute the optimizer's step with its arguments: {error}; nothing was changed",
                field="optimizer",
            ) from None
        raise


def _argument(value: Any, default: Any, path: str) -> Any:
    """As torch takes it: numbers that it takes together as a tuple of its default's length."""
    if isinstance(value, Mapping):
        value = [value.get(name, kept) for name, kept in zip(_EPSILONS, default, strict=True)]
    if not isinstance(value, list):
        _check_finite(value, path)
        return value
    if len(value) != len(default):
        name = path.rpartition(".")[2]
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} has {len(value)} numbers; expected {len(default)}", field=path)
    for number in value:
        _check_finite(number, path)
    return tuple(value)


def _check_finite(value: object, path: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        name = path.rpartition(".")[2]
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} is {value}; expected a finite number", field=path)


def _check_muon(spec: Spec, parameters: Sequence[Tensor]) -> None:
    """What torch would refuse in the first step, and, in a sentence that says what to do, what it refuses at once."""
    steps = spec.arguments.get("ns_steps", 0)
    if not 0 <= steps <= _MOST_NS_STEPS:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"ns_steps is {steps}; expected 0 to {_MOST_NS_STEPS}",
            field=f"{spec.path}.ns_steps",
        )
    other = next((parameter for parameter in parameters if parameter.dim() != 2), None)
    if other is not None:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"Muon trains matrices alone, and the model has a parameter of shape {shape_text(other.shape)}: leave "
            "biases out of the model, or take another optimizer",
            field=spec.path,
        )
    work = sum((steps or _NS_STEPS) * 3 * p.numel() * min(p.shape) for p in parameters)
    if work > MAX_STEP_WORK:
        raise Fault(
            "LIMIT_EXCEEDED",
            f"a step of Muon would take {work} multiplications; at most {MAX_STEP_WORK}: take fewer ns_steps or "
            "narrower layers",
            field=f"{spec.path}.ns_steps",
        )


def _at_fault(
    optimizer: Callable[..., object], parameters: Sequence[Tensor], arguments: Mapping[str, Any], refusal: str
) -> str:
    """The argument that torch refuses in the same words when it comes alone; "" if none does."""
    for name, value in arguments.items():
        try:
            optimizer(parameters, **{name: value})
        except ValueError as error:
            if str(error) == refusal:
                return name
    return ""
