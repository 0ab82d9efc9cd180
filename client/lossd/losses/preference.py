"""The losses of the preference family, written by proto/catalogue.py from the server's catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from lossd.loss import Loss, Reduction


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CPOLoss(Loss):
    """Contrastive preference optimisation: DPO without a reference, plus the likelihood of better answers.

    Formula: of m = β·(policy_chosen - policy_rejected): -log σ(m), or what loss_type says, + cpo_alpha·policy_nll_loss

    Args:
        beta: how much the log-ratios count: the inverse of a temperature; above 0; default 0.1.
        label_smoothing: share of labels taken to be wrong; at least 0 and below 0.5; default 0.
        loss_type: which loss of preferences; sigmoid (-log σ(m), with label_smoothing ε: -(1-ε)·log σ(m) - ε·log
            σ(-m)), hinge (max(0, 1 - m)), ipo ((m/β - 1/(2β))²; of mean log-probabilities); default sigmoid.
        cpo_alpha: weight of policy_nll_loss; 1 where that is given; at least 0.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        policy_chosen_logps: log-probabilities of the better answers under the policy; floating, (N,).
        policy_rejected_logps: those of the worse answers; floating, (N,).
        policy_nll_loss: negative log-likelihood of each better answer; floating, (N,), optional.

    Traps:
        - log-probabilities are sums over the tokens of an answer, without the prompt's and without padding
        - ipo wants mean log-probabilities, or its losses grow with the square of the length
        - without policy_nll_loss, both answers may lose probability while the loss falls

    Example:
        >>> CPOLoss()
        CPOLoss()

        client.evaluate(lossd.CPOLoss(), [-10.0, -12.0], [-14.0, -11.0]).value   # 0.6287059783935547

    Reference: https://arxiv.org/abs/2401.08417
    """

    beta: float | None = None
    label_smoothing: float | None = None
    loss_type: Literal["sigmoid", "hinge", "ipo"] | None = None
    cpo_alpha: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {
        "policy_chosen_logps": True,
        "policy_rejected_logps": True,
        "policy_nll_loss": True,
    }
    ALIASES: ClassVar[tuple[str, ...]] = ("cpo",)
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["policy_nll_loss"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DPOLoss(Loss):
    """Direct preference optimisation and its kin: the better answer should gain more than the worse one.

    Formula: of m = c - r, c = β·(policy_chosen - reference_chosen), r = β·(policy_rejected - reference_rejected): -log
        σ(m), or what loss_type says

    Args:
        beta: how much the log-ratios count: the inverse of a temperature; above 0; default 0.1.
        label_smoothing: share of labels taken to be wrong; at least 0 and below 0.5; default 0.
        loss_type: which loss of preferences; sigmoid (-log σ(m), with label_smoothing ε: -(1-ε)·log σ(m) - ε·log
            σ(-m)), hinge (max(0, 1 - m)), ipo ((m/β - 1/(2β))²; of mean log-probabilities), robust ((-(1-ε)·log σ(m) +
            ε·log σ(-m)) / (1-2ε)), exo_pair (σ(m)·(log σ(m) - log(1-ε)) + σ(-m)·(log σ(-m) - log ε)), nca_pair (-log
            σ(c) - log σ(-c)/2 - log σ(-r)/2), bco_pair (-log σ(c) - log σ(-r)), sppo_hard (((c - 1/2)/β)² + ((r +
            1/2)/β)²), apo_zero (1 - σ(c) + σ(r)), apo_down (σ(c) + 1 - σ(m)), discopop (-σ(-m/τ)·log σ(m) +
            σ(m/τ)·exp(-m)), aot (as sigmoid, of the sorted log-ratios between answers, policy's less reference's),
            aot_unpaired (as sigmoid, of sorted c less sorted r); default sigmoid.
        reference_free: whether the reference's log-probabilities count as 0; default false.
        discopop_tau: τ of discopop; above 0; default 0.05.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        policy_chosen_logps: log-probabilities of the better answers under the policy; floating, (N,).
        policy_rejected_logps: those of the worse answers; floating, (N,).
        reference_chosen_logps: those of the better answers under the reference; floating, (N,), optional.
        reference_rejected_logps: those of the worse answers under the reference; floating, (N,), optional.

    Traps:
        - log-probabilities are sums over the tokens of an answer, without the prompt's and without padding
        - ipo wants mean log-probabilities, or its losses grow with the square of the length
        - aot and aot_unpaired sort the batch: unreduced losses come in that order, and chunks do not merge
        - at the start of training, policy and reference agree and the loss is log 2, whatever beta is

    Example:
        >>> DPOLoss()
        DPOLoss()

        client.evaluate(
            lossd.DPOLoss(),
            [-10.0, -12.0],
            [-14.0, -11.0],
            [-11.0, -12.0],
            [-12.0, -12.0],
        ).value   # 0.6493759155273438

    Reference: https://arxiv.org/abs/2305.18290
    """

    beta: float | None = None
    label_smoothing: float | None = None
    loss_type: (
        Literal[
            "sigmoid",
            "hinge",
            "ipo",
            "robust",
            "exo_pair",
            "nca_pair",
            "bco_pair",
            "sppo_hard",
            "apo_zero",
            "apo_down",
            "discopop",
            "aot",
            "aot_unpaired",
        ]
        | None
    ) = None
    reference_free: bool | None = None
    discopop_tau: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {
        "policy_chosen_logps": True,
        "policy_rejected_logps": True,
        "reference_chosen_logps": True,
        "reference_rejected_logps": True,
    }
    ALIASES: ClassVar[tuple[str, ...]] = (
        "dpo",
        "cdpo",
        "ipo",
        "robust_dpo",
        "exo",
        "nca",
        "bco",
        "sppo",
        "aot",
        "apo",
        "discopop",
    )
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["reference_chosen_logps", "reference_rejected_logps"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class KTOLoss(Loss):
    """Kahneman-Tversky optimisation: answers that are good or bad by themselves, not in pairs.

    Formula: desirable_weight·σ(β·(kl - c)) and undesirable_weight·σ(β·(r - kl)), c and r the log-ratios of policy to
        reference, kl at least 0

    Args:
        beta: how much the log-ratios count: the inverse of a temperature; above 0; default 0.1.
        desirable_weight: weight of good answers; at least 0; default 1.
        undesirable_weight: weight of bad answers; at least 0; default 1.
        loss_type: where the losses turn; kto (around kl), apo_zero_unpaired (around 0, without kl); default kto.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        policy_chosen_logps: log-probabilities of good answers under the policy; floating, (N,).
        policy_rejected_logps: those of bad answers; floating, (M,).
        reference_chosen_logps: those of good answers under the reference; floating, (N,).
        reference_rejected_logps: those of bad answers under the reference; floating, (M,).
        kl: estimate of KL(policy ‖ reference); floating, () or (1,), optional.

    Traps:
        - log-probabilities are sums over the tokens of an answer, without the prompt's and without padding
        - kl is the mean log-ratio of mismatched prompts and answers, of the whole batch and not of a chunk
        - no gradient flows through kl
        - the weights should balance the numbers of good and bad answers: from 1:1 to 4:3

    Example:
        >>> KTOLoss()
        KTOLoss()

        client.evaluate(lossd.KTOLoss(), [-10.0], [-14.0], [-11.0], [-12.0], [0.5]).value   # 0.46266305446624756

    Reference: https://arxiv.org/abs/2402.01306
    """

    beta: float | None = None
    desirable_weight: float | None = None
    undesirable_weight: float | None = None
    loss_type: Literal["kto", "apo_zero_unpaired"] | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {
        "policy_chosen_logps": True,
        "policy_rejected_logps": True,
        "reference_chosen_logps": True,
        "reference_rejected_logps": True,
        "kl": True,
    }
    ALIASES: ClassVar[tuple[str, ...]] = ("kto", "apo_zero_unpaired")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["kl"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ORPOLoss(Loss):
    """Odds-ratio preference optimisation: fine-tuning on the better answer, with a penalty for the worse.

    Formula: policy_nll_loss - β·log σ(log odds(policy_chosen) - log odds(policy_rejected)), odds(p) = p/(1-p),
        policy_nll_loss being -policy_chosen unless given

    Args:
        beta: weight of the odds ratio, λ in the paper; at least 0; default 0.1.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        policy_chosen_logps: log-probabilities of the better answers under the policy; floating, (N,).
        policy_rejected_logps: those of the worse answers; floating, (N,).
        policy_nll_loss: negative log-likelihood of each better answer; floating, (N,), optional.

    Traps:
        - give log-probabilities averaged over the tokens of an answer, not their sums
        - where an answer has probability 1, its odds are infinite

    Example:
        >>> ORPOLoss()
        ORPOLoss()

        client.evaluate(lossd.ORPOLoss(), [-0.5, -1.0], [-1.5, -0.75]).value   # 0.805117666721344

    Reference: https://arxiv.org/abs/2403.07691
    """

    beta: float | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {
        "policy_chosen_logps": True,
        "policy_rejected_logps": True,
        "policy_nll_loss": True,
    }
    ALIASES: ClassVar[tuple[str, ...]] = ("orpo", "odds_ratio_loss")
    OPTIONAL: ClassVar[frozenset[str]] = frozenset(["policy_nll_loss"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SimPOLoss(Loss):
    """Simple preference optimisation: mean log-probabilities as rewards, with a margin and no reference.

    Formula: of m = β·(policy_chosen - policy_rejected - gamma_beta_ratio): -log σ(m), or what loss_type says

    Args:
        beta: how much the log-probabilities count; above 0; default 2.
        gamma_beta_ratio: margin that the better answer should lead by, γ/β; at least 0; default 0.25.
        label_smoothing: share of labels taken to be wrong; at least 0 and below 0.5; default 0.
        loss_type: which loss of preferences; sigmoid (-log σ(m), with label_smoothing ε: -(1-ε)·log σ(m) - ε·log
            σ(-m)), hinge (max(0, 1 - m)); default sigmoid.
        reduction: "mean" (default), "none" or "sum".

    Inputs:
        policy_chosen_logps: log-probabilities of the better answers under the policy; floating, (N,).
        policy_rejected_logps: those of the worse answers; floating, (N,).

    Traps:
        - give log-probabilities averaged over the tokens of an answer, not their sums
        - TRL's simpo_gamma is gamma_beta_ratio times beta

    Example:
        >>> SimPOLoss()
        SimPOLoss()

        client.evaluate(lossd.SimPOLoss(), [-0.5, -1.0], [-1.5, -0.75]).value   # 0.7573375105857849

    Reference: https://arxiv.org/abs/2405.14734
    """

    beta: float | None = None
    gamma_beta_ratio: float | None = None
    label_smoothing: float | None = None
    loss_type: Literal["sigmoid", "hinge"] | None = None
    reduction: Reduction | None = None

    INPUTS: ClassVar[Mapping[str, bool]] = {"policy_chosen_logps": True, "policy_rejected_logps": True}
    ALIASES: ClassVar[tuple[str, ...]] = ("simpo", "sim_po_loss")
