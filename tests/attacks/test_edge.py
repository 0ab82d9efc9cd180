"""The edge: compression, metadata, tokens, addresses, logs and metrics under hostile callers."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from attacks.attacker import HONEST, MSE, OPTIONS, SERVICES, Attacker, evaluate, floats, formula, path, verdict
from grpc_health.v1 import health_pb2, health_pb2_grpc
from lossd import framing
from lossd.v1 import catalog_service_pb2 as catalog
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import loss_pb2
from running import RunningServer

TOKEN, OTHER = "canary-token-5f1d3c", "canary-other-a81b27"  # made up, to be looked for
CANARY = "canary-payload-77e0"


def serve(*flags: str) -> subprocess.CompletedProcess[str]:
    """A server that is expected to refuse to start."""
    command = [sys.executable, "-m", "lossd_server", "--metrics-address", "127.0.0.1:0", *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_compressed_messages_are_refused_unread(attacker: Attacker) -> None:
    """200 KB of gzip that would be 200 MB: refused, and the server's memory does not follow it."""
    bomb = framing.join(HONEST, [bytes(200_000_000)])
    before = attacker.server.resident()
    with grpc.insecure_channel(attacker.server.target, OPTIONS) as channel:
        bound = channel.unary_unary(path("EvaluateLoss"))
        for message in (HONEST * 10, bomb):
            call = bound.future(message, timeout=60, compression=grpc.Compression.Gzip)
            error = call.exception()
            assert error is not None, "a compressed message was read"
            assert error.code() in (
                grpc.StatusCode.UNIMPLEMENTED,
                grpc.StatusCode.INTERNAL,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
            )
            assert attacker.server.resident() < before + 50 * 2**20
    attacker.honest()


def test_a_flood_of_metadata_is_refused(attacker: Attacker) -> None:
    """More metadata than a call needs ends the call, not the server."""
    for metadata in (
        (("x-request-id", "i" * 100_000),),
        tuple((f"x-{number}", "v" * 200) for number in range(500)),
        (("authorization", "Bearer " + "t" * 60_000),),
    ):
        assert attacker.call("EvaluateLoss", HONEST, metadata=metadata).code in (
            "RESOURCE_EXHAUSTED",
            "UNAVAILABLE",
            "INTERNAL",
        )
    attacker.honest()


def test_odd_metadata_is_taken_for_what_it_is(attacker: Attacker) -> None:
    """Request ids that are no plain word are replaced; a caller writes no lines of the log."""
    for given in ("a b", "../../x", "{}", '"}{"event":"forged"', "%0a", "i" * 65):
        call = attacker.channel.unary_unary(path("EvaluateLoss")).with_call(
            HONEST, metadata=(("x-request-id", given),), timeout=10
        )[1]
        (returned,) = [value for key, value in call.trailing_metadata() if key == "x-request-id"]
        assert returned != given
    bad = evaluate(MSE, input=floats(1), target=floats(1, 2))
    refused = attacker.call("EvaluateLoss", bad, metadata=(("x-request-id", "mine-1.2_3"),))
    assert refused.trailers is not None
    assert refused.trailers["x-request-id"] == "mine-1.2_3"
    assert "forged" not in "".join(attacker.server.lines)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, Path]]:
    """A server that asks for tokens, and the file they are in."""
    tokens = tmp_path_factory.mktemp("tokens") / "tokens"
    tokens.write_text(f"\n{TOKEN}\n\n  second-token  \n")
    with RunningServer("--token-file", str(tokens)) as running:
        yield running, tokens


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


@pytest.mark.parametrize("method", SERVICES)
def test_no_method_opens_without_a_token(guarded: tuple[RunningServer, Path], method: str) -> None:
    """No token, a wrong one, a part of one, another scheme: UNAUTHENTICATED, before the body is read."""
    attacking = Attacker(guarded[0])
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"bearer {TOKEN}",
        f"Basic {TOKEN}",
        TOKEN,
    ]
    for metadata in [(), *[(("authorization", given),) for given in wrong]]:
        for body in (b"", b"\xff\xff"):
            given = attacking.call(method, body, metadata=metadata)
            assert (given.code, given.reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED"), (given, metadata)
    attacking.close()


def test_a_stream_needs_a_token_too(guarded: tuple[RunningServer, Path]) -> None:
    """StreamEvaluateLoss ends UNAUTHENTICATED without one; health stays open, for probes."""
    attacking = Attacker(guarded[0])
    with pytest.raises(grpc.RpcError) as error:
        attacking.stream([evaluation.StreamEvaluateLossRequest().SerializeToString()])
    assert verdict(error.value).code == "UNAUTHENTICATED"
    check = health_pb2_grpc.HealthStub(attacking.channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert check.status == health_pb2.HealthCheckResponse.SERVING
    attacking.close()


def test_tokens_change_without_a_restart(guarded: tuple[RunningServer, Path]) -> None:
    """Each line of the file opens; a line taken out closes; a file that is gone lets nobody in, and nobody sees why."""
    running, tokens = guarded
    attacking = Attacker(running)
    for token in (TOKEN, "second-token"):
        assert attacking.call("EvaluateLoss", HONEST, metadata=bearer(token)).code == "OK"
    before = tokens.read_text()
    try:
        tokens.write_text(OTHER)
        assert attacking.call("EvaluateLoss", HONEST, metadata=bearer(OTHER)).code == "OK"
        assert attacking.call("EvaluateLoss", HONEST, metadata=bearer(TOKEN)).code == "UNAUTHENTICATED"
        tokens.unlink()
        gone = attacking.call("EvaluateLoss", HONEST, metadata=bearer("guess"))
        assert gone.code == "UNAUTHENTICATED", gone
        assert str(tokens) not in gone.message
    finally:
        tokens.write_text(before)
    assert attacking.call("EvaluateLoss", HONEST, metadata=bearer(TOKEN)).code == "OK"
    attacking.close()


def test_payloads_and_tokens_reach_neither_log_nor_metrics(guarded: tuple[RunningServer, Path]) -> None:
    """What callers send, right or wrong, is in no line of the log and in no sample."""
    running, _ = guarded
    attacking = Attacker(running)
    assert attacking.call("EvaluateLoss", HONEST, metadata=bearer(OTHER)).code == "UNAUTHENTICATED"
    name = CANARY.replace("-", "_")
    terms = [loss_pb2.WeightedTerm(label=CANARY, loss=MSE), loss_pb2.WeightedTerm(label=CANARY, loss=MSE)]
    sent = [
        ("EvaluateLoss", formula(f"mean({name})", **{name: floats(1)})),
        ("EvaluateLoss", formula(f"{name}(input)", input=floats(1))),
        ("EvaluateLoss", formula(f"'{CANARY}'", input=floats(1))),
        ("EvaluateLoss", evaluate(MSE, [CANARY], input=floats(1), target=floats(1))),
        ("EvaluateLoss", evaluate(MSE, **{"input": floats(1), "target": floats(1), CANARY: floats(1)})),
        (
            "EvaluateLoss",
            evaluate(
                loss_pb2.LossSpec(weighted_sum=loss_pb2.WeightedSum(terms=terms)), input=floats(1), target=floats(1)
            ),
        ),
        ("EvaluateLoss", framing.join(HONEST, [CANARY.encode()])),
        ("GetLoss", catalog.GetLossRequest(name=CANARY)),
        ("EvaluateLoss", CANARY.encode()),
    ]
    codes = [attacking.call(method, message, metadata=bearer(TOKEN)).code for method, message in sent]
    assert codes[0] == "OK"
    assert "OK" not in codes[1:]
    for text in ("\n".join(running.lines), running.metrics()):
        assert len(text) > 100
        for canary in (TOKEN, OTHER, CANARY, name):
            assert canary not in text
    attacking.close()


def series(server: RunningServer) -> set[str]:
    return {line.rpartition(" ")[0] for line in server.metrics().splitlines() if not line.startswith("#")}


def test_random_names_make_no_series(attacker: Attacker) -> None:
    """10,000 random names of losses, inputs, labels, sessions and methods leave the number of time series as it was."""
    chance = random.Random("names")

    def name() -> str:
        return f"n{chance.getrandbits(60):x}"

    def flood(count: int) -> None:
        calls = [
            bound.future(catalog.GetLossRequest(name=name()).SerializeToString(), timeout=60) for _ in range(count)
        ]
        unknown = [
            attacker.channel.unary_unary(f"/lossd.v1.EvaluationService/{name()}").future(b"", timeout=60)
            for _ in range(count)
        ]
        sessions = [
            attacker.channel.unary_unary(path("GetSession")).future(b"\x0a\x04" + name()[:4].encode(), timeout=60)
            for _ in range(count)
        ]
        for call in calls + unknown + sessions:
            assert call.exception() is not None
        members = []
        for _ in range(count):
            members.append(formula(f"mean({(own := name())})", **{own: floats(1)}))
            members.append(evaluate(MSE, [name()], input=floats(1), target=floats(1)))
            term = loss_pb2.WeightedTerm(label=name(), loss=MSE)
            members.append(
                evaluate(
                    loss_pb2.LossSpec(weighted_sum=loss_pb2.WeightedSum(terms=[term])),
                    input=floats(1),
                    target=floats(1),
                )
            )
        attacker.stream(
            evaluation.StreamEvaluateLossRequest(evaluation=member).SerializeToString() for member in members
        )

    bound = attacker.channel.unary_unary(path("GetLoss"))
    flood(3)
    before = series(attacker.server)
    for _ in range(10):
        flood(170)
    assert series(attacker.server) == before


def test_beyond_loopback_needs_a_word(attacker: Attacker) -> None:
    """0.0.0.0, [::] and an address of the network are refused without TLS or --insecure, in one line; unless said."""
    for address in ("0.0.0.0:0", "[::]:0", "10.0.0.1:0", "example.org:0"):
        refused = serve("--address", address)
        assert refused.returncode == 2, refused
        assert "insecure" in refused.stderr
        assert "Traceback" not in refused.stderr
    with RunningServer("--address", "0.0.0.0:0", "--insecure", ready=False) as running:
        assert running.announced["address"].startswith("0.0.0.0:")


def test_a_port_is_served_once(attacker: Attacker) -> None:
    """A second server on the same port does not start, rather than take half of the calls."""
    refused = serve("--address", attacker.server.target)
    assert refused.returncode != 0
    assert "in use" in refused.stderr
    assert "Traceback" not in refused.stderr
    metrics = attacker.server.metrics_url.removeprefix("http://").removesuffix("/metrics")
    refused = serve("--address", "127.0.0.1:0", "--metrics-address", metrics)
    assert refused.returncode != 0
    assert "in use" in refused.stderr
    assert "Traceback" not in refused.stderr
