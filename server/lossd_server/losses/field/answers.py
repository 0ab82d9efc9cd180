"""The inputs that losses of answers share, one log-probability for each answer, and their refusals; knows no loss."""

from __future__ import annotations

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import checks
from lossd_server.losses.contract import Arguments, Input, Kind, Tensors
from lossd_server.losses.field import tokens

POLICY = (
    Input("policy_chosen_logps", Kind.FLOAT, "(N,)", "log-probabilities of the better answers under the policy"),
    Input("policy_rejected_logps", Kind.FLOAT, "(N,)", "those of the worse answers"),
)
REFERENCE = (
    Input("reference_chosen_logps", Kind.FLOAT, "(N,)", "those of the better answers under the reference", True),
    Input("reference_rejected_logps", Kind.FLOAT, "(N,)", "those of the worse answers under the reference", True),
)
NLL = Input("policy_nll_loss", Kind.FLOAT, "(N,)", "negative log-likelihood of each better answer", True)
_SMOOTHED = ("sigmoid", "robust", "exo_pair", "aot", "aot_unpaired")
_REFERENCES = ("reference_chosen_logps", "reference_rejected_logps")
ANSWERS = ("policy_chosen_logps", "policy_rejected_logps")


def pair_shapes(tensors: Tensors, arguments: Arguments) -> None:
    """Inputs of one type, (N,) each, and no smoothing where the loss has none."""
    _vector(tensors, "policy_chosen_logps")
    for name in (*ANSWERS, *_REFERENCES, "policy_nll_loss"):
        if name in tensors:
            tokens.require_shape(tensors, name, tensors["policy_chosen_logps"].shape, like="policy_chosen_logps")
    tokens.require_type(tensors, "policy_chosen_logps", "policy_rejected_logps", *_REFERENCES, "policy_nll_loss")
    loss_type = arguments.get("loss_type")
    if arguments.get("label_smoothing") and loss_type not in _SMOOTHED:
        _refuse(arguments, "label_smoothing", f"{loss_type} has no label_smoothing: leave it out")


def dpo_shapes(tensors: Tensors, arguments: Arguments) -> None:
    pair_shapes(tensors, arguments)
    free, loss_type = arguments["reference_free"], arguments["loss_type"]
    for name in _REFERENCES:
        if (name in tensors) is free:
            text = "must be left out" if free else "is missing; give it, or set reference_free"
            raise Fault(
                "UNKNOWN_NAME" if free else "MISSING_FIELD",
                f"reference_free is {str(free).lower()}, so {name} {text}",
                field=f"inputs.{name}",
            )
    if loss_type == "exo_pair" and not arguments["label_smoothing"]:
        _refuse(arguments, "label_smoothing", "exo_pair is infinite without label_smoothing: set it, such as 0.001")
    if loss_type != "discopop" and arguments["discopop_tau"] != 0.05:
        _refuse(arguments, "discopop_tau", f"{loss_type} has no discopop_tau: leave it out")


def kto_shapes(tensors: Tensors, arguments: Arguments) -> None:
    for policy, reference in zip(ANSWERS, _REFERENCES, strict=True):
        _vector(tensors, policy)
        tokens.require_shape(tensors, reference, tensors[policy].shape, like=policy)
    tokens.require_type(tensors, "policy_chosen_logps", "policy_rejected_logps", *_REFERENCES, "kl")
    needed = arguments["loss_type"] == "kto"
    if ("kl" in tensors) is not needed:
        raise Fault(
            "MISSING_FIELD" if needed else "UNKNOWN_NAME",
            "kto needs kl, an estimate of KL(policy ‖ reference)" if needed else "apo_zero_unpaired has no kl",
            field="inputs.kl",
        )
    if needed and tensors["kl"].numel() != 1:
        text = f"kl has shape {shape_text(tensors['kl'].shape)}; expected () or (1,), one number for the whole batch"
        raise Fault("SHAPE_MISMATCH", text, field="inputs.kl")


def cpo_shapes(tensors: Tensors, arguments: Arguments) -> None:
    pair_shapes(tensors, arguments)
    if arguments["cpo_alpha"] and "policy_nll_loss" not in tensors:
        raise Fault("MISSING_FIELD", "cpo_alpha is set, so policy_nll_loss is needed", field="inputs.policy_nll_loss")


def _vector(tensors: Tensors, name: str) -> None:
    if tensors[name].dim() != 1:
        raise Fault(
            "SHAPE_MISMATCH",
            f"{name} has shape {shape_text(tensors[name].shape)}; expected (N,): one log-probability for each answer, "
            "summed over its tokens",
            field=f"inputs.{name}",
        )


def _refuse(arguments: Arguments, name: str, text: str) -> None:
    raise Fault("ARGUMENT_OUT_OF_RANGE", text, field=f"{arguments['path']}.{name}")


def log_probabilities(tensors: Tensors, arguments: Arguments) -> None:
    """Nothing above 0, of which there are no odds."""
    for name in ANSWERS:
        checks.refuse(tensors[name] > 0, tensors[name], f"inputs.{name}", name, "expected log-probabilities, at most 0")


def pairs(tensors: Tensors, arguments: Arguments) -> float | None:
    """One for each pair; none where the loss sorts the batch, whose chunks do not merge."""
    aot = str(arguments.get("loss_type")).startswith("aot")
    return None if aot else float(tensors["policy_chosen_logps"].shape[0])


def each(tensors: Tensors, arguments: Arguments) -> float:
    """One for each answer, better or worse."""
    return float(sum(tensors[name].shape[0] for name in ANSWERS))
