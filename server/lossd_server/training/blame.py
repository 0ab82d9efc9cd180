"""Which field of a session's request a loss's refusal is about; knows no model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lossd_server.faults import Fault


def blamed(fault: Fault, bound: str, prefix: str = "") -> Fault:
    """What a loss says of its inputs, as a word about the request's; other faults stay as they are.

    Args:
        fault: what it says.
        bound: its input that is the model's output, which `inputs` made; the others are `targets`.
        prefix: of both fields.

    >>> blamed(Fault("SHAPE_MISMATCH", "given (3,)", field="inputs.target"), "input").field
    'targets.target'
    """
    place, _, rest = fault.field.partition(".")
    if place != "inputs":
        return fault
    own = rest.partition(".")[0].partition("[")[0] == bound
    message = f"{fault.message}; {bound} is the model's output here"
    if f"{bound} is float32" in fault.message:
        message += ': convert the other, in numpy by .astype("float32")'
    return Fault(fault.reason, message, field=f"{prefix}inputs" if own else f"{prefix}targets.{rest}")


@contextmanager
def of_field(prefix: str) -> Iterator[None]:
    """Inside, what is said of `inputs` is said of the request's field of that name with `prefix`."""
    try:
        yield
    except Fault as fault:
        if fault.field.partition(".")[0] == "inputs":
            fault.field = prefix + fault.field
        raise
