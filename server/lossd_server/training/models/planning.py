"""A model of layers and its plan for each shape: a dry run on torch's meta device, where tensors have no elements.

What does not fit shows there, with the layer's name, and what it would cost is known before anything is allocated.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lossd_server.faults import Fault, shape_text
from lossd_server.limits import MAX_MODEL_WORK, MAX_PRODUCED_ELEMENTS
from lossd_server.losses.cost import Cost
from lossd_server.losses.refusal import torch_refusals
from lossd_server.training.models.shapes import expectation
from lossd_server.training.models.wiring import Branches, Feed, Residual

_META = torch.device("meta")
_MOST_PLANS = 256
_INDICES = (torch.int64, torch.int32)
_PASSING = (nn.Identity, nn.Flatten, nn.Unflatten, nn.Sequential, Branches, Residual)
"""Modules that take any type, and leave it to others."""


class Plan(NamedTuple):
    """What a shape of inputs makes: an empty meta tensor like the output, and the inputs that must be below a size."""

    output: Tensor
    sizes: tuple[tuple[str, int, str], ...]


class LayeredModel:
    """Layers of torch.nn, joined; see `contract.Model`.

    Args:
        module: what trains.
        dry: the same on the meta device.
        feed, dry_feed: where their branches find the model's inputs.
        names: of the inputs.
        indices: the inputs that are indices.
    """

    def __init__(
        self,
        module: nn.Module,
        feed: Feed,
        dry: nn.Module,
        dry_feed: Feed,
        names: tuple[str, ...],
        indices: frozenset[str],
    ) -> None:
        self.module = module
        self.input_names = names
        self.indices = indices
        self._feed = feed
        self._rehearsal = _Rehearsal(dry, dry_feed, names)
        self._plans: dict[tuple[Any, ...], Plan] = {}

    def check(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Refuses types, shapes, cost and indices before any kernel runs; an empty meta tensor like the output."""
        training = self.module.training
        key = (training, *[(inputs[name].shape, inputs[name].dtype) for name in self.input_names])
        plan = self._plans.get(key)
        if plan is None:
            plan = self._rehearsal.plan(inputs, training)
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[key] = plan
        for name, size, layer in plan.sizes:
            _check_indices(inputs[name], name, size, layer)
        return plan.output

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The output of checked inputs in the module's present mode; random numbers come from torch's generator."""
        self._feed.given = inputs
        try:
            output: Tensor = self.module(inputs.get("input"))
        finally:
            self._feed.given = {}
        return output


def _check_indices(indices: Tensor, name: str, size: int, layer: str) -> None:
    if not indices.numel():
        return
    least, most = (int(bound) for bound in indices.aminmax())
    if least < 0 or most >= size:
        raise Fault(
            "VALUE_OUT_OF_RANGE",
            f"{name} has {least if least < 0 else most}; {layer} takes indices of 0 to {size - 1}",
            field=f"inputs.{name}",
        )


class _Rehearsal:
    """Runs a model without elements, knowing at each moment which layer runs."""

    def __init__(self, module: nn.Module, feed: Feed, names: tuple[str, ...]) -> None:
        self._module = module
        self._feed = feed
        self._names = names
        self._running: list[tuple[str, nn.Module]] = []
        self._shape = ""
        self._sources: dict[int, str] = {}
        self._sizes: list[tuple[str, int, str]] = []
        self._fields = _branch_inputs(module)
        for name, part in module.named_modules():
            if isinstance(part, nn.Embedding | nn.EmbeddingBag):
                part.max_norm = None  # it would renormalise rows that are not there
            part.register_forward_pre_hook(self._entered(name or "0"))
            part.register_forward_hook(self._left)

    def plan(self, inputs: Mapping[str, Tensor], training: bool) -> Plan:
        """The plan of inputs of these shapes and types; refuses those that the model cannot or should not take."""
        self._module.train(training)
        self._running, self._sizes = [], []
        given = {name: torch.empty(inputs[name].shape, dtype=inputs[name].dtype, device=_META) for name in self._names}
        self._sources = {tensor.untyped_storage()._cdata: name for name, tensor in given.items()}
        self._feed.given = given
        try:
            with self._refusals(), torch.no_grad(), Cost(self._check_cost):
                output: Tensor = self._module(given.get("input"))
        finally:
            self._feed.given, self._sources = {}, {}
        if output.dtype != torch.float32:
            raise self._mistyped("the model", output)
        return Plan(output, tuple(self._sizes))

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Inside, what torch refuses or warns of becomes a fault that names the layer."""
        try:
            with warnings.catch_warnings(), torch_refusals("inputs"):
                warnings.simplefilter("error", UserWarning)
                warnings.filterwarnings("ignore", message="Using padding='same'")  # only slower
                yield
        except (AssertionError, UserWarning) as error:
            raise self._misfit(str(error).split("\n")[0][:300]) from None
        except Fault as fault:
            if fault.reason != "UNSUPPORTED":
                raise
            raise self._misfit(fault.message.removeprefix("torch refuses this: ")) from None

    def _misfit(self, said: str) -> Fault:
        return Fault("SHAPE_MISMATCH", f"{self._layer()} does not take {self._shape}: {said}", field=self._field())

    def _mistyped(self, layer: str, given: Tensor) -> Fault:
        type_ = str(given.dtype).removeprefix("torch.")
        return Fault(
            "DTYPE_MISMATCH",
            f"{layer} takes float32, but gets {type_}; the model's parameters are float32: send float32, in numpy "
            'by .astype("float32")',
            field=self._field(),
        )

    def _layer(self) -> str:
        name, module = self._running[-1] if self._running else ("0", self._module)
        return f"layer {name} ({type(module).__name__})"

    def _field(self) -> str:
        """The input that the running layer's branch reads, or all of them if that cannot be told."""
        path = f"{self._running[-1][0]}." if self._running else ""
        inside = [prefix for prefix in self._fields if path.startswith(prefix)]
        if inside:
            return f"inputs.{self._fields[max(inside, key=len)]}"
        if "input" in self._names or len(self._names) > 1:
            return "inputs.input" if "input" in self._names else "inputs"
        return f"inputs.{self._names[0]}"

    def _entered(self, name: str) -> Any:
        def enter(module: nn.Module, args: tuple[Any, ...]) -> None:
            self._running.append((name, module))
            if args and isinstance(args[0], Tensor):
                self._shape = shape_text(args[0].shape)
                self._check(module, args[0])

        return enter

    def _left(self, module: nn.Module, args: Any, output: Any) -> None:
        self._running.pop()

    def _check(self, module: nn.Module, given: Tensor) -> None:
        if isinstance(module, nn.Embedding | nn.EmbeddingBag):
            self._check_embedding(module, given)
        elif given.dtype != torch.float32 and not isinstance(module, _PASSING):
            raise self._mistyped(self._layer(), given)
        expected = expectation(module, given.shape)
        if expected:
            gets = shape_text(given.shape) if given.dim() else "a scalar"
            raise Fault("SHAPE_MISMATCH", f"{self._layer()} takes {expected}, but gets {gets}", field=self._field())

    def _check_embedding(self, module: nn.Embedding | nn.EmbeddingBag, given: Tensor) -> None:
        """Indices come from an input as they are, so that they can be looked at before anything runs."""
        if given.dtype not in _INDICES:
            type_ = str(given.dtype).removeprefix("torch.")
            raise Fault(
                "DTYPE_MISMATCH",
                f'{self._layer()} takes int64 or int32, but gets {type_}: send indices, in numpy by .astype("int64")',
                field=self._field(),
            )
        source = self._sources.get(given.untyped_storage()._cdata)
        if source is None:
            raise Fault(
                "UNSUPPORTED",
                f"{self._layer()} takes the indices of an input of the model, and nothing computed from them",
                field="inputs",
            )
        self._sizes.append((source, module.num_embeddings, self._layer()))

    def _check_cost(self, cost: Cost) -> None:
        if max(cost.elements, cost.beside) > MAX_PRODUCED_ELEMENTS:
            what = f"over {MAX_PRODUCED_ELEMENTS} elements"
        elif cost.work > MAX_MODEL_WORK:
            what = f"over {MAX_MODEL_WORK} multiplications"
        else:
            return
        raise Fault(
            "LIMIT_EXCEEDED",
            f"the model would make {what} of these inputs, by {self._layer()}: send a smaller batch",
            field=self._field(),
        )


def _branch_inputs(module: nn.Module) -> dict[str, str]:
    """The model's inputs that branches read, by the branches' places as prefixes."""
    return {
        f"{path}.{source.name}.".removeprefix("."): source.input
        for path, part in module.named_modules()
        if isinstance(part, Branches)
        for source in part._sources
        if source.input
    }
