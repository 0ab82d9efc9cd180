"""What all modules of a model have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

from lossd.spec import Spec

if TYPE_CHECKING:
    from lossd.nn.joining import Branch

Sizes: TypeAlias = Sequence[int] | int
"""One size for all dimensions, or one for each."""


@dataclass(frozen=True, eq=False, repr=False)
class Module(Spec):
    """A part of a model."""

    def __post_init__(self) -> None:
        """Sizes become tuples, and None among them 0, which keeps the input's size."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int | float) and ("Sizes" in str(field.type) or "Sequence" in str(field.type)):
                value = (value,)
            if isinstance(value, list | tuple):
                value = tuple(0 if size is None else size for size in value)
                object.__setattr__(self, field.name, value)

    def on(self, input_: str) -> Branch:
        """This module as a branch that reads the model's input of that name."""
        from lossd.nn.joining import Branch  # which is made of modules itself

        return Branch(name="", module=self, input=input_)
