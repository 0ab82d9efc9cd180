"""Divergences between a student's and a teacher's distributions, token by token; knows neither model."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lossd_server.faults import shape_text
from lossd_server.losses import checks, weights
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind, Tensors
from lossd_server.losses.formula import AGGREGATION, FormulaEntry

_INPUTS = (
    Input("student_logits", Kind.FLOAT, "(N,T,V) or (N,V)", "raw scores of the student"),
    Input("teacher_logits", Kind.FLOAT, "as student_logits", "raw scores of the teacher over the same V"),
    Input("mask", Kind.MASK, "(N,T) or (N,)", "tokens that count", optional=True, constant=True),
)
_TEMPERATURE = Argument("temperature", float, 1.0, "both logits are divided by it", above=0)
_EXAMPLE = {"student_logits": [[[1.0, 0.0, -1.0]]], "teacher_logits": [[[2.0, 0.0, 0.0]]]}


def kd_kl(student_logits: Tensor, teacher_logits: Tensor, *, temperature: float) -> Tensor:
    """T² · KL(teacher ‖ student) of each token, both softened by T."""
    student, teacher = _log_probabilities(student_logits, teacher_logits, temperature)
    return temperature**2 * _divergence(teacher, student)


def reverse_kl(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """KL(student ‖ teacher) of each token."""
    student, teacher = _log_probabilities(student_logits, teacher_logits)
    return _divergence(student, teacher)


def generalized_jsd(student_logits: Tensor, teacher_logits: Tensor, *, beta: float, temperature: float) -> Tensor:
    """β · KL(teacher ‖ M) + (1 − β) · KL(student ‖ M), M = β·teacher + (1 − β)·student; at 0 and 1 what GKD says."""
    student, teacher = _log_probabilities(student_logits, teacher_logits, temperature)
    if beta == 0:
        return _divergence(teacher, student)
    if beta == 1:
        return _divergence(student, teacher)
    least = torch.finfo(student.dtype).min  # of -inf on both sides the gradient would be NaN
    weighted = (student + math.log1p(-beta)).clamp_min(least), (teacher + math.log(beta)).clamp_min(least)
    mixture = torch.logaddexp(*weighted)
    return beta * _divergence(teacher, mixture) + (1 - beta) * _divergence(student, mixture)


def tvd(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """½ Σ |student − teacher| of each token."""
    return (student_logits.softmax(-1) - teacher_logits.softmax(-1)).abs().sum(-1) / 2


def _log_probabilities(student: Tensor, teacher: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    return (student / temperature).log_softmax(-1), (teacher / temperature).log_softmax(-1)


def _divergence(p: Tensor, q: Tensor) -> Tensor:
    """KL(p ‖ q) of log-probabilities; what p rules out adds nothing, whatever q thinks of it."""
    probability = p.exp()
    return (probability * (p - q).masked_fill(probability == 0, 0)).sum(-1)


def shapes(tensors: Tensors, arguments: Arguments) -> None:
    """Logits of one type and shape, a mask for their tokens, and sequences where an aggregation needs some."""
    student, teacher, mask = tensors["student_logits"], tensors["teacher_logits"], tensors.get("mask")
    checks.same_dtype(tensors, "student_logits", "teacher_logits")
    if student.dim() not in (2, 3):
        raise checks.wrong_shape("student_logits", student, "(N, T, V), or (N, V)")
    if teacher.shape != student.shape:
        raise checks.wrong_shape("teacher_logits", teacher, f"the shape of student_logits, {shape_text(student.shape)}")
    if mask is not None and mask.shape != student.shape[:-1]:
        raise checks.wrong_shape("mask", mask, f"one element per token, {shape_text(student.shape[:-1])}")
    if student.dim() == 2 and arguments["aggregation"].startswith("seq"):
        raise checks.wrong_shape(
            "student_logits", student, f"(N, T, V): {arguments['aggregation']} averages over sequences"
        )


def tokens(tensors: Tensors, arguments: Arguments) -> float | None:
    """As `weights.tokens`, of logits without their classes."""
    student, mask = tensors["student_logits"], tensors.get("mask")
    one_each = student.new_empty(()).expand(student.shape[:-1])
    return weights.tokens({"tokens": one_each} | ({} if mask is None else {"mask": mask}), arguments)


def _entry(**described: object) -> FormulaEntry:
    return FormulaEntry(
        inputs=_INPUTS,
        reductions=(),
        tasks=("distillation",),
        shapes=shapes,
        weight=tokens,
        spans=("student_logits", "teacher_logits"),
        **described,  # type: ignore[arg-type]
    )


ENTRIES: tuple[FormulaEntry, ...] = (
    _entry(
        name="kd_kl_loss",
        class_name="KDKLLoss",
        summary="Forward divergence KL(teacher ‖ student) of softened distributions, times T²: mean-seeking.",
        formula="T² Σ p_teacher (log p_teacher - log p_student), p = softmax(logits / T), per token",
        arguments=(_TEMPERATURE, AGGREGATION),
        function=kd_kl,
        traps=(
            "takes raw logits on both sides: probabilities or log-probabilities go unnoticed",
            "the factor T² is inside, so that gradients keep their size as T grows; do not multiply once more",
            "the teacher comes first: KL(student ‖ teacher) is reverse_kl_loss",
            "a gradient of teacher_logits exists too; ask for that of student_logits alone",
        ),
        aliases=("kd_kl", "kd", "forward_kl", "distillation_loss", "knowledge_distillation"),
        example=Example(_EXAMPLE, 0.09141702950000763, {"temperature": 2.0}),
        source="https://arxiv.org/abs/1503.02531",
    ),
    _entry(
        name="reverse_kl_loss",
        class_name="ReverseKLLoss",
        summary="Reverse divergence KL(student ‖ teacher): mode-seeking.",
        formula="Σ p_student (log p_student - log p_teacher), p = softmax(logits), per token",
        arguments=(AGGREGATION,),
        function=reverse_kl,
        traps=(
            "takes raw logits on both sides: probabilities or log-probabilities go unnoticed",
            "the student comes first: KL(teacher ‖ student) is kd_kl_loss",
            "infinite where the teacher rules out, with a logit of -inf, what the student does not",
        ),
        aliases=("reverse_kl", "minillm"),
        example=Example(_EXAMPLE, 0.0766674056649208),
        source="https://arxiv.org/abs/2306.08543",
    ),
    _entry(
        name="generalized_jsd_loss",
        class_name="GeneralizedJSDLoss",
        summary="Generalised Jensen-Shannon divergence, between forward and reverse KL, as in on-policy distillation.",
        formula="beta KL(teacher ‖ M) + (1 - beta) KL(student ‖ M), M = beta p_teacher + (1 - beta) p_student, "
        "p = softmax(logits / T), per token; beta 0: KL(teacher ‖ student), beta 1: KL(student ‖ teacher)",
        arguments=(
            Argument("beta", float, 0.5, "weight of the teacher in the mixture; 0 and 1 are the KLs", least=0, most=1),
            _TEMPERATURE,
            AGGREGATION,
        ),
        function=generalized_jsd,
        traps=(
            "beta 0 is the forward KL(teacher ‖ student) and beta 1 the reverse: the formula itself would be 0 at both",
            "near 0 and 1 the loss is about beta or 1 - beta times those, so it jumps there",
            "there is no factor T²: gradients shrink as the temperature grows",
            "takes raw logits on both sides: probabilities or log-probabilities go unnoticed",
        ),
        aliases=("generalized_jsd", "gkd", "jsd", "jensen_shannon"),
        example=Example(_EXAMPLE, 0.016873545944690704),
        source="https://huggingface.co/docs/trl/gkd_trainer",
    ),
    _entry(
        name="tvd_loss",
        class_name="TVDLoss",
        summary="Total variation distance of student and teacher: symmetric, from 0 to 1.",
        formula="½ Σ |p_student - p_teacher|, p = softmax(logits), per token",
        arguments=(AGGREGATION,),
        function=tvd,
        traps=(
            "takes raw logits on both sides: probabilities or log-probabilities go unnoticed",
            "its gradient fades where both are certain and disagree: start with a KL there",
        ),
        aliases=("tvd", "total_variation_distance"),
        example=Example(_EXAMPLE, 0.13822147250175476),
        source="https://arxiv.org/abs/2307.15190",
    ),
)
