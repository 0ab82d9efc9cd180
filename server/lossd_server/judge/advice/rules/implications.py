"""What follows from what is known of a task, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lossd_server.judge.advice.rules.rule import GIVEN, UNKNOWN, AtLeast, Below, Implied, holds

_SEVERAL = "any number of answers to each input is multi-label"
_PIXELS = "one class for each pixel is segmentation"
_UNALIGNED = "labels of a sequence without a known alignment"

_COSTED = ("regression", "counts", "binary")

IMPLIED: tuple[Implied, ...] = (
    Implied({"task": "binary", "answers": "several"}, {"task": "multi-label"}, _SEVERAL, settles=True),
    Implied({"task": "multiclass", "answers": "several"}, {"task": "multi-label"}, _SEVERAL, settles=True),
    Implied({"task": "classification", "answers": "several"}, {"task": "multi-label"}, _SEVERAL, settles=True),
    Implied({"task": ("binary", "multiclass", "classification"), "structure": "image"}, {"task": "segmentation"},
            _PIXELS, settles=True),
    Implied({"task": ("multiclass", "classification"), "structure": "sequence", "aligned": False}, {"task": "sequence"},
            _UNALIGNED, settles=True),
    Implied({"task": "classification", "num_classes": 2}, {"task": "binary"}, "two classes are a yes or no",
            settles=True),
    Implied({"task": "classification", "positives": GIVEN}, {"task": "binary"}, "positives are of a yes or no",
            settles=True),
    Implied({"task": "classification"}, {"task": "multiclass"}, "unless said otherwise each input has one class",
            settles=True),
    Implied({"task": "regression", "structure": "list"}, {"task": "ranking"}, "numbers whose order counts are scores",
            settles=True),
    Implied({"structure": "sequence", "aligned": False}, {"task": "sequence"}, _UNALIGNED),
    Implied({"quantile": GIVEN}, {"task": "regression"}, "quantiles are of numbers"),
    Implied({"uncertainty": GIVEN}, {"task": "regression"}, "spreads are of numbers"),
    Implied({"direction_only": GIVEN}, {"task": "regression"}, "directions are of vectors of numbers"),
    Implied({"outliers": GIVEN}, {"task": "regression"}, "outliers are numbers"),
    Implied({"zero_inflated": GIVEN}, {"task": "regression"}, "zeros are numbers"),
    Implied({"log_scale": GIVEN}, {"task": "regression"}, "orders of magnitude are of numbers"),
    Implied({"bounded": GIVEN}, {"task": "regression"}, "a range is of numbers"),
    Implied({"mistakes": ("large", "relative", "equal", "underestimates", "overestimates")}, {"task": "regression"},
            "such mistakes are of numbers"),
    Implied({"positives": GIVEN}, {"task": "binary"}, "positives are of a yes or no"),
    Implied({"small_objects": GIVEN}, {"task": "segmentation"}, "objects are found in images"),
    Implied({"mistakes": "overlap"}, {"task": "segmentation"}, "areas overlap"),
    Implied({"supervision": GIVEN}, {"task": "metric-learning"}, "such examples are of embeddings"),
    Implied({"distance": GIVEN}, {"task": "metric-learning"}, "embeddings have distances"),
    Implied({"seeking": GIVEN}, {"task": "distillation"}, "students follow teachers"),
    Implied({"student_writes": GIVEN}, {"task": "distillation"}, "students follow teachers"),
    Implied({"one_stage": GIVEN}, {"task": "preference"}, "it is asked of preferences"),
    Implied({"part": "reward"}, {"task": "preference"}, "reward models are trained on preferences"),
    Implied({"part": ("boxes", "classes")}, {"task": "detection"}, "boxes are of detection"),
    Implied({"part": ("policy", "critic", "kl", "exploration")}, {"task": "reinforcement-learning"}, "policies act"),
    Implied({"baseline": GIVEN}, {"task": "reinforcement-learning"}, "rewards have baselines"),
    Implied({"off_policy": GIVEN}, {"task": "reinforcement-learning"}, "policies act"),
    Implied({"long_answers": GIVEN}, {"task": "reinforcement-learning"}, "it is asked of policies"),
    Implied({"mixture_of_experts": GIVEN}, {"task": "reinforcement-learning"}, "it is asked of policies"),
    Implied({"effect": GIVEN}, {"task": "regularisation"}, "penalties have effects"),
    Implied({"feedback": ("graded", "order")}, {"task": "ranking"}, "lists are ranked"),
    Implied({"structure": "list"}, {"task": "ranking"}, "lists are ranked"),
    Implied({"mistakes": "top"}, {"task": "ranking"}, "lists have a top"),
    Implied({"positives": Below(0.2)}, {"imbalanced": True}, "positives are rare"),
    Implied({"positives": AtLeast(0.8)}, {"imbalanced": True}, "negatives are rare"),
    Implied({"task": _COSTED, "under_cost": GIVEN, "over_cost": UNKNOWN}, {"over_cost": 1.0},
            "over_cost is not said and taken for 1"),
    Implied({"task": _COSTED, "over_cost": GIVEN, "under_cost": UNKNOWN}, {"under_cost": 1.0},
            "under_cost is not said and taken for 1"),
)  # fmt: skip
"""In this order: a later line sees what the ones before it set."""


def imply(facts: dict[str, Any]) -> Mapping[str, str]:
    """Adds what follows to `facts`; returns why, by name."""
    found: dict[str, str] = {}
    for rule in IMPLIED:
        if all(holds(expected, facts.get(name)) for name, expected in rule.when.items()):
            for name, value in rule.sets.items():
                if facts.get(name) is None or (rule.settles and facts[name] != value):
                    facts[name] = value
                    found[name] = rule.says
    return found
