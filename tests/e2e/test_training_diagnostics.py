"""Diagnostics of trainings as callers get them: both clients, the command line, grpcurl, and after a lost answer."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
import lossd
import numpy as np
import pytest
from lossd import nn, optim
from lossd.v1 import training_service_pb2 as pb
from lossd.v1 import training_service_pb2_grpc
from running import RunningServer

LOSSD = str(Path(sys.executable).with_name("lossd"))
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 4)).astype(np.float32)
Y = X.sum(1, keepdims=True)
DEAD = {
    "0.weight": np.ones((8, 4), np.float32),
    "0.bias": np.full(8, -100, np.float32),
    "2.weight": np.ones((1, 8), np.float32),
    "2.bias": np.zeros(1, np.float32),
}
PARTS: dict[str, Any] = {
    "model": nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)),
    "loss": lossd.MSELoss(),
    "optimizer": optim.SGD(lr=0.01),
    "state_dict": DEAD,
}


def codes(outcome: Any) -> list[str]:
    return [one.code for one in outcome.diagnostics]


def test_both_clients_ask_and_read_alike(server: RunningServer) -> None:
    """step, forward_backward, optim_step, step_stream, fit of arrays and of batches, evaluate: the same findings."""

    def one_after_another() -> list[Any]:
        with lossd.Client(server.target) as client, client.create_session(**PARTS) as session:
            told = [codes(session.step(X, Y)), codes(session.step(X, Y, diagnostics="full"))]
            told.append(codes(session.forward_backward(X, Y, diagnostics=True)))
            told.append(codes(session.optim_step(diagnostics="cheap")))
            told += [codes(step) for step in session.step_stream([(X, Y)] * 6, diagnostics="cheap")]
            told.append(codes(session.fit(X, Y, epochs=2, diagnostics="full")))
            told.append(codes(session.fit([(X, Y)] * 2, epochs=2, accumulate=2, diagnostics="full")))
            told.append(codes(session.evaluate(X, Y, diagnostics="full", series="dead")))
            return told

    async def awaited() -> list[Any]:
        async with lossd.AsyncClient(server.target) as client, await client.create_session(**PARTS) as session:
            told = [codes(await session.step(X, Y)), codes(await session.step(X, Y, diagnostics="full"))]
            told.append(codes(await session.forward_backward(X, Y, diagnostics=True)))
            told.append(codes(await session.optim_step(diagnostics="cheap")))
            told += [codes(step) async for step in session.step_stream([(X, Y)] * 6, diagnostics="cheap")]
            told.append(codes(await session.fit(X, Y, epochs=2, diagnostics="full")))
            told.append(codes(await session.fit([(X, Y)] * 2, epochs=2, accumulate=2, diagnostics="full")))
            told.append(codes(await session.evaluate(X, Y, diagnostics="full", series="dead")))
            return told

    told = one_after_another()
    assert told == asyncio.run(awaited())
    assert told[0] == []
    assert "DEAD_RELU" in told[1]
    assert "DEAD_RELU" in told[2]
    assert "NO_GRADIENT" in told[9]
    assert {"DEAD_RELU", "NO_GRADIENT"} <= set(told[10])
    assert {"DEAD_RELU", "NO_GRADIENT"} <= set(told[11])


def test_a_finding_has_all_that_a_program_needs(server: RunningServer) -> None:
    """Code, severity, numbers and remedy; codes and rules are those of ListDiagnostics."""
    with lossd.Client(server.target) as client, client.create_session(**PARTS) as session:
        (dead,) = (one for one in session.step(X, Y, diagnostics="full").diagnostics if one.code == "DEAD_RELU")
        assert dead.severity == "warning"
        assert dead.evidence == {"share": 1.0, "layers": 1.0}
        assert "LeakyReLU" in dead.remedy
        assert str(dead).startswith("WARNING DEAD_RELU: up to 100% of the units")
        known = {one.code: one for one in client.diagnostics()}
        assert known["DEAD_RELU"].level == "full"
        assert known["DEAD_RELU"].evidence.keys() == dead.evidence.keys()


def test_a_word_that_is_no_level_is_refused(server: RunningServer) -> None:
    """By the client by name, by the server by number; the session is as it was."""
    with lossd.Client(server.target) as client, client.create_session(**PARTS) as session:
        with pytest.raises(lossd.InvalidArgument, match="'all'"):
            session.step(X, Y, diagnostics="all")  # type: ignore[arg-type]  # the mistake
        asked = {"session_id": session.session_id, "inputs": {"input": {"values": X.tolist()}}, "diagnostics": 7,
                 "targets": {"target": {"values": Y.tolist()}}}  # fmt: skip
        for verb in ("TrainStep", "ForwardBackward", "EvaluateSession", "Fit"):
            done = server.grpcurl(
                f"lossd.v1.TrainingService/{verb}", json.dumps(asked | ({"epochs": 1} if verb == "Fit" else {}))
            )
            assert "diagnostics is 7" in done.stderr, done.stderr
        assert session.info().seq == 0


def test_grpcurl_reads_them(server: RunningServer) -> None:
    """A person at a terminal sees code, severity, message, remedy and evidence of a step and of an epoch."""
    with lossd.Client(server.target) as client, client.create_session(**PARTS) as session:
        asked = {"session_id": session.session_id, "inputs": {"input": {"values": X.tolist()}},
                 "targets": {"target": {"values": Y.tolist()}}, "diagnostics": "DIAGNOSTICS_LEVEL_FULL"}  # fmt: skip
        done = server.grpcurl("lossd.v1.TrainingService/TrainStep", json.dumps(asked))
        assert done.returncode == 0, done.stderr
        (dead,) = (one for one in json.loads(done.stdout)["diagnostics"] if one["code"] == "DEAD_RELU")
        assert dead["severity"] == "SEVERITY_WARNING"
        assert dead["evidence"]["share"] == 1
        done = server.grpcurl("lossd.v1.TrainingService/Fit", json.dumps(asked | {"epochs": 6}))
        assert done.returncode == 0, done.stderr
        assert "NO_GRADIENT" in done.stdout


def test_an_answer_that_is_asked_for_again_has_the_same(server: RunningServer) -> None:
    """A replayed step tells what it told, whatever happened since, and leaves no mark on what follows."""
    with lossd.Client(server.target) as client, client.create_session(**PARTS) as session:
        request = pb.TrainStepRequest(session_id=session.session_id, seq=1, diagnostics=3)
        for field, given in ((request.inputs["input"], X), (request.targets["target"], Y)):
            field.dtype, field.raw = 1, given.tobytes()
            field.shape.extend(given.shape)
        with grpc.insecure_channel(server.target) as channel:
            stub = training_service_pb2_grpc.TrainingServiceStub(channel)
            first = stub.TrainStep(request, timeout=60)
            again = stub.TrainStep(request, timeout=60)
    assert again.replayed
    assert first.diagnostics
    assert list(again.diagnostics) == list(first.diagnostics)


def test_progress_prints_each_warning_once(server: RunningServer, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the epochs, where there is no terminal."""
    with lossd.Client(server.target) as client, client.create_session(**PARTS) as session:
        session.fit(X, Y, epochs=8, diagnostics="full", progress=True)
    said = capsys.readouterr().err
    assert said.count("WARNING DEAD_RELU: ") == 1
    assert said.count("WARNING NO_GRADIENT: ") == 1
    assert said.count("epoch ") == 8


def test_lossd_train_tells_them_at_the_end(server: RunningServer, tmp_path: Path) -> None:
    """On stderr for people, in --json for programs, and not at all if not wanted."""
    path = tmp_path / "rows.csv"
    lines = [",".join(f"{value:.6g}" for value in row) for row in np.hstack([X, Y])]
    path.write_text("a,b,c,d,y\n" + "\n".join(lines) + "\n")

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        words = [LOSSD, "train", str(path), "--target", "y", "--task", "regression", "--server", server.target, *more]
        return subprocess.run(words, capture_output=True, text=True, timeout=120)

    results: dict[str, subprocess.CompletedProcess[str]] = {}
    wild = ("--optimizer", "sgd", "--lr", "1e-8", "--epochs", "10", "--batch-size", "8")
    calls = {"people": wild, "programs": (*wild, "--json"), "nobody": (*wild, "--diagnostics", "off")}
    threads = [
        threading.Thread(target=lambda name=name, words=words: results.__setitem__(name, run(*words)))
        for name, words in calls.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "WARNING LEARNING_RATE_TOO_LOW: " in results["people"].stderr, results["people"].stderr
    told = json.loads(results["programs"].stdout)["diagnostics"]
    assert "LEARNING_RATE_TOO_LOW" in [one["code"] for one in told]
    assert results["nobody"].returncode == 0
    assert "WARNING" not in results["nobody"].stderr
