"""Models trained on the data sets that scikit-learn brings, and what they put out; knows no diagnostic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import sklearn.datasets
import torch
from torch import Tensor, nn

SETS: dict[str, Callable[..., tuple[object, object]]] = {
    "breast_cancer": sklearn.datasets.load_breast_cancer,
    "diabetes": sklearn.datasets.load_diabetes,
    "digits": sklearn.datasets.load_digits,
    "iris": sklearn.datasets.load_iris,
    "linnerud": sklearn.datasets.load_linnerud,
    "wine": sklearn.datasets.load_wine,
}


@dataclass(frozen=True)
class Trained:
    """A data set and what a model trained on it puts out for all of it.

    Args:
        raw: features as they come.
        x: features of mean 0 and spread 1.
        y: class indices (N,), or numbers (N,K).
        output: logits (N,C), or numbers (N,K) of the unit of `y`.
        hidden: the layer before the last, (N,H).
    """

    raw: Tensor
    x: Tensor
    y: Tensor
    output: Tensor
    hidden: Tensor


def load(name: str) -> tuple[Tensor, Tensor]:
    """Features and targets; numbers are float32."""
    x, y = (torch.as_tensor(part) for part in SETS[name](return_X_y=True))
    if y.dtype == torch.float64:
        return x.float(), y.float().reshape(len(y), -1)
    step = 3 if len(y) > 1000 else 1  # of digits, what trains in a second
    return x[::step].float(), y[::step].long()


@cache
def train(name: str, steps: int = 150, width: int = 16, lr: float = 0.02, raw: bool = False, seed: int = 0) -> Trained:
    """A network of one hidden layer after some steps of Adam on the whole set."""
    given, y = load(name)
    x = given if raw else (given - given.mean(0)) / given.std(0).clamp_min(1e-6)
    numbers = y.is_floating_point()
    middle, spread = (y.mean(0), y.std(0)) if numbers else (torch.tensor(0.0), torch.tensor(1.0))
    generator = torch.random.get_rng_state()
    torch.manual_seed(seed)
    trunk = nn.Sequential(nn.Linear(x.shape[1], width), nn.ReLU() if steps else nn.Tanh())
    head = nn.Linear(width, y.shape[1] if numbers else int(y.max()) + 1)
    torch.random.set_rng_state(generator)
    optimizer = torch.optim.Adam([*trunk.parameters(), *head.parameters()], lr=lr)
    target = (y - middle) / spread if numbers else y
    for _ in range(steps):
        optimizer.zero_grad()
        output = head(trunk(x))
        loss = nn.functional.mse_loss(output, target) if numbers else nn.functional.cross_entropy(output, target)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        hidden = trunk(x)
        return Trained(given, x, y, head(hidden) * spread + middle, hidden)


def binary(trained: Trained) -> tuple[Tensor, Tensor]:
    """The logit (N,) of class 1 of a model of two classes, and its targets as 0.0 and 1.0."""
    return trained.output[:, 1] - trained.output[:, 0], trained.y.float()
