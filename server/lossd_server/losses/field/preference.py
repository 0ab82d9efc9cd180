"""Losses of preferences between answers, of the log-probabilities of whole answers; sees no tokens and no model."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from lossd_server.losses.contract import Argument, Example, Input, Kind
from lossd_server.losses.field import answers
from lossd_server.losses.formula import FormulaEntry


def dpo(
    policy_chosen_logps: Tensor,
    policy_rejected_logps: Tensor,
    reference_chosen_logps: Tensor | None,
    reference_rejected_logps: Tensor | None,
    *,
    beta: float,
    label_smoothing: float,
    loss_type: str,
    reference_free: bool,
    discopop_tau: float,
) -> Tensor:
    """The losses of pairs; for "aot" those of the sorted batch."""
    chosen = policy_chosen_logps if reference_chosen_logps is None else policy_chosen_logps - reference_chosen_logps
    rejected = (
        policy_rejected_logps if reference_rejected_logps is None else policy_rejected_logps - reference_rejected_logps
    )
    if loss_type == "aot_unpaired":
        return _smoothed(beta * (chosen.sort().values - rejected.sort().values), label_smoothing)
    if loss_type == "aot":
        policy, reference = policy_chosen_logps - policy_rejected_logps, torch.zeros_like(policy_chosen_logps)
        if reference_chosen_logps is not None and reference_rejected_logps is not None:
            reference = reference_chosen_logps - reference_rejected_logps
        return _smoothed(beta * (policy.sort().values - reference.sort().values), label_smoothing)
    if loss_type in _OF_REWARDS:
        return _of_rewards(chosen, rejected, beta, loss_type)
    return _of_margin(chosen - rejected, beta, label_smoothing, loss_type, discopop_tau)


def _of_margin(difference: Tensor, beta: float, smoothing: float, loss_type: str, tau: float) -> Tensor:
    """Losses of the difference of both log-ratios."""
    if loss_type == "ipo":
        return (difference - 1 / (2 * beta)).square()
    margin = beta * difference
    if loss_type == "hinge":
        return relu(1 - margin)
    if loss_type == "robust":
        return ((1 - smoothing) * -logsigmoid(margin) + smoothing * logsigmoid(-margin)) / (1 - 2 * smoothing)
    if loss_type == "exo_pair":
        won = torch.sigmoid(margin) * (logsigmoid(margin) - math.log1p(-smoothing))
        return won + torch.sigmoid(-margin) * (logsigmoid(-margin) - math.log(smoothing))
    if loss_type == "discopop":  # the exponential one as a single power: its two factors may be 0 and infinity
        logistic = -logsigmoid(margin) * torch.sigmoid(-margin / tau)
        return logistic + torch.exp(logsigmoid(margin / tau) - margin)
    return _smoothed(margin, smoothing)


_OF_REWARDS = ("nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down")


def _of_rewards(chosen: Tensor, rejected: Tensor, beta: float, loss_type: str) -> Tensor:
    """Losses of the log-ratio of each answer."""
    if loss_type == "sppo_hard":
        return (chosen - 0.5 / beta).square() + (rejected + 0.5 / beta).square()
    chosen, rejected = beta * chosen, beta * rejected
    if loss_type == "nca_pair":
        return -logsigmoid(chosen) - 0.5 * logsigmoid(-chosen) - 0.5 * logsigmoid(-rejected)
    if loss_type == "bco_pair":
        return -logsigmoid(chosen) - logsigmoid(-rejected)
    if loss_type == "apo_zero":
        return torch.sigmoid(-chosen) + torch.sigmoid(rejected)
    return torch.sigmoid(chosen) + torch.sigmoid(rejected - chosen)


def _smoothed(margin: Tensor, smoothing: float) -> Tensor:
    """−log σ(margin), for labels of which the share `smoothing` is wrong."""
    if smoothing == 0:
        return -logsigmoid(margin)
    return (1 - smoothing) * -logsigmoid(margin) - smoothing * logsigmoid(-margin)


def kto(
    policy_chosen_logps: Tensor,
    policy_rejected_logps: Tensor,
    reference_chosen_logps: Tensor,
    reference_rejected_logps: Tensor,
    kl: Tensor | None,
    *,
    beta: float,
    desirable_weight: float,
    undesirable_weight: float,
    loss_type: str,
) -> Tensor:
    """The losses of the desirable answers, then those of the undesirable ones."""
    point: Tensor | float = 0.0 if kl is None else kl.detach().reshape(()).clamp_min(0)
    desirable = torch.sigmoid(beta * (point - (policy_chosen_logps - reference_chosen_logps)))
    undesirable = torch.sigmoid(beta * (policy_rejected_logps - reference_rejected_logps - point))
    return torch.cat((desirable_weight * desirable, undesirable_weight * undesirable))


def cpo(
    policy_chosen_logps: Tensor,
    policy_rejected_logps: Tensor,
    policy_nll_loss: Tensor | None,
    *,
    beta: float,
    label_smoothing: float,
    loss_type: str,
    cpo_alpha: float | None,
) -> Tensor:
    """DPO's loss without a reference, and the likelihood of the better answer."""
    losses = _of_margin(policy_chosen_logps - policy_rejected_logps, beta, label_smoothing, loss_type, math.nan)
    return losses if policy_nll_loss is None else losses + (1.0 if cpo_alpha is None else cpo_alpha) * policy_nll_loss


def orpo(
    policy_chosen_logps: Tensor, policy_rejected_logps: Tensor, policy_nll_loss: Tensor | None, *, beta: float
) -> Tensor:
    """The likelihood of the better answer, and the log of the ratio of both odds."""
    odds = (policy_chosen_logps - _log1mexp(policy_chosen_logps)) - (
        policy_rejected_logps - _log1mexp(policy_rejected_logps)
    )
    return (-policy_chosen_logps if policy_nll_loss is None else policy_nll_loss) - beta * logsigmoid(odds)


def _log1mexp(x: Tensor) -> Tensor:
    """log(1 − eˣ) of x ≤ 0, exact at both ends, with the gradient of the end that is used."""
    near = x > -math.log(2)
    return torch.where(
        near, torch.log(-torch.expm1(x.masked_fill(~near, -0.5))), torch.log1p(-torch.exp(x.masked_fill(near, -1.0)))
    )


def simpo(
    policy_chosen_logps: Tensor,
    policy_rejected_logps: Tensor,
    *,
    beta: float,
    gamma_beta_ratio: float,
    label_smoothing: float,
    loss_type: str,
) -> Tensor:
    """The losses of the difference of mean log-probabilities, less a margin."""
    margin = beta * (policy_chosen_logps - policy_rejected_logps - gamma_beta_ratio)
    return relu(1 - margin) if loss_type == "hinge" else _smoothed(margin, label_smoothing)


# The catalogue

_BETA = Argument("beta", float, 0.1, "how much the log-ratios count: the inverse of a temperature", above=0)
_SMOOTHING = Argument("label_smoothing", float, 0.0, "share of labels taken to be wrong", least=0, below=0.5)
_SUMMED = "log-probabilities are sums over the tokens of an answer, without the prompt's and without padding"
_MEANS = "give log-probabilities averaged over the tokens of an answer, not their sums"

_DPO_TYPES = {
    "sigmoid": "-log σ(m), with label_smoothing ε: -(1-ε)·log σ(m) - ε·log σ(-m)",
    "hinge": "max(0, 1 - m)",
    "ipo": "(m/β - 1/(2β))²; of mean log-probabilities",
    "robust": "(-(1-ε)·log σ(m) + ε·log σ(-m)) / (1-2ε)",
    "exo_pair": "σ(m)·(log σ(m) - log(1-ε)) + σ(-m)·(log σ(-m) - log ε)",
    "nca_pair": "-log σ(c) - log σ(-c)/2 - log σ(-r)/2",
    "bco_pair": "-log σ(c) - log σ(-r)",
    "sppo_hard": "((c - 1/2)/β)² + ((r + 1/2)/β)²",
    "apo_zero": "1 - σ(c) + σ(r)",
    "apo_down": "σ(c) + 1 - σ(m)",
    "discopop": "-σ(-m/τ)·log σ(m) + σ(m/τ)·exp(-m)",
    "aot": "as sigmoid, of the sorted log-ratios between answers, policy's less reference's",
    "aot_unpaired": "as sigmoid, of sorted c less sorted r",
}

ENTRIES: tuple[FormulaEntry, ...] = (
    FormulaEntry(
        name="dpo_loss",
        class_name="DPOLoss",
        summary="Direct preference optimisation and its kin: the better answer should gain more than the worse one.",
        formula="of m = c - r, c = β·(policy_chosen - reference_chosen), r = β·(policy_rejected - reference_rejected): "
        "-log σ(m), or what loss_type says",
        inputs=(*answers.POLICY, *answers.REFERENCE),
        arguments=(
            _BETA,
            _SMOOTHING,
            Argument(
                "loss_type",
                str,
                "sigmoid",
                "which loss of preferences",
                choices=tuple(_DPO_TYPES),
                enum="DPOLossType",
                explained=_DPO_TYPES,
            ),
            Argument("reference_free", bool, False, "whether the reference's log-probabilities count as 0"),
            Argument("discopop_tau", float, 0.05, "τ of discopop", above=0),
        ),
        function=dpo,
        shapes=answers.dpo_shapes,
        weight=answers.pairs,
        spans=answers.ANSWERS,
        traps=(
            _SUMMED,
            "ipo wants mean log-probabilities, or its losses grow with the square of the length",
            "aot and aot_unpaired sort the batch: unreduced losses come in that order, and chunks do not merge",
            "at the start of training, policy and reference agree and the loss is log 2, whatever beta is",
        ),
        tasks=("preference",),
        aliases=("dpo", "cdpo", "ipo", "robust_dpo", "exo", "nca", "bco", "sppo", "aot", "apo", "discopop"),
        example=Example(
            {
                "policy_chosen_logps": [-10.0, -12.0],
                "policy_rejected_logps": [-14.0, -11.0],
                "reference_chosen_logps": [-11.0, -12.0],
                "reference_rejected_logps": [-12.0, -12.0],
            },
            0.6493759155273438,
        ),
        source="https://arxiv.org/abs/2305.18290",
    ),
    FormulaEntry(
        name="kto_loss",
        class_name="KTOLoss",
        summary="Kahneman-Tversky optimisation: answers that are good or bad by themselves, not in pairs.",
        formula="desirable_weight·σ(β·(kl - c)) and undesirable_weight·σ(β·(r - kl)), "
        "c and r the log-ratios of policy to reference, kl at least 0",
        inputs=(
            Input("policy_chosen_logps", Kind.FLOAT, "(N,)", "log-probabilities of good answers under the policy"),
            Input("policy_rejected_logps", Kind.FLOAT, "(M,)", "those of bad answers"),
            Input("reference_chosen_logps", Kind.FLOAT, "(N,)", "those of good answers under the reference"),
            Input("reference_rejected_logps", Kind.FLOAT, "(M,)", "those of bad answers under the reference"),
            Input("kl", Kind.FLOAT, "() or (1,)", "estimate of KL(policy ‖ reference)", optional=True, constant=True),
        ),
        arguments=(
            _BETA,
            Argument("desirable_weight", float, 1.0, "weight of good answers", least=0),
            Argument("undesirable_weight", float, 1.0, "weight of bad answers", least=0),
            Argument(
                "loss_type",
                str,
                "kto",
                "where the losses turn",
                choices=("kto", "apo_zero_unpaired"),
                enum="KTOLossType",
                explained={"kto": "around kl", "apo_zero_unpaired": "around 0, without kl"},
            ),
        ),
        function=kto,
        shapes=answers.kto_shapes,
        weight=answers.each,
        spans=("policy_chosen_logps",),
        traps=(
            _SUMMED,
            "kl is the mean log-ratio of mismatched prompts and answers, of the whole batch and not of a chunk",
            "no gradient flows through kl",
            "the weights should balance the numbers of good and bad answers: from 1:1 to 4:3",
        ),
        tasks=("preference",),
        aliases=("kto", "apo_zero_unpaired"),
        example=Example(
            {
                "policy_chosen_logps": [-10.0],
                "policy_rejected_logps": [-14.0],
                "reference_chosen_logps": [-11.0],
                "reference_rejected_logps": [-12.0],
                "kl": [0.5],
            },
            0.46266305446624756,
        ),
        source="https://arxiv.org/abs/2402.01306",
    ),
    FormulaEntry(
        name="cpo_loss",
        class_name="CPOLoss",
        summary="Contrastive preference optimisation: DPO without a reference, plus the likelihood of better answers.",
        formula="of m = β·(policy_chosen - policy_rejected): -log σ(m), or what loss_type says, "
        "+ cpo_alpha·policy_nll_loss",
        inputs=(*answers.POLICY, answers.NLL),
        arguments=(
            _BETA,
            _SMOOTHING,
            Argument(
                "loss_type",
                str,
                "sigmoid",
                "which loss of preferences",
                choices=("sigmoid", "hinge", "ipo"),
                enum="CPOLossType",
                explained={name: _DPO_TYPES[name] for name in ("sigmoid", "hinge", "ipo")},
            ),
            Argument("cpo_alpha", float, None, "weight of policy_nll_loss; 1 where that is given", least=0),
        ),
        function=cpo,
        shapes=answers.cpo_shapes,
        weight=answers.pairs,
        spans=answers.ANSWERS,
        traps=(
            _SUMMED,
            "ipo wants mean log-probabilities, or its losses grow with the square of the length",
            "without policy_nll_loss, both answers may lose probability while the loss falls",
        ),
        tasks=("preference",),
        aliases=("cpo",),
        example=Example(
            {"policy_chosen_logps": [-10.0, -12.0], "policy_rejected_logps": [-14.0, -11.0]}, 0.6287059783935547
        ),
        source="https://arxiv.org/abs/2401.08417",
    ),
    FormulaEntry(
        name="orpo_loss",
        class_name="ORPOLoss",
        summary="Odds-ratio preference optimisation: fine-tuning on the better answer, with a penalty for the worse.",
        formula="policy_nll_loss - β·log σ(log odds(policy_chosen) - log odds(policy_rejected)), "
        "odds(p) = p/(1-p), policy_nll_loss being -policy_chosen unless given",
        inputs=(*answers.POLICY, answers.NLL),
        arguments=(Argument("beta", float, 0.1, "weight of the odds ratio, λ in the paper", least=0),),
        function=orpo,
        shapes=answers.pair_shapes,
        elements=answers.log_probabilities,
        weight=answers.pairs,
        spans=answers.ANSWERS,
        traps=(_MEANS, "where an answer has probability 1, its odds are infinite"),
        tasks=("preference",),
        aliases=("orpo", "odds_ratio_loss"),
        example=Example(
            {"policy_chosen_logps": [-0.5, -1.0], "policy_rejected_logps": [-1.5, -0.75]}, 0.805117666721344
        ),
        source="https://arxiv.org/abs/2403.07691",
    ),
    FormulaEntry(
        name="simpo_loss",
        class_name="SimPOLoss",
        summary="Simple preference optimisation: mean log-probabilities as rewards, with a margin and no reference.",
        formula="of m = β·(policy_chosen - policy_rejected - gamma_beta_ratio): -log σ(m), or what loss_type says",
        inputs=answers.POLICY,
        arguments=(
            Argument("beta", float, 2.0, "how much the log-probabilities count", above=0),
            Argument("gamma_beta_ratio", float, 0.25, "margin that the better answer should lead by, γ/β", least=0),
            _SMOOTHING,
            Argument(
                "loss_type",
                str,
                "sigmoid",
                "which loss of preferences",
                choices=("sigmoid", "hinge"),
                enum="SimPOLossType",
                explained={name: _DPO_TYPES[name] for name in ("sigmoid", "hinge")},
            ),
        ),
        function=simpo,
        shapes=answers.pair_shapes,
        weight=answers.pairs,
        spans=answers.ANSWERS,
        traps=(_MEANS, "TRL's simpo_gamma is gamma_beta_ratio times beta"),
        tasks=("preference",),
        aliases=("simpo", "sim_po_loss"),
        example=Example(
            {"policy_chosen_logps": [-0.5, -1.0], "policy_rejected_logps": [-1.5, -0.75]}, 0.7573375105857849
        ),
        source="https://arxiv.org/abs/2405.14734",
    ),
)
