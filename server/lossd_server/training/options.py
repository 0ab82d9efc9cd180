"""How to fit: numbers, names and their ranges; knows no session and no data."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lossd_server.faults import Fault

LOSS = "loss"
"""What is monitored beside metrics."""
MAX_EPOCHS = 1_000_000
"""Epochs of one Fit."""


@dataclass(frozen=True)
class Options:
    """How to fit; see FitRequest in the contract.

    Args:
        epochs: passes over the examples.
        batch_size: examples of a batch; 0 takes all.
        shuffle: whether each epoch has an order of its own.
        shuffle_seed: of those orders.
        drop_last: whether a last batch of fewer examples is left out.
        accumulate: micro-batches of a step.
        metrics: by name.
        patience: epochs in a row that are not better before it stops; None never stops it.
        min_delta: how much better an epoch must be.
        monitor: "loss" or one of `metrics`.
        higher: whether more of that is better.
        restore_best: whether the best epoch's weights are taken at the end.
    """

    epochs: int = 1
    batch_size: int = 0
    shuffle: bool = False
    shuffle_seed: int = 0
    drop_last: bool = False
    accumulate: int = 1
    metrics: tuple[str, ...] = ()
    patience: int | None = None
    min_delta: float = 0.0
    monitor: str = LOSS
    higher: bool = False
    restore_best: bool = False

    def check(self) -> None:
        """Refuses numbers out of range and a monitor that is not asked for."""
        self._at_least("epochs", self.epochs, 1)
        self._at_least("batch_size", self.batch_size, 0)
        self._at_least("accumulate", self.accumulate, 1)
        if self.epochs > MAX_EPOCHS:
            raise Fault("LIMIT_EXCEEDED", f"epochs is {self.epochs}; at most {MAX_EPOCHS}", field="epochs")
        if self.patience is not None:
            self._at_least("early_stopping.patience", self.patience, 1)
        if not 0 <= self.min_delta < math.inf:
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE",
                f"min_delta is {self.min_delta}; expected a finite number, at least 0",
                field="early_stopping.min_delta",
            )
        if self.monitor not in (LOSS, *self.metrics):
            raise Fault(
                "UNKNOWN_NAME",
                f"early stopping monitors {self.monitor[:64]!r}, which is not computed; expected "
                f"{' or '.join(map(repr, (LOSS, *self.metrics)))}; to monitor a metric, name it in `metrics` too",
                field="early_stopping.monitor",
            )

    def _at_least(self, name: str, given: int, least: int) -> None:
        if given < least:
            raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} is {given}; expected at least {least}", field=name)
