"""Losses for policies, critics and the terms beside them, as a table."""

from __future__ import annotations

from lossd_server.judge.advice.rules.rule import Candidate, Fits

_OTHER = Fits({"part": ("critic", "kl", "exploration")}, -14, "it trains the policy")
_NO_CRITIC = Fits({"baseline": "critic"}, -4, "advantages come from a critic, and it was made for those of groups")
_STALE = "another policy wrote the samples, and its ratio allows for that"
_GROUP = "several answers to each prompt are compared, which needs no critic"
_LENGTH = "the mean of each sequence favours short right answers and long wrong ones"

CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "reinforcement-learning",
        "ppo_clip_loss",
        5.5,
        "several steps on one batch of samples, and a clip that keeps each of them small",
        "where answers come in groups, others are tuned for that",
        (
            Fits({"baseline": "critic"}, 3, "a critic tells the advantages, as it expects"),
            Fits({"baseline": "group"}, -2, "groups have losses of their own"),
            Fits({"off_policy": True}, 1, _STALE),
            _OTHER,
        ),
        minds=("train the critic beside it on ppo_value_clip_loss, and add entropy_bonus",),
    ),
    Candidate(
        "reinforcement-learning",
        "grpo_loss",
        4.5,
        "advantages within a group of answers to one prompt, without a critic",
        "it compares answers within groups",
        (
            Fits({"baseline": "group"}, 4.5, _GROUP),
            Fits({"baseline": "none"}, -2, "there are no groups"),
            Fits({"long_answers": True}, -2, _LENGTH),
            Fits({"mixture_of_experts": True}, -1, "ratios of tokens are noisy where experts change"),
            Fits({"reference_model": True}, 0.5, "its KL term keeps it near the reference"),
            _NO_CRITIC,
            _OTHER,
        ),
        fills=("grpo_beta",),
    ),
    Candidate(
        "reinforcement-learning",
        "dapo_loss",
        3.5,
        "a higher upper clip, and every token of the batch alike",
        "it drops the KL term, and its clips are tuned for long reasoning",
        (
            Fits({"baseline": "group"}, 3.5, _GROUP),
            Fits({"long_answers": True}, 4, "every token counts alike, in long and in short answers"),
            Fits({"baseline": "none"}, -2, "there are no groups"),
            _NO_CRITIC,
            _OTHER,
        ),
    ),
    Candidate(
        "reinforcement-learning",
        "dr_grpo_loss",
        3,
        "GRPO without its bias of length",
        "it divides by a constant length, which is to be chosen",
        (
            Fits({"baseline": "group"}, 3, _GROUP),
            Fits({"long_answers": True}, 4, "its sums over tokens have no bias of length"),
            Fits({"baseline": "none"}, -2, "there are no groups"),
            Fits({"reference_model": True}, 0.5, "its KL term keeps it near the reference"),
            _NO_CRITIC,
            _OTHER,
        ),
        fills=("grpo_beta",),
    ),
    Candidate(
        "reinforcement-learning",
        "gspo_loss",
        2.5,
        "one ratio for a whole sequence",
        "one stale token clips its whole sequence",
        (
            Fits(
                {"mixture_of_experts": True},
                7,
                "ratios of tokens are noisy where experts change; that of a sequence is not",
            ),
            Fits({"baseline": "group"}, 2, _GROUP),
            _NO_CRITIC,
            _OTHER,
        ),
    ),
    Candidate(
        "reinforcement-learning",
        "cispo_loss",
        3,
        "weights are bounded, and no token loses its gradient",
        "its weights are held constant: it is a policy gradient, not a clipped objective",
        (
            Fits({"off_policy": True}, 3, _STALE),
            Fits({"long_answers": True}, 1, "rare tokens that matter are not clipped away"),
            Fits({"off_policy": False}, -2, "samples are fresh: weights are 1"),
            _OTHER,
        ),
    ),
    Candidate(
        "reinforcement-learning",
        "importance_sampling_loss",
        3,
        "the policy gradient, corrected for who wrote the samples",
        "its ratios are not bounded: the variance grows with the distance of the policies",
        (
            Fits({"off_policy": True}, 4.5, _STALE),
            Fits({"off_policy": False}, -3, "samples are fresh: ratios are 1, and reinforce_loss is the same"),
            _OTHER,
        ),
    ),
    Candidate(
        "reinforcement-learning",
        "reinforce_loss",
        3.5,
        "the policy gradient itself",
        "it may use each sample once: with several steps to a batch it drifts",
        (
            Fits({"off_policy": False}, 4, "samples are fresh, and used once"),
            Fits({"baseline": "none"}, 3, "there is no critic and no group"),
            Fits({"baseline": "critic"}, -2, "with a critic, PPO takes several steps on each batch"),
            Fits({"off_policy": True}, -8, "another policy wrote the samples, and it takes them for its own"),
            _OTHER,
        ),
    ),
    Candidate(
        "reinforcement-learning",
        "dro_loss",
        2,
        "the policy gradient with a squared penalty for leaving the old policy",
        "its weight beta trades reward for staying",
        (Fits({"off_policy": True}, 3, "samples may come from anywhere"), _OTHER),
    ),
    Candidate(
        "reinforcement-learning",
        "ppo_value_clip_loss",
        -5,
        "squared errors of values that may leave the old ones only so far",
        "it trains the critic",
        (Fits({"part": "critic"}, 14, "the critic is what is trained, and its steps are clipped as the policy's are"),),
    ),
    Candidate(
        "reinforcement-learning",
        "huber_loss",
        -6,
        "returns as numbers, forgiving to strays",
        "it trains a critic or Q-values",
        (Fits({"part": "critic"}, 11.5, "returns jump, and it bounds what one of them pulls"),),
        fills=("delta",),
    ),
    Candidate(
        "reinforcement-learning",
        "mse_loss",
        -6,
        "returns as numbers",
        "it trains a critic",
        (Fits({"part": "critic"}, 11, "its minimum is the expected return"),),
    ),
    Candidate(
        "reinforcement-learning",
        "kl_estimator",
        -5,
        "an estimate of how far the policy is from its reference, of the tokens that it wrote",
        "it is a term beside a loss of the policy",
        (Fits({"part": "kl"}, 14, "the term that keeps the policy near its reference is what is wanted"),),
        fills=("estimator",),
    ),
    Candidate(
        "reinforcement-learning",
        "kl_div_loss",
        -6,
        "the divergence over all tokens of the vocabulary",
        "it needs the whole distribution of both policies at every token",
        (Fits({"part": "kl"}, 10, "exact, where whole distributions are at hand"),),
        fills=("batchmean",),
    ),
    Candidate(
        "reinforcement-learning",
        "entropy_bonus",
        -5,
        "a term that keeps a policy exploring",
        "it is a term beside a loss of the policy",
        (Fits({"part": "exploration"}, 14, "the policy settles too early, and it pays for staying open"),),
        minds=("its weight is near 0.01, and falls over training",),
    ),
    Candidate(
        "reinforcement-learning",
        "entropy",
        -6,
        "the entropy of any distribution over classes",
        "for tokens of a policy there is entropy_bonus, which knows masks and signs",
        (Fits({"part": "exploration"}, 11, "with a weight below 0"),),
    ),
)
