"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from lossd.nn.module import Module
from lossd.spec import Spec


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Sequential(Module):
    """Modules in a row; parameters are named "0.weight", "1.bias", … as in torch.

    >>> from lossd.nn import Linear, ReLU
    >>> Sequential(Linear(2, 8), ReLU(), Linear(8, 1)).modules[1]
    ReLU()

    Raises:
        TypeError: for what is no module, such as a list of them.

    Reference: torch.nn.Sequential
    """

    modules: tuple[Module, ...]

    def __init__(self, *modules: Module) -> None:
        for module in modules:
            if isinstance(module, Iterable):
                kind = type(module).__name__
                raise TypeError(f"Sequential takes modules one by one, not a {kind}: Sequential(*layers)")
            _check_module(module, "Sequential takes modules")
        object.__setattr__(self, "modules", modules)

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Sequential:
        """The object that `arguments` came from."""
        return cls(*arguments.get("modules", ()))


@dataclass(frozen=True, eq=False, repr=False)
class Residual(Module):
    """x + module(x), for a module whose output has its input's shape; parameters are named "module.…".

    >>> from lossd.nn import Linear, ReLU
    >>> Residual(Sequential(Linear(8, 8), ReLU())).module.modules[0]
    Linear(in_features=8, out_features=8)
    """

    module: Module


@dataclass(frozen=True, eq=False, repr=False)
class Bilinear(Spec):
    """x₁ᵀ·W·x₂ + b of the outputs of two branches; see `Branches`.

    Args:
        in1_features: size of the last dimension of the first; 1 to 1,048,576.
        in2_features: size of the last dimension of the second; 1 to 1,048,576.
        out_features: size of the last dimension of the output; 1 to 1,048,576.
        bias: whether to add b; default True.

    Reference: torch.nn.Bilinear
    """

    in1_features: int
    in2_features: int
    out_features: int
    bias: bool | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Branch(Spec):
    """One of `Branches`; `Module.on` makes one.

    Args:
        name: leads the names of its parameters.
        module: what it computes.
        input: the model's input that it reads; default what flows in.
    """

    name: str
    module: Module
    input: str | None = None


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Branches(Module):
    """Modules side by side whose outputs are merged; parameters are named by the branch: "wide.weight".

    Args:
        branches: modules by name; one that reads an input of the model by its name is written `module.on("name")`.
        merge: "concat" (the default) and "stack" along dim, "sum", "mean" or "product" by element.
        dim: the dimension of concat and stack; default −1.
        bilinear: merges two branches in place of merge; its parameters are named "bilinear.weight", "bilinear.bias".

    Raises:
        TypeError: for what is no dict of modules.

    A model whose branches name inputs takes these by name, and "input" only if something reads what flows in.

    >>> from lossd.nn import Embedding, Linear
    >>> model = Branches({"user": Embedding(100, 8).on("user"), "item": Embedding(50, 8).on("item")}, merge="product")
    >>> [branch.input for branch in Sequential(model, Linear(8, 1)).modules[0].branches]
    ['user', 'item']
    """

    branches: tuple[Branch, ...]
    merge: Literal["concat", "sum", "mean", "product", "stack"] | None = None
    dim: int | None = None
    bilinear: Bilinear | None = None

    def __init__(
        self,
        branches: Mapping[str, Module | Branch],
        *others: object,
        merge: Literal["concat", "sum", "mean", "product", "stack"] | None = None,
        dim: int | None = None,
        bilinear: Bilinear | None = None,
    ) -> None:
        if others or not isinstance(branches, Mapping):
            given = "several modules" if others else type(branches).__name__
            raise TypeError(
                f'Branches takes a dict of branches by name, such as {{"wide": Linear(2, 1)}}; given {given}'
            )
        for name, part in branches.items():
            if not isinstance(part, Branch):
                _check_module(part, f"branch {name!r} is to be a module")
        named = tuple(
            replace(part, name=name) if isinstance(part, Branch) else Branch(name, part)
            for name, part in branches.items()
        )
        arguments = {"branches": named, "merge": merge, "dim": dim, "bilinear": bilinear}
        for name, value in arguments.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, arguments: dict[str, Any]) -> Branches:
        """The object that `arguments` came from."""
        branches = {branch.name: branch for branch in arguments.pop("branches", ())}
        return cls(branches, **arguments)


def _check_module(given: object, expected: str) -> None:
    if isinstance(given, type):
        raise TypeError(f"{expected}, given the class {given.__name__}; write {given.__name__}(…)")
    if given is not None and not isinstance(given, Module):  # None is one of a newer server
        raise TypeError(f"{expected}, given {given!r:.80}")
