"""The `lossd` command as people run it: a process of its own, with and without a server."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import lossd
import lossd.torch
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from lossd import cli, options
from running import RunningServer

LOSSD = str(Path(sys.executable).with_name("lossd"))


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOSSD_")}
    return subprocess.run([LOSSD, *words], capture_output=True, text=True, timeout=120, env=clean | env)


def typed(*words: str) -> str:
    """What a command that succeeds prints, in this process: of what a process of its own adds the other tests tell."""
    done = CliRunner().invoke(cli.cli, list(words), prog_name="lossd")
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_first_thing_anybody_types() -> None:
    """No server anywhere: one is embedded."""
    done = run("eval", "cross_entropy_loss", "--input", "[[4.0,1.0,0.1]]", "--target", "[0]", "--gradients")
    assert (done.returncode, done.stderr) == (0, "")
    value, gradient = done.stdout.splitlines()
    assert value == "0.06768565624952316"
    assert gradient.startswith("gradient of input: [[-0.0654457")


def test_json_holds_everything(server: RunningServer) -> None:
    words = ["--input", "[78,85,92]", "--target", "[80,87,90]", "--delta", "2", "--gradients", "--json"]
    done = run("eval", "huber-loss", *words, "--server", server.target)
    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert answer["value"] == 2.0
    assert answer["weight_sum"] == 3.0
    assert answer["execution"]["device"] == "cpu:0"
    assert np.shape(answer["gradients"]["input"]) == (3,)


def test_files_and_the_environment(server: RunningServer, tmp_path: Path) -> None:
    np.save(tmp_path / "logits.npy", np.array([[4.0, 1.0, 0.1]], np.float64))
    (tmp_path / "target.csv").write_text("0\n")
    words = ["--input", str(tmp_path / "logits.npy"), "--target", str(tmp_path / "target.csv")]
    done = run("eval", "CrossEntropyLoss", *words, "--label-smoothing", "0.1", LOSSD_SERVER=server.target)
    assert done.returncode == 0
    logits = torch.tensor([[4.0, 1.0, 0.1]], dtype=torch.float64)
    exact = torch.nn.functional.cross_entropy(logits, torch.tensor([0]), label_smoothing=0.1).item()
    assert done.stdout == f"{exact!r}\n"


def test_json_takes_the_type_of_the_file_beside_it(server: RunningServer, tmp_path: Path) -> None:
    np.save(tmp_path / "x64.npy", np.array([0.1, 0.2, 0.3]))
    words = ["--input", str(tmp_path / "x64.npy"), "--target", "[0.7,0,1]", "--gradients"]
    done = run("eval", "mse_loss", *words, "--server", server.target)
    x = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    exact = torch.nn.functional.mse_loss(x, torch.tensor([0.7, 0, 1], dtype=torch.float64)).item()
    assert (done.stdout.splitlines()[0], done.stderr) == (repr(exact), "")


def test_expressions_take_any_inputs(server: RunningServer) -> None:
    words = ["--source", "sum(w * (input - target)**2)", "--input", "[1,2]", "--target", "[3,-2]", "--w=[0.5,-1]"]
    done = run("eval", "expression", *words, "--server", server.target)
    assert (done.stdout, done.stderr) == ("-14.0\n", "")


def test_what_it_prints_can_be_given_back(server: RunningServer) -> None:
    words = ["--input", '["NaN", "Infinity", 1]', "--target", "[0, 0, 3]", "--reduction", "none"]
    done = run("eval", "l1_loss", *words, "--server", server.target)
    assert (done.stdout, done.stderr) == ('losses: ["NaN", "Infinity", 2.0]\n', "")


def test_a_slip_in_a_csv_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "typo.csv").write_text("1.o\n2\n3\n")
    words = ["--input", str(tmp_path / "typo.csv"), "--target", str(tmp_path / "typo.csv")]
    done = run("eval", "l1_loss", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "typo.csv, line 1: '1.o' is no number" in done.stderr


def test_unreduced_losses(server: RunningServer) -> None:
    words = ["--input", "[1,2]", "--target", "[3,5]", "--reduction", "none", "--gradients", "--grad_output", "[1,1]"]
    done = run("eval", "mse_loss", *words, "--server", server.target)
    assert done.stdout.splitlines()[0] == "losses: [4.0, 9.0]"


def test_refusals_are_one_line(server: RunningServer) -> None:
    done = run("eval", "mse_loss", "--input", "[1]", "--target", "[1,2]", "--server", server.target)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("lossd: inputs.target: ")
    assert done.stderr.count("\n") == 1


def test_losses_and_info(server: RunningServer) -> None:
    listed = run("losses", "--server", server.target)
    names = [line.split("\t")[0] for line in listed.stdout.splitlines()]
    assert "huber_loss" in names
    assert names == sorted(names)
    described = json.loads(typed("losses", "huber_loss", "--json", "--server", server.target))
    assert described["class_name"] == "HuberLoss"
    huber = typed("losses", "huber_loss", "--server", server.target).splitlines()
    assert huber[0] == "loss\thuber_loss"
    assert any(line.startswith("--delta\t") for line in huber)
    assert "--terms\t" in (weighted := typed("losses", "weighted_sum", "--server", server.target))
    assert "required" in weighted
    assert "reduction\t\n" not in weighted
    missing = run("losses", "xyzzy", "--server", server.target)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr == "lossd: no loss is called 'xyzzy'; `lossd losses` lists them\n"
    near = run("losses", "cros_entropy_loss", "--server", server.target)
    assert near.stderr.startswith("lossd: no loss is called 'cros_entropy_loss'; did you mean 'cross_entropy_loss'? ")
    about = json.loads(typed("info", "--json", "--server", server.target))
    assert about["devices"][0]["name"] == "cpu:0"
    of_server, of_device = typed("info", "--server", server.target).split("\n\n")
    assert of_server.startswith(f"server\t{server.target}\n")
    assert "torch_version" in of_server
    assert of_device.startswith("device\tcpu:0\nhealthy\tTrue\n")


def test_losses_are_found_by_alias_task_and_family(server: RunningServer) -> None:
    shown = typed("losses", "focal_loss", "--server", server.target).splitlines()
    focal = dict(line.split("\t", 1) for line in shown)
    assert (focal["loss"], focal["class"]) == ("sigmoid_focal_loss", "lossd.SigmoidFocalLoss")
    assert "focal_loss" in focal["aliases"]
    assert focal["--gamma"].endswith("float; at least 0; default 2.0")
    assert focal["input target"].endswith("; (*), as input; float16, bfloat16, float32, float64")
    assert focal["reduction"] == "mean (default), none, sum"
    assert focal["example"].startswith("lossd eval sigmoid_focal_loss --input ")
    assert focal["in Python"].startswith("client.evaluate(lossd.SigmoidFocalLoss(), ")
    assert float(focal["value"]) > 0
    listed = run("losses", "--task", "segmentation", "--server", server.target).stdout.splitlines()
    assert ["dice_loss", "segmentation"] in [line.split("\t")[:2] for line in listed]
    assert all("segmentation" in line.split("\t")[2] for line in listed)
    boxes = json.loads(typed("losses", "--family", "boxes", "--json", "--server", server.target))
    assert {loss["family"] for loss in boxes} == {"boxes"}
    for words in (["--task", "metric_learning"], ["--family", "Metric Learning"], ["--family", "metric-learning"]):
        assert "circle_loss\tmetric_learning\t" in typed("losses", *words, "--server", server.target)
    unknown = run("losses", "--task", "segmentatoin", "--server", server.target)
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "there is no task 'segmentatoin'; expected one of classification, " in unknown.stderr


def test_a_loss_of_the_field(server: RunningServer) -> None:
    words = ["--mode", "binary", "--input", "[[[2,-1]],[[0.5,0]]]", "--target", "[[1,0],[1,1]]", "--no-per-image"]
    done = run("eval", "dice_loss", *words, "--server", server.target)
    p, t = torch.sigmoid(torch.tensor([2, -1, 0.5, 0], dtype=torch.float64)), torch.tensor([1.0, 0, 1, 1]).double()
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout) == pytest.approx(float(1 - 2 * (p * t).sum() / (p + t).sum()), rel=1e-6)


class Halved(torch.nn.Module):
    """A loss of one's own."""

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:  # noqa: A002  # as torch calls it
        return ((input - target) ** 2).mean() / 2


def test_a_program_is_a_file(server: RunningServer, tmp_path: Path) -> None:
    """Its inputs are options of their names."""
    lossd.torch.export_loss(Halved(), (torch.zeros(3), torch.zeros(3))).save(tmp_path / "halved")
    words = ["--input", "[78,85,92]", "--target", "[80,87,90]", "--server", server.target]
    done = run("eval", "program", str(tmp_path / "halved"), *words)
    assert (done.stdout, done.stderr) == ("2.0\n", "")


def test_every_example_can_be_typed(server: RunningServer) -> None:
    """As `lossd losses NAME` prints it, at the shell and in Python: the value to the last bit."""
    with lossd.Client(server.target) as client:
        losses = [loss for loss in client.losses() if loss.example is not None]
        assert len(losses) > 80
        for loss in losses:
            program, *words = shlex.split(options.command(loss, loss.example))
            assert program == "lossd"
            typed = CliRunner().invoke(cli.cli, [*words, "--server", server.target])
            assert (loss.name, typed.output) == (loss.name, f"{loss.example.value!r}\n")
            assert eval(loss.example.python, {"client": client, "lossd": lossd}) == loss.example.value, loss.name


def test_serve_serves_until_it_is_told_to_stop() -> None:
    words = [LOSSD, "serve", "--address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = next(line for line in process.stderr if '"serving"' in line)
            target = json.loads(line)["address"]
            until = time.monotonic() + 60
            while (done := run("eval", "mse_loss", "--input", "1", "--target", "3", "--server", target)).returncode:
                assert time.monotonic() < until, done.stderr
            assert done.stdout == "4.0\n"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def test_serve_passes_help_through() -> None:
    done = run("serve", "--help")
    assert done.returncode == 0
    assert "--metrics-address" in done.stdout
