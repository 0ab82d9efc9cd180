"""A history is a sequence of epochs with columns, and draws itself."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import sys
from pathlib import Path

import lossd
import pytest
import rich.console
from lossd.curve import _picture


def epoch(number: int, validation: float | None = 0.5) -> lossd.Epoch:
    metrics = {"accuracy": 1 - 1 / number}
    return lossd.Epoch(number, 10 * number, 1 / number, validation, {"mse_loss": 0.5}, metrics, 2.0, (0.1, 0.2), 0.01)


HISTORY = lossd.History([epoch(number) for number in (1, 2, 4)], 2, "early_stopping", restored_best=True)


def test_columns_and_rows() -> None:
    assert (len(HISTORY), HISTORY[-1].epoch, [found.step for found in HISTORY[:2]]) == (3, 4, [10, 20])
    assert HISTORY.value == [1.0, 0.5, 0.25]
    assert HISTORY.validation_value == [0.5] * 3
    assert HISTORY.metrics == {"accuracy": [0.0, 0.5, 0.75]}
    assert HISTORY.terms == {"mse_loss": [0.5] * 3}
    assert (HISTORY.lr, HISTORY.grad_norm) == ([0.1] * 3, [2.0] * 3)
    assert lossd.History([epoch(1, None)]).validation_value == []
    assert lossd.History([]).metrics == {}
    assert repr(HISTORY).startswith("History(3 epochs, best 2, stopped by early_stopping, last Epoch(epoch=4, ")


def test_all_of_it_is_json() -> None:
    facts = json.loads(json.dumps(HISTORY.to_dict()))
    assert facts["epochs"][0]["lr"] == [0.1, 0.2]
    assert (facts["best_epoch"], facts["stop_reason"], facts["restored_best"]) == (2, "early_stopping", True)


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_it_draws_losses_metrics_and_the_best_epoch(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"curve.{suffix}"
    losses, metrics = HISTORY.plot(path, log=True, title="digits")
    assert path.stat().st_size > 5000
    assert losses.get_yscale() == "log"
    drawn = {line.get_label(): list(line.get_ydata()) for line in losses.lines}
    assert drawn["training"] == HISTORY.value
    assert drawn["validation"] == HISTORY.validation_value
    assert "best epoch (2)" in drawn
    assert list(metrics.lines[0].get_ydata()) == HISTORY.metrics["accuracy"]


def test_metrics_of_different_scales_have_panels_of_their_own(tmp_path: Path) -> None:
    """Errors do not flatten what is at most 1."""
    pytest.importorskip("matplotlib")
    metrics = {"mae": 350_000.0, "mse": 2e11, "r2": 0.5, "rmse": 450_000.0}
    found = [dataclasses.replace(epoch(number), metrics=metrics) for number in (1, 2)]
    _, *panels = lossd.History(found, 1).plot(tmp_path / "curve.png")
    drawn = [[line.get_label() for line in panel.lines if not line.get_label().startswith("_")] for panel in panels]
    assert drawn == [["mae", "rmse"], ["mse"], ["r2"]]
    assert [panel.get_ylabel() for panel in panels] == ["error", "mse", "r2"]


@pytest.mark.parametrize("name", ["curve.xyz", "curve"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match=r"is no file for a plot; expected .png, .svg, .pdf"):
        HISTORY.plot(tmp_path / name)


@pytest.mark.parametrize("last", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_shown(last: float) -> None:
    """The live picture of a diverging training goes on, and is drawn by what is finite."""
    ended = [epoch(1), epoch(2), dataclasses.replace(epoch(3), value=last, metrics={"accuracy": last})]
    console = rich.console.Console(width=80, record=True, file=io.StringIO())
    console.print(_picture(lossd.Progress(3, 9, 30, 0.3, last, ()), ended, 40))
    text = console.export_text()
    assert f"{last:.4g}" in text
    assert "accuracy" in text
    assert "▁█" in text


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'lossd\[plot\]'"):
        HISTORY.plot("curve.png")
    monkeypatch.undo()
    pytest.importorskip("matplotlib")
    with pytest.raises(ValueError, match="no epoch has ended"):
        lossd.History([]).plot("curve.png")
