"""What the inputs of each loss mean, by its name, and which losses mean nothing to metrics; knows no metric."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch

from lossd_server.judge import views as lay
from lossd_server.judge.meanings.comparisons import (
    boxes,
    embeddings,
    index_lists,
    lists,
    matches,
    pairs,
    preferred,
    sequences,
    triplets,
    unlike,
)
from lossd_server.judge.meanings.given import Meaning
from lossd_server.judge.meanings.predictions import (
    classes,
    divergence,
    hinge_masks,
    labelled,
    labels,
    masks,
    numbers,
    rates,
    teacher,
    values,
    vectors,
)

MEANINGS: Mapping[str, Meaning] = {
    **dict.fromkeys(
        (
            "cross_entropy_loss",
            "poly1_cross_entropy_loss",
            "symmetric_cross_entropy_loss",
            "generalized_cross_entropy_loss",
            "softmax_focal_loss",
        ),
        classes,
    ),
    "nll_loss": partial(classes, activation=lay.exp),
    **dict.fromkeys(("multi_margin_loss", "multiclass_hinge_loss"), partial(classes, probabilities=False)),
    **dict.fromkeys(
        ("bce_with_logits_loss", "sigmoid_focal_loss", "asymmetric_loss", "multi_label_soft_margin_loss"), labels
    ),
    "bce_loss": partial(labels, activation=lay.as_is),
    "soft_margin_loss": labels,
    "hinge_loss": labelled,
    **dict.fromkeys(
        (
            "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "charbonnier_loss", "log_cosh_loss",
            "quantile_loss", "rmse_loss", "msle_loss", "mape_loss", "smape_loss", "tweedie_loss", "gaussian_nll_loss",
        ),
        numbers,
    ),
    "poisson_nll_loss": rates,
    "cosine_distance_loss": vectors,
    "ppo_value_clip_loss": values,
    **dict.fromkeys(
        ("dice_loss", "generalized_dice_loss", "jaccard_loss", "tversky_loss", "focal_tversky_loss"), masks
    ),
    "lovasz_softmax_loss": partial(masks, mode="multiclass"),
    "lovasz_hinge_loss": hinge_masks,
    **dict.fromkeys(("listnet_loss", "list_mle_loss", "pairwise_logistic_loss", "approx_ndcg_loss"), lists),
    "multi_label_margin_loss": index_lists,
    "ctc_loss": sequences,
    **dict.fromkeys(("iou_loss", "giou_loss", "diou_loss", "ciou_loss"), boxes),
    "kl_div_loss": divergence,
    **dict.fromkeys(("kd_kl_loss", "reverse_kl_loss", "generalized_jsd_loss", "tvd_loss"), teacher),
    "bradley_terry_loss": partial(
        pairs, score=lambda t: t["rewards_chosen"] - t["rewards_rejected"], probabilities=True
    ),
    **dict.fromkeys(("dpo_loss", "cpo_loss", "orpo_loss", "simpo_loss"), partial(pairs, score=preferred)),
    "margin_ranking_loss": partial(pairs, score=lambda t: t["input1"] - t["input2"], target="target"),
    "cosine_embedding_loss": partial(
        pairs, score=lambda t: torch.nn.functional.cosine_similarity(t["input1"], t["input2"], dim=-1), target="target"
    ),
    "hinge_embedding_loss": lambda given: pairs(
        given, partial(unlike, margin=given.argument("margin")), target="target"
    ),
    **dict.fromkeys(("triplet_margin_loss", "triplet_margin_with_distance_loss"), triplets),
    **dict.fromkeys(
        ("circle_loss", "contrastive_loss", "multi_similarity_loss", "nt_xent_loss", "sup_con_loss"), embeddings
    ),
    "clip_loss": partial(matches, names=("image_features", "text_features")),
    "info_nce_loss": partial(matches, names=("query", "positive_key")),
}  # fmt: skip
"""What the inputs of each loss mean."""

NONE: Mapping[str, str] = {
    **dict.fromkeys(("l1_norm", "l2_norm", "elastic_net", "total_variation", "entropy", "entropy_bonus", "z_loss"),
                    "it has no target"),
    **dict.fromkeys(("barlow_twins_loss", "vicreg_loss"), "its two views have no true answer"),
    **dict.fromkeys(
        ("cispo_loss", "dapo_loss", "dr_grpo_loss", "dro_loss", "gspo_loss", "grpo_loss", "importance_sampling_loss",
         "ppo_clip_loss", "reinforce_loss", "kl_estimator"), "a policy's log-probabilities have no true answer"),
    "kto_loss": "its better and worse answers are not of the same prompts",
    **dict.fromkeys(("adaptive_log_softmax_with_loss", "linear_cross_entropy_loss"),
                    "its last layer is its own; ask for metrics of cross_entropy_loss on the logits"),
}  # fmt: skip
"""Losses that no metric can be told of, and why."""
