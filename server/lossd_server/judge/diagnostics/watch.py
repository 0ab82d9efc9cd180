"""Looks at a step while it is made, and changes nothing of it; knows tensors and modules, no rule.

Nothing here draws random numbers or writes to a tensor of the model, and what fails here is left out.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lossd_server.judge.diagnostics.baselines import Baselines
from lossd_server.judge.diagnostics.course import Watched
from lossd_server.judge.diagnostics.findings import Level
from lossd_server.losses.contract import Evaluated, Loss
from lossd_server.losses.evaluation import sum_up

log = logging.getLogger(__name__)

SAMPLE = 1024
"""Elements of a parameter that are compared before and after a step."""
SAMPLED = {Level.CHEAP: 32, Level.FULL: 1024}
"""Parameters of which some are."""
LISTED = 512
"""Parameters whose gradients are told one by one."""
UNITS = 65_536
"""Units of a rectifier up to which it is watched."""
ROWS, LEAST_ROWS = 64, 8
"""Examples whose inputs are looked at, and how few say nothing."""
SILENT_EXAMPLES = 1024
"""Examples in a row for which a dead unit has put out nothing."""
_RECTIFIERS = (nn.ReLU, nn.ReLU6)
_SATURATED = {nn.Sigmoid: (0.01, 0.99), nn.Tanh: (-0.99, 0.99)}
_NORMALISING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass
class Memory:
    """What watching one session remembers from one step to the next.

    Args:
        silent: examples in a row for which each unit of a rectifier has put out nothing, by the layer's name.
        normalised: names of the layers that normalise by the batch; None before the first look.
        baselines: what is known of the targets.
    """

    silent: dict[str, Tensor] = field(default_factory=dict)
    normalised: tuple[str, ...] | None = None
    baselines: Baselines = field(default_factory=Baselines)


@dataclass
class Seen:
    """A forward as it went.

    Args:
        loss: with `tensors`, its inputs, of which `bound` is the model's output; these need no gradient.
        value: of the loss, and of its `terms` by label.
        inputs: of the model.
        output: its output, which will have its gradient; None where that is not kept.
    """

    loss: Loss
    tensors: Mapping[str, Tensor]
    bound: str
    value: Tensor
    terms: Mapping[str, Tensor]
    inputs: Mapping[str, Tensor]
    output: Tensor | None

    def result(self) -> Evaluated:
        """The same as an evaluation comes out, with the gradient of the output if that was kept."""
        terms = {name: float(own.detach()) for name, own in self.terms.items()}
        result = Evaluated(self.value, reduced=True, terms=terms)
        sum_up(result, self.loss, self.tensors)
        if self.output is not None and self.output.grad is not None:
            result.gradients = {self.bound: self.output.grad}
        return result


class Watch:
    """Watches one step, or one micro-batch.

    Args:
        level: how much to look at; `FULL` adds the outputs of rectifiers, sigmoids and tanhs.
        memory: of the session.
        gradient: whether to tell the gradient with respect to the model's output, which is that of the loss alone.
        measuring: whether to look at the parameters, their gradients and that of the output, which takes the most time
            of a small step.
    """

    def __init__(self, level: Level, memory: Memory, gradient: bool = True, measuring: bool = True) -> None:
        self._level = level
        self._memory = memory
        self._gradient = gradient
        self.measuring = measuring
        self._parameters: list[Tensor] = []
        self._before: Tensor | None = None
        self._told: dict[str, float] = {}
        self._matrices: frozenset[str] = frozenset()
        self._fired: dict[str, tuple[Tensor, int]] = {}
        self._saturated: dict[str, float] = {}
        self.seen: Seen | None = None
        """The first forward."""

    @contextmanager
    def forwarding(self, module: nn.Module) -> Iterator[None]:
        """Inside, the model runs."""
        if self._memory.normalised is None:
            named = module.named_modules()
            self._memory.normalised = tuple(name for name, part in named if isinstance(part, _NORMALISING))
        hooks = self._hooks(module) if self._level == Level.FULL and self.seen is None else []
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def passed(
        self,
        loss: Loss,
        tensors: Mapping[str, Tensor],
        bound: str,
        value: Tensor,
        terms: Mapping[str, Tensor],
        inputs: Mapping[str, Tensor],
    ) -> None:
        """Takes the loss of a forward in, whose output is `tensors[bound]`, before it is differentiated."""
        if self.seen is not None:
            return
        output = tensors[bound]
        with _left_out():
            retained = self._gradient and self.measuring and output.requires_grad and not output.is_leaf
            if retained:
                output.retain_grad()
            detached = {name: tensor.detach() for name, tensor in tensors.items()}
            self.seen = Seen(loss, detached, bound, value.detach(), terms, inputs, output if retained else None)

    def differentiated(self, parameters: Mapping[str, nn.Parameter]) -> None:
        """Takes the gradients in, before they are clipped and used."""
        if self._told or not self.measuring:
            return
        with _left_out(), torch.no_grad():
            self._told = _root_mean_squares(parameters)
            self._matrices = frozenset(name for name, parameter in parameters.items() if parameter.dim() > 1)
            chosen = [parameters[name] for name in parameters if name in self._matrices] or list(parameters.values())
            self._parameters = _spread([one for one in chosen if one.is_floating_point()], SAMPLED[self._level])
            self._before = _sample(self._parameters)

    def finish(self) -> Watched:
        """What the step tells, now that it is made."""
        watched = Watched()
        if self._told:
            with _left_out(), torch.no_grad():
                watched = self._of_step(watched)
        with _left_out(), torch.no_grad():
            return self._of_forward(watched)
        return watched

    def _of_step(self, watched: Watched) -> Watched:
        watched = watched._replace(gradients=self._told, matrices=self._matrices)
        if self._before is None or not self._parameters:
            return watched
        after = _sample(self._parameters)
        change, size, now = torch.stack([after - self._before, self._before, after]).norm(dim=1).tolist()
        ratio = change / size if size > 0 and math.isfinite(change) else math.nan
        return watched._replace(ratio=ratio, finite=math.isfinite(now))

    def _of_forward(self, watched: Watched) -> Watched:
        seen, memory = self.seen, self._memory
        if seen is None:
            return watched
        first = next(iter(seen.inputs.values()), None)
        examples = first.shape[0] if first is not None and first.dim() else 1
        if memory.baselines.due:
            identical, greatest = _of_inputs(seen.inputs, seen.tensors, seen.bound)
            watched = watched._replace(identical=identical, greatest=greatest)
        baseline, untrained = memory.baselines.of(seen.loss, seen.tensors, seen.bound)
        return watched._replace(
            examples=examples,
            normalised=memory.normalised or (),
            baseline=baseline,
            untrained=untrained,
            silent={name: self._silent(name, fired, count) for name, (fired, count) in self._fired.items()},
            saturated=self._saturated,
        )

    def _silent(self, name: str, fired: Tensor, examples: int) -> float:
        """The share of a rectifier's units that are silent, by this batch and those before."""
        before = self._memory.silent.get(name)
        if before is None or before.shape != fired.shape:
            before = torch.zeros_like(fired, dtype=torch.int32)
        now = self._memory.silent[name] = torch.where(fired, 0, before + examples)
        if examples > 1 and not fired.any():
            return 1.0  # not one unit for not one example
        return float((now >= SILENT_EXAMPLES).float().mean())

    def _hooks(self, module: nn.Module) -> list[Any]:
        hooks = []
        for name, part in module.named_modules():
            if isinstance(part, _RECTIFIERS):
                hooks.append(part.register_forward_hook(self._told_by(name, self._rectified)))
            elif type(part) in _SATURATED:
                hooks.append(part.register_forward_hook(self._told_by(name, self._squashed)))
        return hooks

    def _told_by(self, name: str, look: Callable[[str, nn.Module, Tensor], None]) -> Callable[..., None]:
        def hook(part: nn.Module, _: Any, output: Any) -> None:
            with _left_out(), torch.no_grad():
                look(name, part, output.detach())

        return hook

    def _rectified(self, name: str, part: nn.Module, output: Tensor) -> None:
        if output.dim() < 2 or not output.numel():
            return
        active = output > 0
        if active.dim() == 3:  # (N, L, C) or (N, C, L): a unit counts as active if either reading says so
            fired = max((active.any(0).any(0), active.any(2).any(0)), key=lambda found: float(found.float().mean()))
        else:
            fired = active.flatten(2).any(2).any(0) if active.dim() > 3 else active.any(0)
        if fired.numel() <= UNITS:
            known = self._fired.get(name)
            fired = known[0] | fired if known is not None and known[0].shape == fired.shape else fired
            self._fired[name] = fired, len(output)

    def _squashed(self, name: str, part: nn.Module, output: Tensor) -> None:
        low, high = _SATURATED[type(part)]
        if output.numel():
            self._saturated[name] = float(((output < low) | (output > high)).float().mean())


@contextmanager
def _left_out() -> Iterator[None]:
    """Inside, what fails is logged and left out: a step does not fail for being watched."""
    try:
        yield
    except Exception:  # whatever it is, the step itself is well
        log.exception("a step could not be watched")


def _root_mean_squares(parameters: Mapping[str, nn.Parameter]) -> dict[str, float]:
    """Of the gradient of each parameter, in their order; 0 where there is none."""
    names = list(parameters)[:LISTED]
    held = {name: parameters[name].grad for name in names}
    dense = {
        name: gradient.coalesce().values() if gradient.is_sparse else gradient
        for name, gradient in held.items()
        if gradient is not None
    }
    norms = torch.stack([norm.float() for norm in torch._foreach_norm(list(dense.values()))]).tolist() if dense else []
    by_name = dict(zip(dense, norms, strict=True))
    return {name: by_name.get(name, 0.0) / math.sqrt(max(parameters[name].numel(), 1)) for name in names}


def _of_inputs(inputs: Mapping[str, Tensor], tensors: Mapping[str, Tensor], bound: str) -> tuple[int, float]:
    """Examples that are all the same while their targets differ, and the greatest absolute number of the inputs."""
    heads = [given[:ROWS] for given in inputs.values() if given.dim() and given.numel()]
    floating = [head for head in heads if head.is_floating_point()]
    greatest = max((float(head.abs().max()) for head in floating), default=math.nan)
    targets = [given[:ROWS] for name, given in tensors.items() if name != bound and given.dim()]
    count = min((len(head) for head in heads), default=0)
    same = count >= LEAST_ROWS and all(bool((head == head[:1]).all()) for head in heads)
    differ = any(len(head) == count and not bool((head == head[:1]).all()) for head in targets)
    return count if same and differ else 0, greatest


def _spread(parameters: Sequence[Tensor], most: int) -> list[Tensor]:
    """As many of them, first and last among them, at even distances."""
    if len(parameters) <= most:
        return list(parameters)
    return [parameters[round(index * (len(parameters) - 1) / (most - 1))] for index in range(most)]


def _sample(parameters: Sequence[Tensor]) -> Tensor:
    """Elements of all of them at even distances, as float32: a copy."""
    with suppress(RuntimeError):  # of views of memory that is laid out otherwise
        return torch.cat([one.detach().view(-1)[:: max(1, one.numel() // SAMPLE)].float() for one in parameters])
    return torch.cat([one.detach().reshape(-1)[:: max(1, one.numel() // SAMPLE)].float() for one in parameters])
