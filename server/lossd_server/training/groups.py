"""Divides a model's parameters among an optimizer and its groups; knows of optimizers which gradients they take."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from torch import nn

from lossd_server.faults import Fault
from lossd_server.limits import MAX_GROUPS, MAX_PATTERNS
from lossd_server.training.models import Spec

_TAKE_SPARSE = ("SGD", "Adagrad", "SparseAdam", "LBFGS")
_NO_SPARSE_DECAY = ("SGD", "Adagrad")
"""Those that take sparse gradients, but not together with a weight decay."""
_MOST_NAMED = 5


class Part(NamedTuple):
    """Parameters that are trained alike.

    Args:
        spec: the class of their optimizer, and the arguments given for them alone.
        names: of the parameters.
        own: whether they have an optimizer of their own; otherwise they are a group of the main one.
    """

    spec: Spec
    names: list[str]
    own: bool = False


def divide(optimizer: Spec, names: Sequence[str], sparse: Collection[str]) -> list[Part]:
    """The parts in order: what no group names, if anything is left, and then each group.

    Args:
        names: of all parameters.
        sparse: names of those whose gradients are sparse.
    """
    groups = optimizer.arguments.get("groups", [])
    _check_groups(optimizer, groups)
    taken: dict[str, int] = {}
    for index, group in enumerate(groups):
        for name in _matches(group, names):
            if name in taken:
                raise Fault(
                    "ARGUMENT_OUT_OF_RANGE",
                    f"{name} is in groups {taken[name]} and {index}; a parameter is in one group at most",
                    field=f"{group.path}.parameters",
                )
            taken[name] = index
    main = alone(optimizer)
    parts = [Part(main, [name for name in names if name not in taken])] + [
        Part(
            group.arguments["optimizer"],
            [name for name in names if taken.get(name) == index],
            own=group.arguments["optimizer"].class_name != optimizer.class_name,
        )
        for index, group in enumerate(groups)
    ]
    if not any(part.names for part in parts if not part.own):
        raise Fault(
            "ARGUMENT_OUT_OF_RANGE",
            f"no parameter is left for {optimizer.class_name}; make the optimizer of a group the main one",
            field=optimizer.path,
        )
    parts = [part for part in parts if part.names]
    for part in parts:
        _check_gradients(part, {} if part.own else main.arguments, sparse)
    return parts


def alone(optimizer: Spec) -> Spec:
    """The optimizer without its groups."""
    arguments = {name: value for name, value in optimizer.arguments.items() if name != "groups"}
    return Spec(optimizer.class_name, arguments, optimizer.path)


def sparse_parameters(module: nn.Module) -> frozenset[str]:
    """Names of the parameters whose gradients are sparse."""
    weights = {
        id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding | nn.EmbeddingBag) and part.sparse
    }
    return frozenset(name for name, parameter in module.named_parameters() if id(parameter) in weights)


def _check_groups(optimizer: Spec, groups: Sequence[Spec]) -> None:
    if len(groups) > MAX_GROUPS:
        raise Fault("LIMIT_EXCEEDED", f"{len(groups)} groups; at most {MAX_GROUPS}", field=optimizer.path)
    for group in groups:
        inner: Spec = group.arguments["optimizer"]
        if "groups" in inner.arguments:
            raise Fault("UNSUPPORTED", "a group cannot have groups; put them side by side", field=inner.path)
        if "LBFGS" in (optimizer.class_name, inner.class_name):
            raise Fault(
                "UNSUPPORTED", "LBFGS takes all parameters of the model; leave the groups out", field=group.path
            )


def _matches(group: Spec, names: Sequence[str]) -> list[str]:
    """The parameters that a group names."""
    patterns: Sequence[str] = group.arguments["parameters"]
    path = f"{group.path}.parameters"
    if not 1 <= len(patterns) <= MAX_PATTERNS:
        raise Fault("LIMIT_EXCEEDED", f"{len(patterns)} names; a group has 1 to {MAX_PATTERNS}", field=path)
    found = [[name for name in names if name == pattern or fnmatchcase(name, pattern)] for pattern in patterns]
    for index, (pattern, matched) in enumerate(zip(patterns, found, strict=True)):
        if not matched:
            raise Fault(
                "UNKNOWN_NAME",
                f"{pattern[:64]!r} names no parameter; the model has {_listed(names)}",
                field=f"{path}[{index}]",
            )
    wanted = {name for matched in found for name in matched}
    return [name for name in names if name in wanted]


def _check_gradients(part: Part, inherited: Mapping[str, object], sparse: Collection[str]) -> None:
    """Refuses gradients that the optimizer would refuse in its first step."""
    kind, path = part.spec.class_name, part.spec.path
    of_sparse = [name for name in part.names if name in sparse]
    of_dense = [name for name in part.names if name not in sparse]
    if kind == "SparseAdam" and of_dense:
        raise Fault(
            "UNSUPPORTED",
            f"SparseAdam takes sparse gradients alone, and {_listed(of_dense)} has dense ones: put it into a group of "
            "another optimizer, or take Adam",
            field=path,
        )
    if of_sparse and kind not in _TAKE_SPARSE:
        raise Fault(
            "UNSUPPORTED",
            f"{kind} takes no sparse gradients, and {_listed(of_sparse)} has them: put it into a group of SparseAdam, "
            "SGD or Adagrad, or leave out `sparse` of its module",
            field=path,
        )
    decay = part.spec.arguments.get("weight_decay", inherited.get("weight_decay", 0.0))
    if of_sparse and kind in _NO_SPARSE_DECAY and decay:
        raise Fault(
            "UNSUPPORTED",
            f"{kind} cannot decay weights whose gradients are sparse, as those of {_listed(of_sparse)} are: put them "
            "into a group without weight_decay",
            field=f"{path}.weight_decay",
        )


def _listed(names: Iterable[str]) -> str:
    """The first names, and how many more there are.

    >>> _listed(["a", "b"]), _listed("abcdefg")
    ('a, b', 'a, b, c, d, e and 2 more')
    """
    listed = list(names)
    more = len(listed) - _MOST_NAMED
    return ", ".join(listed[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
