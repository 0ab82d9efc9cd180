"""Schedules of the learning rate: schedulers of torch.optim.lr_scheduler by name, one over each optimizer, that go on
together; knows when torch would find out too late that one cannot.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch.optim import lr_scheduler

from lossd_server.faults import Fault
from lossd_server.limits import MAX_SCHEDULERS
from lossd_server.training import plain
from lossd_server.training.models import Spec

_OF_OTHERS = ("SequentialLR", "ChainedScheduler")
_PER_GROUP = ("base_lr", "max_lr", "base_momentum", "max_momentum", "min_lr")
"""Arguments of which there may be one for each group."""
_MADE_ANEW = ("optimizer", "_schedulers", "milestones", "_schedule_phases", "_scale_fn_ref", "_scale_fn_custom")
"""Attributes that follow from the arguments."""

_Range = tuple[Callable[[float], bool], str]
_FROM_ONE: _Range = (lambda value: value >= 1, "at least 1")
_SHARE: _Range = (lambda value: 0 <= value <= 1, "0 to 1")
_SOME_SHARE: _Range = (lambda value: 0 < value <= 1, "above 0, at most 1")
_NOT_ZERO: _Range = (lambda value: value != 0, "a number other than 0")
_RANGES: Mapping[str, _Range] = {
    "step_size": _FROM_ONE,
    "ConstantLR.factor": _SOME_SHARE,
    "start_factor": _SOME_SHARE,
    "end_factor": _SHARE,
    "T_max": _FROM_ONE,
    "T_0": _FROM_ONE,
    "T_mult": _FROM_ONE,
    "total_steps": _FROM_ONE,
    "epochs": _FROM_ONE,
    "steps_per_epoch": _FROM_ONE,
    "pct_start": _SHARE,
    "div_factor": _NOT_ZERO,
    "final_div_factor": _NOT_ZERO,
    "step_size_up": _FROM_ONE,
    "step_size_down": (lambda value: value >= 0, "at least 0"),
    "ReduceLROnPlateau.factor": (lambda value: value < 1, "below 1"),
}


class Schedule:
    """Schedulers of one kind, one over each optimizer.

    Args:
        spec: what to build.
        optimizers: whose learning rates it changes.
        places: of each optimizer's groups among all groups, which lists of numbers follow.
    """

    def __init__(
        self, spec: Spec, optimizers: Sequence[torch.optim.Optimizer], places: Sequence[Sequence[int]]
    ) -> None:
        inner = sum(1 for _ in _inside(spec))
        if inner > MAX_SCHEDULERS:
            raise Fault("LIMIT_EXCEEDED", f"{inner} schedulers in it; at most {MAX_SCHEDULERS}", field=spec.path)
        count = sum(map(len, places))
        for optimizer in optimizers:
            # A session steps its optimizer before its schedule; torch would look for proof, which a restored one lacks.
            optimizer._opt_called = True  # type: ignore[attr-defined]  # torch's own mark of it
        self._optimizers = optimizers
        self._schedulers = [
            _build(spec, optimizer, own, count) for optimizer, own in zip(optimizers, places, strict=True)
        ]
        self._can_go_on = False

    def check(self) -> None:
        """Refuses if the schedule could not go on: by going on, and back again."""
        if self._can_go_on:
            return
        before = [(held, dict(held)) for held in self._all_held()]
        try:
            self.advance(0.0)
        except (ArithmeticError, ValueError) as error:
            raise Fault(
                "SESSION_STATE",
                f"the learning rate's schedule could not go on after this step: {str(error)[:200]}; nothing was "
                "changed: stop here, or train with a longer schedule",
                field="scheduler",
            ) from None
        finally:
            for held, values in before:
                held.clear()
                held.update(values)
        self._can_go_on = True

    def advance(self, value: float) -> None:
        """Goes on by one; `value` is what ReduceLROnPlateau looks at."""
        self._can_go_on = False
        for scheduler in self._schedulers:
            if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
                scheduler.step(value)
            else:
                scheduler.step()

    def capture(self) -> list[Any]:
        """Where it is, as JSON; the groups of the optimizers hold the rest."""
        return [
            plain.flatten({name: value for name, value in held.items() if name not in _MADE_ANEW}, "schedule", {})
            for held in self._held()
        ]

    def restore(self, facts: Sequence[Any]) -> None:
        """Goes on where `capture` was called."""
        for held, values in zip(self._held(), facts, strict=True):
            held.update(plain.rebuild(values, {}, torch.device("cpu")))
        self._can_go_on = False

    def _held(self) -> Iterator[dict[str, Any]]:
        """What each scheduler keeps, those inside others after them."""
        for scheduler in self._schedulers:
            for part in _with_parts(scheduler):
                yield vars(part)

    def _all_held(self) -> Iterator[dict[str, Any]]:
        yield from self._held()
        for optimizer in self._optimizers:
            yield from optimizer.param_groups


def _with_parts(scheduler: lr_scheduler.LRScheduler) -> Iterator[lr_scheduler.LRScheduler]:
    yield scheduler
    for part in getattr(scheduler, "_schedulers", ()):
        yield from _with_parts(part)


def _inside(spec: Spec) -> Iterator[Spec]:
    for part in spec.arguments.get("schedulers", ()):
        yield part
        yield from _inside(part)


def _build(spec: Spec, optimizer: torch.optim.Optimizer, places: Sequence[int], count: int) -> lr_scheduler.LRScheduler:
    """A scheduler over one optimizer, whose groups lie at `places` among `count` in all."""
    kind: Callable[..., lr_scheduler.LRScheduler] = getattr(lr_scheduler, spec.class_name)
    if spec.class_name == "SequentialLR":
        spec = spec._replace(arguments={"milestones": [], **spec.arguments})
    arguments = {
        name: _argument(spec, name, value, places, count)
        for name, value in spec.arguments.items()
        if name != "schedulers"
    }
    _check_given(spec, kind)
    _check_momentum(spec, optimizer)
    if spec.class_name in _OF_OTHERS:
        _check_parts(spec)
        arguments["schedulers"] = [_build(part, optimizer, places, count) for part in spec.arguments["schedulers"]]
    try:
        return kind(optimizer=optimizer, **arguments)
    except (ArithmeticError, ValueError) as error:
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"torch.optim.lr_scheduler.{spec.class_name} refuses this: {str(error)[:200]}",
            field=spec.path,
        ) from None


def _argument(spec: Spec, name: str, value: Any, places: Sequence[int], count: int) -> Any:
    """As torch takes it: of numbers for each group, those of one optimizer."""
    path = f"{spec.path}.{name}"
    if value == "unspecified":
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} is unspecified; leave it out for torch's default", field=path)
    within, words = _RANGES.get(f"{spec.class_name}.{name}") or _RANGES.get(name) or (math.isfinite, "a finite number")
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, int | float) and not (math.isfinite(number) and within(number)):
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} is {number}; expected {words}", field=path)
    if name not in _PER_GROUP:
        return value
    if len(value) not in (1, count):
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"{name} has {len(value)} numbers; expected one, or one for each of the {count} groups",
            field=path,
        )
    return value[0] if len(value) == 1 else [value[place] for place in places]


def _check_given(spec: Spec, kind: Callable[..., object]) -> None:
    needed = {
        name for name, parameter in inspect.signature(kind).parameters.items() if parameter.default is inspect._empty
    }
    if spec.class_name == "OneCycleLR" and not {"epochs", "steps_per_epoch"} <= spec.arguments.keys():
        needed.add("total_steps")
    for name in sorted(needed - {"optimizer"} - spec.arguments.keys()):
        others = ", or epochs and steps_per_epoch" if name == "total_steps" else ""
        raise Fault("MISSING_FIELD", f"{spec.class_name} needs {name}{others}", field=f"{spec.path}.{name}")


def _check_momentum(spec: Spec, optimizer: torch.optim.Optimizer) -> None:
    cycles = spec.class_name in ("OneCycleLR", "CyclicLR") and spec.arguments.get("cycle_momentum", True)
    if cycles and not {"momentum", "betas"} & optimizer.defaults.keys():
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"{type(optimizer).__name__} has no momentum for {spec.class_name} to move; set cycle_momentum to false",
            field=f"{spec.path}.cycle_momentum",
        )


def _check_parts(spec: Spec) -> None:
    """What torch refuses in words without a remedy, or would fail at later."""
    parts: Sequence[Spec] = spec.arguments["schedulers"]
    for index, part in enumerate(parts):
        if part.class_name == "ReduceLROnPlateau":
            raise Fault("UNSUPPORTED", f"{spec.class_name} cannot hold ReduceLROnPlateau", field=part.path)
        if index and spec.class_name == "SequentialLR" and part.class_name in _OF_OTHERS:
            raise Fault(
                "UNSUPPORTED",
                f"SequentialLR cannot go over to a {part.class_name}; put its schedulers into this one",
                field=part.path,
            )
    milestones = spec.arguments.get("milestones", [])
    if spec.class_name == "SequentialLR" and any(one >= other for one, other in pairwise([-1, *milestones])):
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"milestones are {milestones}; expected numbers of at least 0 that ascend",
            field=f"{spec.path}.milestones",
        )
