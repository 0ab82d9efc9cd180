"""Numbers of another unit than their targets, outliers, leaks, rates and variances; knows no class."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from lossd_server.judge.diagnostics import roles
from lossd_server.judge.diagnostics.case import Case, moments, share
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity

LEAST = 16
OUTLIERS_LEAST = 100
OUTLIERS_SHARE = 0.5
APART = 100.0
"""How many times two scales differ when they are not of one unit."""

OUTLIERS_DOMINATE = Diagnostic(
    "OUTLIERS_DOMINATE",
    Severity.WARNING,
    Level.CHEAP,
    "A few errors are most of the loss.",
    f"the largest 1 % of {OUTLIERS_LEAST} or more squared errors are {OUTLIERS_SHARE:.0%} of their sum or more, and "
    "their mean is above 1e-4 of the targets' variance",
    "use HuberLoss with delta near the typical error, or L1Loss; or look at those examples: errors of the data?",
    tuple(sorted((*roles.SQUARED, "msle_loss"))),
    {
        "share": "share of the loss in the largest 1 %",
        "most": "largest error",
        "elements": "elements looked at",
    },
)
SCALE_MISMATCH = Diagnostic(
    "SCALE_MISMATCH",
    Severity.WARNING,
    Level.CHEAP,
    "Predictions and targets are of different units.",
    f"{LEAST} or more pairs; spreads differ {APART:g} times or more and sizes 10 times, or one side is standardised "
    "(mean within 0.3 of 0, spread 0.5 to 1.5), the other has 10 times its spread or a tenth, and they correlate above "
    "0.7",
    "scale both alike: train on (target - mean) / std and undo it on predictions before comparing, or on neither",
    tuple(sorted((*roles.NUMBERS, "ppo_value_clip_loss"))),
    {"ratio": "spread of targets over that of predictions", "correlation": "of both", "elements": "pairs looked at"},
)
TARGET_LEAK = Diagnostic(
    "TARGET_LEAK",
    Severity.WARNING,
    Level.CHEAP,
    "Predictions are the targets themselves.",
    f"{LEAST} or more pairs of numbers, not all alike, equal in 99 % to the last bit",
    "check that the target was not passed as the prediction, and that no feature holds the answer",
    roles.NUMBERS,
    {"equal": "share of pairs that are equal", "elements": "pairs looked at"},
)
WORSE_THAN_MEAN = Diagnostic(
    "WORSE_THAN_MEAN",
    Severity.INFO,
    Level.CHEAP,
    "Predicting the mean of the targets would cost less.",
    f"{LEAST} or more pairs, whose mean squared error is above the targets' variance",
    "train longer, check the order of predictions and targets, or start the last layer's bias at the targets' mean",
    roles.SQUARED,
    {"r2": "1 - mean squared error / variance of the targets", "elements": "pairs looked at"},
)
RATES_AS_LOG_RATES = Diagnostic(
    "RATES_AS_LOG_RATES",
    Severity.ERROR,
    Level.CHEAP,
    "Rates were given where their logarithms are due.",
    f"log_input is true and {LEAST} or more inputs, none below 0, have the mean of the counts to a half, while their "
    "exponentials have 3 times that or more",
    "set log_input=False for rates; or remove the exp or softplus from the model's last layer",
    ("poisson_nll_loss",),
    {"mean": "mean of the inputs", "counts": "mean of the counts", "elements": "elements looked at"},
)
LOG_RATES_AS_RATES = Diagnostic(
    "LOG_RATES_AS_RATES",
    Severity.ERROR,
    Level.CHEAP,
    "Logarithms of rates were given where rates are due.",
    "log_input is false, or the loss takes means, and any input is below 0",
    "leave log_input at True for raw output; or end the model in exp or softplus",
    ("poisson_nll_loss", "tweedie_loss"),
    {"least": "least input", "below": "share of inputs below 0"},
)
COUNTS_NOT_WHOLE = Diagnostic(
    "COUNTS_NOT_WHOLE",
    Severity.INFO,
    Level.CHEAP,
    "Targets are not whole numbers, and counts are.",
    f"a tenth of {LEAST} or more targets is no whole number",
    "send raw counts, not standardised ones; for rates per exposure weigh them, or use tweedie_loss",
    ("poisson_nll_loss",),
    {"broken": "share of targets that are no whole number", "elements": "elements looked at"},
)
VARIANCE_NEAR_ZERO = Diagnostic(
    "VARIANCE_NEAR_ZERO",
    Severity.WARNING,
    Level.CHEAP,
    "Variances are so small that torch replaces them by eps.",
    "any variance below eps",
    "end the variance in softplus or exp and add a floor (1e-3 of the targets' variance); below eps it has no gradient",
    ("gaussian_nll_loss",),
    {"below": "share of variances below eps", "eps": "the loss's eps", "elements": "variances looked at"},
)
VARIANCE_OFF = Diagnostic(
    "VARIANCE_OFF",
    Severity.WARNING,
    Level.CHEAP,
    "Errors are of another size than the variances say.",
    f"the mean of squared error over variance of {LEAST * 2} or more is above 100 or below 0.01",
    "send variances: exponentiate what are their logarithms, square what are standard deviations",
    ("gaussian_nll_loss",),
    {"ratio": "mean of squared error over variance", "elements": "elements looked at"},
)

DIAGNOSTICS = (
    OUTLIERS_DOMINATE, SCALE_MISMATCH, TARGET_LEAK, WORSE_THAN_MEAN, RATES_AS_LOG_RATES, LOG_RATES_AS_RATES,
    COUNTS_NOT_WHOLE, VARIANCE_NEAR_ZERO, VARIANCE_OFF,
)  # fmt: skip


def scales(case: Case) -> Iterator[Finding]:
    """Leaks, units and worth of predictions."""
    given, target = _pairs(case)
    count = given.numel()
    if count < LEAST:
        return
    near = case.name in roles.NUMBERS and bool((given[:4] == target[:4]).any())  # else they are not all equal
    if near and (equal := share(given == target)) >= 0.99 and bool((target != target[0]).any()):
        message = f"{equal:.1%} of {count} predictions equal their targets to the last bit"
        yield case.found(TARGET_LEAK, message, "input", equal=equal, elements=count)
        return
    (mean, own) = moments(given)
    (middle, other) = moments(target) if case.name == "ppo_value_clip_loss" else case.target_moments
    if not (math.isfinite(own) and math.isfinite(other)) or own == 0 or other == 0:
        return
    ratio = other / own
    far = max(ratio, 1 / ratio)
    level = (abs(middle) + other) / (abs(mean) + own)
    correlation = math.nan
    apart = far >= APART and max(level, 1 / level) >= 10 and (ratio > 1) == (level > 1)
    if not apart and far >= 10 and (_standard(mean, own) or _standard(middle, other)):
        correlation = float(((given - mean) * (target - middle)).mean()) / (own * other)
        apart = correlation > 0.7
    if apart:
        message = (
            f"predictions have mean {mean:.3g} and spread {own:.3g}, targets {middle:.3g} and {other:.3g}: "
            f"{far:.0f} times apart"
        )
        if math.isnan(correlation):
            correlation = float(((given - mean) * (target - middle)).mean()) / (own * other)
        yield case.found(SCALE_MISMATCH, message, "input", ratio=ratio, correlation=correlation, elements=count)


def _pairs(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    if case.name == "ppo_value_clip_loss":
        return case.tokens("values"), case.tokens("returns")
    return case.numbers


def _standard(mean: float, spread: float) -> bool:
    return abs(mean) <= 0.3 and 0.5 <= spread <= 1.5


def squares(case: Case) -> Iterator[Finding]:
    """Squared errors of which few count, or which are large."""
    given, target = case.numbers
    count = given.numel()
    if count < LEAST:
        return
    if case.name == "msle_loss":
        given, target = given.log1p(), target.log1p()
    errors = (given - target).square_()
    mean, variance = (
        float(errors.mean()),
        (moments(target) if case.name == "msle_loss" else case.target_moments)[1] ** 2,
    )
    if not (0 < mean < math.inf):
        return
    many = max(1, count // 100)
    steep = float(errors.max()) * many >= OUTLIERS_SHARE * mean * count  # the largest would have to be so large
    if count >= OUTLIERS_LEAST and steep and mean > 1e-4 * variance:
        largest = torch.topk(errors, many).values
        carried = float(largest.sum()) / (mean * count)
        if carried >= OUTLIERS_SHARE:
            most = math.sqrt(float(largest[0]))
            message = f"the largest {len(largest)} of {count} errors carry {carried:.0%} of the loss, up to {most:.3g}"
            yield case.found(OUTLIERS_DOMINATE, message, "input", share=carried, most=most, elements=count)
    if case.name in roles.SQUARED and 0 < variance < mean:
        r2 = 1 - mean / variance
        message = f"the mean squared error is {mean:.3g}, the variance of the targets {variance:.3g}"
        yield case.found(WORSE_THAN_MEAN, message, "input", r2=r2, elements=count)


def rates(case: Case) -> Iterator[Finding]:
    """Rates and their logarithms, and what is counted."""
    given, target = case.numbers
    count = given.numel()
    low, _ = case.bounds
    if case.name == "tweedie_loss" or not case.arguments.get("log_input", True):
        if low < 0 and case.arguments.get("power", 1) != 0:
            below = share(given < 0)
            message = f"{below:.1%} of {count} rates are below 0, the least {low:.3g}"
            yield case.found(LOG_RATES_AS_RATES, message, "input", least=low, below=below)
    elif count >= LEAST and low >= 0:
        mean, counts = float(given.mean()), float(target.mean())
        if abs(mean - counts) <= 0.5 * counts and float(given.exp().mean()) >= 3 * counts and counts > 0:
            message = f"the inputs have mean {mean:.3g}, as the counts, {counts:.3g}: rates, not their logarithms"
            yield case.found(RATES_AS_LOG_RATES, message, "input", mean=mean, counts=counts, elements=count)
    if case.name == "poisson_nll_loss" and count >= LEAST:
        broken = share(target != target.round())
        if broken >= 0.1:
            message = f"{broken:.0%} of {count} targets are no whole numbers"
            yield case.found(COUNTS_NOT_WHOLE, message, "target", broken=broken, elements=count)


def variances(case: Case) -> Iterator[Finding]:
    """Variances that say nothing, or something else than the errors."""
    var = case.elements("var")
    eps = float(case.arguments.get("eps", 1e-6))
    below = share(var < eps)
    if below:
        message = f"{below:.1%} of {var.numel()} variances are below eps, {eps:g}"
        yield case.found(VARIANCE_NEAR_ZERO, message, "var", below=below, eps=eps, elements=var.numel())
        return
    given, target = case.numbers
    if given.numel() < 2 * LEAST or var.shape != given.shape:
        return
    ratio = float(((given - target).square() / var).mean())
    if ratio > 100 or ratio < 0.01:
        message = f"squared errors are on average {ratio:.3g} times their variances"
        yield case.found(VARIANCE_OFF, message, "var", ratio=ratio, elements=given.numel())


RULES = (
    (scales, SCALE_MISMATCH.losses),
    (squares, OUTLIERS_DOMINATE.losses),
    (rates, ("poisson_nll_loss", "tweedie_loss")),
    (variances, ("gaussian_nll_loss",)),
)
"""Each rule with the losses whose evaluations it looks at."""
