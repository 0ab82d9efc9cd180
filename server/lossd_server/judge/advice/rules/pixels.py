"""Losses for masks and boxes, as tables."""

from __future__ import annotations

from lossd_server.judge.advice.rules.rule import NEVER, AtLeast, Candidate, Fits

_BACKGROUND = "nearly all pixels are background, and predicting nothing is nearly right for each pixel"
_OVERLAP = "overlap is what matters, and it is what is computed"
_SMALL = "overlap is relative to the size: what covers few pixels counts as much as what covers many"
_EITHER = Fits(
    {"mistakes": ("false_negatives", "false_positives")}, -1, "it weighs pixels missed and pixels too many alike"
)
_LATE = "late in training it takes over from cross entropy, which first finds the rough shape"
_COUNTED = Fits({"mistakes": "overlap"}, -2, "it counts pixels, and overlap is what matters")
_PIXELWISE = (
    Fits({"imbalanced": True}, -3, _BACKGROUND),
    Fits({"small_objects": True}, -2, _BACKGROUND),
    _COUNTED,
    Fits({"mistakes": ("false_negatives", "false_positives")}, -2, "it weighs all wrong pixels alike"),
)
_PROBABILITIES = ("sigmoid", "softmax", "log_softmax")
_CONTEST = Fits({"mistakes": "overlap", "stage": "late"}, 2, _LATE)
_LOGITS_OF_CLASSES = (
    Fits({"activation": "sigmoid"}, -5, "the model ends in a sigmoid, and it takes logits of classes: take that out"),
    Fits({"activation": "softmax"}, -2, "take the softmax out of the model, or it is applied twice"),
    Fits({"activation": "log_softmax"}, -3, "the model ends in log_softmax, and it applies another"),
)
_RAW = Fits({"activation": _PROBABILITIES}, -4, "it takes raw logits: take what the model ends in out")
_OF_PROBABILITIES = Fits({"activation": "log_softmax"}, -2, "it takes logits or probabilities, no logarithms of them")

_SEGMENTATION: tuple[Candidate, ...] = (
    Candidate(
        "segmentation",
        "cross_entropy_loss",
        5,
        "a likelihood for every pixel: smooth gradients, and they learn from the first step",
        "it counts pixels: small regions hardly show",
        (
            *_PIXELWISE,
            *_LOGITS_OF_CLASSES,
            Fits({"stage": "early"}, 1, "it learns from the first step, where overlap has no gradient yet"),
        ),
        fills=("class_weight", "label_smoothing"),
    ),
    Candidate(
        "segmentation",
        "weighted_sum",
        4.5,
        "cross entropy and Dice together: the one learns from the first step, the other sees small regions",
        "two terms have a weight to choose",
        (
            Fits({"imbalanced": True}, 2, "Dice holds against the background, cross entropy keeps gradients steady"),
            Fits({"small_objects": True}, 2, _SMALL),
            Fits({"mistakes": "overlap"}, 1, _OVERLAP),
            Fits(
                {"mistakes": ("false_negatives", "false_positives")}, -1, "neither term tells misses from false alarms"
            ),
            Fits({"activation": "softmax"}, -2, "its cross entropy takes logits: take the softmax out of the model"),
            Fits({"activation": "log_softmax"}, -3, "its Dice takes logits: take the log_softmax out of the model"),
        ),
        fills=("terms",),
        minds=("terms come back one by one: watch that neither goes silent",),
    ),
    Candidate(
        "segmentation",
        "dice_loss",
        4,
        "one minus the overlap, which is what is reported",
        "alone its gradients are unsteady at first: beside cross entropy it is calmer",
        (
            Fits({"imbalanced": True}, 2.5, _SMALL),
            Fits({"small_objects": True}, 2, _SMALL),
            Fits({"mistakes": "overlap"}, 2.5, _OVERLAP),
            Fits({"stage": "early"}, -1.5, "without any overlap yet it has hardly a gradient"),
            _OF_PROBABILITIES,
            _EITHER,
        ),
        fills=("mode", "from_logits"),
    ),
    Candidate(
        "segmentation",
        "generalized_dice_loss",
        2,
        "every class weighs as much, whatever its area",
        "its weights of 1/area² jump with every batch",
        (
            Fits(
                {"imbalanced": True, "num_classes": AtLeast(3)},
                5,
                "areas of classes differ much, and each counts alike",
            ),
            Fits({"imbalanced": True}, 0.5, _SMALL),
            Fits({"small_objects": True}, 1, _SMALL),
            _OF_PROBABILITIES,
            _EITHER,
        ),
        fills=("mode", "from_logits"),
    ),
    Candidate(
        "segmentation",
        "tversky_loss",
        2.5,
        "an overlap in which pixels missed and pixels too many have weights of their own",
        "nothing says that one of the two is worse: with equal weights it is Dice",
        (
            Fits({"mistakes": "false_negatives"}, 5, "a missed pixel is worse, and beta above alpha says so"),
            Fits({"mistakes": "false_positives"}, 5, "a pixel too many is worse, and alpha above beta says so"),
            Fits({"imbalanced": True}, 1, _SMALL),
            Fits({"small_objects": True}, 1, _SMALL),
            _OF_PROBABILITIES,
        ),
        fills=("mode", "from_logits", "tversky"),
    ),
    Candidate(
        "segmentation",
        "focal_tversky_loss",
        2,
        "the same to a power, which turns to classes that overlap badly",
        "it has a power to tune, and its defaults hunt for missed pixels",
        (
            Fits(
                {"mistakes": "false_negatives"},
                4.5,
                "a missed pixel is worse, and badly covered classes get more weight",
            ),
            Fits({"mistakes": "false_positives"}, -3, "it is made to find more"),
            Fits({"small_objects": True}, 3, "it turns to what is covered badly, which small objects are"),
            Fits({"imbalanced": True}, 2, _SMALL),
            _OF_PROBABILITIES,
        ),
        fills=("mode", "from_logits"),
    ),
    Candidate(
        "segmentation",
        "jaccard_loss",
        2.5,
        "one minus the intersection over union of soft masks",
        "Dice orders masks the same way and has the calmer gradient",
        (
            Fits({"mistakes": "overlap"}, 3.5, _OVERLAP),
            Fits({"imbalanced": True}, 1.5, _SMALL),
            Fits({"stage": "early"}, -1.5, "without any overlap yet it has hardly a gradient"),
            _OF_PROBABILITIES,
            _EITHER,
        ),
        fills=("mode", "from_logits"),
    ),
    Candidate(
        "segmentation",
        "lovasz_softmax_loss",
        2,
        "the intersection over union itself, extended so that it has gradients",
        "it sorts all pixels, and from scratch it learns badly",
        (
            Fits({"mistakes": "overlap"}, 2, "the score is the intersection over union, and it is that very number"),
            Fits({"stage": "late"}, 2, _LATE),
            _CONTEST,
            Fits({"stage": "early"}, -4, "from scratch it learns badly: start with cross entropy"),
            Fits({"num_classes": 2}, -3, "for one mask there is lovasz_hinge_loss"),
            Fits({"activation": ("sigmoid", "log_softmax")}, -4, "it takes logits of classes"),
            _EITHER,
        ),
        fills=("from_logits",),
    ),
    Candidate(
        "segmentation",
        "lovasz_hinge_loss",
        0.5,
        "the intersection over union of one mask, extended so that it has gradients",
        "it is for a single mask, late in training",
        (
            Fits({"num_classes": AtLeast(3)}, NEVER, "it is for one mask against the background"),
            Fits({"num_classes": 2, "mistakes": "overlap"}, 4.5, "one mask, scored by intersection over union"),
            Fits({"stage": "late"}, 2, _LATE),
            _CONTEST,
            _RAW,
            Fits({"stage": "early"}, -4, "from scratch it learns badly: start with cross entropy"),
            _EITHER,
        ),
    ),
    Candidate(
        "segmentation",
        "softmax_focal_loss",
        2,
        "easy pixels count little",
        "it bends probabilities; beside it Dice sees small regions better",
        (
            Fits({"hard_examples": True}, 5, "most pixels are easy, and it turns them down"),
            Fits({"imbalanced": True}, 2, "the background is easy, and it turns it down"),
            Fits({"label_noise": True}, -3, "wrong pixels look like hard ones"),
            _COUNTED,
            *_LOGITS_OF_CLASSES,
        ),
        fills=("class_weight",),
    ),
    Candidate(
        "segmentation",
        "bce_with_logits_loss",
        2,
        "yes or no for every pixel of every mask",
        "where each pixel has one class its sigmoids do not know that classes exclude each other",
        (
            Fits({"num_classes": 2}, 2.5, "there is one mask, and one logit a pixel is enough"),
            *_PIXELWISE,
            _RAW,
        ),
        fills=("pos_weight",),
    ),
    Candidate(
        "segmentation",
        "bce_loss",
        0,
        "yes or no for every pixel, of models whose sigmoid cannot be taken out",
        "logits are safer: log(1 - sigmoid(x)) loses its digits near 1, and torch clamps it",
        (
            Fits({"activation": "sigmoid"}, 4, "the model ends in a sigmoid, and it takes probabilities"),
            *_PIXELWISE,
        ),
        minds=("better still: take the sigmoid out of the model and train on BCEWithLogitsLoss",),
    ),
    Candidate(
        "segmentation",
        "nll_loss",
        0,
        "cross entropy from log-probabilities",
        "raw logits and CrossEntropyLoss are one step with nothing to forget",
        (
            Fits({"activation": "log_softmax"}, 5, "the model ends in log_softmax, and it takes log-probabilities"),
            *_PIXELWISE,
        ),
        fills=("class_weight",),
    ),
)

_TOUCH = "boxes that do not touch get no gradient from it"
_NOT_BOXES = Fits({"part": "classes"}, -12, "it compares corners of boxes, not what is in them")

_DETECTION: tuple[Candidate, ...] = (
    Candidate(
        "detection",
        "ciou_loss",
        6,
        "overlap, distance of the centres and aspect ratio: all that makes boxes alike",
        "",
        (Fits({"stage": "early"}, 0.5, "the distance of the centres leads boxes that do not touch"), _NOT_BOXES),
    ),
    Candidate(
        "detection",
        "giou_loss",
        5.5,
        "boxes apart are drawn together by the box around both",
        "it first grows boxes until they touch: the distance of the centres is faster",
        (Fits({"stage": "early"}, 1.5, "boxes far from the truth still get a gradient"), _NOT_BOXES),
        minds=("detectors with transformers add L1Loss of the corners, at about 5 : 2",),
    ),
    Candidate(
        "detection",
        "diou_loss",
        5,
        "overlap, and how far the centres are apart",
        "it does not see the aspect ratio",
        (Fits({"stage": "early"}, 0.5, "the distance of the centres leads boxes that do not touch"), _NOT_BOXES),
    ),
    Candidate(
        "detection",
        "iou_loss",
        3,
        "the number that is reported",
        _TOUCH,
        (Fits({"stage": "early"}, -4, _TOUCH), Fits({"mistakes": "overlap"}, 1, "overlap is what matters"), _NOT_BOXES),
    ),
    Candidate(
        "detection",
        "smooth_l1_loss",
        3,
        "offsets from anchors, as older detectors learn them",
        "four corners apart are not a box: it depends on the size, and overlap does not",
        (_NOT_BOXES,),
    ),
    Candidate(
        "detection",
        "l1_loss",
        2.5,
        "corners by themselves, beside a loss of overlap",
        "alone it counts a pixel alike at small and at large boxes",
        (_NOT_BOXES,),
    ),
    Candidate(
        "detection",
        "mse_loss",
        0,
        "corners as numbers",
        "large boxes decide alone, and overlap is not what it sees",
        (_NOT_BOXES,),
    ),
    Candidate(
        "detection",
        "sigmoid_focal_loss",
        0,
        "what is in each anchor, where nearly all are background",
        "it is for what is in a box, not for its corners",
        (
            Fits({"part": "classes"}, 10, "nearly all anchors are easy background, which it turns down"),
            Fits({"hard_examples": True, "part": "classes"}, 1, "easy background would drown what is there"),
        ),
    ),
    Candidate(
        "detection",
        "cross_entropy_loss",
        -1,
        "the class of boxes that were proposed",
        "it is for what is in a box, not for its corners",
        (Fits({"part": "classes"}, 7, "with background as a class, after proposals have thinned it out"),),
    ),
)

CANDIDATES = (*_SEGMENTATION, *_DETECTION)
