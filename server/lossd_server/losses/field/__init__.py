"""The losses of the field beyond torch.nn: a pure function and a line of the catalogue each."""

from lossd_server.losses.field import (
    boxes,
    classification,
    distillation,
    metric_learning,
    policy,
    policy_terms,
    preference,
    ranking,
    regression,
    regularisers,
    segmentation,
)
from lossd_server.losses.formula import FormulaEntry

ENTRIES: tuple[FormulaEntry, ...] = (
    *boxes.ENTRIES,
    *classification.ENTRIES,
    *distillation.ENTRIES,
    *metric_learning.ENTRIES,
    *policy.ENTRIES,
    *policy_terms.ENTRIES,
    *preference.ENTRIES,
    *ranking.ENTRIES,
    *regression.ENTRIES,
    *regularisers.ENTRIES,
    *segmentation.ENTRIES,
)
