"""What became of a `fit`, epoch by epoch; knows no call, and matplotlib only when it is asked to plot."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, overload

from lossd.diagnostics import Diagnostic, worst
from lossd.training_results import Epoch


class History(Sequence[Epoch]):
    """The epochs of a `fit`, in order, and columns of them.

    Args:
        epochs: those that ended.
        best_epoch: number of the best one, by what was monitored; 0 without any epoch.
        stop_reason: "epochs", all were run, or "early_stopping", it no longer got better.
        restored_best: whether the weights were set back to those of the best one.

        history = session.fit(x, y, epochs=20, validation_split=0.2, metrics=["accuracy"])
        history[-1].value, history.validation_value, history.metrics["accuracy"], history.best_epoch
        history.plot("training.png")
    """

    def __init__(
        self, epochs: Iterable[Epoch], best_epoch: int = 0, stop_reason: str = "epochs", restored_best: bool = False
    ) -> None:
        self._epochs = tuple(epochs)
        self.best_epoch = best_epoch
        self.stop_reason = stop_reason
        self.restored_best = restored_best

    @property
    def value(self) -> list[float]:
        """The training loss of each epoch."""
        return [epoch.value for epoch in self]

    @property
    def validation_value(self) -> list[float]:
        """The validation loss of each epoch; empty without validation examples."""
        return [epoch.validation_value for epoch in self if epoch.validation_value is not None]

    @property
    def metrics(self) -> dict[str, list[float]]:
        """Each metric that was asked for, an element an epoch."""
        return {name: [epoch.metrics[name] for epoch in self] for name in (self[0].metrics if self else ())}

    @property
    def terms(self) -> dict[str, list[float]]:
        """Each term of a weighted sum, an element an epoch."""
        return {label: [epoch.terms[label] for epoch in self] for label in (self[0].terms if self else ())}

    @property
    def lr(self) -> list[float]:
        """The learning rate of each epoch's last step, of the first parameter group."""
        return [epoch.lr[0] if epoch.lr else float("nan") for epoch in self]

    @property
    def grad_norm(self) -> list[float]:
        """The mean norm of the gradients of each epoch's steps, before clipping."""
        return [epoch.grad_norm for epoch in self]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What was found wrong, each once, as in the last epoch that had it, the worst first.

        for finding in history.diagnostics: print(finding)
        """
        return worst(finding for epoch in self for finding in epoch.diagnostics)

    def to_dict(self) -> dict[str, Any]:
        """All of it in lists, dicts, numbers and strings."""
        return {
            "epochs": [
                asdict(epoch) | {"lr": list(epoch.lr), "diagnostics": [asdict(one) for one in epoch.diagnostics]}
                for epoch in self
            ],
            "best_epoch": self.best_epoch,
            "stop_reason": self.stop_reason,
            "restored_best": self.restored_best,
        }

    def plot(self, path: str | os.PathLike[str] | None = None, *, log: bool = False, title: str = "") -> Any:
        """Draws the losses, and the metrics below them, over the epochs.

        Args:
            path: of a file to write, .png, .svg or .pdf; None writes none.
            log: whether the loss has a logarithmic axis.
            title: above it all.

        Returns:
            matplotlib's axes, that of the loss first, then one for each scale that the metrics have: accuracy, f1
            and r2 share one, mae and rmse another.

        Raises:
            ImportError: if matplotlib is not installed: pip install 'lossd[plot]'.
            ValueError: if no epoch has ended, or the path has another suffix.

            history.plot("training.png")
        """
        from lossd.plotting import draw  # matplotlib takes half a second to import: only who plots waits for it

        return draw(self, self.best_epoch, path, log=log, title=title)

    @overload
    def __getitem__(self, index: int) -> Epoch: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Epoch]: ...
    def __getitem__(self, index: int | slice) -> Epoch | Sequence[Epoch]:
        return self._epochs[index]

    def __len__(self) -> int:
        return len(self._epochs)

    def __repr__(self) -> str:
        last = f", last {self[-1]!r}" if self else ""
        return f"History({len(self)} epochs, best {self.best_epoch}, stopped by {self.stop_reason}{last})"
