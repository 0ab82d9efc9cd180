"""Models that lie in wait: sizes, counts and nesting out of bounds, refused by name before anything is allocated."""

from __future__ import annotations

import resource
import time
from typing import Any

import pytest
import torch
from attacks.attacker import MSE, Attacker
from lossd.v1 import model_pb2 as pb
from lossd.v1 import optimizer_pb2
from lossd.v1 import training_service_pb2 as training
from lossd_server.faults import Fault
from lossd_server.limits import MAX_MODULES
from lossd_server.training.models import Model, build_model
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader
from lossd_server.worker.tensors import Attachments

CPU = torch.device("cpu")


def build(model: pb.ModelSpec) -> Model:
    """What a worker makes of a model."""
    return build_model(Reader(Attachments([]), CPU, Programs(CPU)).module(model, "model"))


def chain(*modules: pb.ModelSpec) -> pb.ModelSpec:
    return pb.ModelSpec(sequential=pb.Sequential(modules=modules))


def branch(name: str, input_: str = "", **module: Any) -> pb.Branch:
    return pb.Branch(name=name, input=input_, module=pb.ModelSpec(**module))


def branches(*given: pb.Branch, **more: Any) -> pb.ModelSpec:
    return pb.ModelSpec(branches=pb.Branches(branches=given, **more))


def nested(depth: int, kind: str) -> pb.ModelSpec:
    model = LINEAR
    for _ in range(depth):
        if kind == "sequential":
            model = chain(model)
        elif kind == "residual":
            model = pb.ModelSpec(residual=pb.Residual(module=model))
        else:
            model = branches(pb.Branch(name="a", module=model))
    return model


LINEAR = pb.ModelSpec(linear=pb.Linear(in_features=1, out_features=1))
CONV = {"in_channels": 4, "out_channels": 4, "kernel_size": [3]}
LAYER = pb.TransformerEncoderLayer(d_model=1024, nhead=2)
BIG = 2**40
KINDS = ("sequential", "residual", "branches")
build(pb.ModelSpec(embedding=pb.Embedding(num_embeddings=1, embedding_dim=1)))  # torch loads much for the first

MODELS: dict[str, tuple[pb.ModelSpec, str, str]] = {
    "2^40 features": (
        pb.ModelSpec(linear=pb.Linear(in_features=BIG, out_features=1)),
        "ARGUMENT_OUT_OF_RANGE",
        "linear.in_features",
    ),
    "no features": (pb.ModelSpec(linear=pb.Linear(out_features=1)), "ARGUMENT_OUT_OF_RANGE", "linear.in_features"),
    "2^31 kernel": (
        pb.ModelSpec(conv2d=pb.Conv2d(**CONV | {"kernel_size": [2**31]})),
        "ARGUMENT_OUT_OF_RANGE",
        "conv2d.kernel_size",
    ),
    "kernel of 0": (
        pb.ModelSpec(conv2d=pb.Conv2d(**CONV | {"kernel_size": [3, 0]})),
        "ARGUMENT_OUT_OF_RANGE",
        "conv2d.kernel_size",
    ),
    "no kernel": (
        pb.ModelSpec(conv2d=pb.Conv2d(in_channels=1, out_channels=1)),
        "ARGUMENT_OUT_OF_RANGE",
        "conv2d.kernel_size",
    ),
    "kernel of 3 sizes": (
        pb.ModelSpec(conv2d=pb.Conv2d(**CONV | {"kernel_size": [3] * 3})),
        "ARGUMENT_OUT_OF_RANGE",
        "conv2d.kernel_size",
    ),
    "kernel of 10^6 sizes": (
        pb.ModelSpec(conv2d=pb.Conv2d(**CONV | {"kernel_size": [3] * 10**6})),
        "ARGUMENT_OUT_OF_RANGE",
        "conv2d.kernel_size",
    ),
    "negative padding": (
        pb.ModelSpec(conv1d=pb.Conv1d(padding=[-1], **CONV)),
        "ARGUMENT_OUT_OF_RANGE",
        "conv1d.padding",
    ),
    "negative padding of a pad": (
        pb.ModelSpec(zero_pad1d=pb.ZeroPad1d(padding=[-1])),
        "ARGUMENT_OUT_OF_RANGE",
        "zero_pad1d.padding",
    ),
    "stride 0": (pb.ModelSpec(conv1d=pb.Conv1d(stride=[0], **CONV)), "ARGUMENT_OUT_OF_RANGE", "conv1d.stride"),
    "groups 0": (pb.ModelSpec(conv1d=pb.Conv1d(groups=0, **CONV)), "ARGUMENT_OUT_OF_RANGE", "conv1d.groups"),
    "groups that do not divide": (pb.ModelSpec(conv1d=pb.Conv1d(groups=3, **CONV)), "ARGUMENT_OUT_OF_RANGE", "conv1d"),
    "padding twice": (
        pb.ModelSpec(conv1d=pb.Conv1d(padding=[1], same_padding=True, **CONV)),
        "ARGUMENT_OUT_OF_RANGE",
        "conv1d.padding",
    ),
    "same padding with a stride": (
        pb.ModelSpec(conv1d=pb.Conv1d(stride=[2], same_padding=True, **CONV)),
        "ARGUMENT_OUT_OF_RANGE",
        "conv1d",
    ),
    "mirrored transposed padding": (
        pb.ModelSpec(conv_transpose1d=pb.ConvTranspose1d(padding_mode=2, **CONV)),
        "ARGUMENT_OUT_OF_RANGE",
        "conv_transpose1d",
    ),
    "an enum's 99": (
        pb.ModelSpec(conv1d=pb.Conv1d(padding_mode=99, **CONV)),
        "ARGUMENT_OUT_OF_RANGE",
        "conv1d.padding_mode",
    ),
    "2^100 parameters": (
        pb.ModelSpec(conv3d=pb.Conv3d(in_channels=2**20, out_channels=2**20, kernel_size=[2**20])),
        "ARGUMENT_OUT_OF_RANGE",
        "conv3d",
    ),
    "2^40 parameters": (pb.ModelSpec(linear=pb.Linear(in_features=2**20, out_features=2**20)), "LIMIT_EXCEEDED", ""),
    "a table of 2^45": (
        pb.ModelSpec(embedding=pb.Embedding(num_embeddings=2**28, embedding_dim=2**17)),
        "LIMIT_EXCEEDED",
        "",
    ),
    "padding_idx beyond": (
        pb.ModelSpec(embedding=pb.Embedding(num_embeddings=4, embedding_dim=1, padding_idx=4)),
        "ARGUMENT_OUT_OF_RANGE",
        "embedding.padding_idx",
    ),
    "a sparse greatest": (
        pb.ModelSpec(embedding_bag=pb.EmbeddingBag(num_embeddings=4, embedding_dim=1, mode=3, sparse=True)),
        "ARGUMENT_OUT_OF_RANGE",
        "embedding_bag.sparse",
    ),
    "10^5 recurrent layers": (
        pb.ModelSpec(lstm=pb.LSTM(input_size=1, hidden_size=1, num_layers=10**5)),
        "ARGUMENT_OUT_OF_RANGE",
        "lstm.num_layers",
    ),
    "projection as wide as the state": (
        pb.ModelSpec(lstm=pb.LSTM(input_size=1, hidden_size=2, proj_size=2)),
        "ARGUMENT_OUT_OF_RANGE",
        "lstm.proj_size",
    ),
    "dropout of one layer": (
        pb.ModelSpec(gru=pb.GRU(input_size=1, hidden_size=2, dropout=0.5)),
        "ARGUMENT_OUT_OF_RANGE",
        "gru.dropout",
    ),
    "heads that do not divide": (
        pb.ModelSpec(multihead_attention=pb.MultiheadAttention(embed_dim=4, num_heads=3)),
        "ARGUMENT_OUT_OF_RANGE",
        "multihead_attention.embed_dim",
    ),
    "255 wide transformer layers": (
        pb.ModelSpec(transformer_encoder=pb.TransformerEncoder(encoder_layer=LAYER, num_layers=255)),
        "LIMIT_EXCEEDED",
        "",
    ),
    "an encoder of nothing": (
        pb.ModelSpec(transformer_encoder=pb.TransformerEncoder(num_layers=2)),
        "MISSING_FIELD",
        "transformer_encoder.encoder_layer",
    ),
    "10^4 modules": (chain(*[LINEAR] * 10_000), "LIMIT_EXCEEDED", ""),
    "200 transformers of 200 layers": (
        chain(*[pb.ModelSpec(transformer_encoder=pb.TransformerEncoder(encoder_layer=LAYER, num_layers=200))] * 200),
        "LIMIT_EXCEEDED",
        "",
    ),
    "10^4 branches": (branches(*[branch(f"b{n}", linear=LINEAR.linear) for n in range(10_000)]), "LIMIT_EXCEEDED", ""),
    **{f"{kind} 30 deep": (nested(30, kind), "LIMIT_EXCEEDED", kind) for kind in KINDS},
    "a probability of 2": (
        chain(LINEAR, pb.ModelSpec(dropout=pb.Dropout(p=2))),
        "ARGUMENT_OUT_OF_RANGE",
        "sequential.modules[1].dropout.p",
    ),
    "a probability that is none": (
        pb.ModelSpec(dropout=pb.Dropout(p=float("nan"))),
        "ARGUMENT_OUT_OF_RANGE",
        "dropout.p",
    ),
    "an infinite eps": (
        pb.ModelSpec(layer_norm=pb.LayerNorm(normalized_shape=[1], eps=float("inf"))),
        "ARGUMENT_OUT_OF_RANGE",
        "layer_norm.eps",
    ),
    "pool padding": (
        pb.ModelSpec(max_pool2d=pb.MaxPool2d(kernel_size=[3], padding=[2])),
        "ARGUMENT_OUT_OF_RANGE",
        "max_pool2d.padding",
    ),
    "divided by 0": (
        pb.ModelSpec(avg_pool2d=pb.AvgPool2d(kernel_size=[3], divisor_override=0)),
        "ARGUMENT_OUT_OF_RANGE",
        "avg_pool2d.divisor_override",
    ),
    "power 0": (
        pb.ModelSpec(lp_pool2d=pb.LPPool2d(kernel_size=[3], norm_type=0)),
        "ARGUMENT_OUT_OF_RANGE",
        "lp_pool2d.norm_type",
    ),
    "alpha 0": (pb.ModelSpec(celu=pb.CELU(alpha=0)), "ARGUMENT_OUT_OF_RANGE", "celu.alpha"),
    "slopes the wrong way round": (
        pb.ModelSpec(rrelu=pb.RReLU(lower=0.5, upper=0.1)),
        "ARGUMENT_OUT_OF_RANGE",
        "rrelu.lower",
    ),
    "bounds the wrong way round": (
        pb.ModelSpec(hardtanh=pb.Hardtanh(min_val=2, max_val=1)),
        "ARGUMENT_OUT_OF_RANGE",
        "hardtanh",
    ),
    "a softmax of no dimension": (pb.ModelSpec(softmax=pb.Softmax()), "MISSING_FIELD", "softmax.dim"),
    "a threshold without a value": (
        pb.ModelSpec(threshold=pb.Threshold(threshold=1)),
        "MISSING_FIELD",
        "threshold.value",
    ),
    "two sizes": (pb.ModelSpec(upsample=pb.Upsample(size=[2], scale_factor=[2])), "MISSING_FIELD", "upsample.size"),
    "aligned corners of the nearest": (
        pb.ModelSpec(upsample=pb.Upsample(size=[2], align_corners=True)),
        "ARGUMENT_OUT_OF_RANGE",
        "upsample.align_corners",
    ),
    "nothing inside": (pb.ModelSpec(residual=pb.Residual()), "MISSING_FIELD", "residual.module"),
    "no branches": (branches(), "MISSING_FIELD", "branches.branches"),
    "a branch of nothing": (branches(pb.Branch(name="a")), "MISSING_FIELD", "branches.branches[0].module"),
    **{
        f"a branch named {name!r}": (
            branches(branch(name, linear=LINEAR.linear)),
            "ARGUMENT_OUT_OF_RANGE",
            "branches.branches[0].name",
        )
        for name in ("", "a.b", "forward", "training", "bilinear", "_modules", "a" * 65, "é")
    },
    "two branches of a name": (
        branches(*[branch("a", linear=LINEAR.linear)] * 2),
        "ARGUMENT_OUT_OF_RANGE",
        "branches.branches[1].name",
    ),
    "an input of no name": (
        branches(branch("a", "a b", linear=LINEAR.linear)),
        "ARGUMENT_OUT_OF_RANGE",
        "branches.branches[0].input",
    ),
    "a bilinear of one": (
        branches(
            branch("a", linear=LINEAR.linear), bilinear=pb.Bilinear(in1_features=1, in2_features=1, out_features=1)
        ),
        "ARGUMENT_OUT_OF_RANGE",
        "branches.bilinear",
    ),
    "a dimension of a sum": (
        branches(branch("a", linear=LINEAR.linear), merge=2, dim=0),
        "ARGUMENT_OUT_OF_RANGE",
        "branches.dim",
    ),
    "nothing reads what flows in": (
        chain(LINEAR, branches(branch("a", "x", linear=LINEAR.linear))),
        "ARGUMENT_OUT_OF_RANGE",
        "sequential.modules[1].branches",
    ),
    "nothing reads the branch's input": (
        branches(pb.Branch(name="a", input="x", module=branches(branch("b", "y", linear=LINEAR.linear)))),
        "ARGUMENT_OUT_OF_RANGE",
        "branches.branches[0].input",
    ),
    "nothing to train": (chain(pb.ModelSpec(relu=pb.ReLU())), "MISSING_FIELD", ""),
    "nothing": (pb.ModelSpec(), "MISSING_FIELD", ""),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_cannot_or_should_not_be_built_is_refused(name: str) -> None:
    """By reason and field, within seconds, in no more memory."""
    model, reason, field = MODELS[name]
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(Fault) as refused:
        build(model)
    fault = refused.value
    assert fault.reason == reason, fault.message
    assert fault.field.startswith(f"model.{field}" if field else "model"), f"{fault.field}: {fault.message}"
    assert time.process_time() - started < 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
    assert len(fault.message) < 500


def test_as_many_modules_as_allowed_are_built() -> None:
    """The limit itself is no lie."""
    modules = [LINEAR] * (MAX_MODULES - 1)
    assert len(list(build(chain(*modules)).module.children())) == MAX_MODULES - 1


IMAGE = pb.ModelSpec(conv2d=pb.Conv2d(in_channels=1, out_channels=1, kernel_size=[1]))
COSTS: dict[str, tuple[pb.ModelSpec, tuple[int, ...]]] = {
    "padding": (chain(IMAGE, pb.ModelSpec(zero_pad2d=pb.ZeroPad2d(padding=[2**20]))), (1, 1, 1, 1)),
    "upsampling": (chain(IMAGE, pb.ModelSpec(upsample=pb.Upsample(scale_factor=[2**20]))), (1, 1, 1, 1)),
    "adaptive pooling": (
        chain(IMAGE, pb.ModelSpec(adaptive_avg_pool2d=pb.AdaptiveAvgPool2d(output_size=[2**20]))),
        (1, 1, 1, 1),
    ),
    "a convolution's padding": (
        pb.ModelSpec(conv2d=pb.Conv2d(in_channels=1, out_channels=1, kernel_size=[1], padding=[2**20])),
        (1, 1, 1, 1),
    ),
    "a transposed stride": (
        pb.ModelSpec(
            conv_transpose2d=pb.ConvTranspose2d(in_channels=1, out_channels=1, kernel_size=[1], stride=[2**20])
        ),
        (1, 1, 2, 2),
    ),
    "folding": (
        chain(IMAGE, pb.ModelSpec(unfold=pb.Unfold(kernel_size=[64], padding=[32]))),
        (1, 1, 2048, 2048),
    ),
    "attention": (
        pb.ModelSpec(multihead_attention=pb.MultiheadAttention(embed_dim=1, num_heads=1)),
        (2**16, 1, 1),
    ),
    "a long sequence": (pb.ModelSpec(lstm=pb.LSTM(input_size=1, hidden_size=1)), (2**20, 1, 1)),
    "a wide layer": (pb.ModelSpec(linear=pb.Linear(in_features=1, out_features=2**20)), (2**10, 1)),
    "a convolution's work": (
        pb.ModelSpec(conv2d=pb.Conv2d(in_channels=256, out_channels=256, kernel_size=[31], padding=[15])),
        (2, 256, 128, 128),
    ),
    "windows side by side": (
        pb.ModelSpec(conv2d=pb.Conv2d(in_channels=1, out_channels=1, kernel_size=[128], padding=[64])),
        (1, 1, 140, 140),
    ),
    "stacked branches": (
        branches(*[branch(f"b{n}", linear=pb.Linear(in_features=1, out_features=2**18)) for n in range(60)], merge=5),
        (8, 1),
    ),
}


@pytest.mark.parametrize("name", COSTS)
def test_what_would_cost_too_much_is_not_begun(name: str) -> None:
    """A small input may make a large tensor, or much work: refused by the layer's name from shapes alone."""
    message, shape = COSTS[name]
    model = build(message)
    input_ = torch.empty(1).expand(shape)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(Fault, match="by layer") as refused:
        model.check({"input": input_})
    assert (refused.value.reason, refused.value.field) == ("LIMIT_EXCEEDED", "inputs.input")
    assert time.process_time() - started < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


@pytest.mark.parametrize(
    "name", ["2^40 features", "2^100 parameters", "10^4 branches", "sequential 30 deep", "groups 0"]
)
def test_a_server_refuses_them_too(attacker: Attacker, name: str) -> None:
    """Over a socket, and honest callers go on."""
    model, reason, field = MODELS[name]
    optimizer = optimizer_pb2.OptimizerSpec(sgd=optimizer_pb2.SGD())
    request = training.CreateSessionRequest(model=model, loss=MSE, optimizer=optimizer)
    verdict = attacker.refused("CreateSession", request, reason, "MALFORMED_MESSAGE")
    assert verdict.field.startswith(f"model.{field}" if field else "model")
    attacker.honest()
