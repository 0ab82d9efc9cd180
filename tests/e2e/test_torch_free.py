"""The client in an environment that has no torch: `pip install lossd` and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from running import RunningServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment with the client alone."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder)
    options = ["--quiet", "--no-compile", "--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip(folder / "bin"), "install", *options, str(ROOT)], check=True, cwd=folder)
    return folder / "bin"


def pip(clean: Path) -> list[str]:
    """This environment's pip, at work in the other one, which then needs none."""
    return [sys.executable, "-m", "pip", "--python", str(clean / "python"), "--disable-pip-version-check"]


def run(clean: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([clean / command[0], *command[1:]], capture_output=True, text=True, timeout=60, cwd=clean)


def test_nothing_of_torch_is_installed(clean: Path) -> None:
    """The dependencies are those that the decision record lists, and no framework is among them."""
    listed = subprocess.run([*pip(clean), "list", "--format", "json"], capture_output=True, text=True, check=True)
    installed = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert not installed & {"torch", "jax", "prometheus-client", "grpcio-reflection", "grpcio-health-checking"}
    assert {"grpcio", "protobuf", "numpy", "googleapis-common-protos", "click", "rich"} <= installed


def test_the_sdk_evaluates_and_trains(clean: Path, server: RunningServer) -> None:
    """Values, gradients and a training step, by numpy alone."""
    program = """
import sys, lossd
with lossd.Client(sys.argv[1]) as client:
    result = client.evaluate(lossd.CrossEntropyLoss(), [[4.0, 1.0, 0.1]], [0], gradients=True)
    session = client.create_session(
        model=lossd.nn.Linear(1, 1), loss=lossd.MSELoss(), optimizer=lossd.optim.SGD(lr=0.01))
    step = session.step([[2], [4], [6]], [[4], [8], [12]]).step
print(result.value, result.gradients["input"].shape, step, "torch" in sys.modules)
"""
    done = run(clean, "python", "-c", program, server.target)
    assert done.stderr == ""
    assert done.stdout == "0.06768565624952316 (1, 3) 1 False\n"


def test_the_command_line_evaluates(clean: Path, server: RunningServer) -> None:
    """`lossd eval --server` needs no more than that."""
    inputs = ["--input", "[[4.0,1.0,0.1]]", "--target", "[0]"]
    done = run(clean, "lossd", "eval", "cross_entropy_loss", *inputs, "--server", server.target)
    assert done.returncode == 0, done.stderr
    assert "0.06768565624952316" in done.stdout


@pytest.mark.parametrize("command", [["serve"], ["eval", "mse_loss", "--input", "[1]", "--target", "[2]"], ["losses"]])
def test_what_needs_the_server_says_so(clean: Path, command: list[str]) -> None:
    """One line that names the extra; no traceback."""
    done = run(clean, "lossd", *command)
    assert done.returncode != 0
    assert "lossd[server]" in done.stderr
    assert "Traceback" not in done.stderr
