"""Diagnostics as people ask for them: both SDKs, the command line, grpcurl; one server."""

from __future__ import annotations

import asyncio
import json

import lossd
import numpy as np
import pytest
from click.testing import CliRunner
from lossd import cli
from running import RunningServer

PROBABILITIES = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]]
LOSS = lossd.CrossEntropyLoss()


def codes(result: lossd.Result) -> list[str]:
    return [one.code for one in result.diagnostics]


def typed(*words: str) -> str:
    done = CliRunner().invoke(cli.cli, list(words), prog_name="lossd")
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_client_asks(server: RunningServer) -> None:
    """A finding has its numbers and its remedy; off says nothing, True is full, a word that is no level is refused."""
    with lossd.Client(server.target) as client:
        result = client.evaluate(LOSS, PROBABILITIES, [0, 1], diagnostics="cheap")
        assert codes(result) == ["PROBABILITIES_AS_LOGITS"]
        finding = result.diagnostics[0]
        assert (finding.severity, finding.field, finding.term) == ("error", "inputs.input", "")
        assert finding.evidence["elements"] == 6
        assert "last layer" in finding.remedy
        assert client.evaluate(LOSS, PROBABILITIES, [0, 1]).diagnostics == ()
        assert codes(client.evaluate(LOSS, PROBABILITIES, [0, 1], diagnostics=True)) == ["PROBABILITIES_AS_LOGITS"]
        assert client.evaluate(LOSS, PROBABILITIES, [0, 1], diagnostics="off").diagnostics == ()
        with pytest.raises(lossd.InvalidArgument, match="diagnostics is 'some'"):
            client.evaluate(LOSS, PROBABILITIES, [0, 1], diagnostics="some")  # type: ignore[arg-type]  # on purpose


def test_values_are_those_without_diagnostics(server: RunningServer) -> None:
    """Value and gradients have the same bits at every level."""
    logits = np.random.default_rng(0).normal(size=(64, 33)).astype(np.float32)
    target = np.arange(64) % 33
    with lossd.Client(server.target) as client:
        plain, *others = (
            client.evaluate(LOSS, logits, target, gradients=True, diagnostics=level)
            for level in ("off", "cheap", "full")
        )
    for other in others:
        assert other.value == plain.value
        assert other.gradients["input"].tobytes() == plain.gradients["input"].tobytes()


def test_members_of_a_batch_have_their_own(server: RunningServer) -> None:
    """Each evaluation is looked at by its own level; terms of a sum are named."""
    both = 1.0 * lossd.CrossEntropyLoss() + 0.1 * lossd.L2Norm()
    with lossd.Client(server.target) as client:
        first, second, third = client.evaluate_batch(
            [
                lossd.Evaluation(LOSS, PROBABILITIES, [0, 1], diagnostics="cheap"),
                lossd.Evaluation(LOSS, PROBABILITIES, [0, 1]),
                lossd.Evaluation(both, input=PROBABILITIES, target=[0, 1], diagnostics="cheap"),
            ]
        )
    assert isinstance(first, lossd.Result)
    assert isinstance(second, lossd.Result)
    assert isinstance(third, lossd.Result)
    assert (codes(first), codes(second)) == (["PROBABILITIES_AS_LOGITS"], [])
    assert [(one.code, one.term) for one in third.diagnostics] == [("PROBABILITIES_AS_LOGITS", "cross_entropy_loss")]


def test_the_asynchronous_client_asks_alike(server: RunningServer) -> None:
    async def scenario() -> tuple[list[str], list[lossd.DiagnosticInfo]]:
        async with lossd.AsyncClient(server.target) as client:
            result = await client.evaluate(LOSS, PROBABILITIES, [0, 1], diagnostics="full")
            return codes(result), await client.diagnostics()

    found, listed = asyncio.run(scenario())
    assert found == ["PROBABILITIES_AS_LOGITS"]
    with lossd.Client(server.target) as client:
        assert listed == client.diagnostics()
    assert "PROBABILITIES_AS_LOGITS" in {one.code for one in listed}


def test_the_command_line_asks(server: RunningServer) -> None:
    """A finding is a line under the value; `lossd diagnostics` lists the codes and describes one in any spelling."""
    words = [
        "--input",
        json.dumps(PROBABILITIES),
        "--target",
        "[0,1]",
        "--diagnostics",
        "full",
        "--server",
        server.target,
    ]
    value, finding = typed("eval", "cross_entropy_loss", *words).splitlines()
    assert value == "0.7288381457328796"
    assert finding.startswith("ERROR PROBABILITIES_AS_LOGITS: all 6 elements of input")
    listed = typed("diagnostics", "--server", server.target).splitlines()
    assert any(line.startswith("SOFTMAX_TWICE\terror\tcheap\t") for line in listed)
    assert "log_softmax is another" in typed("diagnostics", "softmax-twice", "--server", server.target)
    told = json.loads(typed("diagnostics", "SOFTMAX_TWICE", "--json", "--server", server.target))
    assert told["code"] == "SOFTMAX_TWICE"
    unknown = CliRunner().invoke(cli.cli, ["diagnostics", "no-such", "--server", server.target])
    assert unknown.exit_code == 2


def test_grpcurl_asks(server: RunningServer) -> None:
    request = {
        "loss": {"cross_entropy_loss": {}},
        "inputs": {"input": {"values": PROBABILITIES}, "target": {"values": [0, 1]}},
        "diagnostics": "DIAGNOSTICS_LEVEL_CHEAP",
    }
    done = server.grpcurl("lossd.v1.EvaluationService/EvaluateLoss", json.dumps(request))
    assert done.returncode == 0, done.stderr
    (finding,) = json.loads(done.stdout)["diagnostics"]
    assert (finding["code"], finding["severity"]) == ("PROBABILITIES_AS_LOGITS", "SEVERITY_ERROR")
    assert server.grpcurl("lossd.v1.CatalogService/ListDiagnostics").stdout.count('"code"') > 80
    bad = server.grpcurl("lossd.v1.EvaluationService/EvaluateLoss", json.dumps(request | {"diagnostics": 77}))
    assert "ARGUMENT_OUT_OF_RANGE" in bad.stderr
