"""Losses for one class, several labels and ordered classes, as tables."""

from __future__ import annotations

from lossd_server.judge.advice.rules.rule import NEVER, UNKNOWN, AtLeast, Candidate, Fits

_TWICE = "the model ends in a sigmoid, and it would apply another: take the sigmoid out, or use bce_loss"
_SIGMOID = Fits({"activation": "sigmoid"}, -8, _TWICE)
_CALIBRATED = Fits({"calibrated": True}, -4, "it bends probabilities, and you use them")
_NO_PROBABILITY = Fits({"calibrated": True}, -5, "its scores are no probabilities, and you use those")
_SOFT = Fits({"soft_targets": True}, NEVER, "it takes hard labels only, and targets are probabilities")
_HARD = "most examples are easy, and it turns their loss down so that the few hard ones decide"
_NOISE = Fits({"label_noise": True}, -5, "wrong labels look like hard examples, and it would chase them")
_WEIGHTED = "the rare class gets weight through pos_weight, and the logits stay those of a likelihood"
_UNBENT = (None, False)
"""The answers to `calibrated` that leave room for weights: they would shift every probability."""
_MISS = Fits(
    {"mistakes": "false_negatives", "calibrated": _UNBENT},
    2,
    "a miss is worse than a false alarm, and pos_weight says by how much",
)
_ALARM = Fits(
    {"mistakes": "false_positives", "calibrated": _UNBENT},
    2,
    "a false alarm is worse than a miss: pos_weight below 1 says so",
)
_RARE = Fits({"imbalanced": True, "calibrated": _UNBENT}, 1, "rare classes get weight")
_MARGIN = Fits({"margin": True}, -4, "it goes on pushing what is right already, and only the margin should count")

_NO_POS_WEIGHT = Fits(
    {"imbalanced": True, "calibrated": _UNBENT},
    -0.5,
    "it has no pos_weight: to weigh the rare, give `weight` for each element of the target, negatives / positives "
    "where it is 1 and 1 elsewhere, or take the sigmoid out and use BCEWithLogitsLoss(pos_weight=…)",
)

_BINARY: tuple[Candidate, ...] = (
    Candidate(
        "binary",
        "bce_with_logits_loss",
        7,
        "the first choice for yes or no: a likelihood, computed from raw logits without overflow",
        "",
        (
            _SIGMOID,
            Fits({"imbalanced": True, "calibrated": _UNBENT}, 1, _WEIGHTED),
            _MISS,
            _ALARM,
            Fits({"calibrated": True}, 2, "its minimum is the true probability"),
            Fits({"soft_targets": True}, 2, "it takes targets between 0 and 1"),
            Fits({"hard_examples": True}, -1, "the sum over very many easy examples drowns the hard ones"),
            Fits({"label_noise": True}, -1, "a wrong label far from the boundary costs without bound"),
            _MARGIN,
        ),
        fills=("pos_weight",),
        minds=("targets are floats of the shape of the output: (N,1) against (N,) is refused",),
    ),
    Candidate(
        "binary",
        "bce_loss",
        2,
        "for models whose sigmoid cannot be taken out",
        "logits are safer: log(1 - sigmoid(x)) loses its digits near 1, and torch clamps it",
        (
            Fits({"activation": "sigmoid"}, 6, "the model ends in a sigmoid, and it takes probabilities"),
            Fits({"activation": "none"}, -4, "the model puts out logits, and it takes probabilities"),
            Fits({"hard_examples": True}, -1, "very many easy examples drown the hard ones"),
            _NO_POS_WEIGHT,
        ),
        minds=("better still: take the sigmoid out of the model and train on BCEWithLogitsLoss",),
    ),
    Candidate(
        "binary",
        "sigmoid_focal_loss",
        3,
        "easy examples count little",
        "it has two knobs, and bends probabilities; pos_weight does for a rare class",
        (
            Fits({"hard_examples": True}, 4, _HARD),
            Fits(
                {"imbalanced": True}, 2, "positives are rare, and alpha and gamma keep the negatives from drowning them"
            ),
            Fits({"mistakes": "false_positives"}, -2, "it is made to find more"),
            Fits({"soft_targets": True}, -2, "its weight of easy examples assumes hard labels"),
            _CALIBRATED,
            _NOISE,
            _SIGMOID,
        ),
        fills=("focal_alpha",),
        minds=("alpha=0.25 turns positives down: it is tuned for gamma=2 and a sea of negatives",),
    ),
    Candidate(
        "binary",
        "cross_entropy_loss",
        3,
        "two logits and a softmax say the same, and label smoothing comes with it",
        "it needs two outputs where one is enough",
        (
            Fits({"label_noise": True}, 3, "label smoothing bounds what a wrong label costs"),
            Fits({"activation": "softmax"}, 3, "the model has an output for each class: take its softmax out"),
            Fits({"activation": "sigmoid"}, -4, "it takes logits of two classes"),
            _MARGIN,
        ),
        fills=("class_weight", "label_smoothing"),
    ),
    Candidate(
        "binary",
        "nll_loss",
        0,
        "for two outputs that end in log_softmax",
        "it needs two outputs that end in log_softmax",
        (
            Fits({"activation": "log_softmax"}, 8, "the model ends in log_softmax, and it takes log-probabilities"),
            _SOFT,
        ),
        fills=("class_weight",),
    ),
    Candidate(
        "binary",
        "generalized_cross_entropy_loss",
        0,
        "a wrong label costs a bounded amount",
        "it learns more slowly than cross entropy from right labels, and needs two outputs",
        (Fits({"label_noise": True}, 4, "a wrong label costs 1/q at most"), _CALIBRATED, _SOFT),
    ),
    Candidate(
        "binary",
        "hinge_loss",
        1.5,
        "the loss of support vector machines: nothing beyond the margin",
        "its scores are no probabilities, and few ask for a margin",
        (
            Fits({"margin": True}, 7, "only the side of a margin counts, and what lies beyond it costs nothing"),
            Fits({"imbalanced": True}, -1, "it has no weight for the rare class"),
            Fits({"activation": "sigmoid"}, -4, "it takes scores without bound"),
            _NO_PROBABILITY,
            _SOFT,
        ),
        minds=("targets are 1 and -1",),
    ),
    Candidate(
        "binary",
        "soft_margin_loss",
        1.5,
        "the logistic loss of targets 1 and -1",
        "it is BCEWithLogitsLoss with targets of 1 and -1, without pos_weight",
        (
            Fits({"margin": True}, 4, "a smooth margin"),
            Fits({"activation": "sigmoid"}, -4, "it takes scores without bound"),
            Fits({"imbalanced": True}, -1, "it has no weight for the rare class"),
            _SOFT,
        ),
        minds=("targets are 1 and -1",),
    ),
    Candidate(
        "binary",
        "mse_loss",
        -1,
        "of probabilities it is the Brier score",
        "through a sigmoid its gradient vanishes where the model is surely wrong: report it, train on cross entropy",
        (Fits({"calibrated": True}, 1, "it is a proper score of probabilities"),),
    ),
)

_HUGE = "logits of so many classes fill the memory, and they take most of the time"
_LOGITS = (
    Fits({"memory_bound": True}, -3, _HUGE),
    Fits({"num_classes": AtLeast(30_000)}, -3, _HUGE),
)
"""Against every loss that takes the logits of all classes."""

_MULTICLASS: tuple[Candidate, ...] = (
    Candidate(
        "multiclass",
        "cross_entropy_loss",
        7,
        "the first choice for one of several classes: a likelihood, computed from raw logits without overflow",
        "",
        (
            Fits(
                {"activation": "log_softmax"},
                -3,
                "the model ends in log_softmax: a second one changes nothing, but costs",
            ),
            Fits({"activation": "softmax"}, -1, "take the softmax out of the model, or it is applied twice"),
            _RARE,
            Fits({"label_noise": True}, 0.5, "label smoothing bounds what a wrong label costs"),
            Fits(
                {"label_noise": True, "calibrated": True}, 1, "it stays a likelihood, and its probabilities can be used"
            ),
            Fits({"calibrated": True}, 1, "its minimum is the true probability of each class"),
            Fits({"soft_targets": True}, 2, "it takes class probabilities as targets"),
            Fits({"hard_examples": True}, -1, "the sum over very many easy examples drowns the hard ones"),
            *_LOGITS,
            _MARGIN,
        ),
        fills=("class_weight", "label_smoothing"),
        minds=("class indices are int64 without a class dimension: one-hot targets are read as probabilities",),
    ),
    Candidate(
        "multiclass",
        "nll_loss",
        2,
        "the same from log-probabilities",
        "raw logits and CrossEntropyLoss are one step with nothing to forget",
        (
            Fits({"activation": "log_softmax"}, 7, "the model ends in log_softmax, and it takes log-probabilities"),
            Fits({"activation": "softmax"}, 1, "after a logarithm of the softmax; log_softmax is safer"),
            Fits({"activation": "none"}, -2, "without log_softmax it takes raw logits, unnoticed, and means nothing"),
            *_LOGITS,
            _SOFT,
        ),
        fills=("class_weight",),
    ),
    Candidate(
        "multiclass",
        "generalized_cross_entropy_loss",
        1,
        "between cross entropy and absolute error: a wrong label costs a bounded amount",
        "it learns more slowly than cross entropy where labels are right",
        (
            Fits({"label_noise": True}, 8, "labels are wrong here and there, and each costs 1/q at most"),
            Fits({"hard_examples": True}, -3, "it gives up on hard examples, which look like wrong labels to it"),
            *_LOGITS,
            _CALIBRATED,
            _SOFT,
        ),
        minds=("q=0.7 suits much noise; with less noise, less q, and it is closer to cross entropy",),
    ),
    Candidate(
        "multiclass",
        "symmetric_cross_entropy_loss",
        1.5,
        "cross entropy plus the reverse one, which wrong labels move little",
        "it has two weights to set",
        (
            Fits(
                {"label_noise": True}, 6, "the reverse term bounds what wrong labels cost, the forward one still learns"
            ),
            Fits({"calibrated": True}, -1, "the reverse term sharpens probabilities"),
            *_LOGITS,
            _SOFT,
        ),
    ),
    Candidate(
        "multiclass",
        "softmax_focal_loss",
        3,
        "easy examples count little",
        "it bends probabilities, and nothing says that easy examples drown hard ones",
        (
            Fits({"hard_examples": True}, 6, _HARD),
            Fits({"imbalanced": True}, 1.5, "frequent classes are easy, and it turns them down"),
            *_LOGITS,
            _CALIBRATED,
            _NOISE,
            _SOFT,
        ),
        fills=("class_weight",),
    ),
    Candidate(
        "multiclass",
        "poly1_cross_entropy_loss",
        3.5,
        "cross entropy with one more knob, which gains some accuracy in image classification",
        "it has an epsilon to tune for each data set",
        (
            Fits({"label_noise": True}, -1, "it pushes the true class harder, the wrong ones too"),
            Fits({"calibrated": True}, -2, "epsilon above 0 makes predictions surer than they are"),
            *_LOGITS,
        ),
        fills=("label_smoothing",),
    ),
    Candidate(
        "multiclass",
        "multi_margin_loss",
        1,
        "the hinge of several classes: every class within the margin of the true one costs",
        "its scores are no probabilities, and few ask for a margin",
        (Fits({"margin": True}, 8, "only the margin over the other classes counts"), *_LOGITS, _NO_PROBABILITY, _SOFT),
        fills=("class_weight",),
    ),
    Candidate(
        "multiclass",
        "multiclass_hinge_loss",
        0.5,
        "the hinge of the worst class alone, as Crammer and Singer have it",
        "its scores are no probabilities, and few ask for a margin",
        (
            Fits({"margin": True}, 7.5, "only the margin over the worst other class counts"),
            *_LOGITS,
            _NO_PROBABILITY,
            _SOFT,
        ),
    ),
    Candidate(
        "multiclass",
        "linear_cross_entropy_loss",
        0,
        "the last linear layer and cross entropy in one step, in chunks",
        "with logits that fit in memory it is slower, and CrossEntropyLoss is enough",
        (
            Fits({"memory_bound": True}, 10, "the logits never exist as a whole, and memory falls several times over"),
            Fits({"num_classes": AtLeast(30_000)}, 6, "logits of so many classes are the largest tensor of the model"),
        ),
        fills=("in_features", "num_classes", "chunked", "label_smoothing"),
        minds=("it owns the last linear layer: take that out of the model", "the value is that of CrossEntropyLoss"),
    ),
    Candidate(
        "multiclass",
        "adaptive_log_softmax_with_loss",
        -2,
        "rare classes share narrow clusters, so that a step costs little",
        "it approximates, and pays off for very many classes of very different frequency",
        (
            Fits({"num_classes": UNKNOWN}, -10, "it is for very many classes, and their number is unknown"),
            Fits({"num_classes": AtLeast(50_000)}, 5, "there are very many classes"),
            Fits({"num_classes": AtLeast(50_000), "imbalanced": True}, 5, "most classes are rare: they share clusters"),
            _SOFT,
        ),
        fills=("in_features", "n_classes", "cutoffs"),
        minds=("classes are numbered by frequency, the most frequent first", "it owns the last linear layers"),
    ),
    Candidate(
        "multiclass",
        "kl_div_loss",
        0,
        "the divergence of distributions",
        "for classes it is cross entropy with more to get wrong",
        (
            Fits({"soft_targets": True}, 4, "targets are distributions"),
            Fits({"activation": "log_softmax"}, 1, ""),
            *_LOGITS,
        ),
        fills=("batchmean",),
    ),
    Candidate(
        "multiclass",
        "bce_with_logits_loss",
        -1,
        "each class against the rest",
        "classes exclude each other, which a sigmoid for each does not know",
        (Fits({"answers": "several"}, 4, "several classes may be right at once"), *_LOGITS),
    ),
    Candidate(
        "multiclass",
        "mse_loss",
        -3,
        "of probabilities it is the Brier score",
        "through a softmax its gradient vanishes where the model is surely wrong",
        _LOGITS,
    ),
)

_ORDINAL: tuple[Candidate, ...] = (
    Candidate(
        "ordinal",
        "bce_with_logits_loss",
        6,
        "one logit for each threshold, is it above k?, so that one off costs less than three off",
        "",
        (
            Fits({"imbalanced": True, "calibrated": _UNBENT}, 0.5, "each threshold can be weighted"),
            _SIGMOID,
            Fits({"activation": ("softmax", "log_softmax")}, -4, "it takes one logit for each threshold"),
        ),
        minds=("K classes make K - 1 targets: class 2 of 0 to 4 is written [1, 1, 0, 0]",),
    ),
    Candidate(
        "ordinal",
        "cross_entropy_loss",
        5,
        "it tells a probability for each class",
        "all wrong classes cost the same to it, however far off",
        (
            Fits({"calibrated": True}, 1.5, "the probability of each class is used"),
            _RARE,
            Fits({"activation": "softmax"}, -1, "take the softmax out of the model, or it is applied twice"),
        ),
        fills=("class_weight", "label_smoothing"),
    ),
    Candidate(
        "ordinal",
        "mse_loss",
        4.5,
        "the class as a number: the distance is what it minimises, and rounding gives the class",
        "it takes the steps between classes for equally wide",
        (
            Fits({"mistakes": "large"}, 2, "three off should cost more than three times one off"),
            Fits({"label_noise": True}, -1, "a class that is wrong by much decides"),
            Fits({"calibrated": True}, -3, "it tells no probabilities"),
        ),
    ),
    Candidate(
        "ordinal",
        "huber_loss",
        3.5,
        "the class as a number, forgiving to classes that are wrong by much",
        "it takes the steps between classes for equally wide",
        (
            Fits({"label_noise": True}, 2, "some classes are wrong, and it bounds what they pull"),
            Fits({"calibrated": True}, -3, "it tells no probabilities"),
        ),
    ),
    Candidate(
        "ordinal",
        "l1_loss",
        3,
        "the class as a number: each step costs the same",
        "it takes the steps between classes for equally wide",
        (
            Fits({"mistakes": "equal"}, 3, "each step off costs the same"),
            Fits({"calibrated": True}, -3, "it tells no probabilities"),
        ),
    ),
    Candidate(
        "ordinal",
        "nll_loss",
        1,
        "cross entropy from log-probabilities",
        "all wrong classes cost the same to it, however far off",
        (Fits({"activation": "log_softmax"}, 5.5, "the model ends in log_softmax"),),
    ),
)

_MULTI_LABEL: tuple[Candidate, ...] = (
    Candidate(
        "multi-label",
        "bce_with_logits_loss",
        7,
        "the first choice for any number of labels: each label is a yes or no of its own, from raw logits",
        "",
        (
            _SIGMOID,
            Fits({"imbalanced": True, "calibrated": _UNBENT}, 1, _WEIGHTED),
            _MISS,
            _ALARM,
            Fits({"calibrated": True}, 2, "its minimum is the true probability of each label"),
            Fits({"soft_targets": True}, 1, "it takes targets between 0 and 1"),
            Fits({"label_noise": True}, -1, "labels that are missing count as surely absent"),
            Fits({"hard_examples": True}, -1, "the sum over very many absent labels drowns the present ones"),
            _MARGIN,
        ),
        fills=("pos_weight",),
        minds=("targets are floats, 0 and 1 for each label",),
    ),
    Candidate(
        "multi-label",
        "asymmetric_loss",
        4,
        "absent labels that are easy count next to nothing",
        "it has three knobs; for labels that are not rare BCEWithLogitsLoss is enough",
        (
            Fits({"imbalanced": True}, 3, "most labels are absent, and it turns the easy absent ones down"),
            Fits({"num_classes": AtLeast(50)}, 1.5, "there are many labels, of which few are present"),
            Fits({"label_noise": True}, 2, "its clip drops absent labels that the model is sure are present"),
            Fits({"mistakes": "false_positives"}, -1, "it is made to find more"),
            Fits({"soft_targets": True}, -3, "it takes labels of 0 and 1"),
            Fits({"margin": True}, -3, "only the margin should count"),
            _CALIBRATED,
            _SIGMOID,
        ),
    ),
    Candidate(
        "multi-label",
        "sigmoid_focal_loss",
        3.5,
        "easy labels count little",
        "it has two knobs, and treats present and absent labels alike",
        (
            Fits({"hard_examples": True}, 5, _HARD),
            Fits({"imbalanced": True}, 2, "present labels are rare"),
            Fits({"soft_targets": True}, -2, "its weight of easy examples assumes hard labels"),
            _CALIBRATED,
            _NOISE,
            _SIGMOID,
        ),
    ),
    Candidate(
        "multi-label",
        "multi_label_soft_margin_loss",
        3,
        "binary cross entropy averaged over the labels of each example",
        "it is BCEWithLogitsLoss without pos_weight",
        (_SIGMOID, Fits({"margin": True}, -2, "only the margin should count"), _SOFT),
    ),
    Candidate(
        "multi-label",
        "bce_loss",
        2,
        "for models whose sigmoid cannot be taken out",
        "logits are safer: log(1 - sigmoid(x)) loses its digits near 1, and torch clamps it",
        (
            Fits({"activation": "sigmoid"}, 6, "the model ends in a sigmoid, and it takes probabilities"),
            Fits({"activation": "none"}, -4, "the model puts out logits, and it takes probabilities"),
            _NO_POS_WEIGHT,
        ),
        minds=("better still: take the sigmoid out of the model and train on BCEWithLogitsLoss",),
    ),
    Candidate(
        "multi-label",
        "multi_label_margin_loss",
        0,
        "every label that is present should score above every one that is not",
        "it knows no threshold: how many labels to take is open",
        (Fits({"margin": True}, 8, "only that right labels score higher counts"), _NO_PROBABILITY, _SOFT),
        minds=("targets are indices padded with -1, not 0 and 1",),
    ),
    Candidate(
        "multi-label",
        "cross_entropy_loss",
        -3,
        "for exactly one class",
        "its softmax makes labels compete, and several may be right",
        (Fits({"answers": "one"}, 5, "exactly one is right: that is multiclass"),),
    ),
)

CANDIDATES = (*_BINARY, *_MULTICLASS, *_ORDINAL, *_MULTI_LABEL)
