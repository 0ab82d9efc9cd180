"""The layers of torch.nn that a model may have: how their arguments become torch's, and what torch checks too late."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lossd_server.faults import Fault
from lossd_server.limits import MAX_FEATURES, MAX_MODULES, MAX_PARAMETERS


class Layer(NamedTuple):
    """What is particular to a class of torch.nn.

    Args:
        lengths: of lists, whose single entry counts for all dimensions; none: lists of any length, kept as they are.
        keeps: whether the output has the input's shape, whatever that is.
        check: looks at arguments that are each in range.
    """

    lengths: tuple[int, ...] = ()
    keeps: bool = False
    check: Callable[[Mapping[str, Any], str], None] | None = None


def arguments_of(name: str, given: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The arguments as torch's constructor takes them; those out of range are refused."""
    layer = LAYERS[name]
    arguments = {key: _argument(name, key, value, layer, f"{path}.{key}") for key, value in given.items()}
    if layer.check is not None:
        layer.check(arguments, path)
    if arguments.pop("same_padding", False):
        arguments["padding"] = "same"
    return arguments


def range_of(class_name: str, name: str) -> tuple[float, float]:
    """The least and the greatest value of an argument."""
    own = _OWN_RANGES.get((class_name, name)) or _OWN_RANGES.get((class_name.rstrip("123d"), name))
    return own or _RANGES.get(name, _FINITE)


def _argument(class_name: str, name: str, value: Any, layer: Layer, path: str) -> Any:
    if isinstance(value, str):
        return value.replace("_", "-") if class_name == "Upsample" else value
    values = value if isinstance(value, list) else [value]
    least, most = range_of(class_name, name)
    for number in values:
        if isinstance(number, int | float) and not isinstance(number, bool) and not least <= number <= most:
            raise Fault(
                "ARGUMENT_OUT_OF_RANGE", f"{name} is {number}; expected {least:.12g} to {most:.12g}", field=path
            )
    return _sizes(name, value, layer, path) if isinstance(value, list) else value


def _sizes(name: str, value: Sequence[Any], layer: Layer, path: str) -> Any:
    """A list as torch takes it: one entry for all dimensions, or one for each; 0 keeps a size where that is meant."""
    sizes = tuple(None if name == "output_size" and size == 0 else size for size in value)
    if not layer.lengths:
        return sizes
    if len(sizes) not in (1, *layer.lengths):
        expected = " or ".join(map(str, sorted({1, *layer.lengths})))
        raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} has {len(sizes)} entries; expected {expected}", field=path)
    return sizes[0] if len(sizes) == 1 else sizes


def _refuse(name: str, what: str, path: str) -> None:
    raise Fault("ARGUMENT_OUT_OF_RANGE", f"{name} {what}", field=f"{path}.{name}")


def _check_padding(arguments: Mapping[str, Any], path: str) -> None:
    """torch finds a pool's padding too great when it runs."""
    padding, kernel = arguments.get("padding", 0), arguments.get("kernel_size", math.inf)
    if any(2 * p > k for p in _tuple(padding) for k in _tuple(kernel)[:1]) or any(
        2 * p > k for p, k in zip(_tuple(padding), _tuple(kernel), strict=False)
    ):
        _refuse("padding", f"is {padding}; expected at most half of kernel_size, which is {kernel}", path)


def _check_convolution(arguments: Mapping[str, Any], path: str) -> None:
    if arguments.get("same_padding") and "padding" in arguments:
        _refuse("padding", "is given, and same_padding too; give one of them", path)


def _check_rrelu(arguments: Mapping[str, Any], path: str) -> None:
    lower, upper = arguments.get("lower", 1 / 8), arguments.get("upper", 1 / 3)
    if lower > upper:
        _refuse("lower", f"is {lower}; expected at most upper, which is {upper}", path)


def _check_celu(arguments: Mapping[str, Any], path: str) -> None:
    if arguments.get("alpha") == 0:
        _refuse("alpha", "is 0; expected another number", path)


def _check_dim(arguments: Mapping[str, Any], path: str) -> None:
    """torch would choose one from the number of dimensions, and warn that it will not for long."""
    if "dim" not in arguments:
        raise Fault("MISSING_FIELD", "dim is missing; -1 is the last dimension", field=f"{path}.dim")


def _check_upsample(arguments: Mapping[str, Any], path: str) -> None:
    if ("size" in arguments) == ("scale_factor" in arguments):
        raise Fault("MISSING_FIELD", "Upsample takes either size or scale_factor", field=f"{path}.size")
    if arguments.get("mode", "nearest").startswith("nearest") and arguments.get("align_corners") is not None:
        _refuse("align_corners", "goes with mode linear, bilinear, bicubic or trilinear only", path)
    if arguments.get("recompute_scale_factor") and "size" in arguments:
        _refuse("recompute_scale_factor", "goes with scale_factor only", path)


def _check_unflatten(arguments: Mapping[str, Any], path: str) -> None:
    """torch says nothing about it when it runs."""
    sizes = arguments.get("unflattened_size", ())
    if list(_tuple(sizes)).count(-1) > 1:
        _refuse("unflattened_size", f"is {sizes}; expected -1 once at most, for the size that is left", path)


def _check_bag(arguments: Mapping[str, Any], path: str) -> None:
    for name in ("sparse", "scale_grad_by_freq"):
        if arguments.get("mode") == "max" and arguments.get(name):
            _refuse(name, "does not go with mode max", path)


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _named(names: str, layer: Layer) -> dict[str, Layer]:
    return dict.fromkeys(names.split(), layer)


def _dimensional(names: str, check: Callable[[Mapping[str, Any], str], None] | None = None) -> dict[str, Layer]:
    """The classes of one, two and three dimensions."""
    return {f"{name}{n}d": Layer((n,), check=check) for name in names.split() for n in (1, 2, 3)}


_ELEMENTWISE = """Identity Dropout AlphaDropout ReLU ReLU6 LeakyReLU ELU SELU GELU SiLU Mish Softplus Softsign
    Softshrink Hardshrink Tanhshrink Hardtanh Hardsigmoid Hardswish Tanh Sigmoid LogSigmoid Threshold"""

LAYERS: Mapping[str, Layer] = {
    **_named(_ELEMENTWISE, Layer(keeps=True)),
    "RReLU": Layer(keeps=True, check=_check_rrelu),
    "CELU": Layer(keeps=True, check=_check_celu),
    **_named("Softmax LogSoftmax Softmin", Layer(keeps=True, check=_check_dim)),
    **_named("Linear Bilinear Embedding PReLU GLU Softmax2d Flatten FeatureAlphaDropout", Layer()),
    **_named("LayerNorm GroupNorm RMSNorm LocalResponseNorm PixelShuffle PixelUnshuffle ChannelShuffle", Layer()),
    **_named("RNN LSTM GRU MultiheadAttention TransformerEncoderLayer TransformerEncoder", Layer()),
    "EmbeddingBag": Layer(check=_check_bag),
    "Unflatten": Layer(check=_check_unflatten),
    "Upsample": Layer((2, 3), check=_check_upsample),
    **_named("Fold Unfold", Layer((2,))),
    **_dimensional("Conv", _check_convolution),
    **_dimensional("MaxPool AvgPool", _check_padding),
    **_dimensional("ConvTranspose LPPool AdaptiveAvgPool AdaptiveMaxPool BatchNorm InstanceNorm Dropout"),
    **{
        f"{name}Pad{n}d": Layer((2 * n,))
        for name in ("Zero", "Constant", "Reflection", "Replication", "Circular")
        for n in (1, 2, 3)
    },
}
"""Every class of torch.nn that stands in a model by itself."""

_GREATEST = 3.4e38
"""That float32 holds."""
_FINITE = (-_GREATEST, _GREATEST)
_COUNTS = """in_features in1_features in2_features out_features in_channels out_channels groups num_features
    num_channels num_groups embedding_dim hidden_size input_size embed_dim num_heads d_model nhead
    dim_feedforward num_parameters normalized_shape kernel_size stride dilation size upscale_factor
    downscale_factor"""
_RANGES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(_COUNTS.split(), (1, MAX_FEATURES)),
    **dict.fromkeys(("padding", "output_padding", "output_size", "proj_size"), (0, MAX_FEATURES)),
    **dict.fromkeys(("p", "dropout"), (0, 1)),
    **dict.fromkeys(("dim", "start_dim", "end_dim"), (-64, 63)),
    **dict.fromkeys(("eps", "layer_norm_eps"), (0, _GREATEST)),
    **dict.fromkeys(("min_val", "max_val", "value"), (-math.inf, math.inf)),
    "num_embeddings": (1, MAX_PARAMETERS),
    "padding_idx": (-MAX_PARAMETERS, MAX_PARAMETERS),
    "num_layers": (1, MAX_MODULES),
    "max_norm": (0, math.inf),
    "norm_type": (1e-6, math.inf),
    "unflattened_size": (-1, MAX_FEATURES),
    "scale_factor": (1e-6, MAX_FEATURES),
    "divisor_override": (1, MAX_FEATURES),
}
_OWN_RANGES: Mapping[tuple[str, str], tuple[float, float]] = {
    ("Softshrink", "lambd"): (0, _GREATEST),
    ("Threshold", "value"): _FINITE,
    ("LPPool", "norm_type"): (1e-6, _GREATEST),
    **dict.fromkeys(
        [(name, "output_size") for name in ("Fold", "AdaptiveAvgPool1d", "AdaptiveMaxPool1d")], (1, MAX_FEATURES)
    ),
}
"""Where a class differs from what its argument's name says."""
