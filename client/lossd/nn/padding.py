"""Edges put around the input."""

from __future__ import annotations

from dataclasses import dataclass

from lossd.nn.module import Module, Sizes


@dataclass(frozen=True, eq=False, repr=False)
class ZeroPad1d(Module):
    """(N, C, L) surrounded by zeros.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right.

    Reference: torch.nn.ZeroPad1d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class ZeroPad2d(Module):
    """(N, C, H, W) surrounded by zeros.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right, top, bottom.

    Reference: torch.nn.ZeroPad2d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class ZeroPad3d(Module):
    """(N, C, D, H, W) surrounded by zeros.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right, top, bottom, front, back.

    Reference: torch.nn.ZeroPad3d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class ConstantPad1d(Module):
    """(N, C, L) surrounded by a value.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right.
        value: what stands there.

    Reference: torch.nn.ConstantPad1d
    """

    padding: Sizes
    value: float


@dataclass(frozen=True, eq=False, repr=False)
class ConstantPad2d(Module):
    """(N, C, H, W) surrounded by a value.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right, top, bottom.
        value: what stands there.

    Reference: torch.nn.ConstantPad2d
    """

    padding: Sizes
    value: float


@dataclass(frozen=True, eq=False, repr=False)
class ConstantPad3d(Module):
    """(N, C, D, H, W) surrounded by a value.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right, top, bottom, front, back.
        value: what stands there.

    Reference: torch.nn.ConstantPad3d
    """

    padding: Sizes
    value: float


@dataclass(frozen=True, eq=False, repr=False)
class ReflectionPad1d(Module):
    """(N, C, L) surrounded by its mirror image.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right.

    Reference: torch.nn.ReflectionPad1d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class ReflectionPad2d(Module):
    """(N, C, H, W) surrounded by its mirror image.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right, top, bottom.

    Reference: torch.nn.ReflectionPad2d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class ReflectionPad3d(Module):
    """(N, C, D, H, W) surrounded by its mirror image.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right, top, bottom, front, back.

    Reference: torch.nn.ReflectionPad3d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class ReplicationPad1d(Module):
    """(N, C, L) surrounded by its edge.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right.

    Reference: torch.nn.ReplicationPad1d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class ReplicationPad2d(Module):
    """(N, C, H, W) surrounded by its edge.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right, top, bottom.

    Reference: torch.nn.ReplicationPad2d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class ReplicationPad3d(Module):
    """(N, C, D, H, W) surrounded by its edge.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right, top, bottom, front, back.

    Reference: torch.nn.ReplicationPad3d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class CircularPad1d(Module):
    """(N, C, L) surrounded by its other end.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right.

    Reference: torch.nn.CircularPad1d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class CircularPad2d(Module):
    """(N, C, H, W) surrounded by its other end.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right, top, bottom.

    Reference: torch.nn.CircularPad2d
    """

    padding: Sizes


@dataclass(frozen=True, eq=False, repr=False)
class CircularPad3d(Module):
    """(N, C, D, H, W) surrounded by its other end.

    Args:
        padding: at least 0; one number for all sides, or one for each: left, right, top, bottom, front, back.

    Reference: torch.nn.CircularPad3d
    """

    padding: Sizes
