"""Layers of torch.nn with arguments and inputs, and torch's own module for each: the cases of the tests of models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from congruence import oracle
from lossd import nn as ours
from lossd import spec
from lossd.v1 import model_pb2
from lossd_server.training.models import Model, build_model
from lossd_server.worker.programs import Programs
from lossd_server.worker.specs import Reader
from lossd_server.worker.tensors import Attachments
from torch import Tensor, nn

CPU = torch.device("cpu")
RECURRENT = ("RNN", "LSTM", "GRU")
INDEXED = ("Embedding", "EmbeddingBag")


@dataclass(frozen=True)
class Case:
    """A layer with its constructor's arguments, and the shape of an input."""

    name: str
    arguments: dict[str, Any]
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"

    def input(self, shape: tuple[int, ...] | None = None) -> Tensor:
        """Data for it, the same each time."""
        generator = oracle.generator("models", str(self))
        shape = self.shape if shape is None else shape
        if self.name in INDEXED:
            return torch.randint(self.arguments["num_embeddings"], shape, generator=generator)
        return torch.randn(shape, generator=generator)

    def ours(self) -> Any:
        """The layer as the SDK has it."""
        return getattr(ours, self.name)(**self.arguments)

    def theirs(self) -> nn.Module:
        """The layer as torch has it, and what this service adds to it."""
        arguments = dict(self.arguments)
        arguments.pop("output", None)
        if self.name == "TransformerEncoder":
            layer = nn.TransformerEncoderLayer(**given(arguments.pop("encoder_layer")))
            norm = arguments.pop("norm", None)
            norm = nn.LayerNorm(**given(norm)) if norm else None
            return nn.TransformerEncoder(layer, norm=norm, enable_nested_tensor=False, **arguments)
        if self.name == "Upsample" and arguments.get("mode") == "nearest_exact":
            arguments["mode"] = "nearest-exact"
        return getattr(nn, self.name)(**arguments)

    def compute(self, layer: Any, input_: Tensor) -> Tensor:
        """What torch's layer makes of an input, as one tensor."""
        if self.name == "MultiheadAttention":
            return layer(input_, input_, input_, need_weights=False)[0]
        if self.name not in RECURRENT:
            return layer(input_)
        output, state = layer(input_)
        if self.arguments.get("output") != "last":
            return output
        hidden = state[0] if self.name == "LSTM" else state
        return torch.cat((hidden[-2], hidden[-1]), dim=-1) if layer.bidirectional else hidden[-1]


def given(module: Any) -> dict[str, Any]:
    """The arguments of a layer of the SDK that were given."""
    return {name: value for name, value in module.arguments().items() if value is not None}


def build(module: Any) -> Model:
    """The model that the server makes of a module of the SDK, after a trip through the contract."""
    return build_message(model_pb2.ModelSpec.FromString(spec.write(module, model_pb2.ModelSpec()).SerializeToString()))


def build_message(message: model_pb2.ModelSpec) -> Model:
    """The model that the server makes of a message."""
    return build_model(Reader(Attachments([]), CPU, Programs(CPU)).module(message, "model"))


def layers(name: str, shape: tuple[int, ...], *arguments: dict[str, Any]) -> list[Case]:
    """Cases of one class and one shape."""
    return [Case(name, given, shape) for given in arguments]


IMAGES = {1: (4, 6, 9), 2: (4, 6, 9, 8), 3: (4, 6, 7, 6, 5)}


def _spatial() -> list[Case]:
    cases = []
    for n, shape in IMAGES.items():
        conv = {"in_channels": 6, "out_channels": 4, "kernel_size": 3}
        each = tuple(range(2, 2 + n))
        cases += layers(
            f"Conv{n}d",
            shape,
            conv,
            conv | {"stride": 2, "padding": 1, "dilation": 2, "groups": 2, "bias": False},
            conv | {"kernel_size": each, "stride": each[::-1], "padding": each},
            conv | {"padding": "same", "dilation": 2},
            conv | {"padding": "valid"},
            *[conv | {"padding": 1, "padding_mode": mode} for mode in ("zeros", "reflect", "replicate", "circular")],
        )
        cases += layers(
            f"ConvTranspose{n}d",
            shape,
            conv,
            conv | {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2, "bias": False, "dilation": 2},
            conv | {"kernel_size": each, "padding_mode": "zeros"},
        )
        pool = {"kernel_size": 3}
        cases += layers(
            f"MaxPool{n}d",
            shape,
            pool,
            pool | {"stride": 2, "padding": 1, "ceil_mode": True},
            {"kernel_size": each, "dilation": 1},
            {"kernel_size": 2, "dilation": 2},
        )
        cases += layers(
            f"AvgPool{n}d",
            shape,
            pool,
            pool | {"stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
            *([{"kernel_size": each, "divisor_override": 5}] if n > 1 else []),
        )
        cases += layers(
            f"LPPool{n}d",
            shape,
            {"norm_type": 2.0, "kernel_size": 2},
            {"norm_type": 3.0, "kernel_size": 2, "stride": 1, "ceil_mode": True},
        )
        sizes = ({"output_size": 2}, {"output_size": (None, *each[1:]) if n > 1 else (3,)})
        cases += layers(f"AdaptiveAvgPool{n}d", shape, *sizes) + layers(f"AdaptiveMaxPool{n}d", shape, *sizes)
        norm = {"num_features": 6}
        cases += layers(
            f"BatchNorm{n}d",
            shape,
            norm,
            norm | {"eps": 0.1, "momentum": 0.5, "affine": False},
            norm | {"track_running_stats": False, "bias": False},
        )
        cases += layers(
            f"InstanceNorm{n}d",
            shape,
            norm,
            norm | {"eps": 0.1, "momentum": 0.5, "affine": True, "track_running_stats": True},
        )
        cases += layers(f"Dropout{n}d", shape, {}, {"p": 0.2})
        both = tuple(1 + place % 2 for place in range(2 * n))
        for kind in ("Zero", "Reflection", "Replication", "Circular"):
            cases += layers(f"{kind}Pad{n}d", shape, {"padding": 2}, {"padding": both})
        cases += layers(f"ConstantPad{n}d", shape, {"padding": 2, "value": -1.5}, {"padding": both, "value": 0.0})
    return cases


def _activations() -> list[Case]:
    plain = """ReLU ReLU6 SELU SiLU Mish Softsign Tanhshrink Hardsigmoid Hardswish Tanh Sigmoid LogSigmoid Identity
        FeatureAlphaDropout AlphaDropout Dropout LeakyReLU PReLU RReLU ELU CELU GELU Softplus Softshrink Hardshrink
        Hardtanh GLU Flatten"""
    cases = [Case(name, {}, (5, 6, 4)) for name in plain.split()]
    more: dict[str, list[dict[str, Any]]] = {
        "LeakyReLU": [{"negative_slope": 0.3}],
        "PReLU": [{"num_parameters": 6, "init": 0.0}],
        "RReLU": [{"lower": 0.0, "upper": 0.9}],
        "ELU": [{"alpha": 0.5}],
        "CELU": [{"alpha": 2.0}],
        "GELU": [{"approximate": "tanh"}, {"approximate": "none"}],
        "Softplus": [{"beta": 2.0, "threshold": 1.0}],
        "Softshrink": [{"lambd": 0.0}],
        "Hardshrink": [{"lambd": 0.2}],
        "Hardtanh": [{"min_val": 0.0, "max_val": float("inf")}],
        "Threshold": [{"threshold": 0.0, "value": 0.0}, {"threshold": -0.5, "value": 20.0}],
        "GLU": [{"dim": 1}],
        "Softmax": [{"dim": 0}, {"dim": -1}],
        "LogSoftmax": [{"dim": 1}],
        "Softmin": [{"dim": 1}],
        "Softmax2d": [{}],
        "Dropout": [{"p": 0.0}, {"p": 1.0}],
        "Flatten": [{"start_dim": 0, "end_dim": 1}],
        "Unflatten": [{"dim": 1, "unflattened_size": (2, -1)}, {"dim": 0, "unflattened_size": (5, 1)}],
    }
    return cases + [Case(name, given, (5, 6, 4)) for name, listed in more.items() for given in listed]


def _rest() -> list[Case]:
    table = {"num_embeddings": 7, "embedding_dim": 3}
    many: dict[str, Any] = {"input_size": 6, "hidden_size": 5, "num_layers": 2, "dropout": 0.4, "bidirectional": True}
    one: dict[str, Any] = {"input_size": 6, "hidden_size": 5}
    layer: dict[str, Any] = {"d_model": 6, "nhead": 2, "dim_feedforward": 9}
    return [
        *layers("Linear", (5, 4), {"in_features": 4, "out_features": 3}),
        *layers("Linear", (2, 5, 4), {"in_features": 4, "out_features": 3, "bias": False}),
        *layers(
            "Embedding",
            (5, 4),
            table,
            table | {"padding_idx": 2, "scale_grad_by_freq": True},
            table | {"max_norm": 0.7, "norm_type": 1.0},
            table | {"sparse": True, "padding_idx": -1},
        ),
        *layers(
            "EmbeddingBag",
            (5, 4),
            table,
            table | {"mode": "sum", "scale_grad_by_freq": True, "padding_idx": 0},
            table | {"mode": "max", "max_norm": 0.7, "norm_type": float("inf")},
            table | {"mode": "mean", "sparse": True},
        ),
        *layers("BatchNorm1d", (5, 6), {"num_features": 6}),
        *layers(
            "LayerNorm",
            (5, 6, 4),
            {"normalized_shape": 4},
            {"normalized_shape": (6, 4), "eps": 0.1, "bias": False},
            {"normalized_shape": (4,), "elementwise_affine": False},
        ),
        *layers(
            "GroupNorm",
            (5, 6, 4),
            {"num_groups": 3, "num_channels": 6},
            {"num_groups": 1, "num_channels": 6, "eps": 0.1, "affine": False},
            {"num_groups": 6, "num_channels": 6, "bias": False},
        ),
        *layers(
            "RMSNorm",
            (5, 6, 4),
            {"normalized_shape": 4},
            {"normalized_shape": (6, 4), "eps": 0.1, "elementwise_affine": False},
        ),
        *layers("LocalResponseNorm", IMAGES[2], {"size": 2}, {"size": 3, "alpha": 0.1, "beta": 0.5, "k": 2.0}),
        *layers("PixelShuffle", (2, 8, 3, 4), {"upscale_factor": 2}),
        *layers("PixelUnshuffle", (2, 2, 6, 4), {"downscale_factor": 2}),
        *layers("ChannelShuffle", IMAGES[2], {"groups": 3}),
        *layers(
            "Unfold", IMAGES[2], {"kernel_size": 2}, {"kernel_size": (2, 3), "dilation": 2, "padding": 1, "stride": 2}
        ),
        *layers(
            "Fold",
            (2, 12, 12),
            {"output_size": (4, 5), "kernel_size": 2},
            {"output_size": (4, 5), "kernel_size": (2, 2), "dilation": 1, "padding": 0, "stride": 1},
        ),
        *layers("Upsample", IMAGES[2], {"scale_factor": 2}, {"size": (5, 20), "mode": "nearest_exact"}),
        *layers("Upsample", IMAGES[1], {"scale_factor": 1.7, "mode": "linear", "recompute_scale_factor": True}),
        *layers("Upsample", IMAGES[2], {"size": 12, "mode": "bilinear", "align_corners": True}),
        *layers("Upsample", IMAGES[2], {"scale_factor": (1.5, 2.0), "mode": "bicubic"}),
        *layers("Upsample", IMAGES[3], {"scale_factor": 2, "mode": "trilinear", "align_corners": False}),
        *layers("RNN", (7, 3, 6), one, many, one | {"nonlinearity": "relu", "bias": False, "output": "last"}),
        *layers("LSTM", (7, 3, 6), one, many, many | {"output": "last", "batch_first": True}, one | {"output": "last"}),
        *layers("LSTM", (7, 6), one | {"output": "last"}),
        *layers("GRU", (7, 3, 6), one, many, many | {"output": "last"}, one | {"batch_first": True, "bias": False}),
        *layers(
            "MultiheadAttention",
            (5, 3, 6),
            {"embed_dim": 6, "num_heads": 2},
            {"embed_dim": 6, "num_heads": 3, "dropout": 0.3, "bias": False, "batch_first": True},
            {"embed_dim": 6, "num_heads": 1, "add_bias_kv": True, "add_zero_attn": True},
        ),
        *layers(
            "TransformerEncoderLayer",
            (5, 3, 6),
            layer,
            layer | {"activation": "gelu", "norm_first": True, "batch_first": True, "bias": False},
            layer | {"activation": "relu", "dropout": 0.5, "layer_norm_eps": 0.1},
        ),
        *layers(
            "TransformerEncoder",
            (5, 3, 6),
            {"encoder_layer": ours.TransformerEncoderLayer(6, 2, 9), "num_layers": 2},
            {
                "encoder_layer": ours.TransformerEncoderLayer(d_model=6, nhead=2, dim_feedforward=9, batch_first=True),
                "num_layers": 3,
                "norm": ours.LayerNorm(6),
            },
        ),
    ]


CASES: list[Case] = [
    Case(case.name, case.arguments, (5, 6, 4, 3)) if case.name == "Softmax2d" else case
    for case in [*_activations(), *_spatial(), *_rest()]
]
"""Every layer with its defaults and with others."""
