"""Terms beside the loss of a policy, of tokens too: its critic, its distance to a reference, its entropy."""

from __future__ import annotations

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import weights
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind, Tensors
from lossd_server.losses.field import tokens
from lossd_server.losses.field.regularisers import entropy_of_logits
from lossd_server.losses.formula import AGGREGATION, FormulaEntry


def ppo_value_clip(values: Tensor, old_values: Tensor, returns: Tensor, *, cliprange_value: float) -> Tensor:
    """Half the larger of two squared errors: of the value, and of the value held near the old one."""
    near = old_values + (values - old_values).clamp(-cliprange_value, cliprange_value)
    return 0.5 * torch.maximum((values - returns).square(), (near - returns).square())


def kl_estimator(log_probs: Tensor, ref_log_probs: Tensor, *, estimator: str) -> Tensor:
    """k1 = d, k2 = d²/2, k3 = e⁻ᵈ − 1 + d with d = log π − log π_ref."""
    difference = log_probs - ref_log_probs
    if estimator == "k1":
        return difference
    return 0.5 * difference.square() if estimator == "k2" else torch.expm1(-difference) + difference


def entropy_bonus(logits: Tensor) -> Tensor:
    """−H(softmax(logits)) of each token."""
    return -entropy_of_logits(logits, -1)


def _logits(tensors: Tensors, arguments: Arguments) -> None:
    """(N,T,V) with a mask (N,T)."""
    logits = tensors["logits"]
    if logits.dim() != 3 or logits.shape[2] == 0:
        raise Fault(
            "SHAPE_MISMATCH",
            f"logits has shape {shape_text(logits.shape)}; expected (N, T, V) with V at least 1",
            field="inputs.logits",
        )
    if "mask" in tensors:
        tokens.require_shape(tensors, "mask", logits.shape[:2], like="logits")


ENTRIES: tuple[FormulaEntry, ...] = (
    FormulaEntry(
        name="ppo_value_clip_loss",
        class_name="PPOValueClipLoss",
        summary="The loss of PPO's critic: squared errors of values that may leave the old ones only so far.",
        formula="max((v - R)², (clip(v, v_old - cliprange_value, v_old + cliprange_value) - R)²) / 2",
        inputs=(
            Input("values", Kind.FLOAT, "(N,T)", "values that the critic predicts"),
            Input("old_values", Kind.FLOAT, "(N,T)", "those it predicted when the tokens were written"),
            Input("returns", Kind.FLOAT, "(N,T)", "what it should have predicted"),
            tokens.MASK,
        ),
        arguments=(
            Argument("cliprange_value", float, 0.5, "how far a value may leave the old one", least=0),
            AGGREGATION,
        ),
        reductions=(),
        function=ppo_value_clip,
        shapes=tokens.shapes("values", "old_values", "returns"),
        weight=weights.tokens,
        spans=("values",),
        traps=("the clip is in units of returns: scale it with them", "the half is inside, as in verl: vf_coef is not"),
        tasks=tokens.TASKS,
        aliases=("ppo_value_clip", "value_clip", "value_loss", "clipped_value_loss"),
        example=Example({"values": [[1.0, 2.0]], "old_values": [[0.0, 2.0]], "returns": [[1.5, 1.0]]}, 0.5),
        source="https://arxiv.org/abs/1707.06347",
    ),
    FormulaEntry(
        name="kl_estimator",
        class_name="KLEstimator",
        summary="Estimates of KL(policy ‖ reference) from the tokens that the policy wrote.",
        formula="with d = log π - log π_ref: k1 = d, k2 = d²/2, k3 = exp(-d) - 1 + d",
        inputs=(tokens.LOG_PROBS, tokens.REF_LOG_PROBS, tokens.MASK),
        arguments=(
            Argument(
                "estimator",
                str,
                "k3",
                "which estimate",
                choices=("k1", "k2", "k3"),
                enum="KLEstimatorType",
                explained={
                    "k1": "the log-ratio: unbiased, of either sign",
                    "k2": "half its square: biased, the gradient of which is right",
                    "k3": "unbiased and never negative",
                },
            ),
            AGGREGATION,
        ),
        reductions=(),
        function=kl_estimator,
        shapes=tokens.shapes("log_probs", "ref_log_probs"),
        weight=weights.tokens,
        spans=("log_probs",),
        traps=(
            "as a loss, k1 teaches nothing: the mean of its gradient is 0",
            "the gradient of k3 is not that of the KL divergence; that of k2 is",
        ),
        tasks=tokens.TASKS,
        aliases=("k1", "k2", "k3", "kl_penalty", "low_var_kl"),
        example=Example({"log_probs": [[-1.0, -2.0]], "ref_log_probs": [[-1.5, -1.0]]}, 0.4124062657356262),
        source="http://joschu.net/blog/kl-approx.html",
    ),
    FormulaEntry(
        name="entropy_bonus",
        class_name="EntropyBonus",
        summary="Minus the entropy of each token's distribution: a term that keeps a policy exploring.",
        formula="Σ p·log p, p = softmax(logits)",
        inputs=(Input("logits", Kind.FLOAT, "(N,T,V)", "logits of the policy over V tokens"), tokens.MASK),
        arguments=(AGGREGATION,),
        reductions=(),
        function=entropy_bonus,
        shapes=_logits,
        weight=weights.tokens,
        spans=("logits",),
        traps=(
            "it is negative: as a term of a loss its weight is positive, and the loss falls where the entropy rises",
            "libraries that return the entropy itself subtract it",
        ),
        tasks=(*tokens.TASKS, "regularisation"),
        aliases=("entropy_loss", "policy_entropy"),
        example=Example({"logits": [[[0.0, 0.0], [1.0, -1.0]]]}, -0.5292404890060425),
        source="https://arxiv.org/abs/1602.01783",
    ),
)
