"""The losses of the regression family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lossd.loss import Loss, Reduction


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LogCoshLoss(Loss):
    """Logarithm of the hyperbolic cosine of the error: squared when small, absolute when large.

    Formula: log cosh(input - target)

    Args:
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - differs from huber_loss in having no delta to set: scale the data instead

    Example:
        >>> LogCoshLoss()
        LogCoshLoss()

        client.evaluate(lossd.LogCoshLoss(), [0.0, 2.0], [1.0, 0.0]).value   # 0.8793917298316956

    Reference: https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.log_cosh
    """

    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("log_cosh",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CharbonnierLoss(Loss):
    """Absolute error that is smooth at 0.

    Formula: sqrt((input - target)² + eps²)

    Args:
        eps: error at which it turns from squared to absolute; above 0; default 0.001.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - a perfect prediction costs eps, not 0
        - some libraries add eps and not eps² under the root

    Example:
        >>> CharbonnierLoss(eps=3.0)
        CharbonnierLoss(eps=3.0)

        client.evaluate(lossd.CharbonnierLoss(eps=3.0), [0.0, 3.0], [0.0, 7.0]).value   # 4.0

    Reference: https://arxiv.org/abs/1710.01992
    """

    eps: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("charbonnier",)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CosineDistanceLoss(Loss):
    """One minus the cosine of the angle between prediction and target: direction counts, length does not.

    Formula: 1 - input · target / (max(‖input‖, eps) max(‖target‖, eps)), over the last dimension

    Args:
        eps: least length of a vector; above 0; default 1e-08.
        reduction: "mean" (default: the vectors), "none" or "sum".

    Inputs:
        input: predicted vectors; floating, (…,D).
        target: true vectors; floating, of the shape of input.

    Traps:
        - a vector of zeros is at distance 1 from all
        - for pairs that must not agree: cosine_embedding_loss

    Example:
        >>> CosineDistanceLoss()
        CosineDistanceLoss()

        client.evaluate(
            lossd.CosineDistanceLoss(),
            [[3.0, 4.0], [1.0, 0.0]],
            [[4.0, 3.0], [0.0, 2.0]],
        ).value   # 0.5199999809265137

    Reference: https://optax.readthedocs.io/en/latest/api/losses.html#optax.losses.cosine_distance
    """

    eps: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("cosine_distance", "cosine_similarity")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MAPELoss(Loss):
    """Absolute error relative to the target, as a fraction.

    Formula: |input - target| / max(|target|, epsilon)

    Args:
        epsilon: least denominator, which keeps targets near 0 from a division by 0; above 0; default 1.17e-06.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - a fraction: per cent is 100 times it
        - targets near 0 outweigh all others
        - of predictions at least 0 too low a one costs at most 1, too high a one without bound

    Example:
        >>> MAPELoss()
        MAPELoss()

        client.evaluate(lossd.MAPELoss(), [1.0, 5.0], [2.0, 4.0]).value   # 0.375

    Reference: https://lightning.ai/docs/torchmetrics/stable/regression/mean_absolute_percentage_error.html
    """

    epsilon: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("mape", "mean_absolute_percentage_error")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MSLELoss(Loss):
    """Squared error of logarithms: ratios count, not differences.

    Formula: (log(1 + input) - log(1 + target))²

    Args:
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - too low a prediction costs more than one as much too high

    Example:
        >>> MSLELoss()
        MSLELoss()

        client.evaluate(lossd.MSLELoss(), [1.0, 0.0], [3.0, 0.0]).value   # 0.24022650718688965

    Reference: https://lightning.ai/docs/torchmetrics/stable/regression/mean_squared_log_error.html
    """

    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("msle", "mean_squared_log_error")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class QuantileLoss(Loss):
    """Pinball loss: predicts a quantile of the target in place of its mean.

    Formula: max(quantile e, (quantile - 1) e) with e = target - input

    Args:
        quantile: share of targets that are to lie below input; at least 0 and at most 1; default 0.5.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - at quantile 0.5 it is half of l1_loss
        - quantiles predicted one by one may cross: 0.9 below 0.5

    Example:
        >>> QuantileLoss(quantile=0.9)
        QuantileLoss(quantile=0.9)

        client.evaluate(lossd.QuantileLoss(quantile=0.9), [1.0, 4.0], [3.0, 3.0]).value   # 0.949999988079071

    Reference: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.mean_pinball_loss.html
    """

    quantile: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("quantile", "pinball", "pinball_loss")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class RMSELoss(Loss):
    """Root of the mean squared error, in the unit of the target.

    Formula: sqrt(mean((input - target)²))

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - the mean of the roots of batches is not the root of the mean: merge mse_loss and take the root
        - the gradient has the same length however small the error is

    Example:
        >>> RMSELoss()
        RMSELoss()

        client.evaluate(lossd.RMSELoss(), [1.0, 2.0], [4.0, 6.0]).value   # 3.535533905029297

    Reference: https://lightning.ai/docs/torchmetrics/stable/regression/mean_squared_error.html
    """

    ALIASES: ClassVar[tuple[str, ...]] = ("rmse", "root_mean_squared_error")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SMAPELoss(Loss):
    """Absolute error relative to the mean size of prediction and target, a fraction from 0 to 2.

    Formula: 2 |input - target| / max(|input| + |target|, epsilon)

    Args:
        epsilon: least denominator, which keeps targets near 0 from a division by 0; above 0; default 1.17e-06.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predictions; floating, (*).
        target: true values; floating, of the shape of input.

    Traps:
        - some leave the 2 out, and then it ends at 1
        - where the target is 0 every prediction costs 2, and no gradient says which way is better

    Example:
        >>> SMAPELoss()
        SMAPELoss()

        client.evaluate(lossd.SMAPELoss(), [1.0, 5.0], [3.0, 5.0]).value   # 0.5

    Reference: https://lightning.ai/docs/torchmetrics/stable/regression/symmetric_mean_absolute_percentage_error.html
    """

    epsilon: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("smape", "symmetric_mean_absolute_percentage_error")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TweedieLoss(Loss):
    """Tweedie deviance: squared error, Poisson, gamma and what lies between, by the variance power.

    Formula: 2 (max(target, 0)^(2-power) / ((1-power)(2-power)) - target input^(1-power) / (1-power) + input^(2-power) /
        (2-power)); its limits at power 1 and 2

    Args:
        power: the variance is mean^power: 0 normal, 1 Poisson, 1 to 2 compound Poisson with zeros, 2 gamma, 3 inverse
            Gaussian; never between 0 and 1; default 1.5.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        input: predicted means, above 0 unless power is 0; floating, (*).
        target: true values, at least 0 from power 1, above 0 from power 2; floating, of the shape of input.

    Traps:
        - input is the mean itself: exponentiate the output of a log link first
        - the default power is that of the boosting libraries; scikit-learn's is 0

    Example:
        >>> TweedieLoss()
        TweedieLoss()

        client.evaluate(lossd.TweedieLoss(), [1.0, 4.0], [0.0, 4.0]).value   # 2.0

    Reference: https://scikit-learn.org/stable/modules/model_evaluation.html#mean-tweedie-deviance
    """

    power: float | None = None
    reduction: Reduction | None = None

    ALIASES: ClassVar[tuple[str, ...]] = ("tweedie", "tweedie_deviance", "gamma_deviance")
