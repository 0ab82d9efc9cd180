"""The byte formats: framing, tensors, the arena and the frames, each against arbitrary data."""

from __future__ import annotations

import math
import random
import socket

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lossd import framing
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import tensor_pb2
from lossd_server.faults import Fault
from lossd_server.worker import frames, tensors
from lossd_server.worker.arena import ALIGNMENT, Arena, Region
from lossd_server.worker.frames import Frame, Kind

QUICK = settings(database=None, deadline=None, max_examples=150, derandomize=True)
CPU = torch.device("cpu")
ALL_FORMS = (tensors.RAW, tensors.VALUES, tensors.ATTACHMENT)


@QUICK
@given(request_id=st.text(max_size=20), attachments=st.lists(st.binary(max_size=300), max_size=8))
def test_join_and_split_are_generated_codes_own(request_id: str, attachments: list[bytes]) -> None:
    """What join writes, generated code reads; what generated code writes, split takes apart; to the same bytes."""
    message = evaluation.EvaluateLossRequest(request_id=request_id, gradients=["*"])
    header = message.SerializeToString()
    joined = framing.join(header, attachments)
    message.attachments.extend(attachments)
    assert evaluation.EvaluateLossRequest.FromString(joined) == message
    assert joined == message.SerializeToString()
    split = framing.split(message.SerializeToString())
    assert bytes(split.header) == header
    assert [bytes(attachment) for attachment in split.attachments] == attachments


@QUICK
@given(attachments=st.lists(st.binary(max_size=50), max_size=5), seed=st.integers(0, 2**32))
def test_fields_may_come_in_any_order(attachments: list[bytes], seed: int) -> None:
    """Attachments before, between and after other fields, unknown ones among them: the same message."""
    parts = [framing.join(b"", [attachment]) for attachment in attachments]
    others = [
        evaluation.EvaluateLossRequest(request_id="id").SerializeToString(),
        evaluation.EvaluateLossRequest(gradients=["input"]).SerializeToString(),
        b"\xf8\x07\x05",  # field 127, unknown, a varint
        b"\xe5\x07\x01\x02\x03\x04",  # field 124, unknown, four bytes
    ]
    order = [True] * len(parts) + [False] * len(others)
    random.Random(seed).shuffle(order)
    mine, theirs = iter(parts), iter(others)
    message = b"".join(next(mine) if own else next(theirs) for own in order)
    split = framing.split(message)
    assert [bytes(attachment) for attachment in split.attachments] == attachments
    whole = evaluation.EvaluateLossRequest.FromString(message)
    assert list(whole.attachments) == attachments
    whole.ClearField("attachments")
    assert evaluation.EvaluateLossRequest.FromString(bytes(split.header)) == whole


@QUICK
@given(data=st.binary(max_size=200))
def test_random_bytes_are_malformed_or_a_message(data: bytes) -> None:
    """Nothing but MalformedMessage is raised, and nothing is lost: header and attachments together are all bytes."""
    try:
        header, attachments = framing.split(data)
        framing.string_field(data, 1)
    except framing.MalformedMessage:
        return
    assert len(header) + sum(map(len, attachments)) <= len(data)


@pytest.mark.parametrize("payload", [b"", b"x", b"y" * 200])
def test_every_truncation_is_malformed_or_shorter(payload: bytes) -> None:
    """A message cut anywhere raises MalformedMessage, or ends between two fields."""
    message = evaluation.EvaluateLossRequest(request_id="an id", gradients=["*"]).SerializeToString()
    message = framing.join(message, [payload, payload])
    whole = len(framing.split(message).attachments)
    fits = 0
    for end in range(len(message)):
        try:
            attachments = framing.split(message[:end]).attachments
        except framing.MalformedMessage:
            continue
        fits += 1
        assert len(attachments) < whole
    assert fits == 4  # nothing; one field; two; two and an attachment


@st.composite
def arrays(draw: st.DrawFn) -> torch.Tensor:
    """A tensor of any type of the contract and any small shape, of any bits."""
    dtype = draw(st.sampled_from(sorted(tensors.NUMBERS, key=str)))
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=4)))
    size = math.prod(shape) * dtype.itemsize
    data = bytearray(draw(st.binary(min_size=size, max_size=size)))
    if dtype == torch.bool:
        data = bytearray(byte & 1 for byte in data)
    flat = torch.frombuffer(data, dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
    return flat.view(dtype).reshape(shape)


@QUICK
@given(tensor=arrays(), form=st.sampled_from((tensors.RAW, tensors.ATTACHMENT)))
def test_bytes_survive_encoding_and_decoding(tensor: torch.Tensor, form: int) -> None:
    """Every type, shape and bit pattern comes back as it was, NaN payloads included."""
    out: list[memoryview] = []
    message = tensor_pb2.Tensor()
    tensors.encode(message, tensor, form, out)  # type: ignore[arg-type]
    message = tensor_pb2.Tensor.FromString(message.SerializeToString())
    sent = tensors.Attachments([memoryview(bytes(data)) for data in out])
    back = tensors.decode(message, sent, "t", CPU)
    sent.check_all_used()
    assert (back.dtype, back.shape) == (tensor.dtype, tensor.shape)
    left, right = (x.contiguous().reshape(-1).view(torch.uint8) for x in (back, tensor))
    assert torch.equal(left, right)


@QUICK
@given(numbers=st.lists(st.floats(width=32), min_size=1, max_size=20), depth=st.integers(1, 4))
def test_nested_arrays_carry_every_float(numbers: list[float], depth: int) -> None:
    """float32 in `values` and back: the same numbers, NaN and infinities included."""
    tensor = torch.tensor(numbers, dtype=torch.float32).reshape((1,) * (depth - 1) + (-1,))
    message = tensor_pb2.Tensor()
    tensors.encode(message, tensor, tensors.VALUES, [])
    back = tensors.decode(tensor_pb2.Tensor.FromString(message.SerializeToString()), tensors.Attachments([]), "t", CPU)
    assert back.shape == tensor.shape
    assert np.array_equal(back.numpy(), tensor.numpy(), equal_nan=True)


@QUICK
@given(
    shape=st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3), max_size=70),
    data=st.binary(max_size=40),
    dtype=st.integers(-5, 40),
)
def test_a_shape_is_its_bytes_or_a_fault(shape: list[int], data: bytes, dtype: int) -> None:
    """Whatever is declared, decode answers a tensor of exactly these bytes or raises a Fault, never anything else."""
    message = tensor_pb2.Tensor(dtype=dtype, shape=shape, raw=data)  # type: ignore[arg-type]
    fault = None
    try:
        tensor = tensors.decode(message, tensors.Attachments([]), "t", CPU)
    except Fault as error:
        fault = error
    if fault is not None:
        assert fault.code == "INVALID_ARGUMENT"
        return
    assert list(tensor.shape) == shape
    assert tensor.numel() * tensor.dtype.itemsize == len(data)


@settings(QUICK, max_examples=60)
@given(seed=st.integers(0, 2**32), size=st.integers(1, 64))
def test_an_arena_never_lends_a_byte_twice_and_loses_none(seed: int, size: int) -> None:
    """Over any sequence of reserve and free: regions are apart, aligned and inside; freed, all is to be had again."""
    chance, arena = random.Random(seed), Arena(size * 1024)
    taken: list[Region] = []
    try:
        for _ in range(120):
            if taken and chance.random() < 0.45:
                arena.free(taken.pop(chance.randrange(len(taken))))
                continue
            wanted = chance.choice((0, 1, ALIGNMENT, chance.randrange(size * 1024 + 200)))
            region = arena.reserve(wanted)
            if region is None:
                free = arena.size - sum(each.size for each in taken)
                assert wanted > free or len(taken) > 0, "an empty arena has room for all that fits in it"
                continue
            assert region.offset % ALIGNMENT == 0
            assert wanted <= region.size
            assert region.offset + region.size <= arena.size
            for other in taken:
                apart = region.offset + region.size <= other.offset or other.offset + other.size <= region.offset
                assert apart, f"{region} and {other}"
            taken.append(region)
        for region in taken:
            arena.free(region)
        whole = arena.reserve(arena.size)
        assert whole == Region(0, arena.size)
    finally:
        arena.close()


@pytest.mark.parametrize("place", ["inline", "arena", "file"])
def test_frames_cross_a_socket_in_every_place(place: str) -> None:
    """Segments of any number and size arrive as they were sent, inside the datagram, in the arena and in a file."""
    chance = random.Random(place)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arena = Arena(8 * 2**20)
    try:
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for number in range(40):
            most = {"inline": 2_000, "arena": 100_000, "file": 100_000}[place]
            segments = [chance.randbytes(chance.choice((0, 1, 63, 64, 65, chance.randrange(most)))) for _ in range(12)]
            if place != "inline":
                segments += [chance.randbytes(frames.INLINE)]
            region = arena.reserve(frames.payload_size(segments)) if place == "arena" else None
            sent = Frame(Kind.CALL, number, "EvaluateLoss räq-1", (1.5, -2.0, 3.25), segments, region)
            frames.send(ours, sent, arena)
            got = frames.receive(theirs, arena)
            assert got is not None
            assert (got.kind, got.call, got.text, got.times) == (sent.kind, sent.call, sent.text, sent.times)
            assert [bytes(segment) for segment in got.segments] == segments
            del got
            if region is not None:
                arena.free(region)
        ours.close()
        assert frames.receive(theirs, arena) is None
    finally:
        ours.close()
        theirs.close()
        arena.close()


@pytest.mark.parametrize("count", [0, 1, 512, 513, 16_385])
def test_frames_carry_as_many_segments_as_a_message_may_have(count: int) -> None:
    """A call of many empty or tiny attachments crosses like any other."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arena = Arena(8 * 2**20)
    try:
        segments = [b"s" * (number % 3) for number in range(count)]
        size = frames.payload_size(segments)
        region = arena.reserve(size) if size > frames.INLINE or count > 512 else None
        frames.send(ours, Frame(Kind.CALL, 1, "x", (0.0, 0.0, 0.0), segments, region), arena)
        got = frames.receive(theirs, arena)
        assert got is not None
        assert [bytes(segment) for segment in got.segments] == segments
        del got
    finally:
        ours.close()
        theirs.close()
        arena.close()
