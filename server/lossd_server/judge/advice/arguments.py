"""How arguments are filled in from what is known of a task and read off its samples: a recipe for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

from lossd_server.judge.advice.rules.rule import Candidate
from lossd_server.judge.advice.sample import Sample
from lossd_server.limits import MAX_PARAMETERS
from lossd_server.losses.catalogue import ENTRIES

EFFICIENT = 1.345
"""Huber's threshold in standard deviations that keeps 95 % of the efficiency of squares on normal errors."""

MOST_WEIGHT = 1e6
"""Times that one kind of example may count as much as another: beyond it, float32 sees that kind alone."""


class Filled(NamedTuple):
    """An argument: name, value (numbers, strings, or a list for a tensor), where it comes from, and what to mind."""

    name: str
    value: Any
    says: str = ""
    minds: str = ""


Facts: TypeAlias = Mapping[str, Any]
Recipe: TypeAlias = Callable[[Facts, Sample], "Filled | None"]


def _threshold(name: str) -> Recipe:
    def recipe(facts: Facts, sample: Sample) -> Filled | None:
        scale, of = (sample.residual_scale, "residuals") if sample.residual_scale else (sample.target_scale, "targets")
        if not scale:
            return None
        says = f"{EFFICIENT} × the robust standard deviation of the {of}, 1.4826 MAD = {scale:.6g}"
        if of == "targets":
            says += "; residuals are smaller: give `input`, or lower it once there are predictions"
        return Filled(name, round_off(EFFICIENT * scale), says)

    return recipe


def _quantile(facts: Facts, sample: Sample) -> Filled | None:
    if facts.get("quantile") is not None:
        return Filled("quantile", facts["quantile"], "the quantile that is wanted")
    under, over = facts.get("under_cost"), facts.get("over_cost")
    if under is not None and over is not None:
        return Filled(
            "quantile",
            round_off(under / (under + over)),
            f"{under:g} / ({under:g} + {over:g}), the costs of both sides",
        )
    side = {"underestimates": 0.8, "overestimates": 0.2}.get(facts.get("mistakes", ""))
    if side is None:
        return None
    return Filled(
        "quantile", side, "a start, as if one side cost four times the other: say `under_cost` and `over_cost`"
    )


_BENDS = (
    "weights bend the probabilities: what the model then puts out is no longer the share of positives; where those are "
    "used leave {} out, say `calibrated`, and move the threshold of the decision instead"
)


def _pos_weight(facts: Facts, sample: Sample) -> Filled | None:
    """What a miss costs against a false alarm, or else negatives / positives: the data hold the prior themselves."""
    if facts.get("calibrated"):
        return None  # it would shift every probability
    under, over = facts.get("under_cost"), facts.get("over_cost")
    if under is not None and over is not None:
        costs = f"a miss costs {under / over:g} false alarms; how rare positives are the data say themselves"
        return _weigh([under / over], [costs])
    side = {"false_negatives": 2.0, "false_positives": 0.5}.get(facts.get("mistakes", ""))
    says, factor = ([f"{side:g} is a start: say `under_cost` and `over_cost`"], side) if side else ([], 1.0)
    positives = facts.get("positives")
    ratios = [factor]
    if facts.get("imbalanced") and sample.label_positives:
        rows = sample.label_rows
        ratios = [factor * ((rows - count) / count if 0 < count < rows else 1.0) for count in sample.label_positives]
        says.insert(0, f"negatives / positives of each label in {rows} targets")
        constant = sum(1 for count in sample.label_positives if count in (0, rows))
        if constant:
            says.insert(
                1,
                f"always or never present and weighed as usual: {constant}",
            )
    elif facts.get("imbalanced") and positives:
        ratios = [factor * (1 - positives) / positives]
        says.insert(0, f"negatives / positives = {1 - positives:g} / {positives:g}")
    return _weigh(ratios, says) if says else None


def _weigh(ratios: list[float], says: list[str]) -> Filled:
    weights = [round_off(min(ratio, MOST_WEIGHT)) for ratio in ratios]
    return Filled("pos_weight", weights, "; ".join(says), _BENDS.format("pos_weight"))


def _focal_alpha(facts: Facts, sample: Sample) -> Filled | None:
    if facts.get("mistakes") == "false_negatives":
        return Filled("alpha", 0.75, "the weight of positives: a miss is worse")
    return None


def _class_weight(facts: Facts, sample: Sample) -> Filled | None:
    counts = sample.class_counts
    if not facts.get("imbalanced") or facts.get("calibrated") or not counts:
        return None
    total, present = sum(counts), sum(1 for count in counts if count)
    weights = [round_off(total / (present * count)) if count else 1.0 for count in counts]
    says = f"targets / (classes × targets of the class), of {total} targets"
    if present < len(counts):
        absent = len(counts) - present
        says += f"; {absent} {'class is' if absent == 1 else 'classes are'} not among them, with weight 1"
    return Filled("weight", weights, says, _BENDS.format("weight"))


def _label_smoothing(facts: Facts, sample: Sample) -> Filled | None:
    if not facts.get("label_noise"):
        return None
    return Filled("label_smoothing", 0.1, "labels are wrong here and there; about the share of wrong ones")


def _preference_noise(facts: Facts, sample: Sample) -> Filled | None:
    if not facts.get("label_noise"):
        return None
    return Filled("label_smoothing", 0.1, "raters disagree; the share of labels taken to be wrong")


def _mode(facts: Facts, sample: Sample) -> Filled | None:
    classes, sigmoid = facts.get("num_classes"), facts.get("activation") == "sigmoid"
    if facts.get("answers") == "several" or (sigmoid and classes is not None and classes > 2):
        return Filled("mode", "multilabel", "several classes may be right at one pixel")
    if facts.get("activation") in ("softmax", "log_softmax"):
        return None  # an output for each class, the background too
    if classes == 2 or sigmoid:
        return Filled("mode", "binary", "one mask against the background: one output a pixel, (N,1,H,W)")
    return None


def _from_logits(facts: Facts, sample: Sample) -> Filled | None:
    if facts.get("activation") not in ("sigmoid", "softmax"):
        return None
    return Filled("from_logits", False, f"the model ends in a {facts['activation']}: it puts out probabilities")


def _terms(facts: Facts, sample: Sample) -> Filled:
    mode, logits, ignored = _mode(facts, sample), _from_logits(facts, sample), {}
    if sample.ignore_index is not None and logits is None:  # BCE has no ignore_index, cross entropy has
        mode, ignored = None, {"ignore_index": sample.ignore_index}
    dice = {filled.name: filled.value for filled in (mode, logits) if filled is not None}
    first = "cross_entropy_loss"
    if mode is not None:
        first = "bce_with_logits_loss" if logits is None else "bce_loss"
    says = "both lie between 0 and about 1 once training runs; shift weight to Dice where regions are small"
    return Filled("terms", [(0.5, first, dict(ignored)), (0.5, "dice_loss", dice | ignored)], says)


def _tversky(facts: Facts, sample: Sample) -> Filled | None:
    beta = {"false_negatives": 0.7, "false_positives": 0.3}.get(facts.get("mistakes", ""))
    if beta is None:
        return None
    return Filled(
        "alpha_beta", (round_off(1 - beta), beta), "alpha weighs pixels too many, beta pixels missed; a start"
    )


def _log_input(facts: Facts, sample: Sample) -> Filled | None:
    if facts.get("activation") in ("exp", "softplus"):
        return Filled("log_input", False, f"the model ends in {facts['activation']}: it puts out the rate itself")
    return None


def _whole(name: str, fact: str, stopgap: int) -> Recipe:
    def recipe(facts: Facts, sample: Sample) -> Filled:
        if facts.get(fact) is not None:
            return Filled(name, int(facts[fact]), f"`{fact}`")
        return Filled(name, stopgap, f"it stands for yours: say `{fact}`")

    return recipe


def _in_features(facts: Facts, sample: Sample) -> Filled:
    if facts.get("features") is not None:
        return Filled("in_features", int(facts["features"]), "`features`")
    width = 512  # as wide as this service takes: a stopgap is no reason to rule a loss out
    while width > 1 and width * int(facts.get("num_classes") or 0) > MAX_PARAMETERS:
        width //= 2
    return Filled("in_features", width, "it stands for yours: say `features`")


def _cutoffs(facts: Facts, sample: Sample) -> Filled:
    classes = int(facts.get("num_classes") or 10_000)
    cutoffs = sorted({max(1, classes // 20), max(1, classes // 4)})
    return Filled(
        "cutoffs", [cut for cut in cutoffs if cut < classes], "the first 5 % of the classes, and the first 25 %"
    )


def _constant(name: str, value: Any, says: str) -> Recipe:
    return lambda facts, sample: Filled(name, value, says)


def _distance(facts: Facts, sample: Sample) -> Filled:
    if facts.get("distance") == "euclidean":
        return Filled("distance_function", "pairwise", "embeddings are compared by distance")
    return Filled("distance_function", "cosine", "one minus the cosine; triplet_margin_loss has the Euclidean one")


def _cosine_margin(facts: Facts, sample: Sample) -> Filled | None:
    if facts.get("distance") == "euclidean":
        return None
    return Filled("margin", 0.3, "cosine distances lie between 0 and 2; a start")


def _grpo_beta(facts: Facts, sample: Sample) -> Filled | None:
    if not facts.get("reference_model"):
        return None
    return Filled("beta", 0.04, "the weight of the KL term; it needs ref_log_probs")


RECIPES: Mapping[str, Recipe] = {
    "delta": _threshold("delta"),
    "beta": _threshold("beta"),
    "quantile": _quantile,
    "pos_weight": _pos_weight,
    "focal_alpha": _focal_alpha,
    "class_weight": _class_weight,
    "label_smoothing": _label_smoothing,
    "preference_noise": _preference_noise,
    "mode": _mode,
    "from_logits": _from_logits,
    "terms": _terms,
    "tversky": _tversky,
    "log_input": _log_input,
    "in_features": _in_features,
    "num_classes": _whole("num_classes", "num_classes", 32_000),
    "n_classes": _whole("n_classes", "num_classes", 10_000),
    "cutoffs": _cutoffs,
    "chunked": _constant("options", {}, "computed chunk by chunk"),
    "power": _constant("power", 1.5, "the usual start between Poisson (1) and gamma (2); tune it on held-out deviance"),
    "zero_infinity": _constant("zero_infinity", True, "targets that fit no alignment give 0 in place of infinity"),
    "batchmean": _constant("reduction", "batchmean", "the mean over examples, which is the divergence; mean is not"),
    "temperature": _constant("temperature", 2.0, "a start; between 1 and 5 is usual"),
    "squared": _constant("squared", True, "the root has no gradient at 0; squared it is weight decay"),
    "margin": _constant("margin", 0.1, "a start, in the unit of the scores"),
    "distance_function": _distance,
    "cosine_margin": _cosine_margin,
    "grpo_beta": _grpo_beta,
    "estimator": _constant("estimator", "k2", "as a term of a loss: its gradient is that of the divergence"),
}
"""The recipes by name."""


def fill(candidate: Candidate, facts: Facts, sample: Sample) -> list[Filled]:
    """The arguments of a candidate that its recipes know."""
    found = []
    for name in candidate.fills:
        filled = RECIPES[name](facts, sample)
        if filled is None:
            continue
        if filled.name == "alpha_beta":
            alpha, beta = filled.value
            found += [Filled("alpha", alpha, filled.says), Filled("beta", beta, filled.says)]
        else:
            found.append(filled)
    if sample.ignore_index is not None and any(a.name == "ignore_index" for a in ENTRIES[candidate.loss].arguments):
        found.append(Filled("ignore_index", sample.ignore_index, "targets of this value are left out"))
    return found


def round_off(value: float) -> float:
    """Six digits: what is filled in is a start, and should be readable.

    >>> round_off(2 / 3)
    0.666667
    """
    return float(f"{value:.6g}")
