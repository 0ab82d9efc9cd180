"""A data set in memory: tensors whose first dimension counts the examples, and the batches that it is cut into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from lossd_server.faults import Fault, shape_text


@dataclass(frozen=True)
class Examples:
    """Examples for a session.

    Args:
        inputs: the model's, each of (N, …).
        targets: the loss's others; those of (N, …) are cut with the inputs, the rest go along whole.
        whole: names of the latter, where these are some of more examples, by whose number they were told.
    """

    inputs: Mapping[str, Tensor]
    targets: Mapping[str, Tensor]
    whole: frozenset[str] | None = None

    def check(self, path: str = "inputs") -> None:
        """Refuses inputs that do not count the same examples, and none at all."""
        counts = {name: given.shape[0] if given.dim() else 0 for name, given in self.inputs.items()}
        for name, count in counts.items():
            if count != len(self) or not count:
                raise Fault(
                    "SHAPE_MISMATCH",
                    f"{name} is {shape_text(self.inputs[name].shape)}; its first dimension counts the examples, at "
                    f"least one, and all inputs have as many ({len(self)})",
                    field=f"{path}.{name}",
                )

    def __len__(self) -> int:
        first = next(iter(self.inputs.values()))
        return first.shape[0] if first.dim() else 0

    def between(self, start: int, end: int) -> Examples:
        """A view of those from `start` to before `end`."""
        if start == 0 and end == len(self):
            return self
        return self._some(lambda given: given.narrow(0, start, end - start))

    def at(self, indices: Tensor) -> Examples:
        """A copy of those at `indices`, in that order."""
        return self._some(lambda given: given.index_select(0, indices.to(given.device)))

    def batches(self, size: int) -> Iterator[Examples]:
        """All of them in order, `size` at once or fewer in the last; 0 takes all."""
        size = size or len(self)
        return (self.between(start, min(start + size, len(self))) for start in range(0, len(self), size))

    def _some(self, cut: Callable[[Tensor], Tensor]) -> Examples:
        whole = self.whole
        if whole is None:
            whole = frozenset(name for name, given in self.targets.items() if given.shape[:1] != (len(self),))
        return Examples(
            {name: cut(given) for name, given in self.inputs.items()},
            {name: given if name in whole else cut(given) for name, given in self.targets.items()},
            whole,
        )
