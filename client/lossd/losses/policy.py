"""The losses of the policy family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from lossd.loss import Loss


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CISPOLoss(Loss):
    """Clipped importance weights: the ratio is bounded and held constant, no token loses its gradient.

    Formula: -sg(clip(r, 1 - clip_ratio_low, 1 + clip_ratio_high))·A·log π, sg having no gradient

    Args:
        clip_ratio_low: how far the ratio may fall below 1; from 1 on, freely; at least 0; default 1.
        clip_ratio_high: how far it may rise above 1; at least 0; default 0.2.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_mean.

    Inputs:
        log_probs: log-probabilities of the tokens under the policy that learns; floating, (N,T).
        old_log_probs: those under the policy that wrote the tokens; floating, (N,T).
        advantages: advantage of each token, or one for each sequence; floating, (N,T) or (N,).
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - old_log_probs come from the policy that wrote the tokens: with those of the present one every ratio is 1
        - its value says little: where all ratios are 1 it is -A·log π, not -A
        - TRL's epsilon_high is the bound itself, 1 + clip_ratio_high

    Example:
        >>> CISPOLoss()
        CISPOLoss()

        client.evaluate(
            lossd.CISPOLoss(),
            [[-1.0, -2.0], [-0.5, -1.5]],
            [[-1.5, -2.0], [-0.5, -1.0]],
            [1.0, -1.0],
        ).value   # 0.44755101203918457

    Reference: https://arxiv.org/abs/2506.13585
    """

    clip_ratio_low: float | None = None
    clip_ratio_high: float | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"log_probs": True, "old_log_probs": True, "advantages": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("cispo",)
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DAPOLoss(Loss):
    """Decoupled clip policy optimisation: a higher upper clip, and every token of the batch alike.

    Formula: -min(A·r, A·clip(r, 1 - clip_ratio_low, 1 + clip_ratio_high)), r = exp(log π - log π_old)

    Args:
        clip_ratio_low: how far the ratio may fall below 1; at least 0; default 0.2.
        clip_ratio_high: how far it may rise above 1; at least 0; default 0.28.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_mean.

    Inputs:
        log_probs: log-probabilities of the tokens under the policy that learns; floating, (N,T).
        old_log_probs: those under the policy that wrote the tokens; floating, (N,T).
        advantages: advantage of each token, or one for each sequence; floating, (N,T) or (N,).
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - old_log_probs come from the policy that wrote the tokens: with those of the present one every ratio is 1
        - dynamic sampling and the penalty of overlong answers are the caller's

    Example:
        >>> DAPOLoss()
        DAPOLoss()

        client.evaluate(
            lossd.DAPOLoss(),
            [[-1.0, -2.0], [-0.5, -1.5]],
            [[-1.5, -2.0], [-0.5, -1.0]],
            [1.0, -1.0],
        ).value   # -0.11999998986721039

    Reference: https://arxiv.org/abs/2503.14476
    """

    clip_ratio_low: float | None = None
    clip_ratio_high: float | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"log_probs": True, "old_log_probs": True, "advantages": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("dapo", "clip_higher")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DrGRPOLoss(Loss):
    """GRPO without its bias of length: sums over tokens, divided by one constant.

    Formula: (-min(A·r, A·clip(r, 1 - low, 1 + high)) + beta·k3) / max_tokens

    Args:
        max_tokens: the most tokens of an answer; T unless given; at least 1.
        clip_ratio: how far the ratio may leave 1 either way; at least 0; default 0.2.
        clip_ratio_low: how far below 1; clip_ratio unless given; at least 0.
        clip_ratio_high: how far above 1; clip_ratio unless given; at least 0.
        clip_ratio_c: bound of the ratio where the advantage is negative (dual clip); above 1.
        beta: weight of the KL estimate k3; needs ref_log_probs, and they need it; at least 0.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default seq_mean_token_sum.

    Inputs:
        log_probs: log-probabilities of the tokens under the policy that learns; floating, (N,T).
        old_log_probs: those under the policy that wrote the tokens; floating, (N,T).
        advantages: advantage of each token, or one for each sequence; floating, (N,T) or (N,).
        ref_log_probs: those under the reference policy; floating, (N,T), optional.
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - old_log_probs come from the policy that wrote the tokens: with those of the present one every ratio is 1
        - without beta and ref_log_probs there is no KL term
        - give max_tokens, or the padding of a batch scales its gradient
        - advantages are reward - mean, without the standard deviation
        - the mean is over sequences that keep a token; verl's seq-mean-token-sum-norm divides by none of them

    Example:
        >>> DrGRPOLoss(max_tokens=4)
        DrGRPOLoss(max_tokens=4)

        client.evaluate(
            lossd.DrGRPOLoss(max_tokens=4),
            [[-1.0, -2.0], [-0.5, -1.5]],
            [[-1.5, -2.0], [-0.5, -1.0]],
            [1.0, -1.0],
        ).value   # -0.050000011920928955

    Reference: https://arxiv.org/abs/2503.20783
    """

    max_tokens: int | None = None
    clip_ratio: float | None = None
    clip_ratio_low: float | None = None
    clip_ratio_high: float | None = None
    clip_ratio_c: float | None = None
    beta: float | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {
        "log_probs": True,
        "old_log_probs": True,
        "advantages": True,
        "ref_log_probs": True,
        "mask": False,
    }
    ALIASES: ClassVar[tuple[str, ...]] = ("dr_grpo", "dr.grpo")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["ref_log_probs", "mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DROLoss(Loss):
    """Direct reward optimisation: the policy gradient with a squared penalty for leaving the old policy.

    Formula: -A·log π + beta/2·(log π - log π_old)²

    Args:
        beta: weight of the penalty; at least 0; default 0.05.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_sum.

    Inputs:
        log_probs: log-probabilities of the tokens under the policy that learns; floating, (N,T).
        old_log_probs: those under the policy that wrote the tokens; floating, (N,T).
        advantages: advantage of each token, or one for each sequence; floating, (N,T) or (N,).
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - its default is a sum, which grows with the batch: scale the learning rate, or aggregate by token_mean
        - the penalty is of each token; the paper squares the log-ratio of the whole answer

    Example:
        >>> DROLoss()
        DROLoss()

        client.evaluate(
            lossd.DROLoss(),
            [[-1.0, -2.0], [-0.5, -1.5]],
            [[-1.5, -2.0], [-0.5, -1.0]],
            [1.0, -1.0],
        ).value   # 1.0124999284744263

    Reference: https://arxiv.org/abs/2405.19107
    """

    beta: float | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"log_probs": True, "old_log_probs": True, "advantages": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("dro", "direct_reward_optimization")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GRPOLoss(Loss):
    """Group relative policy optimisation: PPO's clip, a KL term, the mean of each sequence's mean.

    Formula: -min(A·r, A·clip(r, 1 - low, 1 + high)) + beta·k3, k3 = exp(-d) - 1 + d, d = log π - log π_ref

    Args:
        clip_ratio: how far the ratio may leave 1 either way; at least 0; default 0.2.
        clip_ratio_low: how far below 1; clip_ratio unless given; at least 0.
        clip_ratio_high: how far above 1; clip_ratio unless given; at least 0.
        clip_ratio_c: bound of the ratio where the advantage is negative (dual clip); above 1.
        beta: weight of the KL estimate k3; needs ref_log_probs, and they need it; at least 0.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default seq_mean_token_mean.

    Inputs:
        log_probs: log-probabilities of the tokens under the policy that learns; floating, (N,T).
        old_log_probs: those under the policy that wrote the tokens; floating, (N,T).
        advantages: advantage of each token, or one for each sequence; floating, (N,T) or (N,).
        ref_log_probs: those under the reference policy; floating, (N,T), optional.
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - old_log_probs come from the policy that wrote the tokens: with those of the present one every ratio is 1
        - without beta and ref_log_probs there is no KL term
        - advantages are those of the group, (reward - mean) / standard deviation: compute them before
        - the mean of each sequence favours short right answers and long wrong ones: see dr_grpo_loss, dapo_loss

    Example:
        >>> GRPOLoss(beta=0.04)
        GRPOLoss(beta=0.04)

        client.evaluate(
            lossd.GRPOLoss(beta=0.04),
            [[-1.0, -2.0], [-0.5, -1.5]],
            [[-1.5, -2.0], [-0.5, -1.0]],
            [1.0, -1.0],
            [[-1.2, -1.8], [-0.4, -1.1]],
        ).value   # -0.09862872958183289

    Reference: https://arxiv.org/abs/2402.03300
    """

    clip_ratio: float | None = None
    clip_ratio_low: float | None = None
    clip_ratio_high: float | None = None
    clip_ratio_c: float | None = None
    beta: float | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {
        "log_probs": True,
        "old_log_probs": True,
        "advantages": True,
        "ref_log_probs": True,
        "mask": False,
    }
    ALIASES: ClassVar[tuple[str, ...]] = ("grpo",)
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["ref_log_probs", "mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GSPOLoss(Loss):
    """Group sequence policy optimisation: one ratio for a sequence, the geometric mean of its tokens'.

    Formula: -min(A·s, A·clip(s, 1 - clip_ratio_low, 1 + clip_ratio_high)), s = exp(mean(log π - log π_old))

    Args:
        clip_ratio_low: how far the ratio may fall below 1; at least 0; default 0.0003.
        clip_ratio_high: how far it may rise above 1; at least 0; default 0.0004.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default seq_mean_token_mean.

    Inputs:
        log_probs: log-probabilities of the tokens under the policy that learns; floating, (N,T).
        old_log_probs: those under the policy that wrote the tokens; floating, (N,T).
        advantages: advantage of each token, or one for each sequence; floating, (N,T) or (N,).
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - old_log_probs come from the policy that wrote the tokens: with those of the present one every ratio is 1
        - ratios of sequences lie close to 1: clips of 0.2, as for tokens, never clip
        - a token's gradient is s times that of its log-probability: only seq_mean_token_mean adds up to that of s

    Example:
        >>> GSPOLoss()
        GSPOLoss()

        client.evaluate(
            lossd.GSPOLoss(),
            [[-1.0, -2.0], [-0.5, -1.5]],
            [[-1.5, -2.0], [-0.5, -1.0]],
            [1.0, -1.0],
        ).value   # -0.00034996867179870605

    Reference: https://arxiv.org/abs/2507.18071
    """

    clip_ratio_low: float | None = None
    clip_ratio_high: float | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"log_probs": True, "old_log_probs": True, "advantages": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("gspo", "gspo_token")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ImportanceSamplingLoss(Loss):
    """The policy gradient for tokens that another policy wrote: ratios weighted by advantages.

    Formula: -A·r, r = exp(log π - log π_old)

    Args:
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_sum.

    Inputs:
        log_probs: log-probabilities of the tokens under the policy that learns; floating, (N,T).
        old_log_probs: those under the policy that wrote the tokens; floating, (N,T).
        advantages: advantage of each token, or one for each sequence; floating, (N,T) or (N,).
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - old_log_probs come from the policy that wrote the tokens: with those of the present one every ratio is 1
        - its default is a sum, which grows with the batch: scale the learning rate, or aggregate by token_mean
        - nothing bounds the ratio: one unlikely token may outweigh the batch

    Example:
        >>> ImportanceSamplingLoss()
        ImportanceSamplingLoss()

        client.evaluate(
            lossd.ImportanceSamplingLoss(),
            [[-1.0, -2.0], [-0.5, -1.5]],
            [[-1.5, -2.0], [-0.5, -1.0]],
            [1.0, -1.0],
        ).value   # -1.0421905517578125

    Reference: https://tinker-docs.thinkingmachines.ai/losses
    """

    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"log_probs": True, "old_log_probs": True, "advantages": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("importance_sampling", "off_policy_policy_gradient")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PPOClipLoss(Loss):
    """Proximal policy optimisation: the ratio earns nothing beyond a clip around 1.

    Formula: -min(A·r, A·clip(r, 1 - low, 1 + high)), at most -A·clip_ratio_c where A < 0; r = exp(log π - log π_old)

    Args:
        clip_ratio: how far the ratio may leave 1 either way; at least 0; default 0.2.
        clip_ratio_low: how far below 1; clip_ratio unless given; at least 0.
        clip_ratio_high: how far above 1; clip_ratio unless given; at least 0.
        clip_ratio_c: bound of the ratio where the advantage is negative (dual clip); above 1.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_mean.

    Inputs:
        log_probs: log-probabilities of the tokens under the policy that learns; floating, (N,T).
        old_log_probs: those under the policy that wrote the tokens; floating, (N,T).
        advantages: advantage of each token, or one for each sequence; floating, (N,T) or (N,).
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - old_log_probs come from the policy that wrote the tokens: with those of the present one every ratio is 1
        - clipped tokens have no gradient: a batch where all are clipped teaches nothing
        - verl sets clip_ratio_c to 3 by itself; here the dual clip is off unless set

    Example:
        >>> PPOClipLoss()
        PPOClipLoss()

        client.evaluate(
            lossd.PPOClipLoss(),
            [[-1.0, -2.0], [-0.5, -1.5]],
            [[-1.5, -2.0], [-0.5, -1.0]],
            [1.0, -1.0],
        ).value   # -0.10000000894069672

    Reference: https://arxiv.org/abs/1707.06347
    """

    clip_ratio: float | None = None
    clip_ratio_low: float | None = None
    clip_ratio_high: float | None = None
    clip_ratio_c: float | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"log_probs": True, "old_log_probs": True, "advantages": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("ppo", "ppo_clip", "dual_clip_ppo")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReinforceLoss(Loss):
    """The policy gradient: log-probabilities weighted by advantages.

    Formula: -A·log π

    Args:
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default seq_mean_token_sum.

    Inputs:
        log_probs: log-probabilities of the tokens under the policy that learns; floating, (N,T).
        advantages: advantage of each token, or one for each sequence; floating, (N,T) or (N,).
        mask: tokens that count; all of them without it; bool, or numbers of which 0 means off, (N,T), optional.

    Traps:
        - right only for tokens that the present policy wrote; for older ones take importance_sampling_loss

    Example:
        >>> ReinforceLoss()
        ReinforceLoss()

        client.evaluate(lossd.ReinforceLoss(), [[-1.0, -2.0], [-0.5, -1.5]], [1.0, -1.0]).value   # 0.5

    Reference: https://doi.org/10.1007/BF00992696
    """

    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"log_probs": True, "advantages": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("reinforce", "policy_gradient", "vanilla_policy_gradient", "vpg")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])
