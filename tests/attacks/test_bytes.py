"""Random and mutated bytes to every method: an answer, or a refusal in words; never INTERNAL, UNKNOWN or a stack."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from attacks.attacker import (
    HONEST,
    MSE,
    SERVICES,
    STREAM,
    Attacker,
    Verdict,
    assert_tells_nothing,
    evaluate,
    floats,
    formula,
    longs,
    path,
    verdict,
)
from google.protobuf import struct_pb2
from lossd.v1 import catalog_service_pb2 as catalog
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2, tensor_pb2
from lossd.v1 import server_service_pb2 as server_service
from lossd.v1 import training_service_pb2 as training

ALLOWED = {"OK", "INVALID_ARGUMENT", "NOT_FOUND"}
AT_ONCE = 50


def seeds(session_id: str) -> dict[str, list[Any]]:
    """A few valid requests of each method, to be broken."""
    terms = [loss_pb2.WeightedTerm(label="a", weight=0.5, loss=MSE), loss_pb2.WeightedTerm(label="b", loss=MSE)]
    total = loss_pb2.LossSpec(weighted_sum=loss_pb2.WeightedSum(terms=terms))
    values = struct_pb2.ListValue()
    values.extend([[4.0, 1.0, 0.1]])
    entropy = loss_pb2.LossSpec(
        cross_entropy_loss=loss_pb2.CrossEntropyLoss(label_smoothing=0.1, weight=floats(1, 2, 3))
    )
    ctc = loss_pb2.LossSpec(ctc_loss=loss_pb2.CTCLoss(zero_infinity=True))
    evaluations = [
        evaluate(MSE, ["*"], input=floats(1, 2), target=floats(3, 4)),
        evaluate(total, ["input"], input=floats(1, 2), target=floats(3, 4)),
        evaluate(entropy, ["input"], input=tensor_pb2.Tensor(values=values), target=longs(0)),
        evaluate(
            ctc,
            ["*"],
            log_probs=floats(*[-1.0] * 24, shape=[4, 2, 3]),
            targets=longs(1, 2, 1, 2, shape=[2, 2]),
            input_lengths=longs(4, 4),
            target_lengths=longs(2, 1),
        ),
        formula("mean((input - target)**2) + 0.1*sum(abs(input))", input=floats(1, 2), target=floats(3, 4)),
        evaluation.EvaluateLossRequest.FromString(HONEST),
    ]
    model = model_pb2.ModelSpec(linear=model_pb2.Linear(in_features=1, out_features=1))
    optimizer = optimizer_pb2.OptimizerSpec(sgd=optimizer_pb2.SGD(lr=0.1, momentum=0.9, nesterov=True))
    column = floats(1, 2, shape=[2, 1])
    described = catalog.TensorType(dtype=1, shape=[2])  # type: ignore[arg-type]
    step = training.TrainStepRequest(session_id=session_id, inputs={"input": column}, targets={"target": column})
    return {
        "EvaluateLoss": evaluations,
        "BatchEvaluateLoss": [evaluation.BatchEvaluateLossRequest(evaluations=evaluations)],
        "ListLosses": [catalog.ListLossesRequest()],
        "GetLoss": [catalog.GetLossRequest(name="huber_loss")],
        "ValidateLoss": [
            catalog.ValidateLossRequest(loss=MSE, inputs={"input": described, "target": described}, gradients=["*"])
        ],
        "CreateSession": [training.CreateSessionRequest(model=model, loss=MSE, optimizer=optimizer, seed=1)],
        "GetSession": [training.GetSessionRequest(session_id=session_id)],
        "DeleteSession": [training.DeleteSessionRequest(session_id="w0-1-1")],
        "TrainStep": [step],
        "Forward": [training.ForwardRequest(session_id=session_id, inputs={"input": column})],
        "GetSessionState": [training.GetSessionStateRequest(session_id=session_id)],
        "GetServerInfo": [server_service.GetServerInfoRequest()],
        "ListDevices": [server_service.ListDevicesRequest()],
    }


def broken(message: bytes, chance: random.Random) -> bytes:
    """A message with a few bytes changed, cut, doubled or put in."""
    data = bytearray(message)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0:
                del data[at:]
            case 1:
                data[at:at] = chance.randbytes(chance.choice((1, 1, 3, 10)))
            case 2:
                data[at : at + chance.randrange(1, 9)] = b""
            case 3:
                data += data[at : at + 40]
            case 4 if at < len(data):
                data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            case _ if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
    return bytes(data)


def send(attacker: Attacker, method: str, messages: list[bytes]) -> Iterator[Verdict]:
    """Sends all, some at once, and yields what came of each."""
    bound = attacker.channel.unary_unary(path(method))
    for start in range(0, len(messages), AT_ONCE):
        calls = [bound.future(message, timeout=30) for message in messages[start : start + AT_ONCE]]
        for call in calls:
            error = call.exception()
            yield Verdict("OK", response=call.result()) if error is None else verdict(error)


@pytest.fixture
def session_id(attacker: Attacker) -> Iterator[str]:
    request = seeds("")["CreateSession"][0]
    created = training.CreateSessionResponse.FromString(attacker.call("CreateSession", request).response)
    yield created.session.session_id
    assert (
        attacker.call("DeleteSession", training.DeleteSessionRequest(session_id=created.session.session_id)).code
        == "OK"
    )


@pytest.mark.parametrize("method", SERVICES)
def test_bytes_of_any_kind_are_answered_or_refused(attacker: Attacker, session_id: str, method: str) -> None:
    """Random bytes and broken requests: OK, INVALID_ARGUMENT or NOT_FOUND with a reason, no path and no stack."""
    chance = random.Random(method)
    count = 100 if method == "CreateSession" else 400 if method == "EvaluateLoss" else 130
    messages = [chance.randbytes(chance.choice((1, 3, 20, 200))) for _ in range(60)]
    for number in range(count):
        of_method = seeds(session_id)[method]
        messages.append(broken(of_method[number % len(of_method)].SerializeToString(), chance))
    codes: Counter[str] = Counter()
    for message, given in zip(messages, send(attacker, method, messages), strict=True):
        codes[given.code] += 1
        assert given.code in ALLOWED, f"{given} for {message!r}"
        assert given.code == "OK" or given.reason, given
        assert_tells_nothing(Verdict(given.code, given.message.replace(session_id, "")))
        if method == "CreateSession" and given.code == "OK":
            made = training.CreateSessionResponse.FromString(given.response).session.session_id
            attacker.call("DeleteSession", training.DeleteSessionRequest(session_id=made))
    assert codes["INVALID_ARGUMENT"] >= 10, codes


def test_broken_members_of_a_stream_leave_the_others(attacker: Attacker) -> None:
    """500 random and broken members and 500 honest ones in turns: each honest one is answered, in its place."""
    chance = random.Random("stream")
    honest = evaluation.StreamEvaluateLossRequest(evaluation=evaluation.EvaluateLossRequest.FromString(HONEST))
    good, kinds = honest.SerializeToString(), seeds("")["EvaluateLoss"]
    messages = []
    for number in range(500):
        member = evaluation.StreamEvaluateLossRequest(evaluation=kinds[number % len(kinds)]).SerializeToString()
        messages += [chance.randbytes(chance.randrange(1, 100)) if number % 3 == 0 else broken(member, chance), good]
    verdicts = attacker.stream(messages)
    assert len(verdicts) == len(messages)
    assert {given.code for given in verdicts[1::2]} == {"OK"}
    assert {given.code for given in verdicts} <= ALLOWED
    for given in verdicts:
        assert_tells_nothing(given)


@pytest.mark.parametrize(
    "method",
    ["/grpc.health.v1.Health/Check", "/lossd.v1.ServerService/GetServerInfo", "/lossd.v1.ServerService/ListDevices"],
)
def test_services_of_the_front_do_not_trip_over_bytes(attacker: Attacker, method: str) -> None:
    """What the front answers by itself refuses bytes that are no message, and logs no stack for them."""
    for data in (b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x08"):
        with pytest.raises(grpc.RpcError) as error:
            attacker.channel.unary_unary(method)(data, timeout=10)
        assert error.value.code().name in ALLOWED  # type: ignore[attr-defined]


def test_what_is_not_there_is_unimplemented(attacker: Attacker) -> None:
    """Unknown services and methods, and a unary call of a stream, end in a plain refusal."""
    for method in (
        "/lossd.v1.EvaluationService/Nothing",
        "/lossd.v2.EvaluationService/EvaluateLoss",
        "/",
        "/x",
        "/../etc",
    ):
        with pytest.raises(grpc.RpcError) as error:
            attacker.channel.unary_unary(method)(HONEST, timeout=10)
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED, method  # type: ignore[attr-defined]
    attacker.channel.stream_stream(STREAM)(iter([]), timeout=10).code()
    for session_id in ("", "w0-", "w9999-1-1", "w0-1-1", "../x", "w0-\x00-1", "w\u0661-1-1", "w0-" + "1" * 100_000):
        given = attacker.call("GetSession", training.GetSessionRequest(session_id=session_id))
        assert (given.code, given.field) == ("NOT_FOUND", "session_id"), given


def test_errors_are_small_enough_to_be_read(attacker: Attacker) -> None:
    """However long the names that a request misuses, its refusal fits a client's default limits."""
    name = "n" * 100_000
    terms = [loss_pb2.WeightedTerm(loss=MSE, inputs={name: "input"})]
    labelled = [loss_pb2.WeightedTerm(loss=MSE, label=name)]
    pair = {"input": floats(1), "target": floats(1)}
    created = seeds("")["CreateSession"][0]
    created.state_dict.get_or_create("weight").CopyFrom(floats(1, shape=[1, 1]))
    created.state_dict.get_or_create("bias").CopyFrom(floats(1))
    created.state_dict.get_or_create(name).CopyFrom(floats(1))
    requests = [
        ("EvaluateLoss", evaluate(MSE, [name], **pair)),
        ("EvaluateLoss", evaluate(MSE, **pair, **{name: floats(1)})),
        ("EvaluateLoss", evaluate(loss_pb2.LossSpec(weighted_sum=loss_pb2.WeightedSum(terms=terms)), **pair)),
        ("EvaluateLoss", evaluate(loss_pb2.LossSpec(weighted_sum=loss_pb2.WeightedSum(terms=labelled)), **pair)),
        ("EvaluateLoss", formula("n" * 4000 + "(input)", input=floats(1))),
        ("EvaluateLoss", formula("+".join("x" * 40 + str(n) for n in range(90)), input=floats(1))),
        ("EvaluateLoss", formula("\u00e9" * 4000 + " + input", input=floats(1))),
        ("CreateSession", created),
    ]
    for method, request in requests:
        given = attacker.call(method, request)
        assert (given.code, bool(given.reason)) == ("INVALID_ARGUMENT", True), given
        assert_tells_nothing(given)
        assert given.trailers is not None
        assert sum(len(key) + len(value) for key, value in given.trailers.items()) < 4096
    given = attacker.call("GetLoss", catalog.GetLossRequest(name=name))
    assert (given.code, given.reason) == ("NOT_FOUND", "LOSS_NOT_FOUND")
