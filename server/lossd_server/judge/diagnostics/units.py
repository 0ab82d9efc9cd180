"""Predictions in another unit, off by a constant, of the other sign or worse than a mean; knows no distribution."""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Tensor

from lossd_server.judge.diagnostics import roles
from lossd_server.judge.diagnostics.case import Agreement, Case, agreement, share
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity

LEAST = 16
LEAST_ROWS = 32
"""Pairs from which a correlation means something."""
APART = 100.0
"""How many times two scales differ when they are not of one unit, whatever their correlation."""
FACTOR = 3.0
"""How many times one is the other when a factor explains the errors."""
LEFT = 0.65
"""Of the targets' variance, the most that a correction may leave when it explains the errors."""
GAIN = 10.0
"""How many times the squared error is what a correction leaves of it."""
OFFSET_GAIN = 5.0
"""The same of an offset: twice the spread of the other errors, which no median or mode is from a mean."""
WORSE = 1.5
SENTINELS = frozenset({-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, -32768.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0,
                       32767.0})  # fmt: skip
"""Numbers that stand for a missing one."""

SCALE_MISMATCH = Diagnostic(
    "SCALE_MISMATCH",
    Severity.WARNING,
    Level.CHEAP,
    "Predictions and targets are of different units.",
    f"{LEAST} or more pairs; spreads differ {APART:g} times or more and sizes 10 times, or one side is standardised "
    "(mean within 0.3 of 0, spread 0.5 to 1.5), the other has 10 times its spread or a tenth, and they correlate above "
    f"0.7; or {LEAST_ROWS} or more pairs whose squared error is twice the targets' variance or more and {GAIN:g} times "
    f"what one factor of {FACTOR:g} or more leaves of it, {LEFT:g} of that variance at most; or a factor and an offset "
    "at a correlation of 0.9 or more",
    "scale both alike: the factor names the unit (60: hours and minutes; 100: shares and percent; 1000: thousands); "
    "train on (target - mean) / std and undo it on predictions before comparing, or on neither",
    tuple(sorted((*roles.NUMBERS, "ppo_value_clip_loss"))),
    {"ratio": "spread of targets over that of predictions", "correlation": "of both", "elements": "pairs looked at"},
)
OFFSET_PREDICTIONS = Diagnostic(
    "OFFSET_PREDICTIONS",
    Severity.WARNING,
    Level.CHEAP,
    "Predictions are off by a constant.",
    f"{LEAST_ROWS} or more pairs whose errors vary by {LEFT:g} of the targets' variance at most, while the square of "
    f"their mean is {OFFSET_GAIN:g} times that or more, and all of it twice that variance",
    "add the difference to the last layer's bias, or undo on the predictions what centred the targets; a model that "
    "starts: set that bias to the targets' mean",
    tuple(name for name in roles.NUMBERS if name != "quantile_loss"),
    {"offset": "mean of prediction less target", "spreads": "the same in spreads of the targets",
     "elements": "pairs looked at"},
)  # fmt: skip
SIGN_FLIPPED = Diagnostic(
    "SIGN_FLIPPED",
    Severity.WARNING,
    Level.CHEAP,
    "Predictions have the opposite sign of their targets.",
    f"{LEAST_ROWS} or more pairs that correlate below -0.8 ({2 * LEAST_ROWS}: -0.6), whose squared error is twice the "
    f"targets' variance or more, and with the sign turned a quarter of it and {LEFT:g} of that variance or less",
    "turn the sign of the predictions or of the targets: one is a gain and the other a cost, or a difference was "
    "taken the other way round",
    tuple(name for name in roles.NUMBERS if name not in ("mape_loss", "msle_loss")),
    {"correlation": "of both", "turned": "squared error with the sign turned", "elements": "pairs looked at"},
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
    "Predicting the mean of the targets would cost far less.",
    f"{LEAST_ROWS} or more pairs, whose mean squared error is {WORSE:g} times the targets' variance or more, and "
    "neither a factor nor an offset nor a sign explains it",
    "train longer, check the order of predictions and targets, or start the last layer's bias at the targets' mean",
    roles.SQUARED,
    {"r2": "1 - mean squared error / variance of the targets", "elements": "pairs looked at"},
)
MISSING_AS_NUMBER = Diagnostic(
    "MISSING_AS_NUMBER",
    Severity.WARNING,
    Level.CHEAP,
    "A number that stands for missing values is among the targets.",
    "the least or largest target is -1, 9s (-999, 9999, …), -32768 or 32767, in 3 or more and at most half of the "
    f"targets, and lies 5 spreads of {LEAST} or more others away from them; or it is below 0, they are above, and it "
    "lies a quarter of their spread away",
    "leave those examples out, or mask their errors (reduction none times a mask); do not train on the stand-in",
    roles.NUMBERS,
    {"number": "the stand-in", "missing": "share of targets", "elements": "targets looked at"},
)
THRESHOLD_OFF = Diagnostic(
    "THRESHOLD_OFF",
    Severity.INFO,
    Level.CHEAP,
    "Delta or beta is far from the errors: the loss is one of its two halves only.",
    f"{LEAST_ROWS} or more pairs; delta or beta is below 0.001 of the mean absolute error, or above 1000 of the root "
    "of the mean squared one; a beta of 0 is meant",
    "set it near the size of an error that is still usual (1.35 times their spread), or scale the targets; as it is, "
    "L1Loss or MSELoss says the same",
    ("huber_loss", "smooth_l1_loss"),
    {"threshold": "delta or beta", "error": "mean absolute error", "elements": "pairs looked at"},
)
COVERAGE_OFF = Diagnostic(
    "COVERAGE_OFF",
    Severity.INFO,
    Level.CHEAP,
    "Far more or fewer targets lie below the predicted quantile than its name says.",
    "100 or more pairs, of which the share of targets at or below their predictions is more than 0.25 from quantile",
    "check that quantile is that of this output (0.1 and 0.9 are easily exchanged); a model that starts may show it",
    ("quantile_loss",),
    {"coverage": "share of targets at or below", "quantile": "what it should be", "elements": "pairs looked at"},
)

DIAGNOSTICS = (
    SCALE_MISMATCH, OFFSET_PREDICTIONS, SIGN_FLIPPED, TARGET_LEAK, WORSE_THAN_MEAN, MISSING_AS_NUMBER, THRESHOLD_OFF,
    COVERAGE_OFF,
)  # fmt: skip


def scales(case: Case) -> Iterator[Finding]:
    """Leaks, units, offsets, signs and worth of predictions; what explains the errors is said, and no more."""
    given, target = _pairs(case)
    count = given.numel()
    if count < LEAST:
        return
    near = case.name in roles.NUMBERS and 0 in case.errors[:4].tolist()  # else they are not all equal
    if near and (equal := share(given == target)) >= 0.99 and bool((target != target[0]).any()):
        message = f"{equal:.1%} of {count} predictions equal their targets to the last bit"
        yield case.found(TARGET_LEAK, message, "input", equal=equal, elements=count)
        return
    own = case.agreement if case.name in roles.NUMBERS else agreement(given, target)
    if not math.isfinite(own.error) or own.other == 0:
        return
    found = list(_units(case, own))
    if not found and case.name in roles.NUMBERS and count >= LEAST_ROWS and own.error >= 2 * own.other**2:
        found = list(_corrected(case, own))
    yield from found
    if not found and case.name in roles.SQUARED and count >= LEAST_ROWS and own.error >= WORSE * own.other**2:
        r2 = 1 - own.error / own.other**2
        message = f"the mean squared error is {own.error:.3g}, the variance of the targets {own.other**2:.3g}"
        yield case.found(WORSE_THAN_MEAN, message, "input", r2=r2, elements=count)


def _pairs(case: Case) -> tuple[Tensor, Tensor]:
    if case.name == "ppo_value_clip_loss":
        return case.tokens("values"), case.tokens("returns")
    return case.numbers


def _units(case: Case, own: Agreement) -> Iterator[Finding]:
    """Scales that no model would have, whatever it answers."""
    if own.own == 0:
        return
    ratio = own.other / own.own
    far = max(ratio, 1 / ratio)
    level = (abs(own.middle) + own.other) / (abs(own.mean) + own.own)
    apart = far >= APART and max(level, 1 / level) >= 10 and (ratio > 1) == (level > 1)
    standard = _standard(own.mean, own.own) or _standard(own.middle, own.other)
    if apart or (far >= 10 and standard and own.correlation > 0.7):
        message = (
            f"predictions have mean {own.mean:.3g} and spread {own.own:.3g}, targets {own.middle:.3g} and "
            f"{own.other:.3g}: {far:.0f} times apart"
        )
        yield _mismatch(case, own, message)


def _standard(mean: float, spread: float) -> bool:
    return abs(mean) <= 0.3 and 0.5 <= spread <= 1.5


def _mismatch(case: Case, own: Agreement, message: str) -> Finding:
    numbers = {"ratio": own.other / own.own, "correlation": own.correlation, "elements": own.number}
    return case.found(SCALE_MISMATCH, message, "input", **numbers)


def _corrected(case: Case, own: Agreement) -> Iterator[Finding]:
    """What one factor, one offset or a sign would make of errors far above those of a mean."""
    variance, size = own.other**2, own.own**2 + own.mean**2
    product = own.together + own.mean * own.middle
    left = variance + own.middle**2 - (product**2 / size if size else 0.0)
    factor = size / product if product else math.nan
    if factor > 0 and max(factor, 1 / factor) >= FACTOR and max(left, 0) <= min(LEFT * variance, own.error / GAIN):
        message = (
            f"predictions are {factor:.3g} times their targets, with a correlation of {own.correlation:.2g}: another "
            f"unit, factor {factor:.3g}"
        )
        yield _mismatch(case, own, message)
        return
    turned = own.own**2 + variance + 2 * own.together + (own.mean + own.middle) ** 2
    sure = own.correlation <= (-0.6 if own.number >= 2 * LEAST_ROWS else -0.8)
    if sure and turned <= min(LEFT * variance, own.error / 4) and case.name in SIGN_FLIPPED.losses:
        message = (
            f"predictions and targets correlate by {own.correlation:.2g}; with the sign turned the mean squared error "
            f"would be {max(turned, 0):.3g} and not {own.error:.3g}"
        )
        numbers = {"correlation": own.correlation, "turned": max(turned, 0), "elements": own.number}
        yield case.found(SIGN_FLIPPED, message, "input", **numbers)
        return
    yield from _offset(case, own)


def _offset(case: Case, own: Agreement) -> Iterator[Finding]:
    variance, offset = own.other**2, own.mean - own.middle
    around = max(own.error - offset**2, 0)
    spreads = offset / own.other
    if around <= LEFT * variance and offset**2 >= OFFSET_GAIN * around:
        if case.name in OFFSET_PREDICTIONS.losses:
            side = "above" if offset > 0 else "below"
            message = (
                f"predictions lie {abs(offset):.3g} {side} their targets, {abs(spreads):.2g} times the spread of "
                f"these, and around that only {math.sqrt(around):.3g} off: a constant"
            )
            numbers = {"offset": offset, "spreads": spreads, "elements": own.number}
            yield case.found(OFFSET_PREDICTIONS, message, "input", **numbers)
        return
    left = variance * (1 - own.correlation**2)
    if own.correlation >= 0.9 and own.own >= 0.4 * own.other and own.error >= GAIN * left:
        slope = own.together / own.own**2
        message = (
            f"targets are about {slope:.3g} times the predictions {own.middle - slope * own.mean:+.3g}, with a "
            f"correlation of {own.correlation:.2g}: another unit"
        )
        yield _mismatch(case, own, message)


def missing(case: Case) -> Iterator[Finding]:
    """Targets that stand for none."""
    for number, sign in zip(case.target_bounds, (1, -1), strict=True):
        if number not in SENTINELS:
            continue
        target = case.numbers[1]
        there = target == number
        count, part = target.numel(), share(there)
        rest = target[~there]
        if not 3 <= round(part * count) <= count / 2 or rest.numel() < LEAST:
            continue
        nearest, spread = float(rest.min() if sign > 0 else rest.max()), float(rest.std(correction=0))
        gap = abs(nearest - number)
        far = gap >= 5 * spread or (number < 0 < nearest and gap >= 0.25 * spread)
        if 0 < spread < math.inf and far:
            message = f"{part:.1%} of {count} targets are exactly {number:g}, the nearest other is {nearest:.4g}"
            numbers = {"number": number, "missing": part, "elements": count}
            yield case.found(MISSING_AS_NUMBER, message, "target", **numbers)


def threshold(case: Case) -> Iterator[Finding]:
    """Where the two halves of a loss meet."""
    count = case.errors.numel()
    name = "delta" if case.name == "huber_loss" else "beta"
    bound = float(case.arguments.get(name, 1.0))
    if count < LEAST_ROWS or not bound:
        return
    squared = math.sqrt(case.agreement.error)
    if not 0 < squared < math.inf or 1e-3 * squared <= bound <= 1e3 * squared:
        return
    error = float(case.errors.abs().mean())  # never above squared
    if 1e-3 * error <= bound <= 1e3 * error:
        return
    what = f"the loss is L1Loss{' times delta' if name == 'delta' else ''}" if bound < error else "the loss is MSELoss"
    message = f"{name} is {bound:g} and the mean absolute error {error:.3g}: {what}"
    yield case.found(THRESHOLD_OFF, message, "", threshold=bound, error=error, elements=count)


def coverage(case: Case) -> Iterator[Finding]:
    """Targets below a quantile."""
    given, target = case.numbers
    wanted = float(case.arguments.get("quantile", 0.5))
    if given.numel() < 100:
        return
    below = share(target <= given)
    if abs(below - wanted) > 0.25 and math.isfinite(case.value):
        swapped = f": as of quantile {1 - wanted:.2g}" if abs(below - (1 - wanted)) <= 0.1 else ""
        message = f"{below:.0%} of {given.numel()} targets lie at or below their quantile {wanted:g}{swapped}"
        numbers = {"coverage": below, "quantile": wanted, "elements": given.numel()}
        yield case.found(COVERAGE_OFF, message, "input", **numbers)


RULES = (
    (scales, SCALE_MISMATCH.losses),
    (missing, MISSING_AS_NUMBER.losses),
    (threshold, THRESHOLD_OFF.losses),
    (coverage, COVERAGE_OFF.losses),
)
"""Each rule with the losses whose evaluations it looks at."""
