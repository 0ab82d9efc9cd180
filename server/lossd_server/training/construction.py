"""Builds one optimizer of torch.optim from names and arguments; knows no single rule of theirs but what torch would
find out too late.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_EVALUATIONS, MAX_HISTORY, MAX_STEP_WORK
from lossd_server.training.groups import Part
from lossd_server.training.models import Spec

_EPSILONS = ("eps1", "eps2")
"""What torch.optim.adafactor calls the two numbers of Adafactor's eps."""
_NS_STEPS = 5
"""Torch's own number of them."""
_MOST_NS_STEPS = 99
"""torch refuses more, but not before the first step."""
_HISTORY_SIZE = 100
"""Torch's own."""
_RANGES = (
    (re.compile("Invalid beta parameter"), "numbers from 0 to below 1"),
    (re.compile("Invalid eta values"), "one from above 0 to below 1, and one above 1"),
    (re.compile("Invalid rho value"), "0 to 1"),
    (re.compile(r"should be >= (\d)"), r"at least \1"),
    (re.compile(r"should be <= (\d)"), r"at most \1"),
    (re.compile("Invalid [a-z_ ]+: "), "at least 0"),
)
"""What torch means to say, by its words."""


def build(main: Spec, parts: Sequence[Part], parameters: Mapping[str, Tensor]) -> torch.optim.Optimizer:
    """An optimizer of the class of `main`, with a parameter group for each part, whose arguments left out are main's.

    What torch refuses names the argument.
    """
    given = _arguments(main)
    groups = []
    for part in parts:
        own = _arguments(part.spec)
        tensors = [parameters[name] for name in part.names]
        _check_late(Spec(main.class_name, given | own, part.spec.path), tensors)
        _try(part.spec, given | own)
        if part.spec.path != main.path and "initial_accumulator_value" in own:
            raise Fault(
                "UNSUPPORTED",
                "torch takes initial_accumulator_value from the optimizer and not from its groups; set it there",
                field=f"{part.spec.path}.initial_accumulator_value",
            )
        groups.append({"params": tensors} if part.spec.path == main.path else {"params": tensors, **own})
    _try(main, given)
    return _kind(main)(groups, **given)


def check(optimizer: torch.optim.Optimizer, group: Mapping[str, Any]) -> None:
    """Raises torch's ValueError if it would not build an optimizer with the values of this group."""
    taken = inspect.signature(type(optimizer)).parameters.keys() & group.keys() - {"params"}
    type(optimizer)(_any_parameters(), **{name: group[name] for name in taken})


def _kind(spec: Spec) -> Callable[..., torch.optim.Optimizer]:
    kind: Callable[..., torch.optim.Optimizer] = getattr(torch.optim, spec.class_name)
    return kind


def _any_parameters() -> list[Tensor]:
    """Such as every optimizer takes, to ask it about arguments."""
    return [nn.Parameter(torch.empty(1, 1))]


def _arguments(spec: Spec) -> dict[str, Any]:
    defaults = {name: parameter.default for name, parameter in inspect.signature(_kind(spec)).parameters.items()}
    return {name: _argument(value, defaults[name], f"{spec.path}.{name}") for name, value in spec.arguments.items()}


def _argument(value: Any, default: Any, path: str) -> Any:
    """As torch takes it: numbers that it takes together as a tuple of its default's length."""
    name = path.rpartition(".")[2]
    if isinstance(value, Mapping):
        value = [value.get(epsilon, kept) for epsilon, kept in zip(_EPSILONS, default, strict=True)]
    if value == "unspecified":
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} is unspecified; leave it out for torch's default", field=path)
    if not isinstance(value, list):
        _check_finite(value, path)
        return value
    if len(value) != len(default):
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} has {len(value)} numbers; expected {len(default)}", field=path)
    for number in value:
        _check_finite(number, path)
    return tuple(value)


def _check_finite(value: object, path: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        name = path.rpartition(".")[2]
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} is {value}; expected a finite number", field=path)


def _try(spec: Spec, arguments: Mapping[str, Any]) -> None:
    """Refuses arguments that torch refuses, whatever the parameters."""
    try:
        _kind(spec)(_any_parameters(), **arguments)
    except ValueError as error:
        name = _at_fault(_kind(spec), arguments, str(error))
        given = f"{name} is {arguments[name]}" if name else spec.class_name
        expected = _expected(_kind(spec), name, str(error)) if name else "what its message in the contract says"
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"{given}; expected {expected} (torch.optim.{spec.class_name} says: {str(error)[:200]})",
            field=f"{spec.path}.{name}" if name in spec.arguments else spec.path,
        ) from None


def _expected(optimizer: Callable[..., object], name: str, refusal: str) -> str:
    """The range that torch's refusal of the argument means, where its words are of a known kind."""
    for words, meant in _RANGES:
        if found := words.search(refusal):
            expected = found.expand(meant)
            return "above 0" if expected == "at least 0" and _refuses_zero(optimizer, name) else expected
    return "what its message in the contract says"


def _refuses_zero(optimizer: Callable[..., object], name: str) -> bool:
    try:
        optimizer(_any_parameters(), **{name: 0.0})
    except ValueError:
        return True
    except TypeError:  # it takes several numbers
        return False
    return False


def _at_fault(optimizer: Callable[..., object], arguments: Mapping[str, Any], refusal: str) -> str:
    """The argument that torch refuses in the same words when it comes alone; "" if none does."""
    for name, value in arguments.items():
        try:
            optimizer(_any_parameters(), **{name: value})
        except ValueError as error:
            if str(error) == refusal:
                return name
    return ""


def _check_late(spec: Spec, parameters: Sequence[Tensor]) -> None:
    """What torch would refuse in a step, or would never end."""
    if spec.class_name == "Muon":
        _check_muon(spec, parameters)
    if spec.class_name == "LBFGS":
        _check_lbfgs(spec, parameters)


def _check_muon(spec: Spec, parameters: Sequence[Tensor]) -> None:
    steps = spec.arguments.get("ns_steps", 0)
    _check_range(spec, "ns_steps", 0, _MOST_NS_STEPS)
    other = next((parameter for parameter in parameters if parameter.dim() != 2), None)
    if other is not None:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"Muon trains matrices alone, and the model has a parameter of shape {shape_text(other.shape)}: leave "
            "biases out of the model, put them into a group of another optimizer, or take another one for all",
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


def _check_lbfgs(spec: Spec, parameters: Sequence[Tensor]) -> None:
    """With these bounds a step takes at most 4 · MAX_EVALUATIONS · MAX_HISTORY/2, about 2^40, multiplications."""
    for name in ("max_iter", "max_eval"):
        _check_range(spec, name, 1, MAX_EVALUATIONS)
    numbers = 2 * sum(parameter.numel() for parameter in parameters)
    size = spec.arguments.get("history_size", _HISTORY_SIZE)
    if size < 1 or size * numbers > MAX_HISTORY:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE" if size < 1 else "LIMIT_EXCEEDED",
            f"history_size is {size}; expected 1 to {MAX_HISTORY // numbers} for a model of this size",
            field=f"{spec.path}.history_size",
        )


def _check_range(spec: Spec, name: str, least: int, most: int) -> None:
    value = spec.arguments.get(name)
    if value is not None and not least <= value <= most:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE", f"{name} is {value}; expected {least} to {most}", field=f"{spec.path}.{name}"
        )
