"""`lossd train` as people run it: what it prints, saves and draws, and the mistakes it tells."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from click.testing import CliRunner
from lossd import cli
from lossd.tables import Table
from running import RunningServer
from sklearn import datasets

LOSSD = str(Path(sys.executable).with_name("lossd"))


def run(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOSSD_")}
    command = [LOSSD, "train", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=clean | env)


def table(path: Path, bunch: Any, *, words: bool = False) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*bunch.feature_names, "y"])
        for x, y in zip(bunch.data, bunch.target, strict=True):
            writer.writerow([*map(float, x), bunch.target_names[y] if words else y])
    return path


def predict(path: Path, bunch: Any) -> np.ndarray[Any, Any]:
    """What the saved file alone tells of the rows of a bunch, with torch."""
    with safetensors.safe_open(path, "pt") as file:
        about = {name: json.loads(text) for name, text in file.metadata().items() if name != "format"}
    columns = {name: bunch.data[:, index] for index, name in enumerate(bunch.feature_names)}
    x = np.stack(
        [(columns[feature["name"]] - feature["mean"]) / feature["std"] for feature in about["features"]], axis=1
    )
    state = safetensors.torch.load_file(path)
    out = torch.from_numpy(x.astype(np.float32))
    last = max(int(name.split(".")[0]) for name in state)
    for layer in range(0, last + 1, 2):
        out = torch.nn.functional.linear(out, state[f"{layer}.weight"], state[f"{layer}.bias"])
        out = out.relu() if layer < last else out
    if about["task"] == "regression":
        return (out[:, 0] * about["target"]["std"] + about["target"]["mean"]).numpy()
    return np.array(about["target"]["values"])[out.argmax(1).numpy()]


def held_out(count: int) -> np.ndarray[Any, Any]:
    """The rows of a regression that are held out with seed 0 and a fifth."""
    return np.random.default_rng(0).permutation(count)[count - int(count * 0.2) :]


def test_a_regression(server: RunningServer, tmp_path: Path) -> None:
    """Errors are in the target's own unit, and the saved file alone predicts the same."""
    bunch = datasets.load_diabetes()
    data, saved, drawn = table(tmp_path / "diabetes.csv", bunch), tmp_path / "m.safetensors", tmp_path / "curve.png"
    done = run(data, "--target", "y", "--epochs", 15, "--save", saved, "--plot", drawn, LOSSD_SERVER=server.target)
    assert done.returncode == 0, done.stderr
    shown = dict(line.split("\t") for line in done.stdout.splitlines())
    assert shown["task"] == "regression of y"
    assert shown["rows"] == "354 training, 88 held out"
    error = predict(saved, bunch)[held_out(442)] - bunch.target[held_out(442)]
    assert float(shown["mae (held out)"]) == pytest.approx(abs(error).mean(), rel=1e-4)
    assert float(shown["rmse (held out)"]) == pytest.approx((error**2).mean() ** 0.5, rel=1e-4)
    spread = bunch.target[held_out(442)].var()
    assert float(shown["r2 (held out)"]) == pytest.approx(1 - (error**2).mean() / spread, rel=1e-4)
    assert float(shown["r2 (held out)"]) > 0.3
    assert drawn.read_bytes().startswith(b"\x89PNG")
    assert "task: regression, as 'y' holds 214 different numbers" in done.stderr
    assert "epoch 15/15  loss " in done.stderr
    assert len(done.stderr.splitlines()) < 13


@pytest.mark.parametrize(("name", "least"), [("breast_cancer", 0.93), ("wine", 0.85)])
def test_a_classification_of_words(server: RunningServer, tmp_path: Path, name: str, least: float) -> None:
    bunch = getattr(datasets, f"load_{name}")()
    data, saved = table(tmp_path / "data.csv", bunch, words=True), tmp_path / "m.safetensors"
    words = ["--target", "y", "--early-stopping", 5, "--lr", 0.003, "--save", saved, "--json"]
    done = run(data, *words, "--server", server.target)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    _, rows = Table(data).split("y", "classification", 0.2, 0)
    assert abs(np.bincount(bunch.target[rows]) - np.bincount(bunch.target) / 5).max() < 1
    accuracy = (predict(saved, bunch)[rows] == bunch.target_names[bunch.target[rows]]).mean()
    assert answer["metrics"]["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert accuracy >= least
    history = answer["history"]
    assert history["restored_best"] is True
    best = history["epochs"][history["best_epoch"] - 1]
    assert best["validation_value"] == pytest.approx(answer["value"], rel=1e-5)
    assert (answer["task"], answer["preprocessing"]["target"]["values"]) == (
        "classification",
        sorted(bunch.target_names),
    )


def test_a_server_of_its_own_and_a_loss_of_ones_choice(tmp_path: Path) -> None:
    """Two classes and a loss of numbers: one output; words are inputs; a linear model."""
    rows = [(number % 7, "red" if number % 2 else "blue", number % 2) for number in range(60)]
    text = "\n".join(f"{x},{colour},{y}" for x, colour, y in rows)
    (tmp_path / "data.csv").write_text(f"x,colour,y\n{text}\n")
    words = ["--model", "linear", "--loss", "bce_with_logits", "--optimizer", "SGD", "--lr", 1, "--validation", 0]
    done = run(tmp_path / "data.csv", "--target", "y", *words, "--epochs", 10)
    assert done.returncode == 0, done.stderr
    shown = dict(line.split("\t") for line in done.stdout.splitlines())
    assert shown["model"] == "linear, 4 parameters"
    assert shown["accuracy (training)"] == "1"
    assert shown["f1 (training)"] == "1"


MISTAKES = [
    (["--target", "z"], "no column 'z'; the file has x, y"),
    (["--target", "y", "--model", "cnn"], "'cnn' is no model; expected linear, or mlp:64,64"),
    (["--target", "y", "--optimizer", "adamm"], "no optimizer is called 'adamm'; there are "),
    (["--target", "y", "--loss", "msee"], "no loss is called 'msee'; did you mean mse_loss?"),
    (["--target", "y", "--loss", "triplet_margin"], "takes anchor, positive, negative"),
    (["--target", "y", "--task", "regression", "--loss", "cross_entropy"], "is for classes"),
    (["--target", "y", "--save", "/nowhere/m.safetensors"], "there is no folder for /nowhere/m.safetensors"),
    (["--target", "y", "--save", "/"], "'--save': File '/' is a directory"),
    (["--target", "y", "--drop", "x"], "no column but the target"),
    (["--target", "y", "--drop", "y"], "'y' is the target and cannot be left out"),
    (["--target", "y", "--plot", "curve.xyz"], "'curve.xyz' is no file for a plot; expected .png, .svg, .pdf"),
    (["--target", "y", "--optimizer", "sparseadam"], "no optimizer is called 'sparseadam'"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_mistakes_are_told_before_anything_runs(tmp_path: Path, words: list[str], message: str) -> None:
    """Exit code 2 and words, nothing on stdout."""
    (tmp_path / "data.csv").write_text("x,y\n1,0\n2,1\n3,0\n4,1\n")
    typed = ["train", str(tmp_path / "data.csv"), *words, "--server", "localhost:1"]
    done = CliRunner().invoke(cli.cli, typed, prog_name="lossd")
    assert (done.exit_code, done.stdout) == (2, ""), done.stderr
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("loss", "instead"), [("focal", "softmax_focal_loss"), ("mse", "cross_entropy_loss")])
def test_a_loss_of_two_classes_names_one_of_more(tmp_path: Path, loss: str, instead: str) -> None:
    """Three classes and a loss that has one number of each row: the like of it for more is named."""
    (tmp_path / "data.csv").write_text("x,y\n1,red\n2,blue\n3,green\n4,red\n5,blue\n6,green\n")
    typed = ["train", str(tmp_path / "data.csv"), "--target", "y", "--loss", loss, "--server", "localhost:1"]
    done = CliRunner().invoke(cli.cli, typed, prog_name="lossd")
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"tells two classes apart; here are 3: take {instead}" in " ".join(done.stderr.split())


def test_missing_values_are_told_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("x,y\n1,0\n,1\n3,0\n?,1\n")
    done = run(tmp_path / "data.csv", "--target", "y")
    assert done.returncode == 2
    assert "column 'x' lacks 2 values (lines 3, 5)" in done.stderr


def test_a_training_that_diverges_fails_and_writes_nothing(server: RunningServer, tmp_path: Path) -> None:
    data = table(tmp_path / "diabetes.csv", datasets.load_diabetes())
    saved, drawn = tmp_path / "m.safetensors", tmp_path / "curve.png"
    words = [
        "--target",
        "y",
        "--optimizer",
        "sgd",
        "--lr",
        1e9,
        "--early-stopping",
        1,
        "--save",
        saved,
        "--plot",
        drawn,
    ]
    done = run(data, *words, LOSSD_SERVER=server.target)
    assert done.returncode == 1
    assert "the training diverged" in done.stderr
    assert "loss (held out)\tnan" in done.stdout
    assert str(saved) not in done.stdout
    assert not saved.exists()
    assert not drawn.exists()


@pytest.mark.parametrize("embedded", [False, True])
def test_control_c_ends_the_training_and_keeps_what_it_came_to(
    server: RunningServer, tmp_path: Path, embedded: bool
) -> None:
    """As a terminal sends it, to all processes; the saved file alone predicts what the report says."""
    bunch = datasets.load_diabetes()
    data, saved = table(tmp_path / "diabetes.csv", bunch), tmp_path / "m.safetensors"
    heeded = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", heeded]  # a shell's background jobs ignore SIGINT, and so would their children
    command += [LOSSD, "train", data, "--target", "y", "--epochs", "100000", "--save", saved]
    command += [] if embedded else ["--server", server.target]
    env = {name: value for name, value in os.environ.items() if not name.startswith("LOSSD_")}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        start_new_session=True,
    ) as training:
        assert training.stderr is not None
        assert any(line.startswith("epoch 1/") for line in training.stderr)
        os.killpg(training.pid, signal.SIGINT)
        out, errors = training.communicate(timeout=60)
    assert training.returncode == 130, errors
    assert "interrupted after " in errors
    assert "Traceback" not in errors
    shown = dict(line.split("\t") for line in out.splitlines())
    assert "(interrupted)" in shown["epochs"]
    error = predict(saved, bunch)[held_out(442)] - bunch.target[held_out(442)]
    assert float(shown["mae (held out)"]) == pytest.approx(abs(error).mean(), rel=1e-4)
