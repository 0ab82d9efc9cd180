"""Losses of policies that are reinforced: of the log-probabilities of tokens and their advantages; sees no model."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses import weights
from lossd_server.losses.contract import Argument, Arguments, Example, Tensors
from lossd_server.losses.field import tokens
from lossd_server.losses.field.policy_terms import kl_estimator
from lossd_server.losses.formula import AGGREGATION, FormulaEntry, aggregated


def reinforce(log_probs: Tensor, advantages: Tensor) -> Tensor:
    """−A·log π."""
    return -_of_tokens(advantages) * log_probs


def importance_sampling(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor) -> Tensor:
    """−A·π/π_old."""
    return -_of_tokens(advantages) * torch.exp(log_probs - old_log_probs)


def ppo_clip(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    *,
    clip_ratio: float = 0.2,
    clip_ratio_low: float | None = None,
    clip_ratio_high: float | None = None,
    clip_ratio_c: float | None = None,
) -> Tensor:
    """−min(A·r, A·clip(r)), and at most −A·c where A < 0."""
    low = clip_ratio if clip_ratio_low is None else clip_ratio_low
    high = clip_ratio if clip_ratio_high is None else clip_ratio_high
    return _clipped(log_probs - old_log_probs, _of_tokens(advantages), low, high, clip_ratio_c)


def grpo(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    ref_log_probs: Tensor | None,
    *,
    beta: float | None,
    **clipping: Any,
) -> Tensor:
    """PPO's loss plus β·k3, which keeps the policy near the reference."""
    losses = ppo_clip(log_probs, old_log_probs, advantages, **clipping)
    if ref_log_probs is None or not beta:
        return losses
    return losses + beta * kl_estimator(log_probs, ref_log_probs, estimator="k3")


def dr_grpo(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    ref_log_probs: Tensor | None,
    *,
    max_tokens: int | None,
    **arguments: Any,
) -> Tensor:
    """GRPO's loss over a constant, so that sums over tokens favour no length."""
    losses = grpo(log_probs, old_log_probs, advantages, ref_log_probs, **arguments)
    return losses / (max(log_probs.shape[1], 1) if max_tokens is None else max_tokens)


def dapo(
    log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, *, clip_ratio_low: float, clip_ratio_high: float
) -> Tensor:
    """PPO's loss with a clip of its own either way."""
    return _clipped(log_probs - old_log_probs, _of_tokens(advantages), clip_ratio_low, clip_ratio_high, None)


def cispo(
    log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, *, clip_ratio_low: float, clip_ratio_high: float
) -> Tensor:
    """−sg(clip(r))·A·log π: every token keeps its gradient, with a bounded weight."""
    ratio = torch.exp(log_probs - old_log_probs).detach().clamp(1 - clip_ratio_low, 1 + clip_ratio_high)
    return -ratio * _of_tokens(advantages) * log_probs


def gspo(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    mask: Tensor | None,
    *,
    clip_ratio_low: float,
    clip_ratio_high: float,
) -> Tensor:
    """PPO's loss with the geometric mean of a sequence's ratios as the value of each, and each token's own gradient."""
    log_ratio = log_probs - old_log_probs
    kept = torch.ones_like(log_ratio, dtype=torch.bool) if mask is None else mask.bool()
    means = log_ratio.masked_fill(~kept, 0).sum(-1, keepdim=True) / kept.sum(-1, keepdim=True).clamp_min(1)
    own = log_probs - log_probs.detach()
    return _clipped(means.detach() + own, _of_tokens(advantages), clip_ratio_low, clip_ratio_high, None)


def dro(log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, *, beta: float) -> Tensor:
    """−(A·log π − β/2·(log π/π_old)²)."""
    return 0.5 * beta * (log_probs - old_log_probs).square() - _of_tokens(advantages) * log_probs


def _of_tokens(advantages: Tensor) -> Tensor:
    return advantages.unsqueeze(1) if advantages.dim() == 1 else advantages


def _clipped(log_ratio: Tensor, advantages: Tensor, low: float, high: float, most: float | None) -> Tensor:
    """−min(A·r, A·clip(r, 1 − low, 1 + high)), for A < 0 at most −A·most.

    It bounds r only where the minimum takes the bound: from above where A ≥ 0, from below where A < 0. It bounds
    the logarithm, so that what is cut off never overflows, and its gradient is 0 rather than 0 times infinity.
    """
    least = math.log(1 - low) if low < 1 else -math.inf
    worse = log_ratio.clamp(least, None if most is None else math.log(most))
    return -advantages * torch.where(advantages < 0, worse, log_ratio.clamp(max=math.log1p(high))).exp()


# The catalogue

_TOKENS = tokens.shapes("log_probs", "old_log_probs", "ref_log_probs", "advantages", of_sequences="advantages")


def _reference(tensors: Tensors, arguments: Arguments) -> None:
    """The reference's log-probabilities and their weight, both or neither."""
    _TOKENS(tensors, arguments)
    beta = arguments["beta"]
    if beta and "ref_log_probs" not in tensors:
        raise Fault("MISSING_FIELD", "beta is set, so ref_log_probs is needed", field="inputs.ref_log_probs")
    if beta is None and "ref_log_probs" in tensors:
        raise Fault(
            "MISSING_FIELD",
            "ref_log_probs is given, but beta, the weight of the KL term, is not: set it, such as 0.04",
            field=f"{arguments['path']}.beta",
        )


_REF_LOG_PROBS = replace(tokens.REF_LOG_PROBS, optional=True)
_RATIO_INPUTS = (tokens.LOG_PROBS, tokens.OLD_LOG_PROBS, tokens.ADVANTAGES)
_CLIPPING = (
    Argument("clip_ratio", float, 0.2, "how far the ratio may leave 1 either way", least=0),
    Argument("clip_ratio_low", float, None, "how far below 1; clip_ratio unless given", least=0),
    Argument("clip_ratio_high", float, None, "how far above 1; clip_ratio unless given", least=0),
    Argument("clip_ratio_c", float, None, "bound of the ratio where the advantage is negative (dual clip)", above=1),
)
_BETA = Argument("beta", float, None, "weight of the KL estimate k3; needs ref_log_probs, and they need it", least=0)
_OLD = "old_log_probs come from the policy that wrote the tokens: with those of the present one every ratio is 1"
_SUMS = "its default is a sum, which grows with the batch: scale the learning rate, or aggregate by token_mean"
_KL = "without beta and ref_log_probs there is no KL term"

_PAIR = {"log_probs": [[-1.0, -2.0], [-0.5, -1.5]], "old_log_probs": [[-1.5, -2.0], [-0.5, -1.0]]}
_GIVEN = {**_PAIR, "advantages": [1.0, -1.0]}

ENTRIES: tuple[FormulaEntry, ...] = (
    FormulaEntry(
        name="reinforce_loss",
        class_name="ReinforceLoss",
        summary="The policy gradient: log-probabilities weighted by advantages.",
        formula="-A·log π",
        inputs=(tokens.LOG_PROBS, tokens.ADVANTAGES, tokens.MASK),
        arguments=(aggregated("seq_mean_token_sum"),),
        reductions=(),
        function=reinforce,
        shapes=_TOKENS,
        weight=weights.tokens,
        spans=("log_probs",),
        traps=("right only for tokens that the present policy wrote; for older ones take importance_sampling_loss",),
        tasks=tokens.TASKS,
        aliases=("reinforce", "policy_gradient", "vanilla_policy_gradient", "vpg"),
        example=Example({"log_probs": _GIVEN["log_probs"], "advantages": [1.0, -1.0]}, 0.5),
        source="https://doi.org/10.1007/BF00992696",
    ),
    FormulaEntry(
        name="importance_sampling_loss",
        class_name="ImportanceSamplingLoss",
        summary="The policy gradient for tokens that another policy wrote: ratios weighted by advantages.",
        formula="-A·r, r = exp(log π - log π_old)",
        inputs=(*_RATIO_INPUTS, tokens.MASK),
        arguments=(aggregated("token_sum"),),
        reductions=(),
        function=importance_sampling,
        shapes=_TOKENS,
        weight=weights.tokens,
        spans=("log_probs",),
        traps=(_OLD, _SUMS, "nothing bounds the ratio: one unlikely token may outweigh the batch"),
        tasks=tokens.TASKS,
        aliases=("importance_sampling", "off_policy_policy_gradient"),
        example=Example(_GIVEN, -1.0421905517578125),
        source="https://tinker-docs.thinkingmachines.ai/losses",
    ),
    FormulaEntry(
        name="ppo_clip_loss",
        class_name="PPOClipLoss",
        summary="Proximal policy optimisation: the ratio earns nothing beyond a clip around 1.",
        formula="-min(A·r, A·clip(r, 1 - low, 1 + high)), at most -A·clip_ratio_c where A < 0; "
        "r = exp(log π - log π_old)",
        inputs=(*_RATIO_INPUTS, tokens.MASK),
        arguments=(*_CLIPPING, AGGREGATION),
        reductions=(),
        function=ppo_clip,
        shapes=_TOKENS,
        weight=weights.tokens,
        spans=("log_probs",),
        traps=(
            _OLD,
            "clipped tokens have no gradient: a batch where all are clipped teaches nothing",
            "verl sets clip_ratio_c to 3 by itself; here the dual clip is off unless set",
        ),
        tasks=tokens.TASKS,
        aliases=("ppo", "ppo_clip", "dual_clip_ppo"),
        example=Example(_GIVEN, -0.10000000894069672),
        source="https://arxiv.org/abs/1707.06347",
    ),
    FormulaEntry(
        name="grpo_loss",
        class_name="GRPOLoss",
        summary="Group relative policy optimisation: PPO's clip, a KL term, the mean of each sequence's mean.",
        formula="-min(A·r, A·clip(r, 1 - low, 1 + high)) + beta·k3, k3 = exp(-d) - 1 + d, d = log π - log π_ref",
        inputs=(*_RATIO_INPUTS, _REF_LOG_PROBS, tokens.MASK),
        arguments=(*_CLIPPING, _BETA, aggregated("seq_mean_token_mean")),
        reductions=(),
        function=grpo,
        shapes=_reference,
        weight=weights.tokens,
        spans=("log_probs",),
        traps=(
            _OLD,
            _KL,
            "advantages are those of the group, (reward - mean) / standard deviation: compute them before",
            "the mean of each sequence favours short right answers and long wrong ones: see dr_grpo_loss, dapo_loss",
        ),
        tasks=tokens.TASKS,
        aliases=("grpo",),
        example=Example(
            {**_GIVEN, "ref_log_probs": [[-1.2, -1.8], [-0.4, -1.1]]}, -0.09862872958183289, {"beta": 0.04}
        ),
        source="https://arxiv.org/abs/2402.03300",
    ),
    FormulaEntry(
        name="dr_grpo_loss",
        class_name="DrGRPOLoss",
        summary="GRPO without its bias of length: sums over tokens, divided by one constant.",
        formula="(-min(A·r, A·clip(r, 1 - low, 1 + high)) + beta·k3) / max_tokens",
        inputs=(*_RATIO_INPUTS, _REF_LOG_PROBS, tokens.MASK),
        arguments=(
            Argument("max_tokens", int, None, "the most tokens of an answer; T unless given", least=1),
            *_CLIPPING,
            _BETA,
            aggregated("seq_mean_token_sum"),
        ),
        reductions=(),
        function=dr_grpo,
        shapes=_reference,
        weight=weights.tokens,
        spans=("log_probs",),
        traps=(
            _OLD,
            _KL,
            "give max_tokens, or the padding of a batch scales its gradient",
            "advantages are reward - mean, without the standard deviation",
            "the mean is over sequences that keep a token; verl's seq-mean-token-sum-norm divides by none of them",
        ),
        tasks=tokens.TASKS,
        aliases=("dr_grpo", "dr.grpo"),
        example=Example(_GIVEN, -0.050000011920928955, {"max_tokens": 4}),
        source="https://arxiv.org/abs/2503.20783",
    ),
    FormulaEntry(
        name="dapo_loss",
        class_name="DAPOLoss",
        summary="Decoupled clip policy optimisation: a higher upper clip, and every token of the batch alike.",
        formula="-min(A·r, A·clip(r, 1 - clip_ratio_low, 1 + clip_ratio_high)), r = exp(log π - log π_old)",
        inputs=(*_RATIO_INPUTS, tokens.MASK),
        arguments=(
            Argument("clip_ratio_low", float, 0.2, "how far the ratio may fall below 1", least=0),
            Argument("clip_ratio_high", float, 0.28, "how far it may rise above 1", least=0),
            AGGREGATION,
        ),
        reductions=(),
        function=dapo,
        shapes=_TOKENS,
        weight=weights.tokens,
        spans=("log_probs",),
        traps=(_OLD, "dynamic sampling and the penalty of overlong answers are the caller's"),
        tasks=tokens.TASKS,
        aliases=("dapo", "clip_higher"),
        example=Example(_GIVEN, -0.11999998986721039),
        source="https://arxiv.org/abs/2503.14476",
    ),
    FormulaEntry(
        name="cispo_loss",
        class_name="CISPOLoss",
        summary="Clipped importance weights: the ratio is bounded and held constant, no token loses its gradient.",
        formula="-sg(clip(r, 1 - clip_ratio_low, 1 + clip_ratio_high))·A·log π, sg having no gradient",
        inputs=(*_RATIO_INPUTS, tokens.MASK),
        arguments=(
            Argument("clip_ratio_low", float, 1.0, "how far the ratio may fall below 1; from 1 on, freely", least=0),
            Argument("clip_ratio_high", float, 0.2, "how far it may rise above 1", least=0),
            AGGREGATION,
        ),
        reductions=(),
        function=cispo,
        shapes=_TOKENS,
        weight=weights.tokens,
        spans=("log_probs",),
        traps=(
            _OLD,
            "its value says little: where all ratios are 1 it is -A·log π, not -A",
            "TRL's epsilon_high is the bound itself, 1 + clip_ratio_high",
        ),
        tasks=tokens.TASKS,
        aliases=("cispo",),
        example=Example(_GIVEN, 0.44755101203918457),
        source="https://arxiv.org/abs/2506.13585",
    ),
    FormulaEntry(
        name="gspo_loss",
        class_name="GSPOLoss",
        summary="Group sequence policy optimisation: one ratio for a sequence, the geometric mean of its tokens'.",
        formula="-min(A·s, A·clip(s, 1 - clip_ratio_low, 1 + clip_ratio_high)), s = exp(mean(log π - log π_old))",
        inputs=(*_RATIO_INPUTS, tokens.MASK),
        arguments=(
            Argument("clip_ratio_low", float, 3e-4, "how far the ratio may fall below 1", least=0),
            Argument("clip_ratio_high", float, 4e-4, "how far it may rise above 1", least=0),
            aggregated("seq_mean_token_mean"),
        ),
        reductions=(),
        function=gspo,
        reads_mask=True,
        shapes=_TOKENS,
        weight=weights.tokens,
        spans=("log_probs",),
        traps=(
            _OLD,
            "ratios of sequences lie close to 1: clips of 0.2, as for tokens, never clip",
            "a token's gradient is s times that of its log-probability: only seq_mean_token_mean adds up to that of s",
        ),
        tasks=tokens.TASKS,
        aliases=("gspo", "gspo_token"),
        example=Example(_GIVEN, -0.00034996867179870605),
        source="https://arxiv.org/abs/2507.18071",
    ),
    FormulaEntry(
        name="dro_loss",
        class_name="DROLoss",
        summary="Direct reward optimisation: the policy gradient with a squared penalty for leaving the old policy.",
        formula="-A·log π + beta/2·(log π - log π_old)²",
        inputs=(*_RATIO_INPUTS, tokens.MASK),
        arguments=(Argument("beta", float, 0.05, "weight of the penalty", least=0), aggregated("token_sum")),
        reductions=(),
        function=dro,
        shapes=_TOKENS,
        weight=weights.tokens,
        spans=("log_probs",),
        traps=(_SUMS, "the penalty is of each token; the paper squares the log-ratio of the whole answer"),
        tasks=tokens.TASKS,
        aliases=("dro", "direct_reward_optimization"),
        example=Example(_GIVEN, 1.0124999284744263),
        source="https://arxiv.org/abs/2405.19107",
    ),
)
