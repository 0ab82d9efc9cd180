"""Convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from lossd.nn.module import Module, Sizes

PaddingMode: TypeAlias = Literal["zeros", "reflect", "replicate", "circular"]


@dataclass(frozen=True, eq=False, repr=False)
class Conv1d(Module):
    """Convolution of (N, in_channels, L) to (N, out_channels, …).

    Args:
        in_channels: channels of the input; 1 to 1,048,576.
        out_channels: channels of the output; 1 to 1,048,576.
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default 1.
        padding: on both sides; at least 0, default 0.
        dilation: distance of the window's elements; at least 1, default 1.
        groups: blocks of channels that do not mix; divides both numbers of channels, default 1.
        bias: whether to add a bias; default True.
        padding_mode: what stands in the padding; default zeros.
        same_padding: pads so that the output has the input's size, in place of padding; needs stride 1. default
            False.

    Reference: torch.nn.Conv1d
    """

    in_channels: int
    out_channels: int
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | Literal["same", "valid"] | None = None
    dilation: Sizes | None = None
    groups: int | None = None
    bias: bool | None = None
    padding_mode: PaddingMode | None = None
    same_padding: bool | None = None

    def __post_init__(self) -> None:
        name_padding(self)
        super().__post_init__()


@dataclass(frozen=True, eq=False, repr=False)
class Conv2d(Module):
    """Convolution of (N, in_channels, H, W) to (N, out_channels, …).

    Args:
        in_channels: channels of the input; 1 to 1,048,576.
        out_channels: channels of the output; 1 to 1,048,576.
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default 1.
        padding: on both sides; at least 0, default 0.
        dilation: distance of the window's elements; at least 1, default 1.
        groups: blocks of channels that do not mix; divides both numbers of channels, default 1.
        bias: whether to add a bias; default True.
        padding_mode: what stands in the padding; default zeros.
        same_padding: pads so that the output has the input's size, in place of padding; needs stride 1. default
            False.

    Reference: torch.nn.Conv2d
    """

    in_channels: int
    out_channels: int
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | Literal["same", "valid"] | None = None
    dilation: Sizes | None = None
    groups: int | None = None
    bias: bool | None = None
    padding_mode: PaddingMode | None = None
    same_padding: bool | None = None

    def __post_init__(self) -> None:
        name_padding(self)
        super().__post_init__()


@dataclass(frozen=True, eq=False, repr=False)
class Conv3d(Module):
    """Convolution of (N, in_channels, D, H, W) to (N, out_channels, …).

    Args:
        in_channels: channels of the input; 1 to 1,048,576.
        out_channels: channels of the output; 1 to 1,048,576.
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default 1.
        padding: on both sides; at least 0, default 0.
        dilation: distance of the window's elements; at least 1, default 1.
        groups: blocks of channels that do not mix; divides both numbers of channels, default 1.
        bias: whether to add a bias; default True.
        padding_mode: what stands in the padding; default zeros.
        same_padding: pads so that the output has the input's size, in place of padding; needs stride 1. default
            False.

    Reference: torch.nn.Conv3d
    """

    in_channels: int
    out_channels: int
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | Literal["same", "valid"] | None = None
    dilation: Sizes | None = None
    groups: int | None = None
    bias: bool | None = None
    padding_mode: PaddingMode | None = None
    same_padding: bool | None = None

    def __post_init__(self) -> None:
        name_padding(self)
        super().__post_init__()


@dataclass(frozen=True, eq=False, repr=False)
class ConvTranspose1d(Module):
    """Transposed convolution of (N, in_channels, L) to (N, out_channels, …).

    Args:
        in_channels: channels of the input; 1 to 1,048,576.
        out_channels: channels of the output; 1 to 1,048,576.
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step in the output; at least 1, default 1.
        padding: cut from both sides of the output; at least 0, default 0.
        output_padding: added to one side of the output; below stride or dilation, default 0.
        groups: blocks of channels that do not mix; divides both numbers of channels, default 1.
        bias: whether to add a bias; default True.
        dilation: distance of the window's elements; at least 1, default 1.
        padding_mode: zeros, which torch alone takes here.

    Reference: torch.nn.ConvTranspose1d
    """

    in_channels: int
    out_channels: int
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | None = None
    output_padding: Sizes | None = None
    groups: int | None = None
    bias: bool | None = None
    dilation: Sizes | None = None
    padding_mode: PaddingMode | None = None


@dataclass(frozen=True, eq=False, repr=False)
class ConvTranspose2d(Module):
    """Transposed convolution of (N, in_channels, H, W) to (N, out_channels, …).

    Args:
        in_channels: channels of the input; 1 to 1,048,576.
        out_channels: channels of the output; 1 to 1,048,576.
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step in the output; at least 1, default 1.
        padding: cut from both sides of the output; at least 0, default 0.
        output_padding: added to one side of the output; below stride or dilation, default 0.
        groups: blocks of channels that do not mix; divides both numbers of channels, default 1.
        bias: whether to add a bias; default True.
        dilation: distance of the window's elements; at least 1, default 1.
        padding_mode: zeros, which torch alone takes here.

    Reference: torch.nn.ConvTranspose2d
    """

    in_channels: int
    out_channels: int
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | None = None
    output_padding: Sizes | None = None
    groups: int | None = None
    bias: bool | None = None
    dilation: Sizes | None = None
    padding_mode: PaddingMode | None = None


@dataclass(frozen=True, eq=False, repr=False)
class ConvTranspose3d(Module):
    """Transposed convolution of (N, in_channels, D, H, W) to (N, out_channels, …).

    Args:
        in_channels: channels of the input; 1 to 1,048,576.
        out_channels: channels of the output; 1 to 1,048,576.
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step in the output; at least 1, default 1.
        padding: cut from both sides of the output; at least 0, default 0.
        output_padding: added to one side of the output; below stride or dilation, default 0.
        groups: blocks of channels that do not mix; divides both numbers of channels, default 1.
        bias: whether to add a bias; default True.
        dilation: distance of the window's elements; at least 1, default 1.
        padding_mode: zeros, which torch alone takes here.

    Reference: torch.nn.ConvTranspose3d
    """

    in_channels: int
    out_channels: int
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | None = None
    output_padding: Sizes | None = None
    groups: int | None = None
    bias: bool | None = None
    dilation: Sizes | None = None
    padding_mode: PaddingMode | None = None


def name_padding(module: Conv1d | Conv2d | Conv3d) -> None:
    """Turns torch's two words for padding into what is sent."""
    if isinstance(module.padding, str):
        if module.padding not in ("same", "valid"):
            raise ValueError(f"padding is {module.padding!r}; expected sizes, 'same' or 'valid'")
        if module.padding == "same":
            object.__setattr__(module, "same_padding", True)
        object.__setattr__(module, "padding", None)
