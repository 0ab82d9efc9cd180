"""The operators that a model may use beyond those of a loss: layers, and what is different in training.

Each layer's sizes are looked at here, before torch's kernels, which trust some of them. Operators that behave
differently in training say so by an argument, whose name is known here; who sets it is `modes`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses.programs.fields import bad

Arguments = Mapping[str, Any]
Rule = Callable[[Arguments], None]

FIELD = "loss.program"
_MOST = 2**16
_MOST_SCALE = 1024
_MOST_STEPS = 1024
_AXES = (1, 2, 3)
_ACTIVATIONS = "celu_ elu_ hardsigmoid_ hardswish_ hardtanh_ leaky_relu_ mish_ relu6_ selu_ silu_ threshold_"


def _numbers(given: Arguments, name: str, count: int, least: int, default: int = 1) -> list[int]:
    """A size for each axis, from a list of one or of all; from `least` to 65,536."""
    value = given.get(name)
    listed = [default] if value is None or value == [] else value if isinstance(value, list) else [value]
    if len(listed) not in (1, count) or not all(type(size) is int and least <= size <= _MOST for size in listed):
        raise bad(f"{name} is not one or {count} whole numbers from {least} to {_MOST}")
    return listed * count if len(listed) == 1 else listed


def _spatial(given: Tensor, axes: int) -> list[int]:
    """The sizes of the last axes of a batch, or of one sample."""
    if given.dim() not in (axes + 1, axes + 2) or not all(given.shape[-axes:]):
        raise _shape(f"a layer of {axes} axes is given the shape {shape_text(given.shape)}")
    return list(given.shape[-axes:])


def _shape(what: str) -> Fault:
    return Fault("SHAPE_MISMATCH", what, field=FIELD)


def _probability(given: Arguments, name: str) -> None:
    value = given.get(name, 0.0)
    if not isinstance(value, int | float) or not 0 <= value <= 1:  # NaN too
        raise bad(f"{name} is a probability: from 0 to 1")


def dropout(arguments: Arguments) -> None:
    """`p` from 0 to 1."""
    _probability(arguments, "p")


def attention(arguments: Arguments) -> None:
    """`dropout_p` from 0 to 1, and two dimensions at least."""
    _probability(arguments, "dropout_p")
    if min(arguments[name].dim() for name in ("query", "key", "value")) < 2:
        raise _shape("attention needs a dimension of positions and one of features")


def slopes(arguments: Arguments) -> None:
    """`lower` and `upper` finite and in order."""
    lower, upper = arguments.get("lower", 0.125), arguments.get("upper", 1 / 3)
    if not (math.isfinite(lower) and math.isfinite(upper) and lower <= upper):
        raise bad("lower and upper of rrelu are finite, and lower not above upper")


def _convolution(axes: int, transposed: bool) -> Rule:
    def rule(arguments: Arguments) -> None:
        """Groups, channels, strides and sizes that fit one another."""
        input_, weight, bias, groups = (
            arguments["input"],
            arguments["weight"],
            arguments.get("bias"),
            arguments.get("groups", 1),
        )
        sizes = _spatial(input_, axes)
        if weight.dim() != axes + 2 or not all(weight.shape) or type(groups) is not int or not 1 <= groups <= _MOST:
            raise _shape(f"a convolution of {axes} axes has a weight of {axes + 2} dimensions, and groups")
        takes, gives = weight.shape[1] * groups, weight.shape[0]
        if transposed:
            takes, gives = gives, takes
        if input_.shape[-axes - 1] != takes or weight.shape[0] % groups:
            raise _shape(f"a convolution takes {takes} channels in {groups} groups, given {input_.shape[-axes - 1]}")
        if bias is not None and bias.shape != (gives,):
            raise _shape(f"the bias of a convolution has {gives} numbers, given {shape_text(bias.shape)}")
        _check_output(arguments, sizes, list(weight.shape[2:]), transposed)

    return rule


def _check_output(arguments: Arguments, sizes: list[int], kernel: list[int], transposed: bool) -> None:
    axes = len(sizes)
    stride, dilation = (_numbers(arguments, name, axes, 1) for name in ("stride", "dilation"))
    padding = arguments.get("padding")
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise bad("padding is same, valid, or whole numbers")
        pads = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)] if padding == "same" else [0] * axes
    else:
        pads = [2 * pad for pad in _numbers(arguments, "padding", axes, 0, 0)]
    extra = _numbers(arguments, "output_padding", axes, 0, 0)
    for size, k, s, d, pad, more in zip(sizes, kernel, stride, dilation, pads, extra, strict=True):
        if more and more >= max(s, d):
            raise bad("output_padding is smaller than stride or dilation")
        left = (size - 1) * s - pad + d * (k - 1) + more if transposed else size + pad - d * (k - 1) - 1
        if left < 0:
            raise _shape(f"a kernel of {k} does not fit into a size of {size}")


def _pooling(axes: int) -> Rule:
    def rule(arguments: Arguments) -> None:
        """A window that fits, padded by half of it at most."""
        sizes = _spatial(arguments["self"], axes)
        kernel = _numbers(arguments, "kernel_size", axes, 1)
        _numbers(arguments, "stride", axes, 1)
        padding, dilation = _numbers(arguments, "padding", axes, 0, 0), _numbers(arguments, "dilation", axes, 1)
        for size, k, pad, d in zip(sizes, kernel, padding, dilation, strict=True):
            if pad > k // 2 or size + 2 * pad < d * (k - 1) + 1:
                raise _shape(f"a window of {k}, padded by {pad}, does not fit into a size of {size}")

    return rule


def _adaptive(axes: int) -> Rule:
    def rule(arguments: Arguments) -> None:
        """Sizes of the result from 1."""
        _spatial(arguments["self"], axes)
        _numbers(arguments, "output_size", axes, 1)

    return rule


def _resizing(axes: int) -> Rule:
    def rule(arguments: Arguments) -> None:
        """One of sizes and factors, neither absurd."""
        input_ = arguments["input"]
        if input_.dim() != axes + 2 or not all(input_.shape):
            raise _shape(f"resizing {axes} axes takes {axes + 2} dimensions, given {shape_text(input_.shape)}")
        sizes, factors = arguments.get("output_size"), arguments.get("scale_factors")
        if (sizes is None) is (factors is None):
            raise bad("resizing takes sizes or factors, not both")
        if sizes is not None:
            _numbers(arguments, "output_size", axes, 1)
        if factors is None:
            return
        if len(factors) != axes or not all(0 < factor <= _MOST_SCALE for factor in factors):
            raise bad(f"resizing takes {axes} factors above 0, at most {_MOST_SCALE}")
        if not all(int(size * factor) for size, factor in zip(input_.shape[2:], factors, strict=True)):
            raise _shape("resizing leaves nothing")

    return rule


def padding(arguments: Arguments) -> None:
    """Pairs for the last dimensions; what is mirrored or repeated is there."""
    of, pads, mode = arguments["self"], arguments["pad"], arguments.get("mode", "constant")
    if mode not in ("constant", "reflect", "replicate", "circular") or len(pads) % 2 or len(pads) > 2 * of.dim():
        raise bad("pad has pairs for the last dimensions, and a mode that is constant, reflect, replicate or circular")
    least = -_MOST if mode == "constant" else 0
    if not all(type(pad) is int and least <= pad <= _MOST for pad in pads):
        raise bad(f"pad is not of whole numbers from {least} to {_MOST}")
    for axis in range(len(pads) // 2):
        size, most = of.shape[-1 - axis], max(pads[2 * axis : 2 * axis + 2])
        if mode != "constant" and (size < 1 or (mode != "replicate" and most > size - (mode == "reflect"))):
            raise _shape(f"a size of {size} cannot be padded by {most} in mode {mode}")


def shuffling(arguments: Arguments) -> None:
    """A factor, or groups, from 1."""
    for name in ("upscale_factor", "downscale_factor", "groups"):
        _numbers(arguments, name, 1, 1)


def batch_normalisation(arguments: Arguments) -> None:
    """A number for each channel, and in training more than one value of each."""
    input_ = arguments["input"]
    if input_.dim() < 2:
        raise _shape(f"normalisation needs a batch and channels, given {shape_text(input_.shape)}")
    _check_channels(arguments, input_.shape[1])
    if arguments["training"] and math.prod((input_.shape[0], *input_.shape[2:])) == 1:
        raise _shape("normalisation in training needs more than one value for each channel; send a larger batch")


def instance_normalisation(arguments: Arguments) -> None:
    """A number for each channel, and more than one value of each if they are counted."""
    input_ = arguments["input"]
    if input_.dim() < 3:
        raise _shape(f"normalisation of instances needs a batch, channels and an axis, given {input_.dim()} dimensions")
    _check_channels(arguments, input_.shape[1])
    if arguments["use_input_stats"] and math.prod(input_.shape[2:]) == 1:
        raise _shape("normalisation of instances needs more than one value for each channel")


def _check_channels(arguments: Arguments, channels: int) -> None:
    mean, variance = arguments["running_mean"], arguments["running_var"]
    if (mean is None) is not (variance is None):
        raise bad("normalisation has both running statistics, or none")
    if mean is not None and (mean is variance or mean.untyped_storage()._cdata == variance.untyped_storage()._cdata):
        raise bad("running_mean and running_var are one tensor")
    for name in ("weight", "bias", "running_mean", "running_var"):
        given = arguments[name]
        if given is not None and (given.shape != (channels,) or not given.is_floating_point()):
            raise _shape(f"{name} has shape {shape_text(given.shape)} for {channels} channels, or is not floating")
    for name in ("momentum", "eps"):
        if not math.isfinite(arguments[name]):
            raise bad(f"{name} is not finite")


def groups_of_channels(arguments: Arguments) -> None:
    """Groups that divide the channels, with more than one value in each."""
    input_, groups = arguments["input"], arguments["num_groups"]
    if type(groups) is not int or groups < 1 or input_.dim() < 2 or input_.shape[1] % groups:
        raise _shape(f"the channels of {shape_text(input_.shape)} do not go into such groups")
    if math.prod((input_.shape[0] * input_.shape[1] // groups, *input_.shape[2:])) == 1:
        raise _shape("normalisation of groups needs more than one value in each; send a larger batch")


def _recurrent(gates: int) -> Rule:
    def rule(arguments: Arguments) -> None:
        """Parameters in the number and of the shapes that the layers have; few steps enough to walk through."""
        input_, hx, params = arguments["input"], arguments["hx"], arguments["params"]
        states = hx if isinstance(hx, list) else [hx]
        layers, rows = arguments["num_layers"], 2 if arguments["bidirectional"] else 1
        each = 4 if arguments["has_biases"] else 2
        _probability(arguments, "dropout")
        if type(layers) is not int or layers < 1 or len(params) != layers * rows * each:
            raise _shape(f"recurrent layers have {each} parameters for each direction, and no projections")
        if len(states) != (2 if gates == 4 else 1) or any(given.dim() != 3 for given in (input_, *states)):
            raise _shape("a recurrent layer takes batches of sequences, and a state of three dimensions")
        steps, batch, features = input_.shape
        if arguments["batch_first"]:
            steps, batch = batch, steps
        if steps * layers * rows > _MOST_STEPS:
            raise Fault("LIMIT_EXCEEDED", f"recurrent layers of over {_MOST_STEPS} steps in all", field=FIELD)
        hidden = states[0].shape[2]
        if not (batch and steps and features and hidden):
            raise _shape(f"a recurrent layer is given the shape {shape_text(input_.shape)}, or no state")
        if any(state.shape != (layers * rows, batch, hidden) for state in states):
            raise _shape("the state of a recurrent layer has one row for each layer and direction")
        for number, given in enumerate(params):
            width = features if number < each * rows else hidden * rows
            shape = [(gates * hidden, width), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)]
            if given.shape != shape[number % each] or given.dtype != input_.dtype:
                raise _shape(
                    f"parameter {number} of a recurrent layer is not of shape {shape_text(shape[number % each])}"
                )

    return rule


def _nothing(arguments: Arguments) -> None:
    pass


RULES: dict[str, Rule] = {
    **{f"conv{n}d": _convolution(n, False) for n in _AXES},
    **{f"conv{n}d.padding": _convolution(n, False) for n in _AXES},
    "conv_transpose1d": _convolution(1, True),
    "conv_transpose2d.input": _convolution(2, True),
    "conv_transpose3d.input": _convolution(3, True),
    **{f"{kind}_pool{n}d": _pooling(n) for n in _AXES for kind in ("max", "avg")},
    **{f"max_pool{n}d_with_indices": _pooling(n) for n in _AXES},
    **{f"adaptive_{kind}_pool{n}d": _adaptive(n) for n in _AXES for kind in ("max", "avg")},
    **{f"upsample_nearest{n}d.vec": _resizing(n) for n in _AXES},
    "upsample_linear1d.vec": _resizing(1),
    "upsample_bilinear2d.vec": _resizing(2),
    "upsample_bicubic2d.vec": _resizing(2),
    "upsample_trilinear3d.vec": _resizing(3),
    "pad": padding,
    "pixel_shuffle": shuffling,
    "pixel_unshuffle": shuffling,
    "channel_shuffle": shuffling,
    "native_channel_shuffle": shuffling,
    "batch_norm": batch_normalisation,
    "instance_norm": instance_normalisation,
    "group_norm": groups_of_channels,
    "scaled_dot_product_attention": attention,
    "lstm.input": _recurrent(4),
    "gru.input": _recurrent(3),
    "rnn_tanh.input": _recurrent(1),
    "rnn_relu.input": _recurrent(1),
    **{
        f"{name}{place}": dropout
        for name in ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
        for place in ("", "_")
    },
    "rrelu": slopes,
    "rrelu_": slopes,
    **dict.fromkeys(_ACTIVATIONS.split(), _nothing),
}
"""Operators by torch's names, and who looks at their arguments; some of them a loss has too, with another rule."""

FLAGS = {
    "batch_norm": "training",
    "instance_norm": "use_input_stats",
    "scaled_dot_product_attention": "dropout_p",
    **{name: "train" for name in RULES if "dropout" in name or name.startswith(("lstm", "gru", "rnn"))},
    "rrelu": "training",
    "rrelu_": "training",
}
"""The argument that says whether an operator is in training."""
