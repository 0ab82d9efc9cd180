"""The losses of the distillation family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from lossd.loss import Loss


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GeneralizedJSDLoss(Loss):
    """Generalised Jensen-Shannon divergence, between forward and reverse KL, as in on-policy distillation.

    Formula: beta KL(teacher ‖ M) + (1 - beta) KL(student ‖ M), M = beta p_teacher + (1 - beta) p_student, p =
        softmax(logits / T), per token; beta 0: KL(teacher ‖ student), beta 1: KL(student ‖ teacher)

    Args:
        beta: weight of the teacher in the mixture; 0 and 1 are the KLs; at least 0 and at most 1; default 0.5.
        temperature: both logits are divided by it; above 0; default 1.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_mean.

    Inputs:
        student_logits: raw scores of the student; floating, (N,T,V) or (N,V).
        teacher_logits: raw scores of the teacher over the same V; floating, as student_logits.
        mask: tokens that count; bool, or numbers of which 0 means off, (N,T) or (N,), optional.

    Traps:
        - beta 0 is the forward KL(teacher ‖ student) and beta 1 the reverse: the formula itself would be 0 at both
        - near 0 and 1 the loss is about beta or 1 - beta times those, so it jumps there
        - there is no factor T²: gradients shrink as the temperature grows
        - takes raw logits on both sides: probabilities or log-probabilities go unnoticed

    Example:
        >>> GeneralizedJSDLoss()
        GeneralizedJSDLoss()

        client.evaluate(
            lossd.GeneralizedJSDLoss(),
            [[[1.0, 0.0, -1.0]]],
            [[[2.0, 0.0, 0.0]]],
        ).value   # 0.016873545944690704

    Reference: https://huggingface.co/docs/trl/gkd_trainer
    """

    beta: float | None = None
    temperature: float | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"student_logits": True, "teacher_logits": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("generalized_jsd", "gkd", "jsd", "jensen_shannon")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class KDKLLoss(Loss):
    """Forward divergence KL(teacher ‖ student) of softened distributions, times T²: mean-seeking.

    Formula: T² Σ p_teacher (log p_teacher - log p_student), p = softmax(logits / T), per token

    Args:
        temperature: both logits are divided by it; above 0; default 1.
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_mean.

    Inputs:
        student_logits: raw scores of the student; floating, (N,T,V) or (N,V).
        teacher_logits: raw scores of the teacher over the same V; floating, as student_logits.
        mask: tokens that count; bool, or numbers of which 0 means off, (N,T) or (N,), optional.

    Traps:
        - takes raw logits on both sides: probabilities or log-probabilities go unnoticed
        - the factor T² is inside, so that gradients keep their size as T grows; do not multiply once more
        - the teacher comes first: KL(student ‖ teacher) is reverse_kl_loss
        - a gradient of teacher_logits exists too; ask for that of student_logits alone

    Example:
        >>> KDKLLoss(temperature=2.0)
        KDKLLoss(temperature=2.0)

        client.evaluate(
            lossd.KDKLLoss(temperature=2.0),
            [[[1.0, 0.0, -1.0]]],
            [[[2.0, 0.0, 0.0]]],
        ).value   # 0.09141702950000763

    Reference: https://arxiv.org/abs/1503.02531
    """

    temperature: float | None = None
    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"student_logits": True, "teacher_logits": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("kd_kl", "kd", "forward_kl", "distillation_loss", "knowledge_distillation")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReverseKLLoss(Loss):
    """Reverse divergence KL(student ‖ teacher): mode-seeking.

    Formula: Σ p_student (log p_student - log p_teacher), p = softmax(logits), per token

    Args:
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_mean.

    Inputs:
        student_logits: raw scores of the student; floating, (N,T,V) or (N,V).
        teacher_logits: raw scores of the teacher over the same V; floating, as student_logits.
        mask: tokens that count; bool, or numbers of which 0 means off, (N,T) or (N,), optional.

    Traps:
        - takes raw logits on both sides: probabilities or log-probabilities go unnoticed
        - the student comes first: KL(teacher ‖ student) is kd_kl_loss
        - infinite where the teacher rules out, with a logit of -inf, what the student does not

    Example:
        >>> ReverseKLLoss()
        ReverseKLLoss()

        client.evaluate(lossd.ReverseKLLoss(), [[[1.0, 0.0, -1.0]]], [[[2.0, 0.0, 0.0]]]).value   # 0.0766674056649208

    Reference: https://arxiv.org/abs/2306.08543
    """

    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"student_logits": True, "teacher_logits": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("reverse_kl", "minillm")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TVDLoss(Loss):
    """Total variation distance of student and teacher: symmetric, from 0 to 1.

    Formula: ½ Σ |p_student - p_teacher|, p = softmax(logits), per token

    Args:
        aggregation: how losses of tokens become one number; masked tokens count nowhere, and a mean over no token at
            all is nan; token_mean (sum over all tokens kept, divided by their number), token_sum (sum over all tokens
            kept), seq_mean_token_sum (sum over each sequence, then the mean over the sequences that keep a token),
            seq_mean_token_mean (mean over each sequence, then the mean over the sequences that keep a token), none (one
            loss per token, 0 where masked); default token_mean.

    Inputs:
        student_logits: raw scores of the student; floating, (N,T,V) or (N,V).
        teacher_logits: raw scores of the teacher over the same V; floating, as student_logits.
        mask: tokens that count; bool, or numbers of which 0 means off, (N,T) or (N,), optional.

    Traps:
        - takes raw logits on both sides: probabilities or log-probabilities go unnoticed
        - its gradient fades where both are certain and disagree: start with a KL there

    Example:
        >>> TVDLoss()
        TVDLoss()

        client.evaluate(lossd.TVDLoss(), [[[1.0, 0.0, -1.0]]], [[[2.0, 0.0, 0.0]]]).value   # 0.13822147250175476

    Reference: https://arxiv.org/abs/2307.15190
    """

    aggregation: Literal["token_mean", "token_sum", "seq_mean_token_sum", "seq_mean_token_mean", "none"] | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"student_logits": True, "teacher_logits": True, "mask": False}
    ALIASES: ClassVar[tuple[str, ...]] = ("tvd", "total_variation_distance")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["mask"])
