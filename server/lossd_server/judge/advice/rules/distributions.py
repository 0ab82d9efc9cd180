"""Losses for distributions, sequences, distillation and penalties, as tables."""

from __future__ import annotations

from lossd_server.judge.advice.rules.rule import NEVER, AtLeast, Candidate, Fits

_SEQUENCE: tuple[Candidate, ...] = (
    Candidate(
        "sequence",
        "ctc_loss",
        6,
        "it sums over all alignments, so that nobody has to know one",
        "the alignment is known",
        (
            Fits({"aligned": False}, 4, "nobody knows which part of the input a label belongs to"),
            Fits({"aligned": True}, -10, "every position has its label: an alignment need not be guessed"),
        ),
        fills=("zero_infinity",),
        minds=(
            "outputs are log-probabilities (T,N,C): time first, after log_softmax, with one class for the blank",
            "a target longer than its input, repeats counted twice, has no alignment: the loss is infinite",
        ),
    ),
    Candidate(
        "sequence",
        "cross_entropy_loss",
        4,
        "the class of every position, where each has one",
        "it needs a label for every position",
        (
            Fits({"aligned": True}, 5, "every position has its label"),
            Fits({"aligned": False}, -8, "it needs a label for every position, and nobody knows which"),
            Fits({"memory_bound": True}, -3, "logits of all positions fill the memory"),
            Fits({"num_classes": AtLeast(30_000)}, -2, "logits of so many classes at all positions fill the memory"),
        ),
        fills=("class_weight", "label_smoothing"),
        minds=("logits are (N,C,T): move the classes to the second place; padding is ignore_index",),
    ),
    Candidate(
        "sequence",
        "linear_cross_entropy_loss",
        0,
        "the last linear layer and cross entropy in one step, in chunks",
        "with logits that fit in memory CrossEntropyLoss is enough",
        (
            Fits({"aligned": False}, -8, "it needs a label for every position"),
            Fits({"memory_bound": True}, 9, "the logits never exist as a whole"),
            Fits({"num_classes": AtLeast(30_000)}, 5, "logits of so many classes are the largest tensor of the model"),
            Fits({"num_classes": AtLeast(2**20 + 1)}, NEVER, "this service takes up to 2^20 classes in it"),
        ),
        fills=("in_features", "num_classes", "chunked", "label_smoothing"),
    ),
    Candidate(
        "sequence",
        "nll_loss",
        1,
        "the same from log-probabilities",
        "raw logits and CrossEntropyLoss are one step with nothing to forget",
        (
            Fits({"activation": "log_softmax", "aligned": True}, 8.5, "the model ends in log_softmax"),
            Fits({"aligned": False}, -8, "it needs a label for every position"),
        ),
    ),
)

_DISTRIBUTION: tuple[Candidate, ...] = (
    Candidate(
        "distribution",
        "kl_div_loss",
        6,
        "how far one distribution is from another, 0 where they agree",
        "it takes log-probabilities, which leaves a step to forget",
        (
            Fits({"activation": "log_softmax"}, 2, "the model ends in log_softmax, which is what it takes"),
            Fits({"activation": "none"}, -1, "it takes log-probabilities: add log_softmax"),
            Fits({"activation": "softmax"}, -1, "it takes log-probabilities: make the softmax a log_softmax"),
        ),
        fills=("batchmean",),
        minds=("input is log-probabilities, target probabilities: the other way round it is silently wrong",),
    ),
    Candidate(
        "distribution",
        "cross_entropy_loss",
        5,
        "the same gradient from raw logits",
        "its least value is the entropy of the targets, not 0",
        (
            Fits({"activation": "none"}, 3, "the model puts out raw logits, which it takes"),
            Fits({"activation": "log_softmax"}, -2, "the model ends in log_softmax already"),
            Fits({"activation": "softmax"}, -2, "the model ends in a softmax, and it would apply another"),
        ),
        minds=("targets are class probabilities of the shape of the logits; that they add up to 1 is not checked",),
    ),
    Candidate(
        "distribution",
        "generalized_jsd_loss",
        2,
        "symmetric and bounded",
        "it has no likelihood behind it, and its gradient is weak where the two are far apart",
        (Fits({"seeking": "both"}, 5, "it lies between covering all and covering the most likely"),),
    ),
    Candidate(
        "distribution",
        "reverse_kl_loss",
        1.5,
        "it covers what is most likely, and leaves the rest",
        "it leaves out what the target finds less likely",
        (Fits({"seeking": "mode"}, 6, "what is most likely should be covered"),),
    ),
    Candidate(
        "distribution",
        "tvd_loss",
        1,
        "the largest difference in the probability of anything",
        "its gradient does not grow with the difference",
    ),
    Candidate(
        "distribution",
        "mse_loss",
        0,
        "of probabilities it is the Brier score",
        "through a softmax its gradient vanishes where the model is surely wrong",
    ),
)

_DISTILLATION: tuple[Candidate, ...] = (
    Candidate(
        "distillation",
        "kd_kl_loss",
        6,
        "the student covers all that the teacher may say, from softened logits of both",
        "",
        (
            Fits({"seeking": "mode"}, -6, "it spreads the student over all that the teacher may say"),
            Fits({"seeking": "both"}, -2, "it covers everything"),
            Fits({"seeking": "mean"}, 1, "all that the teacher may say should be covered"),
            Fits(
                {"student_writes": True}, -3, "on its own sequences a student learns little from covering the teacher"
            ),
        ),
        fills=("temperature",),
        minds=("add the cross entropy of true labels where there are some",),
    ),
    Candidate(
        "distillation",
        "reverse_kl_loss",
        3,
        "the student does well what it can, and leaves the rest",
        "it leaves out what the teacher says less often",
        (
            Fits({"seeking": "mode"}, 6, "a small student should do well what the teacher says most"),
            Fits(
                {"student_writes": True}, 2, "on its own sequences it tells the student what the teacher would not say"
            ),
        ),
    ),
    Candidate(
        "distillation",
        "generalized_jsd_loss",
        3,
        "between covering all and covering the most likely, by beta",
        "beta is to be tuned",
        (
            Fits({"seeking": "both"}, 5, "something between is wanted, and beta says where"),
            Fits({"student_writes": True}, 4.5, "it is what on-policy distillation uses"),
            Fits({"seeking": "mode"}, 1, "with beta near 1 it is the reverse divergence"),
        ),
    ),
    Candidate(
        "distillation",
        "kl_div_loss",
        3,
        "the divergence by itself",
        "temperature and T² are left to the caller: kd_kl_loss has both",
        (Fits({"seeking": "mode"}, -3, "it covers everything"),),
        fills=("batchmean",),
    ),
    Candidate(
        "distillation",
        "tvd_loss",
        2,
        "bounded and symmetric",
        "its gradient does not grow with the difference",
    ),
    Candidate(
        "distillation",
        "cross_entropy_loss",
        1,
        "of the teacher's probabilities it has the same gradient as the divergence",
        "it knows no temperature, and its least value is the teacher's entropy",
    ),
    Candidate(
        "distillation",
        "mse_loss",
        0.5,
        "of logits: it matches them one by one",
        "it matches logits that a softmax would call equal, and spends the student on them",
    ),
)

_REGULARISATION: tuple[Candidate, ...] = (
    Candidate(
        "regularisation",
        "l2_norm",
        3.5,
        "keeps all elements small, as weight decay does",
        "it makes everything smaller and nothing 0",
        (
            Fits({"effect": "small"}, 6, "numbers should stay small, and large ones pay most"),
            Fits({"effect": ("sparse", "sparse_groups")}, -4, "its pull fades near 0: nothing becomes exactly 0"),
        ),
        fills=("squared",),
        minds=("the optimizers' weight_decay does this without a term",),
    ),
    Candidate(
        "regularisation",
        "l1_norm",
        3,
        "drives small elements to 0",
        "it shrinks large elements as much as small ones",
        (
            Fits({"effect": "sparse"}, 6, "its pull does not fade near 0, so that elements become 0"),
            Fits({"effect": "sparse_groups"}, 1, "of correlated elements it keeps one by chance"),
            Fits({"effect": "small"}, -2, "it pulls at small numbers as hard as at large ones"),
        ),
    ),
    Candidate(
        "regularisation",
        "elastic_net",
        2.5,
        "some elements go to 0, correlated ones stay together",
        "it has a ratio to choose",
        (
            Fits({"effect": "sparse_groups"}, 7, "correlated elements stay together while others go to 0"),
            Fits({"effect": "sparse"}, 2, "elements go to 0"),
            Fits({"effect": "small"}, 1, "elements get smaller"),
        ),
    ),
    Candidate(
        "regularisation",
        "total_variation",
        1.5,
        "differences of neighbours, which noise has and plain areas have not",
        "it is for images",
        (Fits({"effect": "smooth"}, 8, "it takes noise away and spares edges"),),
    ),
    Candidate(
        "regularisation",
        "z_loss",
        1,
        "keeps the log-partition of a softmax near 0",
        "it is for logits of a softmax",
        (Fits({"effect": "logits"}, 8, "it keeps logits from drifting, as large language models need"),),
    ),
    Candidate(
        "regularisation",
        "entropy",
        1,
        "small where a distribution is sure",
        "it is for distributions over classes",
        (
            Fits({"effect": "confident"}, 8, "with a weight above 0 it makes distributions surer"),
            Fits({"effect": "explore"}, 5, "with a weight below 0 it keeps distributions from settling"),
        ),
    ),
    Candidate(
        "regularisation",
        "entropy_bonus",
        1,
        "minus the entropy of each token's distribution",
        "it is for policies",
        (Fits({"effect": "explore"}, 8, "it keeps a policy from settling on one action"),),
    ),
)

CANDIDATES = (*_SEQUENCE, *_DISTRIBUTION, *_DISTILLATION, *_REGULARISATION)
