"""Outliers among errors, rates and variances in another form than their loss takes; knows no class and no unit."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from lossd_server.judge.diagnostics import roles
from lossd_server.judge.diagnostics.case import Case, agreement, bounds, share
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity

LEAST = 16
OUTLIERS_LEAST = 100
OUTLIERS_SHARE = 0.5

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
    f"the mean of squared error over variance of {LEAST * 2} or more is above 100 or below 0.01; or above 10 or below "
    "0.1, while that of squared error over squared variance is 0.4 to 2.5, as of standard deviations",
    "send variances: exponentiate what are their logarithms, square what are standard deviations",
    ("gaussian_nll_loss",),
    {"ratio": "mean of squared error over variance", "elements": "elements looked at"},
)

DIAGNOSTICS = (
    OUTLIERS_DOMINATE, RATES_AS_LOG_RATES, LOG_RATES_AS_RATES, COUNTS_NOT_WHOLE, VARIANCE_NEAR_ZERO, VARIANCE_OFF,
)  # fmt: skip


def squares(case: Case) -> Iterator[Finding]:
    """Squared errors of which few count."""
    given, target = case.numbers
    count = given.numel()
    if count < OUTLIERS_LEAST:
        return
    agreed = case.agreement
    if case.name == "msle_loss":
        given, target = given.log1p(), target.log1p()
        agreed = agreement(given, target)
    if not 1e-4 * agreed.other**2 < agreed.error < math.inf:
        return
    errors = given - target if case.name == "msle_loss" else case.errors
    many = max(1, count // 100)
    low, high = bounds(errors)
    if max(-low, high) ** 2 * many < OUTLIERS_SHARE * agreed.error * count:
        return  # the largest would have to be so large
    squared = errors.square()
    largest = torch.topk(squared, many).values
    carried = float(largest.sum()) / (float(squared.mean()) * count)
    if carried >= OUTLIERS_SHARE:
        most = math.sqrt(float(largest[0]))
        which = "the largest" if len(largest) == 1 else f"the {len(largest)} largest"
        verb = "carries" if len(largest) == 1 else "carry"
        message = f"{which} of {count} errors {verb} {carried:.0%} of the loss, up to {most:.3g}"
        yield case.found(OUTLIERS_DOMINATE, message, "input", share=carried, most=most, elements=count)


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
    normed = (given - target).square_() / var
    ratio = float(normed.mean())
    if 0.1 <= ratio <= 10:
        return
    message = f"squared errors are on average {ratio:.3g} times their variances"
    deviations = float((normed / var).mean())
    if 0.4 <= deviations <= 2.5:
        message += f", and {deviations:.2g} times their squares: var holds standard deviations, square them"
    elif 0.01 <= ratio <= 100:
        return
    if math.isfinite(ratio):
        yield case.found(VARIANCE_OFF, message, "var", ratio=ratio, elements=given.numel())


RULES = (
    (squares, OUTLIERS_DOMINATE.losses),
    (rates, ("poisson_nll_loss", "tweedie_loss")),
    (variances, ("gaussian_nll_loss",)),
)
"""Each rule with the losses whose evaluations it looks at."""
