"""Draws losses that are a function of one number, with their gradients; knows no page. `docs/losses.py` places them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import matplotlib
import torch
from lossd_server.losses import catalogue
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.budget import Budget
from matplotlib.figure import Figure
from torch import Tensor

POINTS = 201
STYLE = {
    "svg.hashsalt": "lossd",  # the same picture is the same file
    "svg.fonttype": "none",
    "path.simplify": False,
    "font.family": "sans-serif",
    "font.size": 10,
}


@dataclass(frozen=True)
class Curve:
    """What is drawn: the input that varies and how far, what the others are, and the arguments that are set."""

    least: float
    most: float
    label: str
    along: str = "input"
    others: Mapping[str, float] = field(default_factory=lambda: {"target": 0.0})
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What is held: "target = 1, delta = 2"."""
        return ", ".join(f"{name} = {value:g}" for name, value in {**self.others, **self.arguments}.items())


_ERROR = "input"
_LOGIT = "input, a logit"
_ONE = {"target": 1.0}

CURVES: dict[str, Curve] = {
    "l1_loss": Curve(-3, 3, _ERROR),
    "mse_loss": Curve(-3, 3, _ERROR),
    "smooth_l1_loss": Curve(-3, 3, _ERROR, arguments={"beta": 1.0}),
    "huber_loss": Curve(-3, 3, _ERROR, arguments={"delta": 1.0}),
    "log_cosh_loss": Curve(-3, 3, _ERROR),
    "charbonnier_loss": Curve(-3, 3, _ERROR, arguments={"eps": 0.5}),
    "quantile_loss": Curve(-3, 3, _ERROR, arguments={"quantile": 0.9}),
    "mape_loss": Curve(-1, 3, _ERROR, others=_ONE),
    "smape_loss": Curve(-1, 3, _ERROR, others=_ONE),
    "msle_loss": Curve(-0.2, 4, _ERROR, others=_ONE),
    "tweedie_loss": Curve(0.5, 4, "input, a mean", others=_ONE),
    "poisson_nll_loss": Curve(-2, 2.5, "input, the log of a rate", others={"target": 2.0}),
    "gaussian_nll_loss": Curve(0.4, 3, "var", along="var", others={"input": 1.0, "target": 0.0}),
    "bce_loss": Curve(0.1, 0.99, "input, a probability", others=_ONE),
    "bce_with_logits_loss": Curve(-4, 4, _LOGIT, others=_ONE),
    "sigmoid_focal_loss": Curve(-4, 4, _LOGIT, others=_ONE, arguments={"gamma": 2.0}),
    "asymmetric_loss": Curve(-6, 6, _LOGIT),
    "soft_margin_loss": Curve(-4, 4, _LOGIT, others=_ONE),
    "hinge_loss": Curve(-3, 3, "input, a score", others=_ONE),
    "hinge_embedding_loss": Curve(0, 3, "input, a distance", others={"target": -1.0}),
    "margin_ranking_loss": Curve(
        -3, 3, "input1 - input2", "input1", {"input2": 0.0, "target": 1.0}, arguments={"margin": 1.0}
    ),
    "bradley_terry_loss": Curve(
        -4, 4, "rewards_chosen - rewards_rejected", "rewards_chosen", {"rewards_rejected": 0.0}
    ),
}  # fmt: skip
"""The losses that have a picture."""


def points(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """The number that varies, the loss and its gradient, by the catalogue's own entry in float64."""
    curve, entry = CURVES[name], catalogue.find(name)
    assert isinstance(entry, BoundEntry)
    x = torch.linspace(curve.least, curve.most, POINTS, dtype=torch.float64, requires_grad=True)
    given = {curve.along: x} | {other: torch.full_like(x, value) for other, value in curve.others.items()}
    inputs = {other: tensor.detach() if other != curve.along else tensor for other, tensor in given.items()}
    loss = entry.build({**curve.arguments, "reduction": "none"}, path="loss", allow_broadcast=False)
    loss.check(inputs)
    value = loss.compute(inputs, Budget(inputs.values())).value
    assert value.shape == x.shape, f"{name} is no function of one number"
    (gradient,) = torch.autograd.grad(value.sum(), x)
    return x.detach(), value.detach(), gradient


def draw(name: str, form: str = "svg") -> bytes:
    """The picture."""
    curve = CURVES[name]
    x, value, gradient = (part.tolist() for part in points(name))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.plot(x, value, color="#1f4e9c", linewidth=2, label="loss")
        axes.plot(x, gradient, color="#d1495b", linewidth=1.6, linestyle="--", label=f"gradient by {curve.along}")
        axes.axhline(0, color="#888888", linewidth=0.8)
        axes.set_xlabel(curve.label)
        axes.set_ylabel("loss and gradient")
        axes.set_title(f"{name} ({curve.title})", fontsize=10)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
        file = io.BytesIO()
        figure.savefig(file, format=form, dpi=90, metadata={"Date": None} if form == "svg" else None)
    return file.getvalue()
