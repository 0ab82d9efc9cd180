"""What each loss of the catalogue takes its inputs for, by name of the loss; knows no tensor and no rule."""

from __future__ import annotations

CLASS_LOGITS = (
    "cross_entropy_loss",
    "generalized_cross_entropy_loss",
    "poly1_cross_entropy_loss",
    "softmax_focal_loss",
    "symmetric_cross_entropy_loss",
)
"""`input` (N,C,d…) goes through a softmax inside; `target` names classes."""

CLASS_SCORES = ("multi_margin_loss", "multiclass_hinge_loss")
"""`input` (N,C) holds scores that a margin compares; `target` names classes."""

REGIONS = (
    "dice_loss",
    "focal_tversky_loss",
    "generalized_dice_loss",
    "jaccard_loss",
    "tversky_loss",
)
"""`input` (N,C,d…) is logits of classes or of labels, or their probabilities, as `mode` and `from_logits` say."""

DISTILLATION = ("generalized_jsd_loss", "kd_kl_loss", "reverse_kl_loss", "tvd_loss")
"""`student_logits` and `teacher_logits` (…,V) go through a softmax inside."""

LABEL_LOGITS = (
    "asymmetric_loss",
    "bce_with_logits_loss",
    "lovasz_hinge_loss",
    "multi_label_soft_margin_loss",
    "sigmoid_focal_loss",
)
"""`input` goes through a sigmoid inside; `target` is 0 or 1."""

SIGNED_SCORES = ("hinge_loss", "soft_margin_loss")
"""`input` is a score whose sign is the answer; `target` is -1 or 1."""

SQUARED = ("mse_loss", "rmse_loss")
"""`input` and `target` are numbers, and errors are squared."""

NUMBERS = (
    "charbonnier_loss",
    "gaussian_nll_loss",
    "huber_loss",
    "l1_loss",
    "log_cosh_loss",
    "mape_loss",
    "mse_loss",
    "msle_loss",
    "quantile_loss",
    "rmse_loss",
    "smape_loss",
    "smooth_l1_loss",
)
"""`input` and `target` are numbers of one unit."""

POLICY = (
    "cispo_loss",
    "dapo_loss",
    "dr_grpo_loss",
    "dro_loss",
    "grpo_loss",
    "gspo_loss",
    "importance_sampling_loss",
    "ppo_clip_loss",
    "reinforce_loss",
)
"""`log_probs`, mostly `old_log_probs`, and `advantages` of tokens."""

PREFERENCE = ("cpo_loss", "dpo_loss", "kto_loss", "orpo_loss", "simpo_loss")
"""Log-probabilities of answers, chosen and rejected."""

RANKING = ("approx_ndcg_loss", "list_mle_loss", "listnet_loss", "pairwise_logistic_loss")
"""`scores` and `labels` of lists."""

BOXES = ("ciou_loss", "diou_loss", "giou_loss", "iou_loss")

TRIPLETS = ("triplet_margin_loss", "triplet_margin_with_distance_loss")

EMBEDDINGS = {
    "barlow_twins_loss": ("z_a", "z_b"),
    "circle_loss": ("embeddings", "ref_emb"),
    "clip_loss": ("image_features", "text_features"),
    "contrastive_loss": ("embeddings", "ref_emb"),
    "cosine_distance_loss": ("input", "target"),
    "cosine_embedding_loss": ("input1", "input2"),
    "info_nce_loss": ("query", "positive_key"),
    "multi_similarity_loss": ("embeddings", "ref_emb"),
    "nt_xent_loss": ("embeddings", "ref_emb"),
    "sup_con_loss": ("embeddings", "ref_emb"),
    "triplet_margin_loss": ("anchor", "positive"),
    "triplet_margin_with_distance_loss": ("anchor", "positive"),
    "vicreg_loss": ("embeddings", "ref_emb"),
}
"""Inputs (N,D) that are embeddings, the learned one first; the second belongs to the first, or may be absent."""

COSINES = (
    "barlow_twins_loss",
    "circle_loss",
    "clip_loss",
    "contrastive_loss",
    "cosine_distance_loss",
    "cosine_embedding_loss",
    "info_nce_loss",
    "multi_similarity_loss",
    "nt_xent_loss",
    "sup_con_loss",
)
"""Those of EMBEDDINGS that compare directions, where a vector of zeros has none."""

LABELLED = ("circle_loss", "contrastive_loss", "multi_similarity_loss", "nt_xent_loss", "sup_con_loss")
"""Those of EMBEDDINGS whose `labels` say what belongs together."""

IGNORING = (*CLASS_LOGITS, "multiclass_hinge_loss", "nll_loss", "linear_cross_entropy_loss", *REGIONS,
            "lovasz_hinge_loss", "lovasz_softmax_loss")  # fmt: skip
"""Losses with an `ignore_index`."""

MASKED = (*POLICY, *DISTILLATION, *RANKING, "entropy_bonus", "kl_estimator", "ppo_value_clip_loss")
"""Losses with a `mask`."""

OPEN = ("expression", "plugin", "program")
"""Losses that say nothing of their inputs."""
