"""Functions of each element, and of the elements along a dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lossd.nn.module import Module


@dataclass(frozen=True, eq=False, repr=False)
class ReLU(Module):
    """max(0, x). Reference: torch.nn.ReLU"""


@dataclass(frozen=True, eq=False, repr=False)
class Tanh(Module):
    """Hyperbolic tangent. Reference: torch.nn.Tanh"""


@dataclass(frozen=True, eq=False, repr=False)
class Sigmoid(Module):
    """1/(1 + exp(−x)). Reference: torch.nn.Sigmoid"""


@dataclass(frozen=True, eq=False, repr=False)
class ReLU6(Module):
    """min(max(0, x), 6). Reference: torch.nn.ReLU6"""


@dataclass(frozen=True, eq=False, repr=False)
class LeakyReLU(Module):
    """max(0, x) + negative_slope·min(0, x).

    Args:
        negative_slope: slope below 0; default 0.01.

    Reference: torch.nn.LeakyReLU
    """

    negative_slope: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class PReLU(Module):
    """max(0, x) + weight·min(0, x) with a trained weight.

    Args:
        num_parameters: 1, or one weight for each channel of (N, C, …); default 1.
        init: the weight at first; default 0.25.

    Reference: torch.nn.PReLU
    """

    num_parameters: int | None = None
    init: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class RReLU(Module):
    """LeakyReLU with a random slope in training, and the mean slope in evaluation.

    Args:
        lower: least slope; default 1/8.
        upper: greatest slope; default 1/3.

    Reference: torch.nn.RReLU
    """

    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class ELU(Module):
    """x, or alpha·(exp(x) − 1) below 0.

    Args:
        alpha: scale below 0; default 1.

    Reference: torch.nn.ELU
    """

    alpha: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class SELU(Module):
    """1.0507·ELU(x) with alpha 1.6733, which keeps mean 0 and variance 1. Reference: torch.nn.SELU"""


@dataclass(frozen=True, eq=False, repr=False)
class CELU(Module):
    """max(0, x) + min(0, alpha·(exp(x/alpha) − 1)).

    Args:
        alpha: scale below 0; not 0, default 1.

    Reference: torch.nn.CELU
    """

    alpha: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class GELU(Module):
    """x·Φ(x), Φ the normal distribution's.

    Args:
        approximate: how Φ is computed; default none, exactly.

    Reference: torch.nn.GELU
    """

    approximate: Literal["none", "tanh"] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class SiLU(Module):
    """x·sigmoid(x). Reference: torch.nn.SiLU"""


@dataclass(frozen=True, eq=False, repr=False)
class Mish(Module):
    """x·tanh(softplus(x)). Reference: torch.nn.Mish"""


@dataclass(frozen=True, eq=False, repr=False)
class Softplus(Module):
    """log(1 + exp(beta·x))/beta.

    Args:
        beta: steepness; default 1.
        threshold: above this beta·x, the result is x; default 20.

    Reference: torch.nn.Softplus
    """

    beta: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Softsign(Module):
    """x/(1 + |x|). Reference: torch.nn.Softsign"""


@dataclass(frozen=True, eq=False, repr=False)
class Softshrink(Module):
    """x − lambd above lambd, x + lambd below −lambd, 0 between.

    Args:
        lambd: the threshold; at least 0, default 0.5.

    Reference: torch.nn.Softshrink
    """

    lambd: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Hardshrink(Module):
    """x, or 0 between −lambd and lambd.

    Args:
        lambd: the threshold; default 0.5.

    Reference: torch.nn.Hardshrink
    """

    lambd: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Tanhshrink(Module):
    """x − tanh(x). Reference: torch.nn.Tanhshrink"""


@dataclass(frozen=True, eq=False, repr=False)
class Hardtanh(Module):
    """x, at least min_val and at most max_val.

    Args:
        min_val: default −1.
        max_val: above min_val; default 1.

    Reference: torch.nn.Hardtanh
    """

    min_val: float | None = None
    max_val: float | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Hardsigmoid(Module):
    """min(max(0, x/6 + 1/2), 1). Reference: torch.nn.Hardsigmoid"""


@dataclass(frozen=True, eq=False, repr=False)
class Hardswish(Module):
    """x·Hardsigmoid(x). Reference: torch.nn.Hardswish"""


@dataclass(frozen=True, eq=False, repr=False)
class LogSigmoid(Module):
    """log(sigmoid(x)). Reference: torch.nn.LogSigmoid"""


@dataclass(frozen=True, eq=False, repr=False)
class Threshold(Module):
    """x above the threshold, otherwise value.

    Args:
        threshold: where x begins.
        value: what stands for smaller ones.

    Reference: torch.nn.Threshold
    """

    threshold: float
    value: float


@dataclass(frozen=True, eq=False, repr=False)
class GLU(Module):
    """a·sigmoid(b) with the two halves a, b of the input along dim.

    Args:
        dim: the dimension, of an even size; default −1.

    Reference: torch.nn.GLU
    """

    dim: int | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Softmax(Module):
    """exp(x)/Σ exp(x) along dim.

    Args:
        dim: the dimension, required; −1 is the last.

    Reference: torch.nn.Softmax
    """

    dim: int


@dataclass(frozen=True, eq=False, repr=False)
class LogSoftmax(Module):
    """log(exp(x)/Σ exp(x)) along dim.

    Args:
        dim: the dimension, required; −1 is the last.

    Reference: torch.nn.LogSoftmax
    """

    dim: int


@dataclass(frozen=True, eq=False, repr=False)
class Softmin(Module):
    """exp(−x)/Σ exp(−x) along dim.

    Args:
        dim: the dimension, required; −1 is the last.

    Reference: torch.nn.Softmin
    """

    dim: int


@dataclass(frozen=True, eq=False, repr=False)
class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W). Reference: torch.nn.Softmax2d"""
