"""Which metrics to watch beside a loss, as tables: what its inputs are read as, and what each task weighs most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lossd_server.judge.advice.rules.rule import Candidate, holds
from lossd_server.judge.catalogue import ask
from lossd_server.judge.views import (
    BINARY,
    BOXES,
    DISTRIBUTION,
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    RETRIEVAL,
    SEGMENTATION,
    SEQUENCE,
)

WATCH: tuple[tuple[Mapping[str, Any], tuple[str, ...]], ...] = (
    ({"task": ("regression", "counts"), "mistakes": "large"}, ("rmse", "max_error")),
    ({"task": ("regression", "counts"), "mistakes": "relative"}, ("mape",)),
    ({"task": ("regression", "counts")}, ("mae", "rmse", "r2")),
    ({"task": ("regression", "counts"), "log_scale": True}, ("spearman",)),
    ({"task": ("binary", "multi-label"), "mistakes": "false_negatives"}, ("recall", "f1")),
    ({"task": ("binary", "multi-label"), "mistakes": "false_positives"}, ("precision", "f1")),
    ({"task": ("binary", "multiclass"), "calibrated": True}, ("calibration_error",)),
    ({"task": ("binary", "multi-label"), "imbalanced": True}, ("average_precision", "f1")),
    ({"task": "binary"}, ("auroc", "f1", "accuracy")),
    ({"task": "multiclass", "imbalanced": True}, ("balanced_accuracy", "f1")),
    ({"task": "multiclass"}, ("accuracy", "f1")),
    ({"task": "ordinal"}, ("cohen_kappa(weights=quadratic)", "mae")),
    ({"task": "multi-label"}, ("f1", "average_precision", "hamming_distance")),
    ({"task": "segmentation"}, ("mean_iou", "dice")),
    ({"task": "segmentation", "mistakes": "false_negatives"}, ("recall",)),
    ({"task": "segmentation", "mistakes": "false_positives"}, ("precision",)),
    ({"task": "detection"}, ("box_iou", "box_recall(threshold=0.5)", "mae")),
    ({"task": "sequence", "aligned": True}, ("accuracy",)),
    ({"task": "sequence"}, ("cer", "wer")),
    ({"task": ("multiclass", "distribution")}, ("kl_divergence", "agreement")),
    ({"task": "distillation"}, ("agreement", "kl_divergence")),
    ({"task": "ranking"}, ("ndcg", "mean_reciprocal_rank", "accuracy")),
    ({"task": "metric-learning"}, ("hit_rate(top_k=1)", "mean_average_precision", "accuracy")),
    ({"task": "preference"}, ("accuracy",)),
    ({"task": "reinforcement-learning"}, ("explained_variance",)),
)
"""Metrics to watch, the weightiest first, where what is known of the task holds."""


_NUMBERS = ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "log_cosh_loss", "charbonnier_loss", "quantile_loss",
            "rmse_loss", "msle_loss", "mape_loss", "smape_loss", "tweedie_loss", "gaussian_nll_loss",
            "poisson_nll_loss", "cosine_distance_loss", "ppo_value_clip_loss")  # fmt: skip
_OF_CLASSES = ("cross_entropy_loss", "poly1_cross_entropy_loss", "symmetric_cross_entropy_loss", "softmax_focal_loss",
               "generalized_cross_entropy_loss", "nll_loss", "multi_margin_loss", "multiclass_hinge_loss")  # fmt: skip
_OF_LABELS = (
    "bce_with_logits_loss",
    "sigmoid_focal_loss",
    "asymmetric_loss",
    "multi_label_soft_margin_loss",
    "bce_loss",
)
_LABELS_OF: Mapping[str, tuple[str, ...]] = {
    "binary": (BINARY,),
    "multi-label": (MULTILABEL,),
    "segmentation": (SEGMENTATION,),
}
_OTHERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("dice_loss", "generalized_dice_loss", "tversky_loss", "focal_tversky_loss", "jaccard_loss",
                     "lovasz_softmax_loss", "lovasz_hinge_loss", "weighted_sum"), (SEGMENTATION,)),
    **dict.fromkeys(("iou_loss", "giou_loss", "diou_loss", "ciou_loss"), (BOXES, REGRESSION)),
    "ctc_loss": (SEQUENCE,),
    **dict.fromkeys(("kl_div_loss", "kd_kl_loss", "reverse_kl_loss", "generalized_jsd_loss", "tvd_loss"),
                    (DISTRIBUTION,)),
    **dict.fromkeys(("listnet_loss", "approx_ndcg_loss", "pairwise_logistic_loss", "list_mle_loss",
                     "multi_label_margin_loss", "contrastive_loss", "nt_xent_loss", "info_nce_loss", "clip_loss",
                     "sup_con_loss", "multi_similarity_loss", "circle_loss"), (RETRIEVAL,)),
    **dict.fromkeys(("margin_ranking_loss", "bradley_terry_loss", "dpo_loss", "cpo_loss", "orpo_loss", "simpo_loss",
                     "triplet_margin_loss", "triplet_margin_with_distance_loss", "cosine_embedding_loss",
                     "hinge_embedding_loss"), (BINARY,)),
}  # fmt: skip


def read_as(loss: str, task: str, soft: bool = False) -> tuple[str, ...]:
    """What the inputs of a loss are to metrics: "regression", "multiclass", …; empty where none are told of them.

    Args:
        soft: whether targets are probabilities.
    """
    soft = soft or task in ("distribution", "distillation")
    if loss in _NUMBERS:
        return (REGRESSION,)
    if loss in _OF_CLASSES:
        return (DISTRIBUTION,) if soft else (MULTICLASS, SEGMENTATION) if task == "segmentation" else (MULTICLASS,)
    if loss in _OF_LABELS:
        return () if soft else _LABELS_OF.get(task, ())
    return _OTHERS.get(loss, ())


def watch(candidate: Candidate, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """The metrics to watch beside a loss: those alone that can be told of what its inputs are."""
    names = [name for when, names in WATCH if all(holds(e, facts.get(n)) for n, e in when.items()) for name in names]
    kinds = read_as(candidate.loss, candidate.task, bool(facts.get("soft_targets")))
    return tuple(name for name in dict.fromkeys(names) if set(kinds) & set(ask(name).metric.tasks))
