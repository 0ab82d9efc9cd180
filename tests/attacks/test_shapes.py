"""Declarations that lie: shapes, lengths, attachments, nesting, counts. Refused before anything is allocated."""

from __future__ import annotations

import itertools

import pytest
from attacks.attacker import MSE, Attacker, evaluate, floats, longs, raw
from google.protobuf import struct_pb2
from lossd import framing
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2, tensor_pb2
from lossd.v1 import training_service_pb2 as training
from running import RunningServer

LYING: dict[str, tuple[tensor_pb2.Tensor, tuple[str, ...]]] = {
    "2^60 elements in ten bytes": (
        raw(1, [2**60], b"0123456789"),
        ("LENGTH_MISMATCH", "LIMIT_EXCEEDED", "SHAPE_MISMATCH"),
    ),
    "negative": (raw(1, [-1], b""), ("SHAPE_MISMATCH",)),
    "negative squared": (raw(1, [-1, -4], bytes(16)), ("SHAPE_MISMATCH",)),
    "2^63-1": (raw(1, [2**63 - 1], bytes(4)), ("LENGTH_MISMATCH", "LIMIT_EXCEEDED", "SHAPE_MISMATCH")),
    "-2^63": (raw(1, [-(2**63)], b""), ("SHAPE_MISMATCH",)),
    "product wraps to 0": (raw(1, [2**32, 2**32], b""), ("LENGTH_MISMATCH", "LIMIT_EXCEEDED", "SHAPE_MISMATCH")),
    "product wraps to 4": (raw(1, [2**62 + 1, 4], bytes(16)), ("LENGTH_MISMATCH", "LIMIT_EXCEEDED", "SHAPE_MISMATCH")),
    "bytes wrap to 0": (raw(1, [2**62], b""), ("LENGTH_MISMATCH", "LIMIT_EXCEEDED", "SHAPE_MISMATCH")),
    "rank 65": (raw(1, [1] * 65, bytes(4)), ("LIMIT_EXCEEDED",)),
    "rank 10^4": (raw(1, [1] * 10_000, bytes(4)), ("LIMIT_EXCEEDED",)),
    "rank 10^6": (raw(1, [1] * 1_000_000, bytes(4)), ("LIMIT_EXCEEDED",)),
    "nothing of the huge": (raw(1, [0, 2**62, 2**62], b""), ("SHAPE_MISMATCH", "LIMIT_EXCEEDED", "LENGTH_MISMATCH")),
    "the huge of nothing": (raw(1, [2**62, 4, 0], b""), ("SHAPE_MISMATCH", "LIMIT_EXCEEDED", "LENGTH_MISMATCH")),
    "one byte short": (raw(1, [3], bytes(11)), ("LENGTH_MISMATCH",)),
    "one byte long": (raw(1, [3], bytes(13)), ("LENGTH_MISMATCH",)),
    "bytes for no shape": (raw(1, [], bytes(8)), ("LENGTH_MISMATCH",)),
    "no bytes for a scalar": (raw(1, [], b""), ("LENGTH_MISMATCH",)),
    "no type": (raw(0, [1], bytes(4)), ("MISSING_FIELD",)),
    "type 8, a string": (raw(8, [1], bytes(4)), ("DTYPE_MISMATCH",)),
    "type -1": (raw(-1, [1], bytes(4)), ("DTYPE_MISMATCH",)),
    "type 2^31-1": (raw(2**31 - 1, [1], bytes(4)), ("DTYPE_MISMATCH",)),
    "no data": (tensor_pb2.Tensor(dtype=1, shape=[1]), ("MISSING_FIELD",)),  # type: ignore[arg-type]
    "attachment 0 of none": (tensor_pb2.Tensor(dtype=1, shape=[1], attachment=0), ("BAD_ATTACHMENT",)),  # type: ignore[arg-type]
    "attachment -1": (tensor_pb2.Tensor(dtype=1, shape=[1], attachment=-1), ("BAD_ATTACHMENT",)),  # type: ignore[arg-type]
    "attachment 2^31-1": (tensor_pb2.Tensor(dtype=1, shape=[1], attachment=2**31 - 1), ("BAD_ATTACHMENT",)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", LYING)
def test_a_tensor_is_what_it_says(attacker: Attacker, name: str) -> None:
    """As an input, as a weight, as a grad_output and as a parameter: refused, the field named."""
    tensor, reasons = LYING[name]
    assert attacker.refused("EvaluateLoss", evaluate(MSE, input=tensor, target=tensor), *reasons).field.startswith(
        "inputs."
    )
    weighted = loss_pb2.LossSpec(cross_entropy_loss=loss_pb2.CrossEntropyLoss(weight=tensor))
    request = evaluate(weighted, input=floats(1, 2, shape=[1, 2]), target=longs(0))
    assert attacker.refused("EvaluateLoss", request, *reasons).field.startswith("loss.cross_entropy_loss.weight")
    request = evaluate(MSE, ["input"], input=floats(1), target=floats(1))
    request.grad_output.CopyFrom(tensor)
    assert attacker.refused("EvaluateLoss", request, *reasons).field.startswith("grad_output")
    created = session(model_pb2.ModelSpec(linear=model_pb2.Linear(in_features=1, out_features=1)))
    created.state_dict["weight"].CopyFrom(tensor)
    attacker.refused("CreateSession", created, *reasons)


def test_attachments_are_used_once_declared(attacker: Attacker) -> None:
    """An attachment that nothing refers to, an index past the end, attachments inside a batch's member: refused."""
    view = tensor_pb2.Tensor(dtype=1, shape=[1], attachment=0)  # type: ignore[arg-type]
    good = evaluate(MSE, input=view, target=view)
    assert attacker.call("EvaluateLoss", framing.join(good.SerializeToString(), [bytes(4)])).code == "OK"
    unused = framing.join(good.SerializeToString(), [bytes(4), bytes(4)])
    attacker.refused("EvaluateLoss", unused, "BAD_ATTACHMENT", field="attachments[1]")
    good.attachments.append(bytes(4))
    (member,) = attacker.stream([evaluation.StreamEvaluateLossRequest(evaluation=good).SerializeToString()])
    assert (member.code, member.reason) == ("INVALID_ARGUMENT", "BAD_ATTACHMENT")
    batch = evaluation.BatchEvaluateLossRequest(evaluations=[good], attachments=[bytes(4)])
    answer = evaluation.BatchEvaluateLossResponse.FromString(attacker.call("BatchEvaluateLoss", batch).response)
    assert answer.results[0].error.code == 3


@pytest.mark.parametrize("count", [16_385, 65_535, 65_536, 70_000, 1_000_000])
def test_a_flood_of_attachments_is_refused(attacker: Attacker, count: int) -> None:
    """More attachments than a message may have: refused before each of them becomes an object."""
    good = evaluate(MSE, input=floats(1), target=floats(1)).SerializeToString()
    for part in (b"", b"x"):
        attacker.refused("EvaluateLoss", framing.join(good, [part] * count), "LIMIT_EXCEEDED", "BAD_ATTACHMENT")


def nested(depth: int) -> bytes:
    """The bytes of a ListValue `depth` deep; generated code could not write them."""
    data = b""
    for _ in range(depth):
        value = b"\x32" + varint(len(data)) + data  # Value.list_value
        data = b"\x0a" + varint(len(value)) + value  # ListValue.values
    return data


def varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*encoded, value))


def with_values(values: bytes) -> bytes:
    """An MSE request whose `input` has these bytes for a ListValue."""
    tensor = b"\x22" + varint(len(values)) + values
    entry = b"\x0a\x05input\x12" + varint(len(tensor)) + tensor
    head = evaluate(MSE, target=floats(1)).SerializeToString()
    return head + b"\x12" + varint(len(entry)) + entry


@pytest.mark.parametrize("depth", [40, 65, 100, 2_000, 20_000])
def test_deep_nesting_is_refused(attacker: Attacker, depth: int) -> None:
    """Lists within lists, however deep: no stack overflows."""
    attacker.refused("EvaluateLoss", with_values(nested(depth)), "MALFORMED_MESSAGE", "BAD_VALUES", "SHAPE_MISMATCH")


def listed(*items: object) -> struct_pb2.ListValue:
    message = struct_pb2.ListValue()
    message.extend(items)
    return message


VALUES: dict[str, struct_pb2.ListValue] = {
    "ragged": listed([1.0, 2.0], [3.0]),
    "ragged below": listed([[1.0]], [[1.0, 2.0]]),
    "a number beside a list": listed(1.0, [2.0]),
    "an empty list beside a full": listed([], [1.0]),
    "a string": listed("1.0"),
    "nan by another name": listed("nan"),
    "null": listed(None),
    "an object": listed({"a": 1.0}),
    "too large for float32": listed(1e39),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_numbers_in_a_grid(attacker: Attacker, name: str) -> None:
    """Ragged lists, strings, nulls, objects and numbers that the type cannot hold are refused."""
    attacker.refused("EvaluateLoss", with_values(VALUES[name].SerializeToString()), "BAD_VALUES")


@pytest.mark.parametrize("number", [0.5, 2.0**63, -1e300, float("1e16"), 1e-9])
def test_indices_in_values_are_whole(attacker: Attacker, number: float) -> None:
    """A fraction, or a number that int64 cannot hold exactly, is no class index."""
    target = tensor_pb2.Tensor(values=listed(number))
    request = evaluate(loss_pb2.LossSpec(nll_loss=loss_pb2.NLLLoss()), input=floats(0, 0, shape=[1, 2]), target=target)
    attacker.refused("EvaluateLoss", request, "BAD_VALUES")


def test_values_are_few(attacker: Attacker) -> None:
    """65,536 numbers are read, 65,537 are refused with the way out; a million empty rows are no loophole."""
    for count, code in ((65_536, "OK"), (65_537, "INVALID_ARGUMENT")):
        tensor = tensor_pb2.Tensor(values=listed(*[1.0] * count))
        given = attacker.call("EvaluateLoss", evaluate(MSE, input=tensor, target=tensor))
        assert given.code == code, given
    assert (given.reason, "raw" in given.message) == ("LIMIT_EXCEEDED", True)
    rows = b"\x0a\x02\x32\x00" * 1_000_000
    attacker.refused("EvaluateLoss", with_values(rows), "LIMIT_EXCEEDED", "BAD_VALUES")


def test_counts_are_limited(attacker: Attacker) -> None:
    """4,097 members, a request_id of 129 characters, 10,000 terms, terms 50 deep: refused."""
    member = evaluate(MSE, input=floats(1), target=floats(1))
    batch = evaluation.BatchEvaluateLossRequest(evaluations=[member] * 4097)
    attacker.refused("BatchEvaluateLoss", batch, "LIMIT_EXCEEDED", field="evaluations")
    member.request_id = "i" * 129
    attacker.refused("EvaluateLoss", member, "LIMIT_EXCEEDED", field="request_id")
    terms = [loss_pb2.WeightedTerm(label=f"t{number}", loss=MSE) for number in range(10_000)]
    wide = loss_pb2.LossSpec(weighted_sum=loss_pb2.WeightedSum(terms=terms))
    attacker.refused("EvaluateLoss", evaluate(wide, input=floats(1), target=floats(1)), "LIMIT_EXCEEDED")
    for depth in (9, 50, 5_000):
        data = MSE.SerializeToString()
        for _ in range(depth):
            term = b"\x1a" + varint(len(data)) + data
            total = b"\x0a" + varint(len(term)) + term
            data = b"\x12" + varint(len(total)) + total
        request = (
            b"\x0a"
            + varint(len(data))
            + data
            + evaluate(loss_pb2.LossSpec(), input=floats(1), target=floats(1)).SerializeToString()
        )
        attacker.refused("EvaluateLoss", request, "LIMIT_EXCEEDED", "MALFORMED_MESSAGE")


def test_unknown_enum_numbers_are_refused(attacker: Attacker) -> None:
    """A reduction or an encoding that the contract lacks is named, not taken for the default."""
    for number in (5, 99, -1, 2**31 - 1):
        loss = loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss(reduction=number))  # type: ignore[arg-type]
        request = evaluate(loss, input=floats(1), target=floats(1))
        attacker.refused("EvaluateLoss", request, "ARGUMENT_OUT_OF_RANGE", field="loss.mse_loss.reduction")
        request = evaluate(MSE, ["input"], input=floats(1), target=floats(1))
        request.response_encoding = number  # type: ignore[assignment]
        attacker.refused("EvaluateLoss", request, "ARGUMENT_OUT_OF_RANGE", field="response_encoding")


def test_broadcasting_is_no_bomb(attacker: Attacker) -> None:
    """Half a megabyte that would broadcast to 2^34 elements is refused as too large, not tried."""
    loss = loss_pb2.LossSpec(allow_broadcast=True, mse_loss=loss_pb2.MSELoss())
    zeros = bytes(4 * 2**17)
    request = evaluate(loss, input=raw(1, [2**17, 1], zeros), target=raw(1, [1, 2**17], zeros))
    attacker.refused("EvaluateLoss", request, "LIMIT_EXCEEDED")
    term = {"loss": loss_pb2.LossSpec(expression=loss_pb2.Expression(source="input - target"))}
    terms = [loss_pb2.WeightedTerm(label=f"t{number}", **term) for number in range(64)]  # type: ignore[arg-type]
    many = loss_pb2.LossSpec(weighted_sum=loss_pb2.WeightedSum(terms=terms))
    side = 2**12  # 2^24 elements a term, 4 GiB all together
    request = evaluate(many, input=raw(1, [side, 1], bytes(4 * side)), target=raw(1, [1, side], bytes(4 * side)))
    attacker.refused("EvaluateLoss", request, "LIMIT_EXCEEDED")


def linear(inside: int, outside: int) -> model_pb2.ModelSpec:
    return model_pb2.ModelSpec(linear=model_pb2.Linear(in_features=inside, out_features=outside))


def chain(*modules: model_pb2.ModelSpec) -> model_pb2.ModelSpec:
    return model_pb2.ModelSpec(sequential=model_pb2.Sequential(modules=modules))


def session(model: model_pb2.ModelSpec) -> training.CreateSessionRequest:
    return training.CreateSessionRequest(
        model=model, loss=MSE, optimizer=optimizer_pb2.OptimizerSpec(sgd=optimizer_pb2.SGD())
    )


def test_models_are_bounded(attacker: Attacker) -> None:
    """2^40 features, more parameters than fit, 10^5 modules, 256 times 256 modules, 200 levels: refused unbuilt."""
    attacker.refused("CreateSession", session(linear(2**40, 1)), "ARGUMENT_OUT_OF_RANGE")
    attacker.refused("CreateSession", session(linear(1, -1)), "ARGUMENT_OUT_OF_RANGE")
    attacker.refused("CreateSession", session(linear(2**20, 2**20)), "LIMIT_EXCEEDED")
    attacker.refused("CreateSession", session(chain(*[linear(1, 1)] * 100_000)), "LIMIT_EXCEEDED")
    attacker.refused("CreateSession", session(chain(*[chain(*[linear(1, 1)] * 256)] * 256)), "LIMIT_EXCEEDED")
    attacker.refused(
        "CreateSession", session(chain(*[model_pb2.ModelSpec(relu=model_pb2.ReLU())] * 100_000)), "LIMIT_EXCEEDED"
    )
    for depth in (9, 20, 200):
        model = linear(1, 1).SerializeToString()
        for _ in range(depth):
            inner = b"\x0a" + varint(len(model)) + model
            model = b"\x0a" + varint(len(inner)) + inner
        request = b"\x0a" + varint(len(model)) + model + session(model_pb2.ModelSpec()).SerializeToString()
        attacker.refused("CreateSession", request, "LIMIT_EXCEEDED", "MALFORMED_MESSAGE")


def test_ten_thousand_bad_requests_leave_memory_where_it_was() -> None:
    """After 10,000 refusals, many of 100 KiB, server and worker are not 200 MiB larger."""
    small = [
        evaluate(MSE, input=tensor, target=tensor)
        for name, (tensor, _) in LYING.items()
        if not name.startswith("rank 10")
    ]
    bulky = [
        evaluate(MSE, input=raw(1, [2**40], bytes(100_000)), target=floats(1)),
        evaluate(MSE, ["x" * 100_000], input=floats(1), target=floats(1)),
        evaluate(MSE, input=tensor_pb2.Tensor(values=listed(*[[1.0] * 10] * 300, "x")), target=floats(1)),
    ]
    cycle = itertools.cycle([*small, *[each for each in bulky for _ in range(len(small) // 12)]])
    messages = [
        evaluation.StreamEvaluateLossRequest(evaluation=each).SerializeToString()
        for each in itertools.islice(cycle, 500)
    ]
    with RunningServer() as running:
        attacking = Attacker(running)
        attacking.honest()
        attacking.stream(messages)
        before = running.resident()
        for _ in range(20):
            assert {given.code for given in attacking.stream(messages)} == {"INVALID_ARGUMENT"}
        assert running.resident() < before + 200 * 2**20
        attacking.honest()
        attacking.close()


def test_sums_of_sums_have_a_bound_together(attacker: Attacker) -> None:
    """64 terms in each of 64 terms are 4,096 losses of one small request."""
    loss = MSE
    for _ in range(2):
        terms = [loss_pb2.WeightedTerm(label=f"t{number}", loss=loss) for number in range(64)]
        loss = loss_pb2.LossSpec(weighted_sum=loss_pb2.WeightedSum(terms=terms))
    request = evaluate(loss, ["*"], input=floats(1.0), target=floats(2.0))
    request.term_gradients = True
    attacker.refused("EvaluateLoss", request, "LIMIT_EXCEEDED")
