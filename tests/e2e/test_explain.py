"""Explanations as people ask for them: the SDK in both kinds, grpcurl, and the command with and without a server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lossd
import lossd.torch
import numpy as np
import pytest
import torch
from lossd.plain import plain
from running import RunningServer
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB

LOSSD = str(Path(sys.executable).with_name("lossd"))
EXPLAIN = "lossd.v1.EvaluationService/ExplainLoss"


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[lossd.Client]:
    with lossd.Client(server.target) as client:
        yield client


def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOSSD_")}
    return subprocess.run([LOSSD, *words], capture_output=True, text=True, timeout=120, env=clean | env)


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities of a model that was trained on half of the digits, and the truth, of the other half."""
    x, y = load_digits(return_X_y=True)
    model = GaussianNB(var_smoothing=1e-2).fit(x[::2], y[::2])
    return model.predict_log_proba(x[1::2]).astype(np.float32), y[1::2]


def test_real_data_is_explained(client: lossd.Client) -> None:
    """Digits: the worst are those that the model is sure of and wrong about; metrics stand beside."""
    logits, y = digits()
    explanation = client.explain(lossd.NLLLoss(), logits, y, metrics="accuracy", limit=10)
    losses = -logits[np.arange(len(y)), y].astype(np.float64)
    assert explanation.value == client.evaluate(lossd.NLLLoss(), logits, y).value
    assert [one.index for one in explanation.worst] == np.argsort(-losses, kind="stable")[:10].tolist()
    assert [one.share for one in explanation.worst] == pytest.approx(
        (np.sort(losses)[::-1][:10] / losses.sum()).tolist(), rel=1e-5
    )
    assert explanation.metrics["accuracy"] == pytest.approx((logits.argmax(1) == y).mean())
    assert explanation.worst[0].target.startswith(f"class {y[explanation.worst[0].index]}, p ")
    assert explanation.loss == "NLLLoss()"
    assert explanation.execution.device == "cpu:0"
    curve = explanation.curves["temperature"]
    assert curve.x[int(np.argmin(curve.loss))] > 1, "naive Bayes is too sure"


def test_both_clients_say_the_same(server: RunningServer, client: lossd.Client) -> None:
    """Arrays large enough to travel as attachments; all but the time that it took is equal."""
    x, y = load_diabetes(return_X_y=True)
    predictions = np.tile(LinearRegression().fit(x, y).predict(x).astype(np.float32), 60)
    loss, truth = 0.5 * lossd.HuberLoss(delta=20.0) + 0.5 * lossd.MSELoss(), np.tile(y.astype(np.float32), 60)

    async def ask() -> lossd.Explanation:
        async with lossd.AsyncClient(server.target) as other:
            return await other.explain(loss, predictions, target=truth, limit=3)

    first, second = client.explain(loss, predictions, target=truth, limit=3), asyncio.run(ask())
    facts = [plain(one) for one in (first, second)]
    assert [one.pop("execution")["device"] for one in facts] == ["cpu:0"] * 2
    assert facts[0] == facts[1]
    assert [term.label for term in first.terms] == ["huber_loss", "mse_loss"]
    assert sum(term.contribution for term in first.terms) == pytest.approx(first.value)
    assert (first.examples, len(first.worst)) == (len(truth), 3)


def test_a_program_is_explained(client: lossd.Client) -> None:
    """A loss of one's own: sent when the server does not hold it, evaluated for each example alone."""

    class Cubed(torch.nn.Module):
        def forward(self, guess: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            return (guess - target).abs().pow(3).mean()

    loss = lossd.torch.export_loss(Cubed(), [torch.randn(5), torch.randn(5)], dynamic=[["n"], ["n"]])
    x, y = np.array([1.0, 5.0, 2.0], np.float32), np.zeros(3, np.float32)
    explanation = client.explain(loss, x, y)
    assert [one.index for one in explanation.worst] == [1, 2, 0]
    assert [one.loss for one in explanation.worst] == pytest.approx([125, 8, 1])


def test_what_is_wrong_is_named(client: lossd.Client) -> None:
    with pytest.raises(lossd.InvalidArgument) as refused:
        client.explain(lossd.MSELoss(), [[1.0], [2.0]], [1.0, 2.0])
    assert (refused.value.reason, refused.value.field) == ("SHAPE_MISMATCH", "inputs.target")
    for limit in (0, -1, 1001):
        with pytest.raises(lossd.InvalidArgument) as refused:
            client.explain(lossd.MSELoss(), [1.0], [2.0], limit=limit)
        assert refused.value.field == "limit"
    with pytest.raises(TypeError, match="expected a loss"):
        client.explain("mse", [1.0], [2.0])  # type: ignore[arg-type]  # what the test is about


def test_grpcurl(server: RunningServer) -> None:
    """A person at a terminal: nested arrays in, JSON out."""
    request = {
        "loss": {"cross_entropy_loss": {}},
        "inputs": {"input": {"values": [[4.0, 1.0, 0.1], [0.0, 3.0, 0.0]]}, "target": {"values": [0, 2]}},
        "metrics": ["accuracy"],
        "limit": 1,
    }
    done = server.grpcurl(EXPLAIN, json.dumps(request))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    (worst,) = answer["worst"]
    assert (worst["index"], worst["prediction"], worst["target"]) == ("1", "class 1, p 0.91", "class 2, p 0.045")
    assert answer["metrics"] == {"accuracy": 0.5}
    assert {one["name"] for one in answer["histograms"]} == {"true_class_probability", "loss", "gradient_norm"}
    request["limit"] = 9999
    done = server.grpcurl(EXPLAIN, json.dumps(request))
    assert '"reason":"LIMIT_EXCEEDED"' in done.stderr
    assert '"field":"limit"' in done.stderr


def test_the_command(server: RunningServer, tmp_path: Path) -> None:
    """Text of 80 columns, JSON, and a page; a file of another kind is refused before anything is asked."""
    logits, y = digits()
    np.save(tmp_path / "logits.npy", logits)
    np.save(tmp_path / "y.npy", y)
    words = ["explain", "nll", "--input", str(tmp_path / "logits.npy"), "--target", str(tmp_path / "y.npy")]
    where = ["--server", server.target]
    told = run(*words, "--limit", "5", "--metrics", "accuracy", *where)
    assert (told.returncode, told.stderr) == (0, "")
    assert max(map(len, told.stdout.splitlines())) <= 80
    assert not [line for line in told.stdout.splitlines() if line != line.rstrip()], "no blanks at an end"
    narrow = run(*words, "--limit", "5", *where, COLUMNS="60").stdout
    assert max(map(len, narrow.splitlines())) <= 60 < max(map(len, told.stdout.splitlines())), "as COLUMNS says"
    for part in ("NLLLoss()", "accuracy", "What looks wrong", "Highest losses, 5 of 898", "Probability given"):
        assert part in told.stdout, part
    facts = json.loads(run(*words, "--json", *where).stdout)
    assert (facts["examples"], len(facts["worst"])) == (898, 20)
    page = tmp_path / "report.html"
    done = run(*words, "--html", str(page), *where)
    assert (done.returncode, done.stdout) == (0, f"{page}\n")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    wrong = run(*words, "--html", str(tmp_path / "report.pdf"), "--server", "127.0.0.1:1")
    assert wrong.returncode == 2
    assert "report.pdf" in wrong.stderr


def test_the_command_without_a_server() -> None:
    """One is embedded, as for `eval`; a formula takes inputs by their names."""
    source = ["--source", "mean((input - truth)**2)"]
    told = run("explain", "expression", *source, "--input", "[1,2,9]", "--truth", "[1,3,4]")
    assert (told.returncode, told.stderr) == (0, "")
    assert "Highest losses, 3 of 3" in told.stdout
    unknown = run("explain", "mse_los")
    assert unknown.returncode == 2
    assert "did you mean mse_loss?" in unknown.stderr
    assert "lossd explain plugin" in unknown.stderr


def test_the_documented_page_is_what_is_printed(client: lossd.Client) -> None:
    """Word for word, but for the time that it took and what diagnostics say of it, which have pages of their own."""
    guide = (Path(__file__).parents[2] / "docs" / "explain.md").read_text(encoding="utf-8")
    code, shown = (re.search(rf"```{kind}\n(.*?)\n```", guide, re.DOTALL) for kind in ("python", "text"))
    assert code is not None
    assert shown is not None
    names: dict[str, Any] = {"client": client, "lossd": lossd, "print": lambda explanation: None}
    exec(code[1], names)

    def lasting(page: str) -> list[str]:
        page = re.sub(r"What looks wrong\n.*?\n\n(?=[A-Z])", "", page, flags=re.DOTALL)
        return [line for line in page.splitlines() if not line.startswith("  computed")]

    assert lasting(str(names["explanation"])) == lasting(shown[1])
