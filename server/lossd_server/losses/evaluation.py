"""Evaluates a loss: checks, forward, and the gradients that were asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.losses import composite
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Computed, Evaluated, Loss, Tensors
from lossd_server.losses.refusal import torch_refusals

EVERY = "*"


def value_of(loss: Loss, tensors: Tensors) -> Tensor:
    """The value of `loss` at tensors that it has checked, in float64, without gradients."""
    given = {name: tensor.detach() for name, tensor in tensors.items()}
    with torch_refusals("loss"):
        return loss.compute(given, Budget(given.values())).value.double()


def evaluate(
    loss: Loss,
    tensors: Tensors,
    gradients: Sequence[str] = (),
    grad_output: Tensor | None = None,
    term_gradients: bool = False,
    written: bool = False,
    checked: bool = False,
) -> Evaluated:
    """The value of `loss` at `tensors`, and d(value)/d(input) for the inputs named in `gradients`.

    Args:
        tensors: exactly the inputs of the loss, by name; fresh leaves, which this may mark for autograd.
        gradients: names of inputs, or "*" for every floating one.
        grad_output: vector of the vector-Jacobian product, of the shape and type of the result.
        term_gradients: whether to differentiate each term of a weighted sum by itself, too.
        written: whether `grad_output` was written as nested arrays, which cannot write a scalar.
        checked: whether `loss` has checked `tensors` already.

    Raises:
        Fault: if anything does not fit; no kernel of the loss has run then, except where the shape of an
            unreduced result shows a wrong `grad_output`.
    """
    if not checked:
        loss.check(tensors)
    names = wanted(loss, tensors, gradients)
    if term_gradients:
        check_terms(loss, names)
    started = time.perf_counter()
    budget = Budget(tensors.values())
    computed = _forward(loss, tensors, names, budget)
    result = Evaluated(computed.value.detach(), reduced=not computed.value.dim() and loss.reduction != "none")
    result.terms = {label: float(value.detach().sum()) for label, value in computed.terms.items()}
    result.forward = time.perf_counter() - started
    grad_output = check_gradient(computed.value, names, grad_output, written)
    if names:
        started = time.perf_counter()
        leaves = [tensors[name] for name in names]
        with torch_refusals("gradients"):
            if term_gradients:
                result.term_gradients = _of_terms(computed, names, leaves, grad_output, budget)
            found = torch.autograd.grad(computed.value, leaves, grad_output, materialize_grads=True)
        result.gradients = dict(zip(names, found, strict=True))
        result.backward = time.perf_counter() - started
    sum_up(result, loss, tensors)
    if loss.reduction in (None, "none"):
        _own_memory(result, [*tensors.values(), *([] if grad_output is None else [grad_output])])
    return result


def wanted(loss: Loss, tensors: Tensors, gradients: Sequence[str]) -> tuple[str, ...]:
    """The inputs to differentiate, each once."""
    if not gradients:
        return ()
    differentiable = [name for name in loss.input_names if name in tensors and _differentiable(loss, name, tensors)]
    for index, name in enumerate(gradients):
        if name == EVERY:
            continue
        if name not in tensors:
            raise Fault(
                "UNKNOWN_NAME",
                f"{loss.name} has no input {name!r}; it has {', '.join(loss.input_names)}",
                field=f"gradients[{index}]",
            )
        if name not in differentiable:
            dtype = str(tensors[name].dtype).removeprefix("torch.")
            what = f"is {dtype}, which" if not tensors[name].is_floating_point() else f"of {loss.name}"
            raise Fault(
                "NOT_DIFFERENTIABLE",
                f"{name} {what} has no gradient; ask for {', '.join(differentiable) or 'none'}",
                field=f"gradients[{index}]",
            )
    return tuple(differentiable) if EVERY in gradients else tuple(dict.fromkeys(gradients))


def _differentiable(loss: Loss, name: str, tensors: Tensors) -> bool:
    input_ = loss.input(name)
    return tensors[name].is_floating_point() and input_ is not None and not input_.constant


def _forward(loss: Loss, tensors: Tensors, names: Sequence[str], budget: Budget) -> Computed:
    for name in names:
        tensors[name].requires_grad_()
    with torch_refusals("loss"):  # autograd records nothing unless an input was marked above
        return loss.compute(tensors, budget)


def _of_terms(
    computed: Computed, names: Sequence[str], leaves: Sequence[Tensor], grad_output: Tensor | None, budget: Budget
) -> dict[str, dict[str, Tensor]]:
    """d(term)/d(input) of each term by label, where the term depends on the input; keeps the graph for the total."""
    gradients: dict[str, dict[str, Tensor]] = {}
    for label, value in computed.terms.items():
        gradients[label] = {}
        if value.requires_grad:
            budget.take(sum(leaf.numel() for leaf in leaves))
            vector = None if grad_output is None else grad_output.to(value.dtype)
            found = torch.autograd.grad(value, leaves, vector, retain_graph=True, allow_unused=True)
            given = zip(names, found, strict=True)
            gradients[label] = {name: gradient for name, gradient in given if gradient is not None}
    return gradients


def infer(loss: Loss, tensors: Tensors, gradients: Sequence[str] = ()) -> tuple[Tensor, tuple[str, ...]]:
    """The result on torch's meta device, and the inputs to differentiate: every check that needs no elements.

    Args:
        loss: built on the meta device.
        tensors: as for `evaluate`, on the meta device.
        gradients: as for `evaluate`.
    """
    loss.check(tensors, data=False)
    names = wanted(loss, tensors, gradients)
    value = _forward(loss, tensors, names, Budget(tensors.values())).value
    if names:
        _check_smooth(value)
    return value, names


def check_terms(loss: Loss, names: Sequence[str]) -> None:
    """Refuses gradients of terms where there are no terms, or no inputs to differentiate."""
    if loss.name != composite.ENTRY.name:
        raise Fault(
            "NOT_DIFFERENTIABLE",
            f"term_gradients was given, but {loss.name} has no terms; only a weighted sum has",
            field="term_gradients",
        )
    if not names:
        raise Fault(
            "NOT_DIFFERENTIABLE",
            "term_gradients was given, but no gradient was asked for; name inputs in gradients",
            field="term_gradients",
        )


def check_gradient(
    value: Tensor, names: Sequence[str], grad_output: Tensor | None, written: bool = False
) -> Tensor | None:
    """Refuses a gradient that does not exist, and a `grad_output` that does not fit the result; returns what does.

    Nested arrays cannot write a scalar: of what was `written` so, one element, [2.0], stands for one where one is due.
    """
    if not names:
        if grad_output is None:
            return None
        raise Fault(
            "NOT_DIFFERENTIABLE",
            "grad_output was given, but no gradient was asked for; name inputs in gradients",
            field="gradients",
        )
    if grad_output is None and value.dim():
        raise Fault(
            "NOT_DIFFERENTIABLE",
            f"the result has shape {shape_text(value.shape)}, so its gradient needs grad_output of that shape; "
            "give it, or reduce the loss",
            field="grad_output",
        )
    if written and grad_output is not None and not value.dim() and grad_output.shape == (1,):
        grad_output = grad_output.reshape(())
    if grad_output is not None and (grad_output.shape, grad_output.dtype) != (value.shape, value.dtype):
        raise Fault(
            "SHAPE_MISMATCH" if grad_output.dtype == value.dtype else "DTYPE_MISMATCH",
            f"grad_output is {_type_text(grad_output)}; the result is {_type_text(value)}, and they must agree",
            field="grad_output",
        )
    _check_smooth(value)
    return grad_output


def _check_smooth(value: Tensor) -> None:
    if not value.requires_grad:
        raise Fault(
            "NOT_DIFFERENTIABLE",
            "the result does not depend smoothly on any input; ask for no gradients",
            field="gradients",
        )


def _own_memory(result: Evaluated, given: list[Tensor]) -> None:
    """Copies results that are an input itself, as a formula's can be: the answer overwrites the inputs."""
    theirs = {tensor.untyped_storage().data_ptr() for tensor in given}
    if result.value.untyped_storage().data_ptr() in theirs:
        result.value = result.value.clone()
    for gradients in (result.gradients, *result.term_gradients.values()):
        for name, gradient in gradients.items():
            if gradient.untyped_storage().data_ptr() in theirs:
                gradients[name] = gradient.clone()


def sum_up(result: Evaluated, loss: Loss, tensors: Tensors) -> None:
    """Tells a result the numerator and the denominator of its mean, where it has one."""
    result.weight_sum = loss.weight_sum(tensors)
    if result.weight_sum is None:
        return
    if not result.reduced:
        result.loss_sum = float(result.value.sum(dtype=torch.float64))
    elif loss.reduction == "sum":
        result.loss_sum = float(result.value)
    else:
        result.loss_sum = float(result.value) * result.weight_sum if result.weight_sum else 0.0


def _type_text(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {shape_text(tensor.shape)}"
