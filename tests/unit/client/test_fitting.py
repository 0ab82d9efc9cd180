"""What `fit` makes of batches that come one after another, and what it refuses of them."""

from __future__ import annotations

from dataclasses import replace

import lossd
import numpy as np
import pytest
from lossd.changing import Plan
from lossd.fitting import Changes, Tally, check_batches, pair
from lossd.results import Execution
from lossd.training_results import MicroBatch, Score, Step

HERE = Execution("cpu:0", 0.0, 0.0, 1)
BATCHES = [([[1.0]], [[2.0]]), ([[1.0], [3.0]], [[2.0], [4.0]])]


def kinds(accumulate: int, batches: int) -> list[str]:
    changes = Changes("s", lossd.MSELoss(), accumulate)
    return [change.kind for change in changes.all([BATCHES[0]] * batches)]


def test_batches_become_steps_and_micro_batches() -> None:
    """The rest of an epoch makes a step of its own."""
    assert kinds(1, 2) == ["train_step"] * 2
    assert kinds(2, 3) == ["forward_backward", "forward_backward", "optim_step", "forward_backward", "optim_step"]


REFUSED = [
    (Plan(2), iter(BATCHES), ValueError, "can be read once, epochs is 2"),
    (Plan(1, batch_size=4), BATCHES, ValueError, "batch_size is for arrays"),
    (Plan(1, restore_best=True), BATCHES, ValueError, "restore_best is for arrays"),
    (Plan(1, validation_split=0.5), BATCHES, ValueError, "validation_split is for arrays"),
    (Plan(1, metrics=("mae",)), BATCHES, ValueError, "need validation_data"),
    (Plan(0), BATCHES, ValueError, "epochs is 0"),
    (Plan(1), 5, TypeError, "an iterable of pairs"),
    (Plan(1), {"input": [1]}, TypeError, "an iterable of pairs"),
    (
        Plan(1, early_stopping=lossd.EarlyStopping(1, monitor="mae"), validation_data=BATCHES[0], metrics=("mae",)),
        BATCHES,
        ValueError,
        "monitors the loss alone",
    ),
]


@pytest.mark.parametrize(("plan", "batches", "kind", "message"), REFUSED, ids=[message for *_, message in REFUSED])
def test_what_needs_all_examples_is_refused(plan: Plan, batches: object, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        check_batches(plan, batches)


def test_what_is_taken() -> None:
    check_batches(Plan(1), iter(BATCHES))
    check_batches(Plan(9), BATCHES)
    assert pair(1, list(BATCHES[0])) == BATCHES[0]
    for wrong, what in ((5, "has int"), ((1, 2, 3), "has 3 parts")):
        with pytest.raises(TypeError, match=f"batch 7 {what}"):
            pair(7, wrong)


def test_an_epochs_loss_is_its_batches_mean_by_examples() -> None:
    tally = Tally(Plan(2), 2)
    changes = list(Changes("s", lossd.MSELoss()).all(BATCHES))
    first = tally.took(changes[0], Step(3.0, 1, 1.0, {"a": 3.0}, HERE, (0.1,)))
    assert (first.epoch, first.fraction, first.value) == (1, 0.25, 3.0)
    tally.took(changes[1], Step(6.0, 2, 3.0, {"a": 0.0}, HERE, (0.2,)))
    ended = tally.end_epoch(None).ended[0]
    assert (ended.value, ended.terms, ended.grad_norm, ended.lr, ended.step) == (5.0, {"a": 1.0}, 2.0, (0.2,), 2)
    assert tally.stopped == ""
    with pytest.raises(ValueError, match="epoch 2 had no batches"):
        tally.end_epoch(None)


def test_micro_batches_count_where_their_losses_are() -> None:
    tally = Tally(Plan(1, accumulate=2), None)
    forward, _, step = Changes("s", lossd.MSELoss(), 2).all([BATCHES[1]] * 2)
    for value in (2.0, 4.0):
        assert tally.took(forward, MicroBatch(value, 1, 2.0, {}, HERE, 1, False)).fraction is None
    assert tally.took(step, Step(99.0, 7, 5.0, {}, HERE)) is None
    history_of = tally.end_epoch(None)
    assert (history_of.ended[0].value, history_of.ended[0].step, tally.stopped) == (3.0, 7, "epochs")


def test_it_stops_when_it_gets_no_better() -> None:
    tally = Tally(Plan(9, early_stopping=lossd.EarlyStopping(2, min_delta=0.1)), 1)
    change = next(Changes("s", lossd.MSELoss()).all(BATCHES))
    score = Score(0.0, {}, {"mae": 1.0}, None, None, 1, 1, HERE)
    for value in (1.0, 0.5, 0.45, 0.6):
        assert tally.stopped == ""
        tally.took(change, Step(np.nan, 1, 1.0, {}, HERE))
        tally.end_epoch(replace(score, value=value))
    history = tally.history()
    assert (history.stop_reason, history.best_epoch, len(history)) == ("early_stopping", 2, 4)
    assert history.metrics == {"mae": [1.0] * 4}
