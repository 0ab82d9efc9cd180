"""The same elements in another shape, or at another size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lossd.nn.module import Module, Sizes


@dataclass(frozen=True, eq=False, repr=False)
class Flatten(Module):
    """Dimensions start_dim to end_dim as one.

    Args:
        start_dim: the first; default 1.
        end_dim: the last; default −1.

    Reference: torch.nn.Flatten
    """

    start_dim: int | None = None
    end_dim: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Unflatten(Module):
    """One dimension as several.

    Args:
        dim: the dimension, required.
        unflattened_size: their sizes; one may be −1, which is what remains.

    Reference: torch.nn.Unflatten
    """

    dim: int
    unflattened_size: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class PixelShuffle(Module):
    """(N, C·r², H, W) to (N, C, H·r, W·r).

    Args:
        upscale_factor: the r; at least 1.

    Reference: torch.nn.PixelShuffle
    """

    upscale_factor: int


@dataclass(frozen=True, eq=False, repr=False)
class PixelUnshuffle(Module):
    """(N, C, H·r, W·r) to (N, C·r², H, W).

    Args:
        downscale_factor: the r; at least 1.

    Reference: torch.nn.PixelUnshuffle
    """

    downscale_factor: int


@dataclass(frozen=True, eq=False, repr=False)
class ChannelShuffle(Module):
    """Channels of (N, C, …) in the order in which groups of them interleave.

    Args:
        groups: groups; divides C.

    Reference: torch.nn.ChannelShuffle
    """

    groups: int


@dataclass(frozen=True, eq=False, repr=False)
class Upsample(Module):
    """(N, C, …) at a greater or smaller size; takes size or scale_factor.

    Args:
        size: of the output; at least 1.
        scale_factor: what the size is multiplied by; above 0.
        mode: how to interpolate; default nearest.
        align_corners: whether corners stay where they are; for linear, bilinear, bicubic and trilinear, default
            False.
        recompute_scale_factor: whether to interpolate by the rounded size's factor; default False.

    Reference: torch.nn.Upsample
    """

    size: Sizes | None = None
    scale_factor: Sequence[float] | float | None = None
    mode: Literal["nearest", "linear", "bilinear", "bicubic", "trilinear", "nearest_exact"] | None = None
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Unfold(Module):
    """Windows of (N, C, H, W) as columns: (N, C·window, windows).

    Args:
        kernel_size: size of the window; 1 to 1,048,576.
        dilation: distance of the window's elements; at least 1, default 1.
        padding: on both sides; at least 0, default 0.
        stride: step of the window; at least 1, default 1.

    Reference: torch.nn.Unfold
    """

    kernel_size: Sizes
    dilation: Sizes | None = None
    padding: Sizes | None = None
    stride: Sizes | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Fold(Module):
    """Columns summed into (N, C, H, W), where Unfold took them from.

    Args:
        output_size: H and W of the output; at least 1.
        kernel_size: size of the window; 1 to 1,048,576.
        dilation: distance of the window's elements; at least 1, default 1.
        padding: on both sides; at least 0, default 0.
        stride: step of the window; at least 1, default 1.

    Reference: torch.nn.Fold
    """

    output_size: Sizes
    kernel_size: Sizes
    dilation: Sizes | None = None
    padding: Sizes | None = None
    stride: Sizes | None = None
