"""How a session steps: its optimizers, their groups and schedules as one; knows none of them by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from lossd_server.faults import Fault
from lossd_server.training import construction, plain
from lossd_server.training.groups import alone, divide
from lossd_server.training.models import Spec
from lossd_server.training.rollback import Rollback
from lossd_server.training.schedulers import Schedule

_SET_ONCE = ("initial_accumulator_value", "max_iter", "max_eval", "history_size", "ns_steps")
"""Numbers of a group that say how its state or its work is laid out, and so hold for all steps."""


class Optimization:
    """The optimizers of one model: the main one with its groups, and one for each group of another class.

    Args:
        optimizer: the main one; its argument `groups` lists Specs of class ParameterGroup.
        scheduler: of all learning rates, None to leave them.
        interval: when it goes on: after each "step" or "epoch".
        named_parameters: all that is trained.
        sparse: names of those whose gradients are sparse, see `groups.sparse_parameters`.
    """

    def __init__(
        self,
        optimizer: Spec,
        scheduler: Spec | None,
        interval: str,
        named_parameters: Mapping[str, nn.Parameter],
        sparse: Collection[str] = (),
    ) -> None:
        self._parameters = dict(named_parameters)
        self.needs_closure = optimizer.class_name == "LBFGS"
        if sparse:
            # torch builds sparse tensors inside of some steps, and warns unless one says whether they are checked.
            torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]  # torch left it so
        parts = divide(optimizer, list(self._parameters), sparse)
        mine = [index for index, part in enumerate(parts) if not part.own]
        shares = [(alone(optimizer), mine), *((part.spec, [index]) for index, part in enumerate(parts) if part.own)]
        self._optimizers = [
            construction.build(spec, [parts[index] for index in places], self._parameters) for spec, places in shares
        ]
        places = [places for _, places in shares]
        by_place = {
            place: group
            for built, own in zip(self._optimizers, places, strict=True)
            for place, group in zip(own, built.param_groups, strict=True)
        }
        self._groups = [by_place[place] for place in sorted(by_place)]
        self._schedule = Schedule(scheduler, self._optimizers, places) if scheduler is not None else None
        self._interval = interval
        self._names = {parameter: name for name, parameter in self._parameters.items()}
        self._rollback = Rollback()

    @property
    def lr(self) -> list[float]:
        """The learning rate of each group, for the next step: what no group names first, then the groups in order."""
        return [float(group["lr"]) for group in self._groups]

    def step(self, overrides: Mapping[str, float] = {}, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """One step of every optimizer with the gradients that lie in the parameters; all of it or nothing.

        Args:
            overrides: numbers of every group that has them, for this step alone.
            closure: computes loss and gradients anew, where `needs_closure`.

        Returns:
            What the first call of `closure` returned; None without one.
        """
        if self._schedule is not None:
            self._schedule.check()
        result: Tensor | None = None
        with self._overridden(overrides), self._rollback.on_failure(self._optimizers):
            for optimizer in self._optimizers:
                try:
                    # What a closure returns, a tensor, is a float in torch's annotations.
                    result = cast(Any, optimizer).step(*[closure] if closure is not None else [])
                except ArithmeticError as error:
                    raise Fault(
                        "UNSUPPORTED",
                        f"torch cannot compute the optimizer's step with its arguments: {error}; nothing was changed",
                        field="optimizer",
                    ) from None
        return result

    def after_step(self, value: float) -> None:
        """Lets a schedule by steps go on; `value` is the step's loss."""
        self._advance("step", value)

    def after_epoch(self, value: float) -> None:
        """Lets a schedule by epochs go on; `value` is the epoch's loss."""
        self._advance("epoch", value)

    def capture(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that steps have changed beside the parameters: tensors, which are not copies, and facts as JSON."""
        tensors: dict[str, Tensor] = {}
        facts: dict[str, Any] = {
            "groups": [plain.flatten(_values(group), f"groups/{n}", tensors) for n, group in enumerate(self._groups)],
            "state": {
                name: plain.flatten(state[parameter], name, tensors)
                for state in (optimizer.state for optimizer in self._optimizers)
                for name, parameter in self._parameters.items()
                if parameter in state
            },
        }
        if self._schedule is not None:
            facts["schedule"] = self._schedule.capture()
        return tensors, facts

    def restore(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Becomes what `capture` described, bit for bit; the specifications must be the same. Tensors are copied."""
        for group, values in zip(self._groups, facts["groups"], strict=True):
            group.update(plain.rebuild(values, tensors, torch.device("cpu")))
        for optimizer in self._optimizers:
            optimizer.state.clear()
            for parameter in (parameter for group in optimizer.param_groups for parameter in group["params"]):
                state = facts["state"].get(self._names[parameter])
                if state is not None:
                    optimizer.state[parameter] = plain.rebuild(state, tensors, parameter.device)
        if self._schedule is not None:
            self._schedule.restore(facts["schedule"])

    def _advance(self, interval: str, value: float) -> None:
        if self._schedule is not None and self._interval == interval:
            self._schedule.advance(value)

    @contextmanager
    def _overridden(self, overrides: Mapping[str, float]) -> Iterator[None]:
        """Inside, the groups have other numbers."""
        if not overrides:
            yield
            return
        self._check_overrides(overrides)
        before = [dict(group) for group in self._groups]
        try:
            for optimizer in self._optimizers:
                for group in optimizer.param_groups:
                    group.update({name: overrides[name] for name in overrides if name in _numbers(optimizer)})
            yield
        finally:
            for group, values in zip(self._groups, before, strict=True):
                group.update(values)

    def _check_overrides(self, overrides: Mapping[str, float]) -> None:
        known = sorted({name for optimizer in self._optimizers for name in _numbers(optimizer)})
        for name, value in overrides.items():
            path = f"overrides.{name[:64]}"
            if name not in known:
                raise Fault(
                    "UNKNOWN_NAME",
                    f"no group has a number {name[:64]!r} that one step may change; there are {', '.join(known)}",
                    field=path,
                )
            if not math.isfinite(value):
                raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} is {value}; expected a finite number", field=path)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                _check_group(optimizer, group, {name: overrides[name] for name in overrides if name in group})


def _values(group: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in group.items() if name != "params"}


def _numbers(optimizer: torch.optim.Optimizer) -> list[str]:
    """Names of the numbers of a group that one step may change."""
    return [
        name
        for name, value in optimizer.defaults.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in _SET_ONCE
    ]


def _check_group(optimizer: torch.optim.Optimizer, group: Mapping[str, Any], overrides: Mapping[str, float]) -> None:
    """Refuses numbers that torch would refuse in a constructor, or finds no state for."""
    if isinstance(optimizer, torch.optim.RMSprop) and overrides.get("momentum") and not group["momentum"]:
        raise Fault(
            "UNSUPPORTED",
            "RMSprop was created without momentum and keeps no buffer for it; create it with a momentum above 0",
            field="overrides.momentum",
        )
    for names in (*([name] for name in overrides), overrides):
        try:
            construction.check(optimizer, {**group, **{name: overrides[name] for name in names}})
        except ValueError as error:
            given = ", ".join(f"{name} {overrides[name]}" for name in names)
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                f"{given}: torch.optim.{type(optimizer).__name__} refuses this, {str(error)[:200]}; expected what it "
                "takes when created",
                field="overrides" + (f".{next(iter(names))}" if len(names) == 1 else ""),
            ) from None
