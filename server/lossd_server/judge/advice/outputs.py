"""What the final layer puts out for each loss, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lossd_server.losses.catalogue import ENTRIES

_PLAIN = "raw numbers, no activation, of the shape of the target; target: floats"
_POSITIVE = "numbers above 0: exp or softplus last, of the shape of the target; target: numbers, 0 or more"
_CLASSES = "raw logits (N,C) or (N,C,d…), no softmax; target: int64 class indices (N) or (N,d…)"
_LABELS = "raw logits of the shape of the target, no sigmoid; target: floats from 0 to 1, (N) or (N,labels)"
_SCORES = "raw scores of the shape of the target, no activation; target: 1 and -1"
_BOXES = "boxes (N,4) as x1, y1, x2, y2 with x1 < x2 and y1 < y2; target: the same"
_TOKENS = "log-probabilities (N,T) of the tokens that were written; mask: 1 where a token counts"
_ANSWERS = "log-probabilities (N), summed over the tokens of each answer, without prompt and padding"
_LISTS = "a raw score for each item, (N,L); labels: its relevance, (N,L); mask: 1 where there is an item"
_VECTORS = "embeddings (N,D), no activation"

OUTPUTS: Mapping[str, str] = {
    **dict.fromkeys(("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "log_cosh_loss"), _PLAIN),
    **dict.fromkeys(("charbonnier_loss", "rmse_loss", "quantile_loss", "mape_loss", "smape_loss"), _PLAIN),
    "cosine_distance_loss": _PLAIN,
    "msle_loss": "numbers above -1: softplus last, of the shape of the target; target: numbers, 0 or more",
    "tweedie_loss": _POSITIVE,
    "poisson_nll_loss": "the logarithm of the rate, no activation (with log_input=False the rate itself, above 0); "
    "target: counts as floats of the same shape",
    "gaussian_nll_loss": "two outputs of the shape of the target: input, no activation, and var, softplus or exp last; "
    "target: floats",
    **dict.fromkeys(("cross_entropy_loss", "poly1_cross_entropy_loss", "softmax_focal_loss"), _CLASSES),
    **dict.fromkeys(("generalized_cross_entropy_loss", "symmetric_cross_entropy_loss"), _CLASSES),
    **dict.fromkeys(("multi_margin_loss", "multiclass_hinge_loss"), _CLASSES.replace("logits", "scores")),
    "nll_loss": "log-probabilities (N,C) or (N,C,d…), log_softmax last; target: int64 class indices (N) or (N,d…)",
    "linear_cross_entropy_loss": "no final layer: what it would take, (N,in_features); the loss owns linear.weight; "
    "target: int64 class indices (N)",
    "adaptive_log_softmax_with_loss": "no final layer: what it would take, (N,in_features); the loss owns head and "
    "tail; target: int64 class indices (N), frequent classes first",
    **dict.fromkeys(("bce_with_logits_loss", "sigmoid_focal_loss", "asymmetric_loss"), _LABELS),
    "multi_label_soft_margin_loss": _LABELS,
    "bce_loss": "probabilities of the shape of the target, sigmoid last; target: floats from 0 to 1",
    "multi_label_margin_loss": "raw scores (N,C), no activation; target: int64 indices (N,C), padded with -1",
    **dict.fromkeys(("hinge_loss", "soft_margin_loss"), _SCORES),
    **dict.fromkeys(("iou_loss", "giou_loss", "diou_loss", "ciou_loss"), _BOXES),
    "ctc_loss": "log-probabilities (T,N,C), log_softmax last, class 0 for the blank; "
    "targets: int64 (N,S) and the lengths",
    "kl_div_loss": "log-probabilities, log_softmax last; target: probabilities of the same shape, which add up to 1",
    **dict.fromkeys(("kd_kl_loss", "reverse_kl_loss", "generalized_jsd_loss", "tvd_loss"),
                    "raw logits of the student, (N,T,V) or (N,V), no softmax; the teacher's of the same shape"),
    **dict.fromkeys(("listnet_loss", "approx_ndcg_loss", "pairwise_logistic_loss", "list_mle_loss"), _LISTS),
    "margin_ranking_loss": "two raw scores, input1 and input2, (N); "
    "target: 1 where the first should be higher, else -1",
    "bradley_terry_loss": "a raw reward for the chosen and for the rejected answer, (N)",
    **dict.fromkeys(("triplet_margin_loss", "triplet_margin_with_distance_loss", "contrastive_loss", "nt_xent_loss",
                     "info_nce_loss", "clip_loss", "sup_con_loss", "multi_similarity_loss", "circle_loss",
                     "vicreg_loss", "barlow_twins_loss"), _VECTORS),
    "cosine_embedding_loss": "two embeddings (N,D), no activation; target: 1 for alike, -1 for not",
    "hinge_embedding_loss": "a distance for each pair, (N); target: 1 for alike, -1 for not",
    **dict.fromkeys(("dpo_loss", "kto_loss", "cpo_loss", "orpo_loss"), _ANSWERS),
    "simpo_loss": _ANSWERS.replace("summed", "averaged"),
    **dict.fromkeys(("ppo_clip_loss", "grpo_loss", "dapo_loss", "dr_grpo_loss", "gspo_loss", "cispo_loss",
                     "importance_sampling_loss", "reinforce_loss", "dro_loss", "kl_estimator"), _TOKENS),
    "ppo_value_clip_loss": "values (N,T), no activation; returns: the same shape",
    "entropy_bonus": "raw logits (N,T,V), no softmax; mask: 1 where a token counts",
    "entropy": "raw logits, no softmax",
    "z_loss": "raw logits (N,C) or (N,C,d…), no softmax",
    **dict.fromkeys(("l1_norm", "l2_norm", "elastic_net"), "no output of the model: parameters or activations"),
    "total_variation": "images (N,C,H,W)",
}  # fmt: skip
"""The contract of the final layer and the target, by loss."""

_PIXELS: Mapping[str, str] = {
    "multiclass": "(N,C,H,W), an output for each class; target: int64 class indices (N,H,W)",
    "binary": "(N,1,H,W), one output a pixel; target: floats of the same shape, 1 inside and 0 outside",
    "multilabel": "(N,C,H,W), an output for each class; target: floats of the same shape, 1 inside and 0 outside",
}
"""Outputs and targets of masks, by how the loss reads them."""

_LAST: Mapping[tuple[str, bool], str] = {
    ("multiclass", True): "raw logits {}, no softmax",
    ("multiclass", False): "probabilities {}, softmax last",
    ("binary", True): "raw logits {}, no sigmoid",
    ("binary", False): "probabilities {}, sigmoid last",
    ("multilabel", True): "raw logits {}, no sigmoid",
    ("multilabel", False): "probabilities {}, sigmoid last",
}
"""What the final layer ends in, by how the loss reads masks and whether it takes logits."""

_OF_TASK: Mapping[tuple[str, str], str] = {
    **{("binary", loss): "raw logits (N,2), no softmax; target: int64 class indices (N), 0 and 1"
       for loss in ("cross_entropy_loss", "generalized_cross_entropy_loss")},
    ("binary", "nll_loss"): "log-probabilities (N,2), log_softmax last; target: int64 class indices (N), 0 and 1",
    **{("binary", loss): "raw logits (N), no sigmoid; target: floats from 0 to 1, (N)"
       for loss in ("bce_with_logits_loss", "sigmoid_focal_loss")},
    ("binary", "bce_loss"): "probabilities (N), sigmoid last; target: floats from 0 to 1, (N)",
    ("ordinal", "bce_with_logits_loss"): "raw logits (N,K-1), one for each threshold, no sigmoid; target: floats of "
    "the same shape, 1 up to the class and 0 beyond",
    **{("multi-label", loss): "raw logits (N,labels), no sigmoid; target: floats from 0 to 1 of the same shape"
       for loss in ("bce_with_logits_loss", "sigmoid_focal_loss", "asymmetric_loss", "multi_label_soft_margin_loss")},
    ("multi-label", "bce_loss"): "probabilities (N,labels), sigmoid last; target: floats from 0 to 1 of the same shape",
    ("segmentation", "lovasz_hinge_loss"): "raw logits (N,H,W), one a pixel, no sigmoid; target: masks of 0 and 1 of "
    "the same shape",
    ("segmentation", "nll_loss"): "log-probabilities (N,C,H,W), log_softmax last; target: int64 class indices (N,H,W)",
}  # fmt: skip
"""Contracts that differ from task to task."""


def output(loss: str, task: str, arguments: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The contract of the final layer for a loss with these arguments; by default what the catalogue says.

    >>> output("dice_loss", "segmentation", {"mode": "binary", "from_logits": False}, {})[:60]
    'probabilities (N,1,H,W), one output a pixel, sigmoid last; t'
    """
    if (task, loss) in _OF_TASK:
        return _OF_TASK[task, loss]
    if task == "segmentation":
        return _of_masks(loss, arguments, facts)
    if loss in OUTPUTS:
        return OUTPUTS[loss]
    entry = ENTRIES[loss]
    return "; ".join(f"{given.name}: {given.meaning}, {given.shape}" for given in entry.inputs)


def _of_masks(loss: str, arguments: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    parts = [(loss, arguments)]
    if loss == "weighted_sum":
        parts = [(term, own) for _, term, own in arguments["terms"]]
    modes = [own["mode"] for _, own in parts if "mode" in own]
    if not modes and loss in ("bce_loss", "bce_with_logits_loss"):
        modes = ["binary" if facts.get("num_classes") in (None, 2) else "multilabel"]
    mode = modes[0] if modes else "multiclass"
    logits = all(own.get("from_logits", True) and term != "bce_loss" for term, own in parts)
    shape, _, target = _PIXELS[mode].partition(";")
    return f"{_LAST[mode, logits].format(shape)};{target}"
