"""The loss along a line through the prediction: shifted, scaled, at a temperature; knows no picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge import readings
from lossd_server.judge.readings import Reading
from lossd_server.losses.binding import BoundLoss
from lossd_server.losses.contract import Loss, Tensors
from lossd_server.losses.evaluation import value_of
from lossd_server.losses.examples import Layout

POINTS = 41
"""Of a curve: an odd number, so that the prediction stands in the middle."""
MAX_ELEMENTS = 2**23
"""Elements of inputs that all points of a curve may take together; beyond it, some of the examples stand for all."""

Pause = Callable[[], bool]
Move = Callable[[Tensor, float], Tensor]


@dataclass(frozen=True)
class Curve:
    """The loss along a line.

    Args:
        x: places, ascending; those where the loss is refused are left out.
        at: where the prediction stands; None if it stands at many places.
        examples: those whose loss it is; 0 if it is that of one element.
    """

    name: str
    title: str
    x: Sequence[float]
    loss: Sequence[float]
    at: float | None
    examples: int


def _shifted(given: Tensor, by: float) -> Tensor:
    return given + by


def _scaled(given: Tensor, by: float) -> Tensor:
    return given * by


def _tempered(scores: Tensor, by: float) -> Tensor:
    return scores / by


def _tempered_logs(logs: Tensor, by: float) -> Tensor:
    dim = 0 if logs.dim() == 1 else 1
    return (logs / by).log_softmax(dim)


def _tempered_probabilities(probabilities: Tensor, by: float) -> Tensor:
    return torch.sigmoid(torch.logit(probabilities.double()) / by).to(probabilities.dtype)


_TEMPERED: Mapping[str, Move] = {"nll_loss": _tempered_logs, "bce_loss": _tempered_probabilities}
"""How predictions that are no logits take a temperature."""


def curves(loss: Loss, tensors: Tensors, layout: Layout, reading: Reading | None, pause: Pause) -> list[Curve]:
    """The curves that fit what the output means.

    Args:
        reading: of the output; None where nobody knows what it means.
        pause: called between evaluations: raises for a caller who is gone, and tells whether time is up.
    """
    name = loss.input_names[0]
    if reading is None or not tensors[name].is_floating_point() or not tensors[name].numel():
        return []
    some, examples = _thinned(tensors, layout)
    if reading.task == readings.REGRESSION:
        return _of_numbers(loss, some, examples, pause)
    if not reading.probabilities:
        return []
    move = _TEMPERED.get(loss.name, _tempered)
    places = [10 ** ((index - POINTS // 2) / (POINTS // 2)) for index in range(POINTS)]
    title = "loss over temperature (lowest below 1: too timid, above 1: too sure)"
    return _walk("temperature", title, loss, some, places, move, 1.0, examples, pause)


def _of_numbers(loss: Loss, tensors: Tensors, examples: int, pause: Pause) -> list[Curve]:
    output, target = (tensors[name].detach() for name in loss.input_names[:2])
    residuals = (output.double() - target.double()) if output.shape == target.shape else output.double()
    finite = residuals[residuals.isfinite()]
    if not finite.numel():
        return []
    most = float(finite.abs().max()) or 1.0
    span = 2 * float(finite.square().mean().sqrt()) or 1.0
    found = [] if not math.isfinite(span) else _walk(
        "shift", "loss if this were added to every prediction (lowest off 0: biased)", loss, tensors,
        _around(0.0, span), _shifted, 0.0, examples, pause,
    )  # fmt: skip
    found += _walk(
        "scale", "loss if every prediction were times this (lowest off 1: wrong scale)", loss,
        tensors, _around(1.0, 1.0), _scaled, 1.0, examples, pause,
    )  # fmt: skip
    return _of_one(loss, output, target, most) + found


def _of_one(loss: Loss, output: Tensor, target: Tensor, most: float) -> list[Curve]:
    """The loss of one element along its residual, at the median target."""
    unreduced = loss.unreduced() if isinstance(loss, BoundLoss) else None
    finite = target[target.isfinite()]
    if unreduced is None or unreduced.input_names != ("input", "target") or not finite.numel():
        return []
    x = torch.tensor(_around(0.0, most), dtype=torch.float64)
    middle = finite.double().median()
    given = {"input": (middle + x.to(output.device)), "target": middle.expand(POINTS)}  # float64 draws no steps
    try:
        unreduced.check(given)
        losses = value_of(unreduced, given)
    except Fault:  # out of its domain on one side, as a logarithm's is
        return []
    if losses.shape != x.shape:
        return []
    title = f"loss of one element by its residual, at the median target {float(middle):.4g}"
    return [Curve("residual", title, x.tolist(), losses.tolist(), None, 0)]


def _walk(
    name: str,
    title: str,
    loss: Loss,
    tensors: Tensors,
    places: Sequence[float],
    move: Move,
    at: float,
    examples: int,
    pause: Pause,
) -> list[Curve]:
    first = loss.input_names[0]
    output = tensors[first].detach()
    x, losses = [], []
    for place in places:
        if pause():
            return []
        moved = {**tensors, first: output if place == at else move(output, place)}
        try:
            loss.check(moved)
            value = float(value_of(loss, moved).mean())
        except Fault:
            continue
        x.append(place)
        losses.append(value)
    return [Curve(name, title, x, losses, at, examples)] if any(map(math.isfinite, losses)) else []


def _around(middle: float, span: float) -> list[float]:
    half = POINTS // 2
    return [middle + span * ((index - half) / half) for index in range(POINTS)]


def _thinned(tensors: Tensors, layout: Layout) -> tuple[Tensors, int]:
    size = sum(given.numel() for given in tensors.values())
    if not layout.batched or size * POINTS <= MAX_ELEMENTS:
        return tensors, layout.count
    chosen = layout.spread(max(MAX_ELEMENTS // (POINTS * max(size // layout.count, 1)), 1))
    return layout.at(tensors, chosen), len(chosen)
