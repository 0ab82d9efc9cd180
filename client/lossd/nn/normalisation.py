"""Statistics taken out."""

from __future__ import annotations

from dataclasses import dataclass

from lossd.nn.module import Module, Sizes


@dataclass(frozen=True, eq=False, repr=False)
class BatchNorm1d(Module):
    """(x − mean)/√(var + eps)·weight + bias with each channel's statistics over the batch, (N, C) or (N, C, L).

    Args:
        num_features: channels of the input; 1 to 1,048,576.
        eps: added to the variance; at least 0, default 1e-5.
        momentum: weight of a new batch in the running statistics; default 0.1.
        affine: whether to scale and shift by parameters; default True.
        track_running_stats: whether to keep running statistics and evaluate by them; default True.
        bias: whether to shift, where affine; default True.

    Reference: torch.nn.BatchNorm1d
    """

    num_features: int
    eps: float | None = None
    momentum: float | None = None
    affine: bool | None = None
    track_running_stats: bool | None = None
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class BatchNorm2d(Module):
    """(x − mean)/√(var + eps)·weight + bias with each channel's statistics over the batch, (N, C, H, W).

    Args:
        num_features: channels of the input; 1 to 1,048,576.
        eps: added to the variance; at least 0, default 1e-5.
        momentum: weight of a new batch in the running statistics; default 0.1.
        affine: whether to scale and shift by parameters; default True.
        track_running_stats: whether to keep running statistics and evaluate by them; default True.
        bias: whether to shift, where affine; default True.

    Reference: torch.nn.BatchNorm2d
    """

    num_features: int
    eps: float | None = None
    momentum: float | None = None
    affine: bool | None = None
    track_running_stats: bool | None = None
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class BatchNorm3d(Module):
    """(x − mean)/√(var + eps)·weight + bias with each channel's statistics over the batch, (N, C, D, H, W).

    Args:
        num_features: channels of the input; 1 to 1,048,576.
        eps: added to the variance; at least 0, default 1e-5.
        momentum: weight of a new batch in the running statistics; default 0.1.
        affine: whether to scale and shift by parameters; default True.
        track_running_stats: whether to keep running statistics and evaluate by them; default True.
        bias: whether to shift, where affine; default True.

    Reference: torch.nn.BatchNorm3d
    """

    num_features: int
    eps: float | None = None
    momentum: float | None = None
    affine: bool | None = None
    track_running_stats: bool | None = None
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class InstanceNorm1d(Module):
    """(x − mean)/√(var + eps) with each channel's statistics over one example, (N, C, L).

    Args:
        num_features: channels of the input; 1 to 1,048,576.
        eps: added to the variance; at least 0, default 1e-5.
        momentum: weight of a new batch in the running statistics; default 0.1.
        affine: whether to scale and shift by parameters; default False.
        track_running_stats: whether to keep running statistics and evaluate by them; default False.
        bias: whether to shift, where affine; default True.

    Reference: torch.nn.InstanceNorm1d
    """

    num_features: int
    eps: float | None = None
    momentum: float | None = None
    affine: bool | None = None
    track_running_stats: bool | None = None
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class InstanceNorm2d(Module):
    """(x − mean)/√(var + eps) with each channel's statistics over one example, (N, C, H, W).

    Args:
        num_features: channels of the input; 1 to 1,048,576.
        eps: added to the variance; at least 0, default 1e-5.
        momentum: weight of a new batch in the running statistics; default 0.1.
        affine: whether to scale and shift by parameters; default False.
        track_running_stats: whether to keep running statistics and evaluate by them; default False.
        bias: whether to shift, where affine; default True.

    Reference: torch.nn.InstanceNorm2d
    """

    num_features: int
    eps: float | None = None
    momentum: float | None = None
    affine: bool | None = None
    track_running_stats: bool | None = None
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class InstanceNorm3d(Module):
    """(x − mean)/√(var + eps) with each channel's statistics over one example, (N, C, D, H, W).

    Args:
        num_features: channels of the input; 1 to 1,048,576.
        eps: added to the variance; at least 0, default 1e-5.
        momentum: weight of a new batch in the running statistics; default 0.1.
        affine: whether to scale and shift by parameters; default False.
        track_running_stats: whether to keep running statistics and evaluate by them; default False.
        bias: whether to shift, where affine; default True.

    Reference: torch.nn.InstanceNorm3d
    """

    num_features: int
    eps: float | None = None
    momentum: float | None = None
    affine: bool | None = None
    track_running_stats: bool | None = None
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class LayerNorm(Module):
    """(x − mean)/√(var + eps)·weight + bias over the last dimensions.

    Args:
        normalized_shape: sizes of these dimensions.
        eps: added to the variance; at least 0, default 1e-5.
        elementwise_affine: whether to scale and shift by parameters; default True.
        bias: whether to add a bias; default True.

    Reference: torch.nn.LayerNorm
    """

    normalized_shape: Sizes
    eps: float | None = None
    elementwise_affine: bool | None = None
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class GroupNorm(Module):
    """(x − mean)/√(var + eps)·weight + bias over groups of the channels of (N, C, …).

    Args:
        num_groups: groups; divides num_channels.
        num_channels: channels of the input; 1 to 1,048,576.
        eps: added to the variance; at least 0, default 1e-5.
        affine: whether to scale and shift by parameters; default True.
        bias: whether to shift, where affine; default True.

    Reference: torch.nn.GroupNorm
    """

    num_groups: int
    num_channels: int
    eps: float | None = None
    affine: bool | None = None
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class RMSNorm(Module):
    """x/√(mean(x²) + eps)·weight over the last dimensions.

    Args:
        normalized_shape: sizes of these dimensions.
        eps: added to the mean square; at least 0, default the smallest of float32's relative steps.
        elementwise_affine: whether to scale by parameters; default True.

    Reference: torch.nn.RMSNorm
    """

    normalized_shape: Sizes
    eps: float | None = None
    elementwise_affine: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class LocalResponseNorm(Module):
    """x/(k + alpha·mean(x² of size neighbouring channels))^beta.

    Args:
        size: channels that count; at least 1.
        alpha: factor; default 0.0001.
        beta: exponent; default 0.75.
        k: addend; default 1.

    Reference: torch.nn.LocalResponseNorm
    """

    size: int
    alpha: float | None = None
    beta: float | None = None
    k: float | None = None
