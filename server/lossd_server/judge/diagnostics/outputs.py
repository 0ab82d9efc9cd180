"""Outputs in another form than their loss takes: probabilities, logits, log-probabilities; knows no target's form."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from lossd_server.judge.diagnostics import roles
from lossd_server.judge.diagnostics.case import Case, bounds, share
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity

LEAST_LABELS = 12
"""Scores of labels from which a missing sign means something."""
LEAST_ROWS = 16
LEAST_ELEMENTS = 32
PILE = 0.25
"""Share of elements at a bound that only an activation explains."""

_SOFTMAXED = (*roles.CLASS_LOGITS, *roles.CLASS_SCORES, *roles.REGIONS, *roles.DISTILLATION, "entropy", "entropy_bonus",
              "lovasz_softmax_loss", "z_loss")  # fmt: skip
_SIGNED = (*roles.LABEL_LOGITS, *roles.SIGNED_SCORES)
_LOGGED = ("ctc_loss", "kl_div_loss", "nll_loss")

PROBABILITIES_AS_LOGITS = Diagnostic(
    "PROBABILITIES_AS_LOGITS",
    Severity.ERROR,
    Level.CHEAP,
    "Probabilities were given where logits or scores are due.",
    "classes: every row within 0 to 1, or every column of 8 or more rows, adds up to 1, to 0.001 (0.02 in half types), "
    f"from two free numbers; labels and signs: {LEAST_LABELS} or more elements all within 0 to 1 which reach below "
    "0.25 and above 0.75, or 64 or more which reach 0.5 and whose mean is nearer to that of the targets, by 0.05, than "
    "the mean of their sigmoids",
    "send the raw output: remove the softmax or sigmoid from the model's last layer, the loss applies its own; if only "
    "probabilities are there, send their logarithms to NLLLoss or themselves to BCELoss",
    tuple(sorted((*_SOFTMAXED, *_SIGNED))),
    {"least": "least element", "most": "largest element", "elements": "elements looked at"},
)
SIGMOIDS_AS_LOGITS = Diagnostic(
    "SIGMOIDS_AS_LOGITS",
    Severity.WARNING,
    Level.CHEAP,
    "Scores of classes look like the outputs of a sigmoid.",
    "64 or more elements in 8 or more rows, all within 0 to 1 and not adding up to 1, a fiftieth of them below 0.1 "
    "and as many above 0.9, and no twentieth exactly 0",
    "send the raw output: remove the sigmoid from the model's last layer; of several labels to an example use "
    "BCEWithLogitsLoss; if they are cosines, divide them by a temperature, or softmax makes them nearly alike",
    tuple(sorted(_SOFTMAXED)),
    {"below": "share of elements below 0.1", "above": "share above 0.9", "elements": "elements looked at"},
)
LOG_PROBABILITIES_AS_LOGITS = Diagnostic(
    "LOG_PROBABILITIES_AS_LOGITS",
    Severity.INFO,
    Level.CHEAP,
    "Log-probabilities were given as logits, which changes nothing but time.",
    "no element above 0, and the exponentials of every row add up to 1, to 0.001 (0.02 in half types)",
    "remove log_softmax from the model's last layer: the loss applies its own, and a second one changes nothing; or "
    "keep it and use NLLLoss",
    tuple(sorted((*roles.CLASS_LOGITS, *roles.DISTILLATION))),
    {"most": "largest element", "elements": "elements looked at"},
)
SOFTMAX_TWICE = Diagnostic(
    "SOFTMAX_TWICE",
    Severity.ERROR,
    Level.CHEAP,
    "Softmax was applied twice before the logarithm.",
    f"{LEAST_ROWS} or more rows of log-probabilities, each those of a softmax of numbers which are themselves 0 or "
    f"more and add up to 1, {PILE:.0%} of the rows with one above 0.97",
    "take one softmax out: the model's last layer has one already, and log_softmax is another; end the model in its "
    "linear layer",
    tuple(sorted((*roles.CLASS_LOGITS, "kl_div_loss", "nll_loss"))),
    {"most": "largest probability inside", "sure": "share of rows with one above 0.97", "rows": "rows looked at"},
)
SIGMOID_TWICE = Diagnostic(
    "SIGMOID_TWICE",
    Severity.ERROR,
    Level.CHEAP,
    "Sigmoid was applied twice.",
    f"{LEAST_ELEMENTS} or more elements all within 0.5 to 0.7311, which is where a sigmoid puts numbers from 0 to 1, "
    "half of them within a tenth of the ends",
    "take one sigmoid out: end the model in its linear layer and use BCEWithLogitsLoss",
    ("bce_loss",),
    {"least": "least element", "most": "largest element", "elements": "elements looked at"},
)
LOG_SIGMOID_AS_LOGITS = Diagnostic(
    "LOG_SIGMOID_AS_LOGITS",
    Severity.ERROR,
    Level.CHEAP,
    "Log-probabilities of labels were given as logits: none can be found.",
    f"{LEAST_ELEMENTS} or more elements, none above 0, {PILE:.0%} of them above -0.1, a tenth of the targets at 1",
    "send the raw output: remove logsigmoid from the model's last layer, BCEWithLogitsLoss applies its own",
    roles.LABEL_LOGITS,
    {"most": "largest element", "near": "share of elements above -0.1", "elements": "elements looked at"},
)
PROBABILITIES_AS_LOG_PROBABILITIES = Diagnostic(
    "PROBABILITIES_AS_LOG_PROBABILITIES",
    Severity.ERROR,
    Level.CHEAP,
    "Probabilities were given where their logarithms are due.",
    "classes: every row within 0 to 1 adds up to 1, to 0.001 (0.02 in half types); tokens and answers: "
    f"{LEAST_LABELS} or more elements all within 0 to 1, some above 0",
    "take the logarithm: log_softmax in the model's last layer instead of softmax; for NLLLoss, or raw logits and "
    "CrossEntropyLoss",
    tuple(sorted((*_LOGGED, *roles.POLICY, *roles.PREFERENCE, "kl_estimator"))),
    {"least": "least element", "most": "largest element", "elements": "elements looked at"},
)
LOGITS_AS_LOG_PROBABILITIES = Diagnostic(
    "LOGITS_AS_LOG_PROBABILITIES",
    Severity.ERROR,
    Level.CHEAP,
    "The input is not log-probabilities: log_softmax is missing.",
    "in more than a tenth of the rows the exponentials add up to less than 0.95 or more than 1.05",
    "apply log_softmax over the classes before sending; or, instead of NLLLoss, send the raw output to "
    "CrossEntropyLoss, which applies it",
    _LOGGED,
    {"rows": "rows looked at", "off": "share of rows that do not add up", "most": "largest element"},
)
POSITIVE_LOG_PROBABILITIES = Diagnostic(
    "POSITIVE_LOG_PROBABILITIES",
    Severity.WARNING,
    Level.CHEAP,
    "Log-probabilities are above 0, which those of tokens and answers never are.",
    "any element above 0.001 (0.02 in half types); densities of continuous actions may be",
    "send log_softmax of the logits, gathered at the tokens, not the logits themselves; ignore it for continuous "
    "actions",
    tuple(sorted((*roles.POLICY, *roles.PREFERENCE, "kl_estimator"))),
    {"most": "largest element", "above": "share of elements above 0", "elements": "elements looked at"},
)
OUTPUT_NOT_NORMALISED = Diagnostic(
    "OUTPUT_NOT_NORMALISED",
    Severity.WARNING,
    Level.CHEAP,
    "Probabilities of classes do not add up to 1.",
    "from_logits is false, and more than a tenth of the rows are further than 0.02 from 1",
    "apply softmax over the classes, not sigmoid, or send raw logits with from_logits=True",
    tuple(sorted(("entropy", "lovasz_softmax_loss", *roles.REGIONS))),
    {"rows": "rows looked at", "off": "share of rows that do not add up"},
)
RECTIFIED_OUTPUT = Diagnostic(
    "RECTIFIED_OUTPUT",
    Severity.WARNING,
    Level.CHEAP,
    "The output was cut at 0: negative answers cannot be given.",
    f"{LEAST_ELEMENTS} or more elements, none below 0 and 5 to 95 % exactly 0; of numbers only where a tenth of the "
    "targets is below 0",
    "remove the ReLU after the model's last layer: logits, log-rates and predictions need both signs",
    tuple(sorted((*roles.CLASS_LOGITS, *roles.LABEL_LOGITS, *roles.NUMBERS, *roles.CLASS_SCORES, *roles.SIGNED_SCORES,
                  "poisson_nll_loss"))),
    {"zeros": "share of elements that are 0", "elements": "elements looked at"},
)  # fmt: skip
BOUNDED_OUTPUT = Diagnostic(
    "BOUNDED_OUTPUT",
    Severity.WARNING,
    Level.CHEAP,
    "The output ends where an activation ends, and the targets go beyond.",
    f"{LEAST_ELEMENTS} or more elements, all within -1 to 1, a fifth within 0.01 of the ends, and a fifth of the "
    f"targets "
    "beyond",
    "remove the tanh or sigmoid after the model's last layer, or scale the targets into its range",
    roles.NUMBERS,
    {"bound": "share of elements at 1 or -1", "beyond": "share of targets beyond", "elements": "elements looked at"},
)

DIAGNOSTICS = (
    PROBABILITIES_AS_LOGITS, SIGMOIDS_AS_LOGITS, LOG_PROBABILITIES_AS_LOGITS, SOFTMAX_TWICE, SIGMOID_TWICE,
    LOG_SIGMOID_AS_LOGITS,
    PROBABILITIES_AS_LOG_PROBABILITIES, LOGITS_AS_LOG_PROBABILITIES, POSITIVE_LOG_PROBABILITIES, OUTPUT_NOT_NORMALISED,
    RECTIFIED_OUTPUT, BOUNDED_OUTPUT,
)  # fmt: skip


def class_logits(case: Case) -> Iterator[Finding]:
    """Of `input` and a target of classes."""
    yield from _of_classes(case, "input", case.classes.scores, case.class_bounds)


def regions(case: Case) -> Iterator[Finding]:
    """Of `input` of segmentation losses, whose arguments say what it is."""
    several = case.arguments.get("mode", "multiclass") == "multiclass"
    if not case.arguments.get("from_logits", True):
        if several:
            yield from _unnormalised(case, "input", case.rows("input", 1))
    elif several:
        rows = case.rows("input", 1)
        yield from _of_classes(case, "input", rows, bounds(rows))
    elif case.tensors["input"].shape == case.tensors["target"].shape:
        yield from label_logits(case)


def alone(case: Case) -> Iterator[Finding]:
    """Of logits without a target."""
    name = "input" if "input" in case.tensors else "logits"
    rows = case.rows(name, -1 if name == "logits" or case.tensors[name].dim() < 2 else 1)
    if not case.arguments.get("from_logits", True):
        yield from _unnormalised(case, name, rows)
    else:
        yield from _of_classes(case, name, rows, bounds(rows))


def distilled(case: Case) -> Iterator[Finding]:
    """Of both sides of a distillation."""
    for name in ("student_logits", "teacher_logits"):
        rows = case.rows(name)
        yield from _of_classes(case, name, rows, bounds(rows))


def _of_classes(case: Case, name: str, rows: Tensor, ends: tuple[float, float]) -> Iterator[Finding]:
    low, high = ends
    slack, count = case.tolerance(name), rows.numel()
    if count - rows.shape[0] < 2:
        return
    if low >= 0 and high <= 1 + slack:
        yield from _within(case, name, rows, ends)
    elif (
        high <= slack
        and case.name in LOG_PROBABILITIES_AS_LOGITS.losses
        and float(rows.logsumexp(-1).abs().max()) <= slack
    ):
        yield case.found(
            LOG_PROBABILITIES_AS_LOGITS,
            f"{name} is at most {high:.3g} and the exponentials of every row add up to 1: log-probabilities",
            name,
            most=high,
            elements=count,
        )
        yield from _twice(case, name, rows)


def _within(case: Case, name: str, rows: Tensor, ends: tuple[float, float]) -> Iterator[Finding]:
    """Of scores within 0 to 1: what adds up is a softmax's; untrained layers and cosines may lie there too."""
    (low, high), slack, count = ends, case.tolerance(name), rows.numel()
    for dim, which in ((-1, "row"), (0, "column")):
        if dim == 0 and (len(rows) < 8 or not low < high):
            return
        if float((rows.sum(dim) - 1).abs().max()) <= slack:
            yield case.found(
                PROBABILITIES_AS_LOGITS,
                f"all {count} elements of {name} lie within 0 to 1 ({low:.3g} to {high:.3g}) and every {which} adds up "
                "to 1: probabilities, not logits",
                name,
                least=low,
                most=high,
                elements=count,
            )
            return
    if count < 64 or low >= 0.1 or high <= 0.9:
        return
    below, above = share(rows < 0.1), share(rows > 0.9)
    if min(below, above) >= 0.02 and share(rows == 0) < 0.05:
        message = (
            f"all {count} elements of {name} lie within 0 to 1 and do not add up to it, {below:.0%} below 0.1 and "
            f"{above:.0%} above 0.9, as sigmoids do"
        )
        yield case.found(SIGMOIDS_AS_LOGITS, message, name, below=below, above=above, elements=count)


def _twice(case: Case, name: str, rows: Tensor) -> Iterator[Finding]:
    count, classes = rows.shape
    if count < LEAST_ROWS or case.name not in SOFTMAX_TWICE.losses:
        return
    inside = rows + (1 - rows.sum(-1, keepdim=True)) / classes  # what adds up to 1 and has this softmax
    top = inside.amax(-1)
    low, high, sure = float(inside.min()), float(top.max()), share(top > 0.97)
    if low >= -1e-3 and high <= 1.001 and sure >= PILE:
        yield case.found(
            SOFTMAX_TWICE,
            f"{name} is the log_softmax of numbers that add up to 1 themselves, from {low:.2g} to {high:.3g} in "
            f"{count} rows",
            name,
            most=high,
            sure=sure,
            rows=count,
        )


def _unnormalised(case: Case, name: str, rows: Tensor) -> Iterator[Finding]:
    off = share((rows.sum(-1) - 1).abs() > 0.02)
    if rows.shape[-1] > 1 and off > 0.1:
        yield case.found(
            OUTPUT_NOT_NORMALISED,
            f"{off:.0%} of {len(rows)} rows of probabilities in {name} do not add up to 1",
            name,
            rows=len(rows),
            off=off,
        )


def label_logits(case: Case) -> Iterator[Finding]:
    """Of `input` whose sign is the answer."""
    given, target = case.numbers
    count = given.numel()
    if count < LEAST_LABELS:
        return
    low, high = case.bounds
    if low >= 0 and high <= 1:
        if (low < 0.25 and high > 0.75) or (high > 0.5 and _like_targets(given, target)):
            yield case.found(
                PROBABILITIES_AS_LOGITS,
                f"all {count} elements of input lie within 0 to 1 ({low:.3g} to {high:.3g}): probabilities, not logits",
                "input",
                least=low,
                most=high,
                elements=count,
            )
    elif high <= 0 and count >= LEAST_ELEMENTS and case.name in roles.LABEL_LOGITS:
        near = share(given > -0.1)
        if near >= PILE and share(target > 0.5) >= 0.1:
            yield case.found(
                LOG_SIGMOID_AS_LOGITS,
                f"none of {count} elements of input is above 0 and {near:.0%} are above -0.1: log-probabilities",
                "input",
                most=high,
                near=near,
                elements=count,
            )


def _like_targets(given: Tensor, target: Tensor) -> bool:
    """Whether they are on average what is true, as probabilities are, and their sigmoids are not."""
    if given.numel() < 64:
        return False
    true = float(target.clamp(0, 1).mean())
    return abs(float(given.mean()) - true) + 0.05 < abs(float(given.sigmoid().mean()) - true)


def label_probabilities(case: Case) -> Iterator[Finding]:
    """Of `input` of BCELoss."""
    given, _ = case.numbers
    low, high = case.bounds
    if given.numel() < LEAST_ELEMENTS or not (low >= 0.4999 and high <= 0.7312):
        return
    if share((given < 0.525) | (given > 0.711)) >= 0.5:
        yield case.found(
            SIGMOID_TWICE,
            f"all {given.numel()} probabilities lie within {low:.3g} to {high:.3g}: sigmoids of numbers from 0 to 1",
            "input",
            least=low,
            most=high,
            elements=given.numel(),
        )


def log_probabilities(case: Case) -> Iterator[Finding]:
    """Of what should be log-probabilities of classes."""
    name = "log_probs" if case.name == "ctc_loss" else "input"
    for rows in _distributions(case, name):
        low, high = bounds(rows)
        if rows.shape[-1] < 2 or not rows.numel():
            return
        slack = case.tolerance(name)
        if low >= 0 and high <= 1 + slack and float((rows.sum(-1) - 1).abs().max()) <= slack:
            yield _as_logarithms(case, name, rows)
            return
        off = share(rows.logsumexp(-1).abs() > 0.05)
        if off <= 0.1:
            yield from _twice(case, name, rows)
            return
    yield case.found(
        LOGITS_AS_LOG_PROBABILITIES,
        f"in {off:.0%} of {len(rows)} rows of {name} the exponentials do not add up to 1, and the largest element is "
        f"{high:.3g}: not log-probabilities",
        name,
        rows=len(rows),
        off=off,
        most=high,
    )


def _distributions(case: Case, name: str) -> Iterator[Tensor]:
    """The rows in which classes may lie: KLDivLoss takes any dimension for them."""
    if case.name == "nll_loss":
        yield case.classes.scores
        return
    yield case.rows(name)
    if case.name == "kl_div_loss" and case.tensors[name].dim() > 2:
        yield case.rows(name, 1)


def _as_logarithms(case: Case, name: str, given: Tensor) -> Finding:
    low, high = bounds(given)
    return case.found(
        PROBABILITIES_AS_LOG_PROBABILITIES,
        f"all {given.numel()} elements of {name} lie within 0 to 1 ({low:.3g} to {high:.3g}): probabilities, not their "
        "logarithms",
        name,
        least=low,
        most=high,
        elements=given.numel(),
    )


def token_probabilities(case: Case) -> Iterator[Finding]:
    """Of log-probabilities of tokens or answers."""
    for name in case.tensors:
        if not name.endswith(("log_probs", "logps")):
            continue
        given = case.tokens(name)
        low, high = bounds(given)
        if not high > case.tolerance(name):
            continue
        if low >= 0 and high <= 1 and given.numel() >= LEAST_LABELS:
            yield _as_logarithms(case, name, given)
            continue
        above = share(given > 0)
        yield case.found(
            POSITIVE_LOG_PROBABILITIES,
            f"{above:.1%} of {given.numel()} elements of {name} are above 0, up to {high:.3g}",
            name,
            most=high,
            above=above,
            elements=given.numel(),
        )


def rectified_classes(case: Case) -> Iterator[Finding]:
    """Class scores that a ReLU cut."""
    yield from _rectified(case, case.classes.scores, case.class_bounds)


def rectified_numbers(case: Case) -> Iterator[Finding]:
    """Scores, log-rates or numbers that a ReLU cut."""
    given, target = case.numbers
    if case.name == "poisson_nll_loss" and not case.arguments.get("log_input", True):
        return
    negative = case.name not in roles.NUMBERS or share(target < 0) >= 0.1 if case.bounds[0] == 0 else False
    if negative:
        yield from _rectified(case, given, case.bounds)


def _rectified(case: Case, given: Tensor, ends: tuple[float, float]) -> Iterator[Finding]:
    if given.numel() < LEAST_ELEMENTS or ends[0] != 0 or not ends[1] > 0:
        return
    zeros = share(given == 0)
    if 0.05 <= zeros <= 0.95 and (case.name in roles.NUMBERS or ends[1] > 1):
        yield case.found(
            RECTIFIED_OUTPUT,
            f"none of {given.numel()} elements of input is below 0 and {zeros:.0%} are exactly 0",
            "input",
            zeros=zeros,
            elements=given.numel(),
        )


def bounded(case: Case) -> Iterator[Finding]:
    """Numbers that a tanh or sigmoid bounds."""
    given, target = case.numbers
    low, high = case.bounds
    if given.numel() < LEAST_ELEMENTS or not (low >= -1 and high <= 1):
        return
    bound, beyond = share(given.abs() > 0.99), share((target > 1) | (target < -1))
    if bound >= 0.2 and beyond >= 0.2:
        yield case.found(
            BOUNDED_OUTPUT,
            f"all {given.numel()} predictions lie within -1 to 1, {bound:.0%} at the ends, and {beyond:.0%} of "
            "the targets lie beyond",
            "input",
            bound=bound,
            beyond=beyond,
            elements=given.numel(),
        )


RULES = (
    (class_logits, (*roles.CLASS_LOGITS, *roles.CLASS_SCORES)),
    (regions, (*roles.REGIONS, "lovasz_softmax_loss")),
    (alone, ("entropy", "entropy_bonus", "z_loss")),
    (distilled, roles.DISTILLATION),
    (label_logits, (*roles.LABEL_LOGITS, *roles.SIGNED_SCORES)),
    (label_probabilities, ("bce_loss",)),
    (log_probabilities, _LOGGED),
    (token_probabilities, (*roles.POLICY, *roles.PREFERENCE, "kl_estimator")),
    (rectified_classes, (*roles.CLASS_LOGITS, *roles.CLASS_SCORES)),
    (rectified_numbers, (*roles.LABEL_LOGITS, *roles.SIGNED_SCORES, *roles.NUMBERS, "poisson_nll_loss")),
    (bounded, roles.NUMBERS),
)
"""Each rule with the losses whose evaluations it looks at."""
