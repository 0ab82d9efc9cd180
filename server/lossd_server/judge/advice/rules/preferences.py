"""Losses for what people prefer, as a table."""

from __future__ import annotations

from lossd_server.judge.advice.rules.rule import Candidate, Fits

_PAIRS = Fits({"feedback": "single"}, -10, "it needs pairs of answers, and single ones were judged")
_POLICY = Fits({"part": "reward"}, -9, "it trains the model that answers, not a reward model")
_REFERENCE = "it needs the log-probabilities of a reference model, which is not at hand"
_LISTS = Fits({"feedback": ("graded", "order")}, -1, "make pairs of the lists first")

CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "preference",
        "dpo_loss",
        6,
        "the better answer should gain more over the reference than the worse one: no reward model, no sampling",
        "",
        (
            Fits({"feedback": "pairs"}, 2, "people said which of two answers is better"),
            Fits({"reference_model": True}, 1, "the reference is at hand, and keeps the model near where it started"),
            Fits({"reference_model": False}, -7, _REFERENCE),
            Fits({"label_noise": True}, 1, "its label smoothing allows for raters who disagree"),
            Fits({"one_stage": True}, -2, "it wants a model that is fine-tuned already"),
            _PAIRS,
            _POLICY,
            _LISTS,
        ),
        fills=("preference_noise",),
        minds=("both log-probabilities may fall together: watch that of the better answer",),
    ),
    Candidate(
        "preference",
        "kto_loss",
        3.5,
        "answers that are good or bad by themselves",
        "pairs say more than single judgements, and it would tear them apart",
        (
            Fits({"feedback": "single"}, 8, "answers were judged one by one, and it needs no pairs"),
            Fits({"feedback": "pairs"}, -2, "pairs say more than single judgements"),
            Fits({"reference_model": False}, -3, _REFERENCE),
            _POLICY,
        ),
    ),
    Candidate(
        "preference",
        "simpo_loss",
        3,
        "mean log-probabilities as rewards, with a margin, and no reference",
        "without a reference nothing holds the model near where it started",
        (
            Fits({"reference_model": False}, 4, "there is no reference model, and it needs none"),
            Fits({"reference_model": True}, -1, "a reference is at hand, and it would not use it"),
            Fits({"feedback": "pairs"}, 1, "people said which of two answers is better"),
            Fits({"one_stage": True}, -2, "it wants a model that is fine-tuned already"),
            _PAIRS,
            _POLICY,
            _LISTS,
        ),
        minds=("it drifts: a small learning rate and one epoch",),
    ),
    Candidate(
        "preference",
        "cpo_loss",
        2.5,
        "DPO without a reference, plus the likelihood of the better answer",
        "without a reference only the likelihood term holds it",
        (
            Fits({"reference_model": False}, 3, "there is no reference model, and it needs none"),
            Fits({"one_stage": True}, 1, "the likelihood of better answers is part of it"),
            Fits({"feedback": "pairs"}, 1, "people said which of two answers is better"),
            _PAIRS,
            _POLICY,
            _LISTS,
        ),
    ),
    Candidate(
        "preference",
        "orpo_loss",
        2,
        "fine-tuning on the better answer with a penalty for the worse",
        "it is fine-tuning first: after that, others go further",
        (
            Fits({"one_stage": True}, 5, "fine-tuning and preferences are one stage"),
            Fits({"reference_model": False}, 2.5, "there is no reference model, and it needs none"),
            Fits({"feedback": "pairs"}, 1, "people said which of two answers is better"),
            _PAIRS,
            _POLICY,
            _LISTS,
        ),
    ),
    Candidate(
        "preference",
        "bradley_terry_loss",
        1.5,
        "the likelihood that the better answer wins: the loss of reward models",
        "it trains a reward model, which reinforcement learning would need",
        (
            Fits({"part": "reward"}, 9, "a reward model is what is trained"),
            Fits({"feedback": "pairs"}, 1, "people said which of two answers is better"),
            _PAIRS,
            _LISTS,
        ),
        minds=("rewards have no zero: center_rewards_coefficient of 0.01 gives them one",),
    ),
    Candidate(
        "preference",
        "bce_with_logits_loss",
        -1,
        "a classifier of good and bad answers",
        "it trains a judge, not the model that answers",
        (
            Fits(
                {"part": "reward", "feedback": "single"},
                11,
                "single answers were judged, and a reward model is trained",
            ),
        ),
    ),
    Candidate(
        "preference",
        "cross_entropy_loss",
        0,
        "fine-tuning on the better answers alone",
        "it learns nothing from the worse answers",
        (_POLICY,),
    ),
)
