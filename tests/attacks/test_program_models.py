"""Hostile models: graphs that would write, overflow, read outside or never end. Each is refused, and nothing has run."""

# ruff: noqa: E501  # a table of attacks reads best a line each

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from attacks.attacker import Attacker, floats
from attacks.test_programs import MARK, Bomb, argument, changed, graph, ints, node, pack, tensor
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2, tensor_pb2
from lossd.v1 import training_service_pb2 as pb

NONE: dict[str, Any] = {"as_none": True}
FLOAT, WHOLE = 7, 5
F = tensor("input")


def i(value: int) -> dict[str, Any]:
    return {"as_int": value}


def f(value: Any) -> dict[str, Any]:
    return {"as_float": value}


def b(value: bool) -> dict[str, Any]:
    return {"as_bool": value}


TENSORS: dict[str, tuple[str, int, list[int], bytes]] = {
    "w": ("parameter", FLOAT, [3, 3], struct.pack("<9f", *range(9))),
    "k": ("parameter", FLOAT, [2, 3, 1], struct.pack("<6f", *range(6))),
    "mean": ("buffer", FLOAT, [3], struct.pack("<3f", 0, 0, 0)),
    "var": ("buffer", FLOAT, [3], struct.pack("<3f", 1, 1, 1)),
    "count": ("buffer", WHOLE, [], struct.pack("<q", 0)),
    "real": ("buffer", FLOAT, [], struct.pack("<f", 0)),
}
"""What the models have: kind, type, shape, bytes."""


def archive(
    *nodes: dict[str, Any],
    output: str = "out",
    tensors: Mapping[str, Any] = TENSORS,
    names: Mapping[str, str] = {},
    files: Mapping[str, str] = {},
    lasting: bool = True,
) -> bytes:
    """A model over one float32 `input` of (2, 3); `names` are other names in the module, `files` shared files, not `lasting` are buffers
    that no state holds."""
    specs: list[dict[str, Any]] = []
    table = {}
    packed = {}
    for name, (kind, dtype, sizes, data) in tensors.items():
        called = names.get(name, name)
        inner = {"arg": {"name": name}, f"{kind}_name": called} | ({"persistent": lasting} if kind == "buffer" else {})
        specs.append({kind: inner})
        file = files.get(name, name)
        table[called] = {"path_name": file, "tensor_meta": {"dtype": dtype, "sizes": [i(size) for size in sizes]}}
        if file == name:
            packed[f"data/weights/{file}"] = data
    json_ = {
        "schema_version": {"major": 8, "minor": 20},
        "graph_module": {
            "graph": {"nodes": list(nodes), "tensor_values": {"input": {"dtype": FLOAT, "sizes": [i(2), i(3)]}}},
            "signature": {
                "input_specs": [*specs, {"user_input": {"arg": F}}],
                "output_specs": [{"user_output": {"arg": tensor(output)}}],
            },
        },
        "range_constraints": {},
    }
    weights = {"data/weights/model_weights_config.json": json.dumps({"config": table}).encode()}
    return pack({"models/model.json": json.dumps(json_).encode(), **weights, **packed})


LINEAR = node("linear.default", "l", input=F, weight=tensor("w"))
COUNT = node("add_.Tensor", "c", self=tensor("count"), other=i(1))


def norm(**changes: Any) -> dict[str, Any]:
    given = {
        "input": tensor("l"), "weight": NONE, "bias": NONE, "running_mean": tensor("mean"), "running_var": tensor("var"),
        "training": b(True), "momentum": f(0.1), "eps": f(1e-5), "cudnn_enabled": b(False),
    }  # fmt: skip
    return node("batch_norm.default", "n", **(given | changes))


def drop(**changes: Any) -> dict[str, Any]:
    return node("dropout.default", "out", **({"input": tensor("n"), "p": f(0.5), "train": b(True)} | changes))


GOOD = archive(LINEAR, COUNT, norm(), drop())


def then(*nodes: dict[str, Any], **more: Any) -> bytes:
    """The linear layer, then these."""
    return archive(LINEAR, *nodes, **more)


def conv(kind: str = "conv1d.default", weight: str = "k", **changes: Any) -> bytes:
    """A convolution of the input as two samples of three channels."""
    return then(
        node("unsqueeze.default", "u", self=tensor("l"), dim=i(-1)),
        node(kind, "out", **({"input": tensor("u"), "weight": tensor(weight)} | changes)),
    )


def pool(kind: str, **changes: Any) -> bytes:
    return then(
        node("unsqueeze.default", "u", self=tensor("l"), dim=i(0)), node(kind, "out", self=tensor("u"), **changes)
    )


def resized(**changes: Any) -> bytes:
    given = {"output_size": NONE, "scale_factors": NONE} | changes
    return then(
        node("unsqueeze.default", "u", self=tensor("l"), dim=i(0)),
        node("upsample_nearest1d.vec", "out", input=tensor("u"), **given),
    )


def normed(**changes: Any) -> bytes:
    return archive(LINEAR, COUNT, norm(**changes), drop())


def dropped(**changes: Any) -> bytes:
    return archive(LINEAR, COUNT, norm(), drop(**changes))


def lstm(**changes: Any) -> bytes:
    given = {
        "input": tensor("u"), "hx": {"as_tensors": [{"name": "h"}, {"name": "h"}]}, "params": {"as_tensors": [{"name": "w"}] * 4},
        "has_biases": b(True), "num_layers": i(1), "dropout": f(0.0), "train": b(True), "bidirectional": b(False), "batch_first": b(True),
    } | changes  # fmt: skip
    return then(
        node("unsqueeze.default", "u", self=tensor("l"), dim=i(0)),
        node("zeros.default", "h", size=ints(1, 1, 3)),
        {"target": "torch.ops.aten.lstm.input", "inputs": [argument(n, v) for n, v in given.items()], "outputs": [tensor("out"), tensor("x"), tensor("y")]},
    )  # fmt: skip


def embedded(*numbers: int, **more: Any) -> bytes:
    tensors = TENSORS | {"index": ("buffer", WHOLE, [len(numbers)], struct.pack(f"<{len(numbers)}q", *numbers))}
    return then(node("embedding.default", "out", weight=tensor("w"), indices=tensor("index"), **more), tensors=tensors)


def writing(target: str, of: str, /, **more: Any) -> bytes:
    return then(node(target, "x", self=tensor(of), **more), node("mul.Tensor", "out", self=tensor("l"), other=F))


CASES: dict[str, bytes] = {
    # flags and probabilities
    "a flag that is a number": dropped(train=i(1)),
    "a flag that is text": dropped(train={"as_string": "True"}),
    "a flag that is a tensor": dropped(train=F),
    "no flag": archive(LINEAR, node("dropout.default", "out", input=tensor("l"), p=f(0.5))),
    "a flag of normalisation that is a number": normed(training=f(1.0)),
    "a probability of 2": dropped(p=f(2.0)),
    "a probability below 0": dropped(p=f(-1.0)),
    "a probability that is none": dropped(p=f("NaN")),
    "an infinite probability": dropped(p=f("Infinity")),
    "attention that drops twice": then(node("scaled_dot_product_attention.default", "out", query=tensor("l"), key=tensor("l"), value=tensor("l"), dropout_p=f(2.0))),
    "attention without dimensions": then(node("sum.default", "s", self=tensor("l")), node("scaled_dot_product_attention.default", "out", query=tensor("s"), key=tensor("s"), value=tensor("s"))),
    "random slopes out of order": then(node("rrelu.default", "out", self=tensor("l"), lower=f(3.0), upper=f(1.0), training=b(True))),
    "endless random slopes": then(node("rrelu.default", "out", self=tensor("l"), lower=f(0.0), upper=f("Infinity"), training=b(True))),
    "noise": then(node("randn_like.default", "r", self=tensor("l")), node("add.Tensor", "out", self=tensor("l"), other=tensor("r"))),
    "noise in place": then(node("normal_.default", "out", self=tensor("l"))),
    "bernoulli": then(node("bernoulli.p", "out", self=tensor("l"), p=f(0.5))),
    # writes
    "into a parameter": writing("zero_.default", "w"),
    "into an input": writing("zero_.default", "input"),
    "into a buffer": writing("fill_.Scalar", "mean", value=f(9.0)),
    "into a view of a parameter": then(node("view.default", "v", self=tensor("w"), size=ints(9)), node("zero_.default", "x", self=tensor("v")), node("alias.default", "out", self=tensor("l"))),
    "dropout in a parameter": then(node("dropout_.default", "out", self=tensor("w"), p=f(0.5), train=b(True))),
    "dropout in an input": then(node("dropout_.default", "x", self=F, p=f(0.5), train=b(True)), node("alias.default", "out", self=tensor("l"))),
    "rectified parameters": writing("leaky_relu_.default", "w"),
    "a counter set by an input": writing("add_.Tensor", "count", other=F),
    "a counter overwritten": writing("copy_.default", "count", src=F),
    "a counter that counts by 2": writing("add_.Tensor", "count", other=i(2)),
    "a counter that counts by true": writing("add_.Tensor", "count", other=b(True)),
    "a counter that counts by 1.0": writing("add_.Tensor", "count", other=f(1.0)),
    "a counter with a factor": writing("add_.Tensor", "count", other=i(1), alpha=i(10**9)),
    "a counter that is real": writing("add_.Tensor", "real", other=i(1)),
    "counted statistics": writing("add_.Tensor", "mean", other=i(1)),
    "a counted parameter": writing("add_.Tensor", "w", other=i(1)),
    "a mutation in the signature": changed(lambda g: g["graph_module"]["signature"].update(output_specs=[{"buffer_mutation": {"arg": {"name": "out"}, "buffer_name": "b"}}])),
    "statistics in a parameter": normed(running_mean=tensor("w")),
    "statistics in an input": normed(running_mean=F),
    "statistics in what was computed": archive(LINEAR, node("select.int", "v", self=tensor("w"), dim=i(0), index=i(0)), norm(running_mean=tensor("v")), drop()),
    "statistics in one buffer": normed(running_var=tensor("mean")),
    "statistics in one file": archive(LINEAR, norm(), drop(), files={"var": "mean"}, tensors=TENSORS | {"var": TENSORS["mean"]}),
    "statistics that are not kept": archive(LINEAR, norm(), drop(), lasting=False),
    "half of the statistics": normed(running_var=NONE),
    "statistics of another width": archive(LINEAR, norm(), drop(), tensors=TENSORS | {"mean": ("buffer", FLOAT, [2], b"\0" * 8)}),
    "statistics that are whole numbers": archive(LINEAR, norm(), drop(), tensors=TENSORS | {"mean": ("buffer", WHOLE, [3], b"\0" * 24)}),
    "an endless momentum": normed(momentum=f("Infinity")),
    "a momentum that is none": normed(eps=f("NaN")),
    # sizes
    "a stride below 0": conv(stride=ints(-1)),
    "a stride of 0": conv(stride=ints(0)),
    "a huge stride": conv(stride=ints(2**62)),
    "a padding below 0": conv(padding=ints(-3)),
    "a huge padding": conv(padding=ints(2**40)),
    "padding that makes a bomb": then(node("expand.default", "e", self=tensor("l"), size=ints(2, 3)), node("reshape.default", "u", self=tensor("e"), shape=ints(1, 6, 1, 1, 1)), node("reshape.default", "x", self=tensor("k"), shape=ints(1, 6, 1, 1, 1)), node("conv3d.default", "out", input=tensor("u"), weight=tensor("x"), padding=ints(60000))),
    "no dilation": conv(dilation=ints(0)),
    "a huge dilation": conv(dilation=ints(2**60)),
    "no groups": conv(groups=i(0)),
    "groups below 0": conv(groups=i(-1)),
    "too many groups": conv(groups=i(7)),
    "two strides for one axis": conv(stride=ints(1, 1)),
    "a padding that is text": conv("conv1d.padding", padding={"as_string": "exec"}),
    "a kernel of another rank": conv("conv2d.default"),
    "a kernel that does not fit": then(node("unsqueeze.default", "u", self=tensor("l"), dim=i(0)), node("reshape.default", "x", self=tensor("k"), shape=ints(1, 2, 3)), node("conv1d.default", "out", input=tensor("u"), weight=tensor("x"), dilation=ints(9))),
    "a bias of another width": conv(bias=tensor("w")),
    "a transposed bomb": then(node("unsqueeze.default", "u", self=tensor("l"), dim=i(-1)), node("repeat.default", "r", self=tensor("u"), repeats=ints(1, 1, 2**20)), node("reshape.default", "x", self=tensor("k"), shape=ints(3, 2, 1)), node("conv_transpose1d.default", "out", input=tensor("r"), weight=tensor("x"), stride=ints(65536))),
    "an output padding": then(node("unsqueeze.default", "u", self=tensor("l"), dim=i(-1)), node("reshape.default", "x", self=tensor("k"), shape=ints(3, 2, 1)), node("conv_transpose1d.default", "out", input=tensor("u"), weight=tensor("x"), output_padding=ints(5))),
    "a window of 0": pool("max_pool1d.default", kernel_size=ints(0)),
    "a window below 0": pool("avg_pool1d.default", kernel_size=ints(-2)),
    "a huge window": pool("max_pool1d.default", kernel_size=ints(10**9)),
    "a padded window": pool("avg_pool1d.default", kernel_size=ints(2), padding=ints(2)),
    "a window of another rank": pool("max_pool3d.default", kernel_size=ints(2)),
    "adapted to less than nothing": pool("adaptive_avg_pool1d.default", output_size=ints(-1)),
    "adapted to a terabyte": pool("adaptive_avg_pool2d.default", output_size=ints(2**16, 2**16)),
    "resized without end": resized(scale_factors={"as_floats": [1e30]}),
    "resized below 0": resized(scale_factors={"as_floats": [-1.0]}),
    "resized to a bomb": resized(output_size=ints(2**40)),
    "resized twice": resized(output_size=ints(3), scale_factors={"as_floats": [1.0]}),
    "mirrored too far": pool("pad.default", pad=ints(9, 9), mode={"as_string": "reflect"}),
    "repeated below 0": pool("pad.default", pad=ints(-9, 9), mode={"as_string": "replicate"}),
    "padded in another way": pool("pad.default", pad=ints(1, 1), mode={"as_string": "exec"}),
    "padded without end": pool("pad.default", pad=ints(2**61, 2**61)),
    "shuffled by 0": pool("pixel_shuffle.default", upscale_factor=i(0)),
    "shuffled by too much": pool("pixel_shuffle.default", upscale_factor=i(2**32)),
    "groups of 0 channels": then(node("group_norm.default", "out", input=tensor("l"), num_groups=i(0))),
    "doubled for ever": then(*(node("cat.default", f"n{k}", tensors={"as_tensors": [{"name": f"n{k - 1}" if k else "l"}] * 2}) for k in range(60)), output="n59"),
    # recurrent layers
    "a recurrent layer of too few parameters": lstm(params={"as_tensors": [{"name": "w"}]}),
    "a recurrent layer of other shapes": lstm(),
    "layers below 0": lstm(num_layers=i(-1)),
    "layers without end": lstm(num_layers=i(2**40)),
    "a state too few": lstm(hx={"as_tensors": [{"name": "h"}]}),
    "a recurrent probability of 2": lstm(dropout=f(2.0)),
    # indices, types, results
    "embedded outside": embedded(3),
    "embedded far outside": embedded(2**62),
    "embedded below": embedded(-1),
    "embedded by an input": then(node("embedding.default", "out", weight=tensor("w"), indices=F)),
    "sparse gradients": embedded(0, sparse=b(True)),
    "a parameter of whole numbers": archive(LINEAR, node("alias.default", "out", self=tensor("l")), tensors=TENSORS | {"p": ("parameter", WHOLE, [1], b"\0" * 8)}),
    "no parameters": archive(node("mul.Tensor", "out", self=F, other=F), tensors={}),
    "a result that no parameter has part in": archive(node("mul.Tensor", "out", self=F, other=F)),
    "a result that is whole": then(node("argmax.default", "out", self=tensor("l"), dim=i(1))),
    "a parameter that is a buffer": archive(LINEAR, node("alias.default", "out", self=tensor("l")), tensors=TENSORS | {"v": ("buffer", *TENSORS["w"][1:])}, files={"v": "w"}),
    "one file of two shapes": archive(LINEAR, node("alias.default", "out", self=tensor("l")), tensors=TENSORS | {"v": ("parameter", FLOAT, [9], b"")}, files={"v": "w"}),
    "a float64 input": then(node("to.dtype", "d", self=F, dtype={"as_scalar_type": 8}), node("linear.default", "out", input=tensor("d"), weight=tensor("w"))),
    # names
    "a name of torch's": archive(LINEAR, node("alias.default", "out", self=tensor("l")), names={"w": "forward"}),
    "a private name": archive(LINEAR, node("alias.default", "out", self=tensor("l")), names={"w": "_parameters"}),
    "a class's name": archive(LINEAR, node("alias.default", "out", self=tensor("l")), names={"w": "__class__.x"}),
    "a name in a tensor": archive(LINEAR, node("alias.default", "out", self=tensor("l")), names={"mean": "w.mean"}),
    "an empty name": archive(LINEAR, node("alias.default", "out", self=tensor("l")), names={"w": ""}),
    "a name of dots": archive(LINEAR, node("alias.default", "out", self=tensor("l")), names={"w": "a..b"}),
    "a deep name": archive(LINEAR, node("alias.default", "out", self=tensor("l")), names={"w": ".".join("a" * 500)}),
    "a name of a path": archive(LINEAR, node("alias.default", "out", self=tensor("l")), names={"w": "../../etc/passwd"}),
    # what is no model
    "a pickle": pickle.dumps(Bomb()),
    "a loss": graph({"schema_version": {"major": 8, "minor": 20}}),
    "control flow": archive(LINEAR, {"target": "torch.ops.higher_order.cond", "inputs": [argument("self", F)], "outputs": [tensor("out")]}),
    "a mask": then(node("masked_select.default", "out", self=tensor("l"), mask=tensor("l"))),
    "memory as it lies": then(node("as_strided.default", "out", self=tensor("w"), size=ints(10**6), stride=ints(1))),
}  # fmt: skip
REASONS = ("BAD_PROGRAM", "LIMIT_EXCEEDED", "SHAPE_MISMATCH", "DTYPE_MISMATCH", "VALUE_OUT_OF_RANGE", "UNSUPPORTED",
           "MISSING_FIELD")  # fmt: skip


def creation(data: bytes) -> pb.CreateSessionRequest:
    return pb.CreateSessionRequest(
        model=model_pb2.ModelSpec(program=model_pb2.ProgramModel(archive=data)),
        loss=loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss()),
        optimizer=optimizer_pb2.OptimizerSpec(sgd=optimizer_pb2.SGD(lr=0.1)),
    )


def step(session_id: str, target: tensor_pb2.Tensor) -> pb.TrainStepRequest:
    request = pb.TrainStepRequest(session_id=session_id)
    request.inputs["input"].CopyFrom(floats(1, 2, 3, 4, 5, 6, shape=[2, 3]))
    request.targets["target"].CopyFrom(target)
    return request


@pytest.fixture
def sessions(attacker: Attacker) -> Iterator[list[str]]:
    """Sessions to delete after the test."""
    made: list[str] = []
    yield made
    for session_id in made:
        attacker.call("DeleteSession", pb.DeleteSessionRequest(session_id=session_id))


def test_what_is_not_hostile_is_trained(attacker: Attacker, sessions: list[str]) -> None:
    """The archive that the attacks are made from is an honest model."""
    created = attacker.call("CreateSession", creation(GOOD))
    assert created.code == "OK", created
    sessions.append(pb.CreateSessionResponse.FromString(created.response).session.session_id)
    given = attacker.call("TrainStep", step(sessions[0], floats(*range(6), shape=[2, 3])))
    assert given.code == "OK", given


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_model_is_refused(attacker: Attacker, sessions: list[str], name: str) -> None:
    """INVALID_ARGUMENT, when the session is made or at its first step; memory is as it was, the next is served."""
    before = attacker.server.resident()
    created = attacker.call("CreateSession", creation(CASES[name]))
    if created.code != "OK":
        given = attacker.refused("CreateSession", creation(CASES[name]), *REASONS)
        assert given.field.startswith("model.program"), given
    else:
        sessions.append(pb.CreateSessionResponse.FromString(created.response).session.session_id)
        given = attacker.refused("TrainStep", step(sessions[0], floats(*range(6), shape=[2, 3])), *REASONS)
        assert given.field.startswith(("model.program", "inputs")), given
        forward = pb.ForwardRequest(session_id=sessions[0])
        forward.inputs["input"].CopyFrom(floats(1, 2, 3, 4, 5, 6, shape=[2, 3]))
        assert attacker.call("Forward", forward).code in ("OK", "INVALID_ARGUMENT")
    assert not Path(MARK).exists()
    assert attacker.server.resident() - before < 300 * 2**20, "what was refused was allocated"


def test_a_result_is_a_copy(attacker: Attacker, sessions: list[str]) -> None:
    """A model that gives out a parameter or its input gives numbers, and no hold on what the session keeps."""
    for nodes, output in (((), "w"), ((node("view.default", "out", self=tensor("w"), size=ints(3, 3)),), "out")):
        created = attacker.call("CreateSession", creation(archive(*nodes, output=output)))
        assert created.code == "OK", created
        sessions.append(pb.CreateSessionResponse.FromString(created.response).session.session_id)
        given = attacker.call("TrainStep", step(sessions[-1], floats(*range(9), shape=[3, 3])))
        assert given.code == "OK", given
        assert pb.TrainStepResponse.FromString(given.response).value == 0.0


def test_a_program_is_no_part_of_a_model(attacker: Attacker) -> None:
    """Inside of another module it is refused, with the remedy."""
    request = creation(GOOD)
    part = model_pb2.ModelSpec()
    part.CopyFrom(request.model)
    request.model.Clear()
    request.model.sequential.modules.append(part)
    attacker.refused("CreateSession", request, "UNSUPPORTED", field="model.sequential.modules[0].program")
