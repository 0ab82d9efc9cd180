"""Names of axes, followed through a formula before it runs, so that dim="C" is a number by then; knows no tensor.

Axes are a tuple of names, "" for an axis without one, or None where not even their number is known. What
cannot be is a ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

Axes: TypeAlias = "tuple[str, ...] | None"
Options: TypeAlias = "Mapping[str, Any]"
Rule: TypeAlias = "Callable[[Sequence[Axes], Options], Axes]"
"""Axes of a result, from those of the operands and the options."""


def position(dim: int, axes: tuple[str, ...], room: int = 0) -> int:
    """The axis that `dim` counts, from the end if negative; `room` is 1 where one is about to be added."""
    rank = len(axes) + room
    if not -rank <= dim < rank:
        raise ValueError(f"dim {dim} is out of range for the axes ({' '.join(name or '_' for name in axes)})")
    return dim % rank


def find(name: str, axes: Axes) -> int:
    """The number of the axis called `name`.

    >>> find("C", ("N", "C"))
    1
    """
    if axes is None:
        raise ValueError(
            f"the axes of this are not known, so it has no axis {name!r}; declare those of its inputs first, "
            'for example axes(input="N C"), or write a number'
        )
    if name not in axes:
        raise ValueError(f"there is no axis {name!r} here; there are ({' '.join(own or '_' for own in axes)})")
    return axes.index(name)


def merged(operands: Sequence[Axes], options: Options | None = None) -> Axes:
    """Axes of what broadcasts, aligned at the end: one position, one name.

    >>> merged([("N", "C"), ("C",), ()])
    ('N', 'C')
    """
    known = [own for own in operands if own is not None]
    result = [""] * max(map(len, known), default=0)
    for own in known:
        for back, name in enumerate(reversed(own), start=1):
            if name and result[-back] not in ("", name):
                raise ValueError(
                    f"axis {name!r} meets axis {result[-back]!r}; keep or insert an axis so that they align"
                )
            result[-back] = name or result[-back]
    return tuple(result) if len(known) == len(operands) else None


def same(operands: Sequence[Axes], options: Options) -> Axes:
    """Those of the first operand."""
    own = operands[0]
    if own is not None and isinstance(options.get("dim"), int):
        position(options["dim"], own)
    return own


def unknown(operands: Sequence[Axes], options: Options) -> Axes:
    return None


def none(operands: Sequence[Axes], options: Options) -> Axes:
    """A single number's."""
    same(operands, options)
    return ()


def reduced(operands: Sequence[Axes], options: Options) -> Axes:
    """Without the axes that `dim` says, or all of them; with keepdim they stay."""
    if "dim" not in options:
        return ()
    own = merged(operands)
    if own is None:
        return None
    given = options["dim"]
    gone = {position(dim, own) for dim in (given if isinstance(given, tuple) else (given,))}
    if options.get("keepdim"):
        return own
    return tuple(name for number, name in enumerate(own) if number not in gone)


def reduced_dim_1(operands: Sequence[Axes], options: Options) -> Axes:
    return reduced(operands, {"dim": 1, **options})


def transposed(operands: Sequence[Axes], options: Options) -> Axes:
    own = operands[0]
    if own is None:
        return None
    first, second = (position(options.get(key, default), own) for key, default in (("dim0", -2), ("dim1", -1)))
    result = list(own)
    result[first], result[second] = own[second], own[first]
    return tuple(result)


def multiplied(operands: Sequence[Axes], options: Options) -> Axes:
    """Of a matrix product, whose inner axes vanish."""
    left, right = operands
    if left is None or right is None:
        return None
    batch = merged([left[:-2], right[:-2]]) or ()
    return batch + left[-2:-1] + (right[-1:] if len(right) > 1 else ())


def with_last(operands: Sequence[Axes], options: Options) -> Axes:
    """One axis more, at the end."""
    return None if operands[0] is None else (*operands[0], "")


def gathered(operands: Sequence[Axes], options: Options) -> Axes:
    """Those of the index, or else the input's."""
    own, index = operands
    if own is None:
        return index
    number = position(options["dim"], own)
    return index if index is not None else (*own[:number], "", *own[number + 1 :])


def unsqueezed(operands: Sequence[Axes], options: Options) -> Axes:
    own = operands[0]
    if own is None:
        return None
    number = position(options["dim"], own, room=1)
    return (*own[:number], "", *own[number:])


def indexed(own: Axes, index: tuple[Any, ...]) -> Axes:
    """Of a tensor indexed by numbers, slices, None and an ellipsis.

    >>> indexed(("N", "C", "H"), (0, ..., None))
    ('C', 'H', '')
    """
    if own is None:
        return None
    taken = sum(part is not None and part is not ... for part in index)
    if taken > len(own):
        raise ValueError(f"{taken} indices for {len(own)} axes ({' '.join(name or '_' for name in own)})")
    rest = len(own) - taken
    names, result = iter(own), []
    for part in index if ... in index else (*index, ...):
        if part is None:
            result.append("")
        elif part is ...:
            result += [next(names) for _ in range(rest)]
        elif isinstance(part, slice):
            result.append(next(names))
        else:
            next(names)
    return tuple(result)
