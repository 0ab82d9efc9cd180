"""The inputs that losses of tokens share, (N,T) and a mask, and their refusals; knows no loss."""

from __future__ import annotations

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import checks
from lossd_server.losses.contract import Check, Input, Kind, Tensors

MASK = Input("mask", Kind.MASK, "(N,T)", "tokens that count; all of them without it", optional=True, constant=True)
LOG_PROBS = Input("log_probs", Kind.FLOAT, "(N,T)", "log-probabilities of the tokens under the policy that learns")
OLD_LOG_PROBS = Input("old_log_probs", Kind.FLOAT, "(N,T)", "those under the policy that wrote the tokens")
REF_LOG_PROBS = Input("ref_log_probs", Kind.FLOAT, "(N,T)", "those under the reference policy")
ADVANTAGES = Input("advantages", Kind.FLOAT, "(N,T) or (N,)", "advantage of each token, or one for each sequence")
TASKS = ("reinforcement-learning",)


def shapes(first: str, *others: str, of_sequences: str = "") -> Check:
    """Requires `first` to be (N,T), and `others`, where given, and the mask to have its shape.

    Args:
        of_sequences: the input that may also be (N,).
    """

    def check(tensors: Tensors, arguments: object) -> None:
        tokens = tensors[first].shape
        if len(tokens) != 2:
            raise Fault(
                "SHAPE_MISMATCH",
                f"{first} has shape {shape_text(tokens)}; expected (N, T): N sequences padded to T tokens",
                field=f"inputs.{first}",
            )
        for name in (*others, "mask"):
            if name in tensors:
                allowed = [tokens, *([tokens[:1]] if name == of_sequences else [])]
                require_shape(tensors, name, *allowed, like=first)
        require_type(tensors, first, *others)

    return check


def require_shape(tensors: Tensors, name: str, *allowed: tuple[int, ...], like: str) -> None:
    """Refuses an input whose shape is none of those allowed, which follow from that of `like`."""
    if tensors[name].shape not in allowed:
        raise Fault(
            "SHAPE_MISMATCH",
            f"{name} has shape {shape_text(tensors[name].shape)}; expected {' or '.join(map(shape_text, allowed))}, "
            f"as {like} has shape {shape_text(tensors[like].shape)}",
            field=f"inputs.{name}",
        )


def require_type(tensors: Tensors, first: str, *others: str) -> None:
    """Refuses inputs of another type than that of `first`: nothing is promoted silently."""
    for name in others:
        if name in tensors and tensors[name].dtype != tensors[first].dtype:
            raise Fault(
                "DTYPE_MISMATCH",
                f"{name} is {checks.dtype_text(tensors[name])}, {first} is {checks.dtype_text(tensors[first])}; "
                "both must have one type: convert one of them",
                field=f"inputs.{name}",
            )
