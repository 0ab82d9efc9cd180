"""Advice from a real server: by the SDK, sync and async, grpcurl, and the command with and without a terminal."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_type_hints

import lossd
import numpy as np
import pytest
from click.testing import CliRunner, Result
from lossd import advice, cli
from lossd.v1 import advice_pb2 as pb
from running import RunningServer

LOSSD = str(Path(sys.executable).with_name("lossd"))
RARE = np.repeat([0, 1], [990, 10])


def test_the_loss_is_ready_to_evaluate(server: RunningServer) -> None:
    with lossd.Client(server.target) as client:
        advised = client.recommend(task="regression", outliers=True, limit=3)
        assert [each.name for each in advised.recommendations] == ["huber_loss", "smooth_l1_loss", "l1_loss"]
        assert advised.loss == lossd.HuberLoss()
        assert client.evaluate(advised.recommendations[0].loss, [0.0, 3.0], [0.5, 0.0]).value == 1.3125
        assert advised.rejected[0].name == "mse_loss"
        assert advised.facts["outliers"] == lossd.Fact(True, "said")
        assert repr(advised).startswith("Advice(HuberLoss(), SmoothL1Loss(), L1Loss(); open: ")
        asked = {question.name: question for question in advised.open_questions}
        assert asked["mistakes"].choices[0] == lossd.Choice("equal", "every unit of error counts the same", "l1_loss")


def test_samples_are_measured_whatever_carries_them(server: RunningServer) -> None:
    """Small ones inside the request, large ones as attachments; the weight is a tensor of the type of the outputs."""
    with lossd.Client(server.target) as client:
        for target in (RARE, RARE.tolist(), np.tile(RARE, 100)):
            advised = client.recommend(target=target)
            assert advised.loss == lossd.BCEWithLogitsLoss(pos_weight=np.array([99], np.float32))
            assert advised.facts["imbalanced"] == lossd.Fact(True, "measured")
        wide = client.recommend(target=RARE, input=np.linspace(-3, 3, 1000))
        assert isinstance(wide.loss, lossd.BCEWithLogitsLoss)
        result = client.evaluate(wide.loss, np.zeros(1000), RARE.astype(float))
        assert result.value == pytest.approx(np.log(2) * (990 + 99 * 10) / 1000)


def test_python_says_the_same(server: RunningServer) -> None:
    """What is to be typed is the very loss, sums and objects included."""
    tasks: list[dict[str, Any]] = [
        {"task": "segmentation", "num_classes": 2, "imbalanced": True},
        {"task": "multiclass", "num_classes": 50_000, "memory_bound": True, "imbalanced": True},
        {"task": "metric-learning", "supervision": "triplets", "distance": "cosine"},
        {"task": "distribution"},
        {"target": RARE},
    ]
    with lossd.Client(server.target) as client:
        for task in tasks:
            for each in client.recommend(limit=100, **task).recommendations:
                assert eval(each.python, {"lossd": lossd}) == each.loss


def test_the_asynchronous_client_asks_alike(server: RunningServer) -> None:
    async def ask() -> lossd.Advice:
        async with lossd.AsyncClient(server.target) as client:
            return await client.recommend(task="binary", target=RARE)

    with lossd.Client(server.target) as client:
        assert asyncio.run(ask()) == client.recommend(task="binary", target=RARE)


def test_keywords_are_the_contracts(server: RunningServer) -> None:
    """Each may be given by keyword; one that there is not is refused before anything is sent."""
    assert tuple(get_type_hints(advice.Facts)) == advice.QUESTIONS
    documented = (advice.Facts.__doc__ or "").replace("\n", " ")
    assert not [name for name in advice.QUESTIONS if f" {name}: " not in documented]
    with lossd.Client(server.target) as client:
        with pytest.raises(TypeError, match="did you mean 'outliers'"):
            client.recommend(outlier=True)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="outliers cannot be 'very'"):
            client.recommend(outliers="very")  # type: ignore[arg-type]
        with pytest.raises(lossd.InvalidArgument, match="did you mean 'regression'") as refusal:
            client.recommend(task="regresion")
        assert refusal.value.field == "task"
        for wrong, field in (
            ({"limit": 101}, "limit"),
            ({"limit": 0}, "limit"),
            ({"target": []}, "target"),
            ({"target": [np.nan]}, "target"),
        ):
            with pytest.raises(lossd.InvalidArgument) as refusal:
                client.recommend(**wrong)  # type: ignore[arg-type]
            assert refusal.value.field == field


def test_grpcurl(server: RunningServer) -> None:
    method = "lossd.v1.CatalogService/RecommendLoss"
    done = server.grpcurl(method, '{"task":"regression","outliers":true,"limit":2}')
    answer = json.loads(done.stdout)
    first = answer["recommendations"][0]
    assert first["name"] == "huber_loss"
    assert first["loss"] == {"huber_loss": {}}
    assert {"name": "outliers", "value": "true", "source": "FACT_SOURCE_SAID"} in answer["facts"]
    rows = '{"target":{"values":[1,0,0,0,0,0,0,0,0,0]}}'
    rare = json.loads(server.grpcurl(method, rows).stdout)["recommendations"][0]
    assert rare["loss"] == {"bce_with_logits_loss": {"pos_weight": {"dtype": "DATA_TYPE_FLOAT32", "values": [9]}}}
    again = {"loss": rare["loss"], "inputs": {"input": {"values": [0.0]}, "target": {"values": [1.0]}}}
    evaluated = server.grpcurl("lossd.v1.EvaluationService/EvaluateLoss", json.dumps(again))
    assert json.loads(evaluated.stdout)["value"] == pytest.approx(9 * np.log(2))
    refused = server.grpcurl(method, '{"task":"regresion"}')
    assert "did you mean 'regression'?" in refused.stderr
    assert "InvalidArgument" in refused.stderr
    stray = server.grpcurl(method, '{"task":"binary","attachments":["AAAA"]}')
    assert "no tensor refers to attachment 0" in stray.stderr


def test_every_answer_of_a_question_is_one_the_field_takes(server: RunningServer) -> None:
    """A client needs no table of its own: it asks what is open, gives a choice's value back, and learns more."""
    with lossd.Client(server.target) as client:
        said: dict[str, Any] = {}
        advised = client.recommend()
        while advised.open_questions and len(said) < 12:
            question = next((q for q in advised.open_questions if q.choices), None)
            if question is None:
                break
            choice = question.choices[0]
            said[question.name] = choice.value
            advised = client.recommend(**said)
            assert not choice.first or advised.recommendations[0].name == choice.first
        assert len(said) > 3


# ---- the command


def run(*words: str, typed: str | None = None) -> Result:
    """The command in this process, its streams apart: starting one takes seconds."""
    return CliRunner().invoke(cli.cli, ["recommend", *words], input=typed)


def test_the_command_tells_reasons_and_near_misses(server: RunningServer, tmp_path: Path) -> None:
    np.save(tmp_path / "y.npy", RARE)
    done = run("--target", str(tmp_path / "y.npy"), "--server", server.target)
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "1. lossd.BCEWithLogitsLoss(pos_weight=[99.0])"
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line != line.rstrip()]
    assert {"Not these", "Measured", "Tell more"} <= set(lines)
    assert "   1.000% of the targets are positive" in lines
    asked = run("--task", "regression", "--no-outliers", "--mistakes", "large", "--json", "--server", server.target)
    answer = json.loads(asked.stdout)
    assert answer["recommendations"][0]["name"] == "mse_loss"
    assert answer["facts"]["outliers"] == {"value": False, "source": "said"}


def test_the_command_refuses_in_one_line(server: RunningServer) -> None:
    words = [LOSSD, "recommend", "--task", "regresion", "--server", server.target]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("lossd: task is 'regresion'; did you mean 'regression'?")
    assert run("--outlier", "--server", server.target).exit_code == 2
    assert run("--limit", "0", "--server", server.target).exit_code == 2, "as the SDK refuses it"


def test_printing_the_advice_is_what_the_command_prints(server: RunningServer) -> None:
    """The same text but for how an answer is given: a keyword in Python, an option at a shell."""
    shown = run("--task", "binary", "--positives", "0.01", "--server", server.target).stdout
    with lossd.Client(server.target) as client:
        advised = client.recommend(task="binary", positives=0.01)
        text = str(advised)
        assert text.splitlines()[:5] == shown.splitlines()[:5]
        assert text.partition("Tell more")[0] == shown.partition("Tell more")[0]
        asked = advised.open_questions[0].name
        assert f"   {asked}=: " in text
        assert f"   --{asked.replace('_', '-')}" in shown
        assert str(client.recommend()).startswith("It is open what is predicted: say task=…")


def test_json_holds_the_loss_as_the_contract_writes_it(server: RunningServer) -> None:
    """What `--json` prints of a loss goes into EvaluateLoss by grpcurl as it is; what is beyond limits says so."""
    rows = json.dumps(RARE.tolist())
    answer = json.loads(run("--target", rows, "--json", "--server", server.target).stdout)
    loss = answer["recommendations"][0]["loss"]
    assert loss == {"bce_with_logits_loss": {"pos_weight": {"dtype": "DATA_TYPE_FLOAT32", "values": [99.0]}}}
    request = {"loss": loss, "inputs": {"input": {"values": [0.0]}, "target": {"values": [1.0]}}}
    evaluated = server.grpcurl("lossd.v1.EvaluationService/EvaluateLoss", json.dumps(request))
    assert json.loads(evaluated.stdout)["value"] == pytest.approx(99 * np.log(2))
    large = ["--task", "multiclass", "--num-classes", "128000", "--memory-bound", "--features", "4096"]
    first, second, *_ = json.loads(run(*large, "--json", "--server", server.target).stdout)["recommendations"]
    assert first["loss"] == {
        "linear_cross_entropy_loss": {"in_features": "4096", "num_classes": "128000", "options": {}}
    }
    assert "parameters" in first["beyond"]
    assert second["beyond"] == ""


def test_a_column_of_a_table_is_a_sample(server: RunningServer, tmp_path: Path) -> None:
    """By its name after a colon; words are classes; a column that numbers the rows is never mixed in."""
    lines = [f"{row},{30 + np.sin(row):.3f},{('cat', 'dog', 'owl')[row % 3]}" for row in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["id,minutes,kind", *lines]))
    words = ["--json", "--server", server.target]
    number = json.loads(run("--target", f"{tmp_path}/t.csv:minutes", *words).stdout)
    assert number["facts"]["task"]["value"] == "regression"
    kind = run("--target", f"{tmp_path}/t.csv:kind", *words)
    assert json.loads(kind.stdout)["facts"]["num_classes"]["value"] == 3
    assert "taken for classes: 0 cat, 1 dog, 2 owl" in kind.stderr
    mixed = run("--target", f"{tmp_path}/t.csv", *words)
    assert mixed.exit_code == 2
    assert "say which one is meant, for example" in " ".join(mixed.stderr.split())


def test_every_fact_is_an_option() -> None:
    shown = CliRunner().invoke(cli.cli, ["recommend", "--help"], terminal_width=200).output
    for field in pb.RecommendLossRequest.DESCRIPTOR.fields:
        if field.name != "attachments":
            assert f"--{field.name.replace('_', '-')} " in shown


def test_the_interview(server: RunningServer) -> None:
    """Words, their beginnings and numbers are answers; nonsense is asked again; Enter skips, q ends. All on stderr."""
    typed = "regression\nnonsense\nlarge\nyes\n\nq\n"
    done = run("-i", "--server", server.target, typed=typed)
    assert done.exit_code == 0
    assert done.stdout.startswith("1. lossd.HuberLoss()\n")
    assert "What is predicted?" in done.stderr
    assert "expected 1 to 5, or the word; Enter skips" in done.stderr
    skipped = run("-i", "--task", "regression", "--json", "--server", server.target, typed="\n" * 40)
    assert json.loads(skipped.stdout)["recommendations"][0]["name"] == "mse_loss"
    ended = run("-i", "--server", server.target, typed="multiclass\n")
    assert ended.stdout.startswith("1. lossd.CrossEntropyLoss()\n"), "the end of the input ends the questions"


def test_on_a_terminal_it_asks_by_itself(server: RunningServer) -> None:
    """A terminal of its own, nothing said: the guide's first question comes, and the answer is wrapped to its width."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [LOSSD, "recommend", "--server", server.target],
        stdin=child, stdout=child, stderr=child, close_fds=True,
        env={**os.environ, "COLUMNS": "60", "TERM": "xterm"},
    )  # fmt: skip
    os.close(child)
    try:
        assert "What is predicted?" in _until(parent, "> ")
        os.write(parent, b"1\n")
        assert "Which mistakes matter most?" in _until(parent, "> ")
        os.write(parent, b"equal\n")
        _until(parent, "> ")
        os.write(parent, b"q\n")
        shown = _until(parent, "Tell more")
        assert "1. lossd.L1Loss()" in shown
        assert "every unit of error counts the same" in shown
        _until(parent, "\0")
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(parent)


def _until(terminal: int, end: str, seconds: float = 30) -> str:
    """What a terminal shows until it shows `end`, or nothing more."""
    shown, until = "", time.monotonic() + seconds
    while end not in shown and time.monotonic() < until:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            read = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            break
        if not read:
            break
        shown += read.decode()
    return shown
