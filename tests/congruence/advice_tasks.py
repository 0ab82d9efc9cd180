"""Tasks as people describe them, with the losses that an expert of the field would put on top, and those never.

The table was written before the rules it tests. Facts are fields of RecommendLossRequest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Task(NamedTuple):
    """One line: the description, its facts, the acceptable first picks, and what must not be first."""

    described: str
    facts: Mapping[str, Any]
    top: tuple[str, ...]
    never: tuple[str, ...] = ()


TASKS: tuple[Task, ...] = (
    # ---- numbers
    Task("A number, nothing else known", {"task": "regression"}, ("mse_loss", "huber_loss")),
    Task(
        "Delivery time in minutes, clean data, late deliveries by a lot are what costs",
        {"task": "regression", "mistakes": "large", "outliers": False},
        ("mse_loss",),
        ("l1_loss", "mape_loss"),
    ),
    Task(
        "Delivery time in minutes, some records are an hour off because drivers forgot to check in",
        {"task": "regression", "outliers": True},
        ("huber_loss", "l1_loss", "smooth_l1_loss"),
        ("mse_loss", "rmse_loss"),
    ),
    Task(
        "Delivery time, every minute counts the same, whether early or late",
        {"task": "regression", "mistakes": "equal"},
        ("l1_loss",),
        ("mse_loss",),
    ),
    Task(
        "Delivery time with stray records, and big misses matter nonetheless",
        {"task": "regression", "outliers": True, "mistakes": "large"},
        ("huber_loss", "smooth_l1_loss", "log_cosh_loss"),
        ("mse_loss", "l1_loss"),
    ),
    Task(
        "Delivery time, first epochs, stray records: must get going quickly",
        {"task": "regression", "outliers": True, "stage": "early"},
        ("huber_loss", "smooth_l1_loss"),
        ("l1_loss",),
    ),
    Task(
        "Delivery time, fine tuning at the end, stray records: the median is what is reported",
        {"task": "regression", "outliers": True, "stage": "late", "mistakes": "equal"},
        ("l1_loss",),
        ("mse_loss",),
    ),
    Task(
        "House prices over three orders of magnitude, judged by percent",
        {"task": "regression", "mistakes": "relative", "nonnegative": True, "log_scale": True},
        ("msle_loss",),
        ("mse_loss",),
    ),
    Task(
        "Electricity demand by region, far from zero, reported as percentage error",
        {"task": "regression", "mistakes": "relative", "nonnegative": True},
        ("mape_loss", "smape_loss", "msle_loss"),
        ("mse_loss", "l1_loss"),
    ),
    Task(
        "Retail demand judged by percent, where many days sell nothing",
        {"task": "regression", "mistakes": "relative", "nonnegative": True, "zero_inflated": True},
        ("smape_loss", "tweedie_loss", "msle_loss"),
        ("mape_loss",),
    ),
    Task(
        "Stock for a shop: running out costs three times as much as a leftover",
        {"task": "regression", "under_cost": 3.0, "over_cost": 1.0},
        ("quantile_loss",),
        ("mse_loss", "huber_loss"),
    ),
    Task(
        "The arrival time we can promise in nine of ten cases",
        {"task": "regression", "quantile": 0.9},
        ("quantile_loss",),
        ("mse_loss", "l1_loss"),
    ),
    Task(
        "Ambulance staffing: predicting too little is what hurts",
        {"task": "regression", "mistakes": "underestimates"},
        ("quantile_loss",),
        ("mse_loss",),
    ),
    Task(
        "Bids in an auction: predicting too much loses money",
        {"task": "regression", "mistakes": "overestimates"},
        ("quantile_loss",),
        ("mse_loss",),
    ),
    Task(
        "Sensor readings whose noise grows with the range; the spread is wanted with the value",
        {"task": "regression", "uncertainty": True},
        ("gaussian_nll_loss",),
        ("mse_loss", "l1_loss"),
    ),
    Task("Visitors a day at a museum", {"task": "counts"}, ("poisson_nll_loss",), ("mse_loss",)),
    Task(
        "Calls an hour at a help desk, raw log rates from the last layer",
        {"task": "counts", "activation": "none"},
        ("poisson_nll_loss",),
        ("mse_loss",),
    ),
    Task(
        "Purchases of a customer in a month; most buy nothing, a few buy dozens",
        {"task": "counts", "zero_inflated": True},
        ("tweedie_loss", "poisson_nll_loss"),
        ("mse_loss",),
    ),
    Task(
        "Insurance claims in euros: nine of ten policies claim nothing, the rest is skewed",
        {"task": "regression", "nonnegative": True, "zero_inflated": True},
        ("tweedie_loss",),
        ("mse_loss", "mape_loss", "l1_loss"),
    ),
    Task(
        "Population of settlements from satellite pictures, from ten to ten million",
        {"task": "regression", "nonnegative": True, "log_scale": True},
        ("msle_loss",),
        ("mse_loss", "rmse_loss"),
    ),
    Task(
        "Share of cloud cover, a number from 0 to 1, raw output",
        {"task": "regression", "bounded": True},
        ("bce_with_logits_loss", "mse_loss"),
        ("msle_loss", "mape_loss"),
    ),
    Task(
        "Share of cloud cover out of a sigmoid",
        {"task": "regression", "bounded": True, "activation": "sigmoid"},
        ("bce_loss", "mse_loss"),
        ("bce_with_logits_loss",),
    ),
    Task(
        "Direction of the wind as a vector; its length means nothing",
        {"task": "regression", "direction_only": True, "structure": "vector"},
        ("cosine_distance_loss",),
        ("mse_loss",),
    ),
    Task(
        "Super-resolution of photographs: pixels are numbers, edges must stay crisp",
        {"task": "regression", "structure": "image"},
        ("l1_loss", "charbonnier_loss"),
        ("mse_loss", "rmse_loss"),
    ),
    Task(
        "Depth map of a room from one picture, sensor dropouts give wild values",
        {"task": "regression", "structure": "image", "outliers": True},
        ("charbonnier_loss", "l1_loss", "huber_loss"),
        ("mse_loss",),
    ),
    Task(
        "Key points of a face, coordinates, some annotated badly",
        {"task": "regression", "structure": "vector", "outliers": True},
        ("huber_loss", "smooth_l1_loss", "l1_loss"),
        ("mse_loss",),
    ),
    Task(
        "Q-values of a game agent: targets jump, one bad target must not wreck the net",
        {"task": "regression", "outliers": True, "mistakes": "large", "stage": "early"},
        ("huber_loss", "smooth_l1_loss"),
        ("l1_loss", "mse_loss"),
    ),
    # ---- yes or no
    Task("Churn: yes or no, raw scores", {"task": "binary"}, ("bce_with_logits_loss",), ("bce_loss", "mse_loss")),
    Task(
        "Churn with a sigmoid in the model that cannot be taken out",
        {"task": "binary", "activation": "sigmoid"},
        ("bce_loss",),
        ("bce_with_logits_loss",),
    ),
    Task(
        "Fraud: one transaction in two hundred",
        {"task": "binary", "positives": 0.005},
        ("bce_with_logits_loss", "sigmoid_focal_loss"),
        ("bce_loss", "hinge_loss"),
    ),
    Task(
        "Cancer screening: a missed case is far worse than a false alarm",
        {"task": "binary", "mistakes": "false_negatives"},
        ("bce_with_logits_loss",),
        ("hinge_loss", "bce_loss"),
    ),
    Task(
        "Spam: a good mail in the spam folder is the mistake that matters",
        {"task": "binary", "mistakes": "false_positives"},
        ("bce_with_logits_loss",),
        ("sigmoid_focal_loss", "bce_loss"),
    ),
    Task(
        "Is there an object at this anchor? A hundred thousand easy noes to each yes",
        {"task": "binary", "imbalanced": True, "hard_examples": True},
        ("sigmoid_focal_loss",),
        ("bce_loss", "hinge_loss"),
    ),
    Task(
        "A linear support vector machine, only the side of the margin counts",
        {"task": "binary", "margin": True},
        ("hinge_loss", "soft_margin_loss"),
        ("bce_loss",),
    ),
    Task(
        "Click probability for an auction: the probability itself is used",
        {"task": "binary", "calibrated": True, "imbalanced": True},
        ("bce_with_logits_loss",),
        ("sigmoid_focal_loss", "hinge_loss"),
    ),
    Task(
        "Probability of rain from forecasters, targets between 0 and 1",
        {"task": "binary", "soft_targets": True},
        ("bce_with_logits_loss",),
        ("hinge_loss", "soft_margin_loss"),
    ),
    # ---- one of several
    Task(
        "One of ten digits, raw scores",
        {"task": "multiclass", "num_classes": 10},
        ("cross_entropy_loss",),
        ("nll_loss", "bce_with_logits_loss"),
    ),
    Task(
        "One of five topics, the model ends in log_softmax",
        {"task": "multiclass", "activation": "log_softmax"},
        ("nll_loss",),
        ("cross_entropy_loss",),
    ),
    Task(
        "One of five topics, the model ends in softmax and may be changed",
        {"task": "multiclass", "activation": "softmax"},
        ("cross_entropy_loss", "nll_loss"),
        ("mse_loss",),
    ),
    Task(
        "Skin lesions, seven kinds, two of them rare",
        {"task": "multiclass", "num_classes": 7, "imbalanced": True},
        ("cross_entropy_loss",),
        ("nll_loss", "multi_margin_loss"),
    ),
    Task(
        "Labels from a crowd, a fifth of them wrong",
        {"task": "multiclass", "label_noise": True},
        ("generalized_cross_entropy_loss", "symmetric_cross_entropy_loss"),
        ("softmax_focal_loss", "multi_margin_loss"),
    ),
    Task(
        "Product categories from search queries, labels slightly noisy, probabilities must be calibrated",
        {"task": "multiclass", "label_noise": True, "calibrated": True},
        ("cross_entropy_loss", "symmetric_cross_entropy_loss"),
        ("softmax_focal_loss", "generalized_cross_entropy_loss"),
    ),
    Task(
        "Traffic signs: most are easy, the few hard ones decide",
        {"task": "multiclass", "hard_examples": True},
        ("softmax_focal_loss",),
        ("generalized_cross_entropy_loss",),
    ),
    Task(
        "Rare species in camera traps, empty frames are most and easy",
        {"task": "multiclass", "hard_examples": True, "imbalanced": True},
        ("softmax_focal_loss",),
        ("nll_loss", "generalized_cross_entropy_loss"),
    ),
    Task(
        "Fine-grained birds, tuned for accuracy on ImageNet-like data, willing to try one more knob",
        {"task": "multiclass", "num_classes": 200},
        ("cross_entropy_loss", "poly1_cross_entropy_loss"),
        ("nll_loss",),
    ),
    Task(
        "Mixup: the targets are mixtures of two classes",
        {"task": "multiclass", "soft_targets": True},
        ("cross_entropy_loss",),
        ("nll_loss", "generalized_cross_entropy_loss"),
    ),
    Task(
        "Severity of damage from 0 to 4: one off is better than three off",
        {"task": "ordinal", "num_classes": 5},
        ("bce_with_logits_loss", "cross_entropy_loss", "mse_loss"),
        ("multi_margin_loss", "nll_loss"),
    ),
    Task(
        "Stars of a review, an integer from 1 to 5 with a raw score out",
        {"task": "ordinal"},
        ("bce_with_logits_loss", "cross_entropy_loss", "mse_loss"),
        ("softmax_focal_loss",),
    ),
    Task(
        "Multiclass support vector machine on text features",
        {"task": "multiclass", "margin": True},
        ("multi_margin_loss", "multiclass_hinge_loss"),
        ("cross_entropy_loss",),
    ),
    Task(
        "Next token of a language model, 128k words, logits do not fit in memory",
        {"task": "multiclass", "num_classes": 128_000, "structure": "sequence", "memory_bound": True},
        ("linear_cross_entropy_loss",),
        ("nll_loss", "adaptive_log_softmax_with_loss"),
    ),
    Task(
        "Next word out of a quarter million, most of them very rare, on a small machine",
        {"task": "multiclass", "num_classes": 267_735, "imbalanced": True},
        ("adaptive_log_softmax_with_loss", "linear_cross_entropy_loss"),
        ("multi_margin_loss", "softmax_focal_loss"),
    ),
    Task(
        "Next token, a vocabulary of a hundred, each position of a sequence",
        {"task": "multiclass", "num_classes": 100, "structure": "sequence"},
        ("cross_entropy_loss",),
        ("ctc_loss",),
    ),
    Task(
        "Part of speech of every word",
        {"task": "multiclass", "structure": "sequence", "aligned": True},
        ("cross_entropy_loss",),
        ("ctc_loss",),
    ),
    # ---- any number of labels
    Task(
        "Tags of an article, any number of twenty",
        {"task": "multi-label"},
        ("bce_with_logits_loss",),
        ("cross_entropy_loss", "bce_loss"),
    ),
    Task(
        "Eighty kinds of things in a photograph, three are present on average",
        {"task": "multi-label", "imbalanced": True, "num_classes": 80},
        ("asymmetric_loss", "bce_with_logits_loss"),
        ("bce_loss", "cross_entropy_loss"),
    ),
    Task(
        "Tens of thousands of possible tags, a handful each, many absent ones are really missing",
        {"task": "multi-label", "imbalanced": True, "num_classes": 20_000, "label_noise": True},
        ("asymmetric_loss",),
        ("bce_loss", "multi_label_margin_loss"),
    ),
    Task(
        "Findings on chest X-rays: overlooked findings are the mistake that matters",
        {"task": "multi-label", "mistakes": "false_negatives"},
        ("bce_with_logits_loss",),
        ("bce_loss",),
    ),
    Task(
        "Moods of a song, sigmoid inside of the model",
        {"task": "multi-label", "activation": "sigmoid"},
        ("bce_loss",),
        ("bce_with_logits_loss", "asymmetric_loss"),
    ),
    Task(
        "Labels of gene functions; only that the right ones score higher",
        {"task": "multi-label", "margin": True},
        ("multi_label_margin_loss",),
        ("bce_loss",),
    ),
    Task(
        "A class or several to each input: kinds of toxicity in a comment",
        {"task": "classification", "answers": "several"},
        ("bce_with_logits_loss",),
        ("cross_entropy_loss",),
    ),
    # ---- every pixel
    Task(
        "Street scenes, nineteen classes, balanced enough",
        {"task": "segmentation", "num_classes": 19},
        ("cross_entropy_loss", "dice_loss", "weighted_sum"),
        ("bce_loss", "tversky_loss"),
    ),
    Task(
        "Small tumours in scans: one pixel of a thousand",
        {"task": "segmentation", "num_classes": 2, "small_objects": True, "imbalanced": True},
        ("dice_loss", "focal_tversky_loss", "weighted_sum", "generalized_dice_loss", "tversky_loss"),
        ("cross_entropy_loss", "bce_with_logits_loss"),
    ),
    Task(
        "Lesions where a missed pixel is worse than one too many",
        {"task": "segmentation", "num_classes": 2, "mistakes": "false_negatives"},
        ("tversky_loss", "focal_tversky_loss"),
        ("cross_entropy_loss", "jaccard_loss"),
    ),
    Task(
        "Road masks where painting over the edge is the mistake that matters",
        {"task": "segmentation", "num_classes": 2, "mistakes": "false_positives"},
        ("tversky_loss",),
        ("cross_entropy_loss", "focal_tversky_loss"),
    ),
    Task(
        "A contest scored by intersection over union, final stage, many classes",
        {"task": "segmentation", "num_classes": 21, "mistakes": "overlap", "stage": "late"},
        ("lovasz_softmax_loss",),
        ("cross_entropy_loss",),
    ),
    Task(
        "A contest scored by intersection over union, one foreground class, final stage",
        {"task": "segmentation", "num_classes": 2, "mistakes": "overlap", "stage": "late"},
        ("lovasz_hinge_loss",),
        ("cross_entropy_loss",),
    ),
    Task(
        "Organs of very different size, twelve classes, each as important",
        {"task": "segmentation", "num_classes": 12, "imbalanced": True},
        ("generalized_dice_loss", "dice_loss", "weighted_sum"),
        ("cross_entropy_loss",),
    ),
    Task(
        "One class of each pixel, asked the other way round",
        {"task": "multiclass", "structure": "image"},
        ("cross_entropy_loss", "dice_loss", "weighted_sum"),
        ("nll_loss",),
    ),
    # ---- boxes
    Task(
        "Boxes around objects", {"task": "detection"}, ("ciou_loss", "giou_loss", "diou_loss"), ("iou_loss", "mse_loss")
    ),
    Task(
        "Boxes from a transformer, often far from the truth at first",
        {"task": "detection", "stage": "early"},
        ("giou_loss", "ciou_loss", "diou_loss"),
        ("iou_loss",),
    ),
    Task(
        "What is inside each anchor of a one-stage detector",
        {"task": "detection", "part": "classes"},
        ("sigmoid_focal_loss",),
        ("ciou_loss", "giou_loss"),
    ),
    # ---- sequences
    Task(
        "Speech to letters, no one knows when each letter is spoken",
        {"task": "sequence", "aligned": False},
        ("ctc_loss",),
        ("cross_entropy_loss",),
    ),
    Task(
        "Handwriting to text, lines of pictures, alignment unknown",
        {"structure": "sequence", "aligned": False},
        ("ctc_loss",),
        ("cross_entropy_loss", "nll_loss"),
    ),
    Task(
        "Translation: a known token at every position of the decoder",
        {"task": "sequence", "aligned": True},
        ("cross_entropy_loss",),
        ("ctc_loss",),
    ),
    # ---- distributions
    Task(
        "Shares of votes of five parties, adding up to one, log-probabilities out",
        {"task": "distribution", "activation": "log_softmax"},
        ("kl_div_loss",),
        ("mse_loss", "nll_loss"),
    ),
    Task(
        "A small model learns from a large one's logits",
        {"task": "distillation"},
        ("kd_kl_loss",),
        ("cross_entropy_loss", "mse_loss"),
    ),
    Task(
        "A small language model should imitate only what it can do well of a large one",
        {"task": "distillation", "seeking": "mode"},
        ("reverse_kl_loss",),
        ("kd_kl_loss",),
    ),
    Task(
        "Distillation on answers that the student writes itself",
        {"task": "distillation", "student_writes": True},
        ("generalized_jsd_loss", "reverse_kl_loss"),
        ("kd_kl_loss", "tvd_loss"),
    ),
    # ---- ranking
    Task(
        "Search results with graded relevance, NDCG is reported",
        {"task": "ranking", "feedback": "graded", "mistakes": "top"},
        ("approx_ndcg_loss", "listnet_loss"),
        ("mse_loss", "margin_ranking_loss"),
    ),
    Task(
        "Lists of items with graded relevance",
        {"task": "ranking", "feedback": "graded"},
        ("listnet_loss", "approx_ndcg_loss", "pairwise_logistic_loss"),
        ("mse_loss",),
    ),
    Task(
        "Pairs of items of which a person said the better",
        {"task": "ranking", "feedback": "pairs"},
        ("margin_ranking_loss", "pairwise_logistic_loss", "bradley_terry_loss"),
        ("listnet_loss", "list_mle_loss"),
    ),
    Task(
        "The full order of each list is known",
        {"task": "ranking", "feedback": "order"},
        ("list_mle_loss",),
        ("mse_loss",),
    ),
    # ---- embeddings
    Task(
        "Faces as triplets of anchor, same person, other person",
        {"task": "metric-learning", "supervision": "triplets"},
        ("triplet_margin_loss",),
        ("cross_entropy_loss", "nt_xent_loss"),
    ),
    Task(
        "Triplets of texts, compared by cosine",
        {"task": "metric-learning", "supervision": "triplets", "distance": "cosine"},
        ("triplet_margin_with_distance_loss",),
        ("contrastive_loss",),
    ),
    Task(
        "Pairs of sentences, alike or not, compared by cosine",
        {"task": "metric-learning", "supervision": "pairs", "distance": "cosine"},
        ("cosine_embedding_loss",),
        ("hinge_embedding_loss", "triplet_margin_loss"),
    ),
    Task(
        "Pairs of signatures, same hand or not",
        {"task": "metric-learning", "supervision": "pairs"},
        ("cosine_embedding_loss", "hinge_embedding_loss", "contrastive_loss"),
        ("triplet_margin_loss",),
    ),
    Task(
        "Two augmentations of each picture, big batches",
        {"task": "metric-learning", "supervision": "views", "large_batches": True},
        ("nt_xent_loss", "info_nce_loss"),
        ("triplet_margin_loss", "sup_con_loss"),
    ),
    Task(
        "Two augmentations of each picture, only small batches fit",
        {"task": "metric-learning", "supervision": "views", "large_batches": False},
        ("vicreg_loss", "barlow_twins_loss"),
        ("nt_xent_loss", "info_nce_loss"),
    ),
    Task(
        "Pictures and their captions in one space",
        {"task": "metric-learning", "supervision": "cross_modal"},
        ("clip_loss",),
        ("triplet_margin_loss", "vicreg_loss"),
    ),
    Task(
        "Queries and passages for retrieval, with in-batch negatives",
        {"task": "metric-learning", "supervision": "queries"},
        ("info_nce_loss",),
        ("triplet_margin_loss", "barlow_twins_loss"),
    ),
    Task(
        "Embeddings of products with class labels",
        {"task": "metric-learning", "supervision": "labels"},
        ("sup_con_loss", "multi_similarity_loss"),
        ("nt_xent_loss", "contrastive_loss"),
    ),
    # ---- preferences
    Task(
        "Pairs of a better and a worse answer, with the model it started from at hand",
        {"task": "preference", "feedback": "pairs", "reference_model": True},
        ("dpo_loss",),
        ("kto_loss", "simpo_loss"),
    ),
    Task(
        "Thumbs up and down on single answers",
        {"task": "preference", "feedback": "single"},
        ("kto_loss",),
        ("dpo_loss", "simpo_loss", "orpo_loss"),
    ),
    Task(
        "Pairs of answers, no memory for a reference model",
        {"task": "preference", "feedback": "pairs", "reference_model": False},
        ("simpo_loss", "cpo_loss", "orpo_loss"),
        ("dpo_loss", "kto_loss"),
    ),
    Task(
        "Pairs of answers, no reference, fine-tuning and preferences in one stage",
        {"task": "preference", "feedback": "pairs", "reference_model": False, "one_stage": True},
        ("orpo_loss", "cpo_loss"),
        ("dpo_loss", "simpo_loss"),
    ),
    Task(
        "A reward model from pairs of answers",
        {"task": "preference", "feedback": "pairs", "part": "reward"},
        ("bradley_terry_loss",),
        ("dpo_loss",),
    ),
    Task(
        "Pairs of answers, raters disagree often",
        {"task": "preference", "feedback": "pairs", "reference_model": True, "label_noise": True},
        ("dpo_loss",),
        ("kto_loss",),
    ),
    # ---- policies
    Task(
        "A policy with a critic, several epochs over each batch",
        {"task": "reinforcement-learning", "baseline": "critic"},
        ("ppo_clip_loss",),
        ("reinforce_loss", "grpo_loss"),
    ),
    Task(
        "A language model that answers each question sixteen times and is graded",
        {"task": "reinforcement-learning", "baseline": "group"},
        ("grpo_loss", "dapo_loss", "dr_grpo_loss"),
        ("reinforce_loss", "ppo_value_clip_loss"),
    ),
    Task(
        "Groups of long reasoning answers, the length bias must go",
        {"task": "reinforcement-learning", "baseline": "group", "long_answers": True},
        ("dapo_loss", "dr_grpo_loss"),
        ("grpo_loss", "reinforce_loss"),
    ),
    Task(
        "Groups of answers from a mixture-of-experts model, token ratios are noisy",
        {"task": "reinforcement-learning", "baseline": "group", "mixture_of_experts": True},
        ("gspo_loss",),
        ("grpo_loss", "reinforce_loss"),
    ),
    Task(
        "One update on each batch of fresh samples, rewards less a running mean",
        {"task": "reinforcement-learning", "off_policy": False, "baseline": "none"},
        ("reinforce_loss",),
        ("ppo_value_clip_loss",),
    ),
    Task(
        "Answers written by an older copy of the policy on other machines",
        {"task": "reinforcement-learning", "off_policy": True},
        ("importance_sampling_loss", "cispo_loss", "ppo_clip_loss"),
        ("reinforce_loss",),
    ),
    Task(
        "The critic of a PPO agent",
        {"task": "reinforcement-learning", "part": "critic"},
        ("ppo_value_clip_loss",),
        ("ppo_clip_loss", "reinforce_loss"),
    ),
    Task(
        "Keeping the policy near its reference while it is trained",
        {"task": "reinforcement-learning", "part": "kl"},
        ("kl_estimator",),
        ("kl_div_loss", "ppo_clip_loss"),
    ),
    Task(
        "The policy collapses onto one action too early",
        {"task": "reinforcement-learning", "part": "exploration"},
        ("entropy_bonus",),
        ("entropy", "ppo_clip_loss"),
    ),
    # ---- penalties
    Task("Weights should become zero", {"task": "regularisation", "effect": "sparse"}, ("l1_norm",), ("l2_norm",)),
    Task("Weights should stay small", {"task": "regularisation", "effect": "small"}, ("l2_norm",), ("l1_norm",)),
    Task(
        "Few weights, and correlated ones together",
        {"task": "regularisation", "effect": "sparse_groups"},
        ("elastic_net",),
        ("total_variation",),
    ),
    Task(
        "Less noise in a reconstructed picture, edges kept",
        {"task": "regularisation", "effect": "smooth"},
        ("total_variation",),
        ("l2_norm",),
    ),
    Task(
        "Logits of a large language model drift to huge values",
        {"task": "regularisation", "effect": "logits"},
        ("z_loss",),
        ("l1_norm",),
    ),
)

SECOND: tuple[Task, ...] = (
    Task("Temperature tomorrow, well measured", {"task": "regression", "outliers": False}, ("mse_loss",), ("l1_loss",)),
    Task(
        "Length of stay in hospital in days, a few stay for months, beds must suffice",
        {"task": "regression", "nonnegative": True, "outliers": True, "mistakes": "underestimates"},
        ("quantile_loss",),
        ("mse_loss",),
    ),
    Task(
        "Power of a wind farm as a share of its capacity, a median and a tenth percentile for trading",
        {"task": "regression", "bounded": True, "quantile": 0.1},
        ("quantile_loss",),
        ("bce_with_logits_loss", "mse_loss"),
    ),
    Task(
        "Concentration of a drug in blood with its error, some samples are mixed up",
        {"task": "regression", "uncertainty": True, "outliers": True},
        ("gaussian_nll_loss",),
        ("mse_loss",),
    ),
    Task(
        "Loss given default, mostly nothing, never negative, judged in euros",
        {"task": "regression", "nonnegative": True, "zero_inflated": True, "mistakes": "large"},
        ("tweedie_loss",),
        ("l1_loss", "mape_loss"),
    ),
    Task(
        "Bikes to put at a station, too few cost twice",
        {"task": "counts", "under_cost": 2.0, "over_cost": 1.0},
        ("quantile_loss",),
        ("mse_loss", "poisson_nll_loss"),
    ),
    Task(
        "Views of a video, from none to millions, judged by ratio",
        {"task": "counts", "log_scale": True, "mistakes": "relative"},
        ("msle_loss",),
        ("mse_loss",),
    ),
    Task(
        "Photons at a detector, spikes from cosmic rays",
        {"task": "counts", "outliers": True},
        ("tweedie_loss", "huber_loss"),
        ("mse_loss",),
    ),
    Task(
        "Noise of X-ray pictures taken away, pixels are numbers, every unit counts alike",
        {"task": "regression", "structure": "image", "mistakes": "equal"},
        ("l1_loss", "charbonnier_loss"),
        ("mse_loss",),
    ),
    Task(
        "Will the machine fail this week? one in a hundred, a missed failure costs fifty inspections",
        {"task": "binary", "positives": 0.01, "under_cost": 50.0, "over_cost": 1.0},
        ("bce_with_logits_loss",),
        ("hinge_loss", "bce_loss"),
    ),
    Task(
        "Is the mail a phish? labels come from users and some are wrong",
        {"task": "binary", "label_noise": True},
        ("bce_with_logits_loss", "cross_entropy_loss", "generalized_cross_entropy_loss"),
        ("sigmoid_focal_loss",),
    ),
    Task(
        "Default of a loan, probability goes into a price, sigmoid at the end",
        {"task": "binary", "calibrated": True, "activation": "sigmoid"},
        ("bce_loss",),
        ("bce_with_logits_loss", "sigmoid_focal_loss"),
    ),
    Task(
        "Language of a sentence, two hundred, probabilities shown to people",
        {"task": "multiclass", "num_classes": 200, "calibrated": True},
        ("cross_entropy_loss",),
        ("softmax_focal_loss", "multi_margin_loss"),
    ),
    Task(
        "Plant species from citizens, rare ones many, labels often wrong",
        {"task": "multiclass", "label_noise": True, "imbalanced": True},
        ("generalized_cross_entropy_loss", "cross_entropy_loss", "symmetric_cross_entropy_loss"),
        ("softmax_focal_loss", "nll_loss"),
    ),
    Task(
        "Intent of a caller, model ends in log_softmax, one intent is half of all calls",
        {"task": "multiclass", "activation": "log_softmax", "imbalanced": True},
        ("nll_loss",),
        ("cross_entropy_loss",),
    ),
    Task(
        "Grade of a tumour, probabilities are used in a score",
        {"task": "ordinal", "calibrated": True, "num_classes": 4},
        ("cross_entropy_loss", "bce_with_logits_loss"),
        ("mse_loss",),
    ),
    Task(
        "Topics of a patent out of six hundred, easy absences drown the rest",
        {"task": "multi-label", "num_classes": 600, "hard_examples": True, "imbalanced": True},
        ("asymmetric_loss", "sigmoid_focal_loss"),
        ("bce_loss", "cross_entropy_loss"),
    ),
    Task(
        "Cracks in concrete, thin lines, missing one is what matters",
        {"task": "segmentation", "num_classes": 2, "small_objects": True, "mistakes": "false_negatives"},
        ("focal_tversky_loss", "tversky_loss"),
        ("cross_entropy_loss",),
    ),
    Task(
        "Land cover, first epochs of a contest scored by IoU",
        {"task": "segmentation", "num_classes": 8, "mistakes": "overlap", "stage": "early"},
        ("weighted_sum", "cross_entropy_loss", "jaccard_loss", "dice_loss"),
        ("lovasz_softmax_loss",),
    ),
    Task(
        "Next item in a shop of eight hundred thousand, sampled sessions, rare items are most",
        {"task": "multiclass", "structure": "sequence", "num_classes": 800_000, "imbalanced": True},
        ("adaptive_log_softmax_with_loss", "linear_cross_entropy_loss"),
        ("cross_entropy_loss",),
    ),
    Task(
        "Which of two summaries is better, to train a judge",
        {"part": "reward", "feedback": "pairs"},
        ("bradley_terry_loss",),
        ("dpo_loss",),
    ),
    Task(
        "Products that were clicked in a result page, one click mostly",
        {"task": "ranking", "feedback": "single"},
        ("bce_with_logits_loss", "listnet_loss"),
        ("mse_loss", "list_mle_loss"),
    ),
    Task(
        "Songs and lyrics in one space, small batches only",
        {"task": "metric-learning", "supervision": "cross_modal", "large_batches": False},
        ("clip_loss", "info_nce_loss"),
        ("nt_xent_loss", "sup_con_loss"),
    ),
    Task(
        "Thumbs on single answers, no reference fits in memory",
        {"task": "preference", "feedback": "single", "reference_model": False},
        ("kto_loss",),
        ("dpo_loss", "simpo_loss"),
    ),
    Task(
        "A robot's policy with a critic, samples from the newest policy",
        {"task": "reinforcement-learning", "baseline": "critic", "off_policy": False},
        ("ppo_clip_loss",),
        ("grpo_loss", "importance_sampling_loss"),
    ),
    Task(
        "Answers in groups, lengths very different, written by a lagging copy",
        {"task": "reinforcement-learning", "baseline": "group", "long_answers": True, "off_policy": True},
        ("dapo_loss", "dr_grpo_loss", "cispo_loss"),
        ("reinforce_loss", "grpo_loss"),
    ),
    Task(
        "Something between covering and choosing of a teacher's distribution",
        {"task": "distillation", "seeking": "both"},
        ("generalized_jsd_loss",),
        ("kd_kl_loss",),
    ),
    Task(
        "Text in a picture, character by character, one label for each crop",
        {"task": "sequence", "aligned": True, "activation": "log_softmax"},
        ("nll_loss", "cross_entropy_loss"),
        ("ctc_loss",),
    ),
)
"""Written after the rules, which were not changed for them."""

STRANGERS: tuple[Task, ...] = (
    Task("Roads from satellite pictures, IoU is reported", {"task": "segmentation", "mistakes": "overlap"},
         ("dice_loss", "jaccard_loss"), ("cross_entropy_loss", "lovasz_softmax_loss")),
    Task("Roads, most pixels easy, IoU is reported",
         {"task": "segmentation", "mistakes": "overlap", "hard_examples": True},
         ("dice_loss", "jaccard_loss"), ("softmax_focal_loss", "cross_entropy_loss", "bce_with_logits_loss")),
    Task("One organ in an ultrasound picture, the model ends in a sigmoid",
         {"task": "segmentation", "num_classes": 2, "activation": "sigmoid"},
         ("weighted_sum", "dice_loss"), ("cross_entropy_loss", "bce_with_logits_loss", "softmax_focal_loss")),
    Task("Land cover, the model ends in log_softmax",
         {"task": "segmentation", "num_classes": 9, "activation": "log_softmax"}, ("nll_loss",), ("dice_loss",)),
    Task("Pretraining a language model, 128k words, width 4096",
         {"task": "multiclass", "num_classes": 128_000, "memory_bound": True, "features": 4096},
         ("linear_cross_entropy_loss", "adaptive_log_softmax_with_loss"), ("softmax_focal_loss", "cross_entropy_loss")),
    Task("A vocabulary that is only just too large, width unknown",
         {"task": "multiclass", "num_classes": 50_000, "memory_bound": True, "label_noise": True},
         ("linear_cross_entropy_loss",), ("generalized_cross_entropy_loss", "symmetric_cross_entropy_loss")),
    Task("Stock of bread, too little costs four times", {"task": "regression", "under_cost": 4.0}, ("quantile_loss",)),
    Task("Rare fraud, the model ends in a sigmoid", {"task": "binary", "activation": "sigmoid", "positives": 0.005},
         ("bce_loss",), ("bce_with_logits_loss", "sigmoid_focal_loss")),
)  # fmt: skip
"""What others asked and were once answered badly."""
