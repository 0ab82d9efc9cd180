"""Windows of which one number remains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lossd.nn.module import Module, Sizes


@dataclass(frozen=True, eq=False, repr=False)
class MaxPool1d(Module):
    """Greatest element of each window of (N, C, L).

    Args:
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default kernel_size.
        padding: on both sides; at most half of kernel_size, default 0.
        dilation: distance of the window's elements; at least 1, default 1.
        ceil_mode: whether a window may hang over the end; default False.

    Reference: torch.nn.MaxPool1d
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | None = None
    dilation: Sizes | None = None
    ceil_mode: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class MaxPool2d(Module):
    """Greatest element of each window of (N, C, H, W).

    Args:
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default kernel_size.
        padding: on both sides; at most half of kernel_size, default 0.
        dilation: distance of the window's elements; at least 1, default 1.
        ceil_mode: whether a window may hang over the end; default False.

    Reference: torch.nn.MaxPool2d
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | None = None
    dilation: Sizes | None = None
    ceil_mode: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class MaxPool3d(Module):
    """Greatest element of each window of (N, C, D, H, W).

    Args:
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default kernel_size.
        padding: on both sides; at most half of kernel_size, default 0.
        dilation: distance of the window's elements; at least 1, default 1.
        ceil_mode: whether a window may hang over the end; default False.

    Reference: torch.nn.MaxPool3d
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | None = None
    dilation: Sizes | None = None
    ceil_mode: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class AvgPool1d(Module):
    """Mean of each window of (N, C, L).

    Args:
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default kernel_size.
        padding: on both sides; at most half of kernel_size, default 0.
        ceil_mode: whether a window may hang over the end; default False.
        count_include_pad: whether the padding counts in the mean; default True.

    Reference: torch.nn.AvgPool1d
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | None = None
    ceil_mode: bool | None = None
    count_include_pad: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class AvgPool2d(Module):
    """Mean of each window of (N, C, H, W).

    Args:
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default kernel_size.
        padding: on both sides; at most half of kernel_size, default 0.
        ceil_mode: whether a window may hang over the end; default False.
        count_include_pad: whether the padding counts in the mean; default True.
        divisor_override: divides the sum in place of the window's size; at least 1.

    Reference: torch.nn.AvgPool2d
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | None = None
    ceil_mode: bool | None = None
    count_include_pad: bool | None = None
    divisor_override: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class AvgPool3d(Module):
    """Mean of each window of (N, C, D, H, W).

    Args:
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default kernel_size.
        padding: on both sides; at most half of kernel_size, default 0.
        ceil_mode: whether a window may hang over the end; default False.
        count_include_pad: whether the padding counts in the mean; default True.
        divisor_override: divides the sum in place of the window's size; at least 1.

    Reference: torch.nn.AvgPool3d
    """

    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes | None = None
    ceil_mode: bool | None = None
    count_include_pad: bool | None = None
    divisor_override: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class LPPool1d(Module):
    """(Σ x^p)^(1/p) of each window of (N, C, L).

    Args:
        norm_type: the p; above 0 and finite.
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default kernel_size.
        ceil_mode: whether a window may hang over the end; default False.

    Reference: torch.nn.LPPool1d
    """

    norm_type: float
    kernel_size: Sizes
    stride: Sizes | None = None
    ceil_mode: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class LPPool2d(Module):
    """(Σ x^p)^(1/p) of each window of (N, C, H, W).

    Args:
        norm_type: the p; above 0 and finite.
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default kernel_size.
        ceil_mode: whether a window may hang over the end; default False.

    Reference: torch.nn.LPPool2d
    """

    norm_type: float
    kernel_size: Sizes
    stride: Sizes | None = None
    ceil_mode: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class LPPool3d(Module):
    """(Σ x^p)^(1/p) of each window of (N, C, D, H, W).

    Args:
        norm_type: the p; above 0 and finite.
        kernel_size: size of the window; 1 to 1,048,576.
        stride: step of the window; at least 1, default kernel_size.
        ceil_mode: whether a window may hang over the end; default False.

    Reference: torch.nn.LPPool3d
    """

    norm_type: float
    kernel_size: Sizes
    stride: Sizes | None = None
    ceil_mode: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class AdaptiveAvgPool1d(Module):
    """Means of (N, C, L) over windows that give output_size.

    Args:
        output_size: size of the output; 0 keeps the input's.

    Reference: torch.nn.AdaptiveAvgPool1d
    """

    output_size: Sequence[int | None] | int


@dataclass(frozen=True, eq=False, repr=False)
class AdaptiveAvgPool2d(Module):
    """Means of (N, C, H, W) over windows that give output_size.

    Args:
        output_size: size of the output; 0 keeps the input's.

    Reference: torch.nn.AdaptiveAvgPool2d
    """

    output_size: Sequence[int | None] | int


@dataclass(frozen=True, eq=False, repr=False)
class AdaptiveAvgPool3d(Module):
    """Means of (N, C, D, H, W) over windows that give output_size.

    Args:
        output_size: size of the output; 0 keeps the input's.

    Reference: torch.nn.AdaptiveAvgPool3d
    """

    output_size: Sequence[int | None] | int


@dataclass(frozen=True, eq=False, repr=False)
class AdaptiveMaxPool1d(Module):
    """Greatest elements of (N, C, L) over windows that give output_size.

    Args:
        output_size: size of the output; 0 keeps the input's.

    Reference: torch.nn.AdaptiveMaxPool1d
    """

    output_size: Sequence[int | None] | int


@dataclass(frozen=True, eq=False, repr=False)
class AdaptiveMaxPool2d(Module):
    """Greatest elements of (N, C, H, W) over windows that give output_size.

    Args:
        output_size: size of the output; 0 keeps the input's.

    Reference: torch.nn.AdaptiveMaxPool2d
    """

    output_size: Sequence[int | None] | int


@dataclass(frozen=True, eq=False, repr=False)
class AdaptiveMaxPool3d(Module):
    """Greatest elements of (N, C, D, H, W) over windows that give output_size.

    Args:
        output_size: size of the output; 0 keeps the input's.

    Reference: torch.nn.AdaptiveMaxPool3d
    """

    output_size: Sequence[int | None] | int
