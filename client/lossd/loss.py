"""What every loss is on this side, and how losses combine; knows no single loss of torch.nn and no tensor's bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, ClassVar, Literal, get_args, get_type_hints

from lossd import spec
from lossd.v1 import loss_pb2

Reduction = Literal["none", "mean", "sum"]
"""How per-element losses become one number."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Loss(spec.Spec):
    """A loss as data: immutable, hashable, equal to another that means the same on the wire.

    Losses add up and take factors: `0.8 * MSELoss() + 0.2 * L1Loss()` is a `WeightedSum`, and so are `a - b`,
    `-a` and `a / 2`.

    An argument given as Python numbers, such as `CrossEntropyLoss(weight=[1, 2, 3])`, is float32 whatever the inputs
    will be: beside float64 inputs give a float64 array.

    Args:
        allow_broadcast: lets an elementwise loss take inputs whose shapes differ but broadcast; default off, because
            (N,1) against (N,) is (N,N) and almost always a mistake.
    """

    allow_broadcast: bool = False

    INPUTS: ClassVar[Mapping[str, bool]] = {"input": True, "target": True}
    """Forward arguments in torch's order, and whether plain Python integers given for one stand for floats."""

    OPTIONAL: ClassVar[frozenset[str]] = frozenset()
    """Those of them that may be left out."""

    ALIASES: ClassVar[tuple[str, ...]] = ()
    """Other names by which people look for this loss."""

    __array_ufunc__: ClassVar[None] = None  # numpy scalars then leave `np.float64(2) * loss` to __rmul__

    def __post_init__(self) -> None:
        reduction = getattr(self, "reduction", None)
        kind: Any = type(self)  # which mypy takes for unhashable, as the instances have a hash of their own
        if reduction is not None and reduction not in _reductions(kind):
            raise ValueError(f"reduction is {reduction!r}; expected one of {', '.join(map(repr, _reductions(kind)))}")
        _ = self.wire  # now: a mistake is reported where it is written, and an array given cannot change later

    @cached_property
    def wire(self) -> bytes:
        """The serialized LossSpec."""
        return spec.write(self, loss_pb2.LossSpec()).SerializeToString(deterministic=True)

    @property
    def name(self) -> str:
        """Name of this loss in the contract, for example "cross_entropy_loss"."""
        return str(loss_pb2.LossSpec.FromString(self.wire).WhichOneof("loss"))

    @property
    def inputs(self) -> Mapping[str, bool]:
        """As `INPUTS`, for this very loss."""
        return self.INPUTS

    @property
    def archives(self) -> Mapping[str, bytes]:
        """The archives of the programs in it, by hash."""
        return {}

    def named(self, label: str) -> WeightedSum:
        """This loss as a term that the results call `label`.

        >>> from lossd import L1Loss, MSELoss
        >>> (MSELoss().named("fit") + 0.1 * L1Loss().named("size")).labels
        ('fit', 'size')
        """
        return WeightedSum(terms=[WeightedTerm(loss=self, label=label)])

    def on(self, **inputs: str) -> WeightedSum:
        """This loss as a term that reads other inputs of the request.

        >>> from lossd import KLDivLoss
        >>> distilled = KLDivLoss(reduction="batchmean").on(input="student", target="teacher")
        >>> list(distilled.inputs)
        ['student', 'teacher']
        """
        return WeightedSum(terms=[WeightedTerm(loss=self, inputs=inputs)])

    def __add__(self, other: Loss) -> WeightedSum:
        if not isinstance(other, Loss):
            return NotImplemented
        return WeightedSum(terms=(*_terms(self), *_terms(other)))

    def __radd__(self, other: Literal[0]) -> Loss:
        return self if other == 0 else NotImplemented  # so that sum(losses) works, which starts from 0

    def __sub__(self, other: Loss) -> WeightedSum:
        return self + -other if isinstance(other, Loss) else NotImplemented

    def __neg__(self) -> WeightedSum:
        return self * -1

    def __mul__(self, factor: float) -> WeightedSum:
        factor = _number(factor)
        return WeightedSum(terms=[replace(term, weight=factor * _weight(term)) for term in _terms(self)])

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> WeightedSum:
        divisor = _number(divisor)
        return WeightedSum(terms=[replace(term, weight=_weight(term) / divisor) for term in _terms(self)])

    def __eq__(self, other: object) -> bool:
        return self.wire == other.wire if isinstance(other, Loss) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.wire)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WeightedTerm(spec.Spec):
    """One term of a weighted sum.

    Args:
        loss: the loss.
        weight: factor; default 1.
        label: what results call this term, [a-z0-9][a-z0-9._-]{0,63}; default the loss's name.
        inputs: names of this loss's inputs → names in the request, for those that differ.
    """

    loss: Loss
    weight: float | None = None
    label: str | None = None
    inputs: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.loss, Loss):
            raise TypeError(f"expected one of lossd's losses, given {self.loss!r}")

    def reads(self) -> dict[str, str]:
        """Names of the loss's inputs → names in the request, for all of them."""
        return {name: name for name in self.loss.inputs} | dict(self.inputs or {})


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WeightedSum(Loss):
    """A weighted sum of losses over the same inputs; results hold the unweighted value of each term too.

    Formula: Σ weight × term.

    Args:
        terms: at least one, at most 64, all of one shape once reduced. Sums nest.

    Inputs: those of all terms together, in the order of their first appearance.

    >>> from lossd import L1Loss, MSELoss
    >>> loss = 0.8 * MSELoss() + 0.2 * L1Loss()
    >>> loss.labels
    ('mse_loss', 'l1_loss')
    >>> (loss + MSELoss(reduction="sum")).labels
    ('mse_loss', 'l1_loss', 'mse_loss_2')
    """

    terms: Iterable[WeightedTerm]

    def __post_init__(self) -> None:
        object.__setattr__(self, "terms", tuple(self.terms))
        super().__post_init__()

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What results call the terms: the label given or the loss's name, a repeated one with `_2`, `_3`, …"""
        labels: list[str] = []
        for term in self.terms:
            label = wanted = term.label or term.loss.name
            count = 1
            while label in labels:
                count += 1
                label = f"{wanted}_{count}"
            labels.append(label)
        return tuple(labels)

    @cached_property
    def inputs(self) -> Mapping[str, bool]:
        """The inputs of all terms; integers stand for floats where every term wants floats."""
        found: dict[str, bool] = {}
        for term in self.terms:
            for name, given in term.reads().items():
                found[given] = found.get(given, True) and term.loss.inputs.get(name, True)
        return found

    @property
    def archives(self) -> Mapping[str, bytes]:
        """Those of all terms."""
        return {sha256: archive for term in self.terms for sha256, archive in term.loss.archives.items()}

    def named(self, label: str) -> WeightedSum:
        """A single term gets this label; several become one nested term of this label."""
        terms = tuple(self.terms)
        return WeightedSum(terms=[replace(terms[0], label=label)]) if len(terms) == 1 else super().named(label)

    def on(self, **inputs: str) -> WeightedSum:
        """The same sum over other inputs of the request."""
        terms = []
        for term in self.terms:
            moved = {name: inputs.get(given, given) for name, given in term.reads().items()}
            terms.append(replace(term, inputs={name: given for name, given in moved.items() if name != given} or None))
        return WeightedSum(terms=terms)

    def arguments(self) -> dict[str, Any]:
        """As given, with every label filled in."""
        labelled = [replace(term, label=label) for term, label in zip(self.terms, self.labels, strict=True)]
        return super().arguments() | {"terms": tuple(labelled)}


@dataclass(frozen=True, eq=False, repr=False)
class Expression(Loss):
    """A loss written as a formula over the inputs by name.

    Formula: `source`. A result that is not a scalar counts as unreduced: it comes back in `losses`.

    Args:
        source: arithmetic, comparisons, constant indices and the functions of docs/composition.md; at most 4,096
            characters. Statements before the last give parts a name, as in "e = input - target; mean(e**2)". A first
            statement axes(input="N C") names axes, for dim="C".

    Inputs: those that the formula names, floating unless their array says otherwise. Two positional inputs are
    `input` and `target`; any others go by keyword.

    >>> Expression("mean((input - target)**2) + 0.1*sum(abs(input - target))").name
    'expression'
    """

    source: str


class Plugin(Loss):
    """A loss that the operator of the server installed beside it; `Client.losses` lists it like any other.

    Formula: the plugin's own; `Client.loss(plugin)` tells it.

    Args:
        plugin: its name in the catalogue.
        arguments: its arguments by name: numbers, booleans, strings, lists and arrays. What they may be, the server
            knows; floating numbers carry whole ones.

    Inputs: its own. Two positional inputs are `input` and `target`; any others go by keyword.

    >>> Plugin("newsvendor_loss", under=3.0, reduction="sum")
    Plugin('newsvendor_loss', under=3.0, reduction='sum')
    >>> (Plugin("newsvendor_loss") + Expression("mean(input)")).labels
    ('newsvendor_loss', 'expression')
    """

    plugin: str
    given: dict[str, Any]

    def __init__(self, plugin: str, /, *, allow_broadcast: bool = False, **arguments: Any) -> None:
        own = {"plugin": plugin, "given": _plain(arguments), "allow_broadcast": allow_broadcast}
        for name, value in own.items():
            object.__setattr__(self, name, value)  # frozen, as every loss is
        self.__post_init__()

    @property
    def name(self) -> str:
        """Name of the plugin, which is its name in the catalogue."""
        return self.plugin

    def arguments(self) -> dict[str, Any]:
        """The contract's fields."""
        return {"name": self.plugin, "arguments": self.given, "allow_broadcast": self.allow_broadcast}

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Plugin:
        """The plugin that `arguments` came from."""
        outer = {"allow_broadcast": arguments.get("allow_broadcast", False)}
        return cls(arguments.get("name", ""), **arguments.get("arguments", {}), **outer)

    def __repr__(self) -> str:
        outer = {"allow_broadcast": True} if self.allow_broadcast else {}
        given = [repr(self.plugin), *(f"{name}={value!r}" for name, value in (self.given | outer).items())]
        return f"Plugin({', '.join(given)})"


def _plain(value: Any) -> Any:
    """The same as JSON has it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if not isinstance(value, str | int | float | None):
        raise TypeError(f"a plugin's arguments are numbers, booleans, strings, lists and arrays; given {value!r:.80}")
    return value


@cache
def _reductions(kind: type[Loss]) -> tuple[str, ...]:
    """Those that this loss takes, as its annotation says."""
    return tuple(value for part in get_args(get_type_hints(kind)["reduction"]) for value in get_args(part))


def _terms(loss: Loss) -> tuple[WeightedTerm, ...]:
    return tuple(loss.terms) if isinstance(loss, WeightedSum) else (WeightedTerm(loss=loss),)


def _number(factor: object) -> float:
    """A factor of a loss: a number of Python's, or a scalar of numpy's or another library's."""
    if not hasattr(factor, "__float__") or getattr(factor, "ndim", None):
        raise TypeError(f"a loss is multiplied or divided by a number; given {factor!r:.80}")
    return float(factor)


def _weight(term: WeightedTerm) -> float:
    return 1.0 if term.weight is None else term.weight
