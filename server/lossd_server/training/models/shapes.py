"""What shapes layers take, said in words before torch says it in its own, or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.modules.pooling import _AdaptiveAvgPoolNd

Shape = Sequence[int]


def expectation(module: nn.Module, shape: Shape) -> str:
    """What the module takes if that is not an input of this shape; "" if it is, or nobody here knows."""
    for kind, rule in _RULES:
        if isinstance(module, kind):
            return rule(module, shape)
    return ""


def _last(size: int, shape: Shape) -> str:
    return "" if shape and shape[-1] == size else f"a last dimension of {size}"


def _linear(module: Any, shape: Shape) -> str:
    return _last(module.in_features, shape)


def _bag(module: Any, shape: Shape) -> str:
    return "" if len(shape) == 2 else "bags of one length, (N, L)"


def _convolution(module: Any, shape: Shape) -> str:
    return _channels(shape, len(module.kernel_size), module.in_channels)


def _softmin(module: Any, shape: Shape) -> str:
    """torch's meta device takes any dimension."""
    rank = max(len(shape), 1)
    return "" if -rank <= module.dim < rank else f"inputs that have a dimension {module.dim}"


def _upsample(module: Any, shape: Shape) -> str:
    return "sizes of at least 1" if 0 in shape else ""


def _adaptive(module: Any, shape: Shape) -> str:
    return "sizes of at least 1, but for the batch's" if 0 in shape[1:] else ""


def _channels(shape: Shape, dims: int, channels: int) -> str:
    if len(shape) in (dims + 1, dims + 2) and shape[-dims - 1] == channels and 0 not in shape[-dims:]:
        return ""
    sizes = ", ".join(("L",) if dims == 1 else ("D", "H", "W")[-dims:])
    return f"(N, {channels}, {sizes}) or ({channels}, {sizes})"


def _normalised(module: Any, shape: Shape) -> str:
    """BatchNorm and GroupNorm: the second dimension are the channels."""
    channels = module.num_channels if isinstance(module, nn.GroupNorm) else module.num_features
    if len(shape) < 2 or shape[1] != channels:
        return f"{channels} channels, (N, {channels}, …)"
    alone = isinstance(module, _BatchNorm) and module.training and math.prod(shape) == channels
    return "more than 1 value of each channel to train: two examples or more (Fit: drop_last)" if alone else ""


def _instance(module: Any, shape: Shape) -> str:
    return _channels(shape, int(type(module).__name__[-2]), module.num_features)


def _layer_norm(module: Any, shape: Shape) -> str:
    sizes = tuple(module.normalized_shape)
    return "" if tuple(shape[-len(sizes) :]) == sizes else f"last dimensions of {sizes}"


def _recurrent(module: Any, shape: Shape) -> str:
    if len(shape) in (2, 3):
        return _last(module.input_size, shape)
    order = "(N, L, {0}) or (L, {0})" if module.batch_first else "(L, N, {0}) or (L, {0})"
    return order.format(module.input_size)


def _attention(module: Any, shape: Shape) -> str:
    size = module.embed_dim
    return _last(size, shape) if len(shape) in (2, 3) else f"sequences of {size} features, in two or three dimensions"


def _encoder(module: Any, shape: Shape) -> str:
    return _attention(module.self_attn, shape)


def _prelu(module: Any, shape: Shape) -> str:
    count = module.num_parameters
    return "" if count == 1 or (len(shape) > 1 and shape[1] == count) else f"{count} channels, (N, {count}, …)"


_RULES: tuple[tuple[type[nn.Module], Callable[[Any, Shape], str]], ...] = (
    (nn.Linear, _linear),
    (nn.EmbeddingBag, _bag),
    (_ConvNd, _convolution),
    (_InstanceNorm, _instance),
    (_BatchNorm, _normalised),
    (nn.GroupNorm, _normalised),
    (nn.LayerNorm, _layer_norm),
    (nn.RMSNorm, _layer_norm),
    (nn.RNNBase, _recurrent),
    (nn.MultiheadAttention, _attention),
    (nn.TransformerEncoderLayer, _encoder),
    (nn.PReLU, _prelu),
    (nn.Softmin, _softmin),
    (nn.Upsample, _upsample),
    (_AdaptiveAvgPoolNd, _adaptive),
)
