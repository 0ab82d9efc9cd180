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
_PIXELWISE = (
    Fits({"imbalanced": True}, -3, _BACKGROUND),
    Fits({"small_objects": True}, -2, _BACKGROUND),
    Fits({"mistakes": "overlap"}, -2, "it counts pixels, and overlap is what matters"),
    Fits({"mistakes": ("false_negatives", "false_positives")}, -2, "it weighs all wrong pixels alike"),
)

_SEGMENTATION: tuple[Candidate, ...] = (
    Candidate(
        "segmentation",
        "cross_entropy_loss",
        5,
        "a likelihood for every pixel: smooth gradients, and they learn from the first step",
        "it counts pixels: small regions hardly show",
        (*_PIXELWISE, Fits({"stage": "early"}, 1, "it learns from the first step, where overlap has no gradient yet")),
        fills=("class_weight", "label_smoothing"),
        minds=("logits are (N,C,H,W), targets (N,H,W) of class indices",),
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
            Fits({"mistakes": "overlap"}, 1, _OVERLAP),
            Fits({"stage": "early"}, -1, "without any overlap yet it has hardly a gradient"),
            _EITHER,
        ),
        fills=("mode",),
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
            _EITHER,
        ),
        fills=("mode",),
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
        ),
        fills=("mode", "tversky"),
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
        ),
        fills=("mode",),
    ),
    Candidate(
        "segmentation",
        "jaccard_loss",
        2.5,
        "one minus the intersection over union of soft masks",
        "Dice orders masks the same way and has the calmer gradient",
        (Fits({"mistakes": "overlap"}, 3, _OVERLAP), Fits({"imbalanced": True}, 1.5, _SMALL), _EITHER),
        fills=("mode",),
    ),
    Candidate(
        "segmentation",
        "lovasz_softmax_loss",
        2,
        "the intersection over union itself, extended so that it has gradients",
        "it sorts all pixels, and from scratch it learns badly",
        (
            Fits({"mistakes": "overlap"}, 4, "the score is the intersection over union, and it is that very number"),
            Fits({"stage": "late"}, 2, _LATE),
            Fits({"stage": "early"}, -4, "from scratch it learns badly: start with cross entropy"),
            Fits({"num_classes": 2}, -3, "for one mask there is lovasz_hinge_loss"),
            _EITHER,
        ),
    ),
    Candidate(
        "segmentation",
        "lovasz_hinge_loss",
        0.5,
        "the intersection over union of one mask, extended so that it has gradients",
        "it is for a single mask, late in training",
        (
            Fits({"num_classes": AtLeast(3)}, NEVER, "it is for one mask against the background"),
            Fits({"num_classes": 2, "mistakes": "overlap"}, 6, "one mask, scored by intersection over union"),
            Fits({"stage": "late"}, 2, _LATE),
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
            Fits({"activation": "sigmoid"}, -5, "the model ends in a sigmoid, and it would apply another"),
        ),
        fills=("pos_weight",),
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
