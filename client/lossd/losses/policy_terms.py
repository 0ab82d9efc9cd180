"""The losses of the policy terms family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from lossd.loss import Loss


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EntropyBonus(Loss):
    """Minus the entropy of each token's distribution: a term that keeps a policy exploring.

    Formula: Σ p·log p, p = softmax(logits)

    Args:
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_mean.

    Inputs:
        logits: logits of the policy over V tokens; floating, (N,T,V).
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - it is negative: as a term of a loss its weight is positive, and the loss falls where the entropy rises
        - libraries that return the entropy itself subtract it

    Example:
        >>> EntropyBonus()
        EntropyBonus()

        client.evaluate(lossd.EntropyBonus(), [[[0.0, 0.0], [1.0, -1.0]]]).value   # -0.5292404890060425

    Reference: https://arxiv.org/abs/1602.01783
    """

    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"logits": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("entropy_loss", "policy_entropy")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class KLEstimator(Loss):
    """Estimates of KL(policy ‖ reference) from the tokens that the policy wrote.

    Formula: with d = log π - log π_ref: k1 = d, k2 = d²/2, k3 = exp(-d) - 1 + d

    Args:
        estimator: which estimate; k1 (the log-ratio: unbiased, of either sign), k2 (half its square: biased, the
            gradient of which is right), k3 (unbiased and never negative); default k3.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_mean.

    Inputs:
        log_probs: log-probabilities of the tokens under the policy that learns; floating, (N,T).
        ref_log_probs: those under the reference policy; floating, (N,T).
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - as a loss, k1 teaches nothing: the mean of its gradient is 0
        - the gradient of k3 is not that of the KL divergence; that of k2 is

    Example:
        >>> KLEstimator()
        KLEstimator()

        client.evaluate(lossd.KLEstimator(), [[-1.0, -2.0]], [[-1.5, -1.0]]).value   # 0.4124062657356262

    Reference: http://joschu.net/blog/kl-approx.html
    """

    estimator: Literal["k1", "k2", "k3"] | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"log_probs": True, "ref_log_probs": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("k1", "k2", "k3", "kl_penalty", "low_var_kl")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PPOValueClipLoss(Loss):
    """The loss of PPO's critic: squared errors of values that may leave the old ones only so far.

    Formula: max((v - R)², (clip(v, v_old - cliprange_value, v_old + cliprange_value) - R)²) / 2

    Args:
        cliprange_value: how far a value may leave the old one; at least 0; default 0.5.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_mean.

    Inputs:
        values: values that the critic predicts; floating, (N,T).
        old_values: those it predicted when the tokens were written; floating, (N,T).
        returns: what it should have predicted; floating, (N,T).
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - the clip is in units of returns: scale it with them
        - the half is inside, as in verl: vf_coef is not

    Example:
        >>> PPOValueClipLoss()
        PPOValueClipLoss()

        client.evaluate(lossd.PPOValueClipLoss(), [[1.0, 2.0]], [[0.0, 2.0]], [[1.5, 1.0]]).value   # 0.5

    Reference: https://arxiv.org/abs/1707.06347
    """

    cliprange_value: float | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"values": True, "old_values": True, "returns": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("ppo_value_clip", "value_clip", "value_loss", "clipped_value_loss")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])
