"""What running a program may cost, looked at while it runs on torch's meta device."""

from __future__ import annotations

from lossd_server.faults import Fault
from lossd_server.limits import MAX_PRODUCED_ELEMENTS, MAX_PROGRAM_WORK
from lossd_server.losses.cost import Cost


def counted() -> Cost:
    """A mode that adds up what a program costs, and refuses what is too much where it happens."""
    return Cost(_check)


def _check(cost: Cost) -> None:
    if cost.work > MAX_PROGRAM_WORK:
        raise Fault(
            "LIMIT_EXCEEDED",
            f"matrix products of over {MAX_PROGRAM_WORK} multiplications; send less at once",
            field="loss.program",
        )
    if cost.beside > MAX_PRODUCED_ELEMENTS:
        raise Fault(
            "LIMIT_EXCEEDED",
            f"a convolution of {cost.beside} elements in its windows; at most {MAX_PRODUCED_ELEMENTS}",
            field="loss.program",
        )
