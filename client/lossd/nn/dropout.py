"""Noise for training."""

from __future__ import annotations

from dataclasses import dataclass

from lossd.nn.module import Module


@dataclass(frozen=True, eq=False, repr=False)
class Dropout(Module):
    """Zeros by chance in training, the rest divided by 1 − p; x in evaluation.

    Args:
        p: probability, 0 to 1; default 0.5.

    Reference: torch.nn.Dropout
    """

    p: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Dropout1d(Module):
    """Dropout of whole channels of (N, C, L).

    Args:
        p: probability, 0 to 1; default 0.5.

    Reference: torch.nn.Dropout1d
    """

    p: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Dropout2d(Module):
    """Dropout of whole channels of (N, C, H, W).

    Args:
        p: probability, 0 to 1; default 0.5.

    Reference: torch.nn.Dropout2d
    """

    p: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Dropout3d(Module):
    """Dropout of whole channels of (N, C, D, H, W).

    Args:
        p: probability, 0 to 1; default 0.5.

    Reference: torch.nn.Dropout3d
    """

    p: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class AlphaDropout(Module):
    """Dropout that keeps mean and variance, for SELU.

    Args:
        p: probability, 0 to 1; default 0.5.

    Reference: torch.nn.AlphaDropout
    """

    p: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class FeatureAlphaDropout(Module):
    """AlphaDropout of whole channels.

    Args:
        p: probability, 0 to 1; default 0.5.

    Reference: torch.nn.FeatureAlphaDropout
    """

    p: float | None = None
