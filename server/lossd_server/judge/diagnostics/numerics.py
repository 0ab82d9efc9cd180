"""NaN, infinities, empty inputs, half types near their end, gradients that vanish or explode; knows no meaning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.diagnostics import roles
from lossd_server.judge.diagnostics.case import MOST, SAMPLED, Case, bounds, spread
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity
from lossd_server.losses.budget import Budget
from lossd_server.losses.contract import Loss, Tensors

STEEP = 1e6
FLAT = 1e-7
_HALF_MOST = 65504.0
_GIVEN = ("advantages", "labels", "old_", "ref_log", "reference_", "returns", "target", "teacher_")
"""How the names of inputs begin that no model learns by."""
_SQUARING = (*roles.SQUARED, "gaussian_nll_loss")

EMPTY_INPUT = Diagnostic(
    "EMPTY_INPUT",
    Severity.WARNING,
    Level.CHEAP,
    "There is nothing to evaluate.",
    "an input without elements",
    "skip empty batches (drop_last, or a filter that leaves nothing): a mean over nothing is nan",
    (),
    {},
)
NAN_INPUT = Diagnostic(
    "NAN_INPUT",
    Severity.ERROR,
    Level.CHEAP,
    "An input holds NaN.",
    "any NaN; `cheap` looks for it where the loss or a gradient is not finite, `full` always",
    "look at the first one, by its index: 0/0, log of a negative, or missing data; fill or drop missing values, clamp "
    "before log and sqrt; in training find the step with torch.autograd.set_detect_anomaly(True)",
    (),
    {"nan": "NaN elements", "first": "number of the first in C order", "row": "its row", "elements": "elements"},
)
INFINITE_INPUT = Diagnostic(
    "INFINITE_INPUT",
    Severity.WARNING,
    Level.CHEAP,
    "An input holds infinities.",
    "any infinity, other than -inf where the loss is finite; `cheap` looks for them where the loss or a gradient is "
    "not "
    "finite, `full` always",
    "look at the first one, by its index: an overflow of exp or float16, a division by 0, a log of 0; clamp there, or "
    "use "
    "float32",
    (),
    {
        "infinite": "infinite elements",
        "first": "number of the first in C order",
        "row": "its row",
        "elements": "elements",
    },
)
NONFINITE_RESULT = Diagnostic(
    "NONFINITE_RESULT",
    Severity.ERROR,
    Level.CHEAP,
    "The loss is NaN or infinite.",
    "the value, or with reduction none any element, is not finite",
    "NAN_INPUT and INFINITE_INPUT say where it comes from, if it came in; else look for log of 0, division by 0 or an "
    "overflow: use the loss that takes logits, an eps, or float32; in training skip the step",
    (),
    {"value": "the loss; the sum of it if it is not reduced", "bad": "elements that are not finite",
     "first": "number of the first in C order"},
)  # fmt: skip
NONFINITE_GRADIENT = Diagnostic(
    "NONFINITE_GRADIENT",
    Severity.ERROR,
    Level.CHEAP,
    "The loss is finite and its gradient is not.",
    "any element of a gradient is not finite while the loss is; `cheap` looks at samples of gradients that were asked "
    "for, "
    "`full` computes them",
    "look for sqrt, norm or log at 0 and for 0 times infinity: add an eps inside, or mask before, not after; "
    "clip_grad_norm does not help, for NaN has no norm",
    (),
    {"bad": "elements that are not finite", "first": "number of the first in C order", "elements": "elements"},
)
FLOAT16_OVERFLOW = Diagnostic(
    "FLOAT16_OVERFLOW",
    Severity.WARNING,
    Level.CHEAP,
    "Float16 is near its end, 65504.",
    "an input or the loss is float16 and beyond ±16376, a quarter of it, or a squared error is",
    "send float32 or bfloat16; torch.autocast computes losses in float32 for the same reason; or scale the targets",
    (),
    {"most": "largest number", "end": "65504"},
)
GRADIENT_VANISHES = Diagnostic(
    "GRADIENT_VANISHES",
    Severity.WARNING,
    Level.CHEAP,
    "The loss is not small and its gradient is 0: nothing is learned from it.",
    f"the loss is above 0.001 and no element of any gradient is above {FLAT:g} of it; `cheap` looks at samples of the "
    "gradients that were asked for, `full` computes them",
    "use a loss that takes logits (saturated sigmoids pass nothing), GIoULoss for boxes apart, a wider clip, a smooth "
    "loss; look for clamp, argmax, round or detach before the loss",
    (),
    {"most": "largest gradient", "value": "the loss"},
)
GRADIENT_EXPLODES = Diagnostic(
    "GRADIENT_EXPLODES",
    Severity.WARNING,
    Level.CHEAP,
    "The gradient of an example is huge.",
    f"any element of a gradient, times what a mean divides by, is beyond ±{STEEP:g}; `cheap` looks at samples of the "
    "gradients that were asked for, `full` computes them",
    "scale the targets (standardise), use HuberLoss, a loss that takes logits instead of probabilities near 0, or clip "
    "gradients (clip_grad_norm)",
    (),
    {"most": "largest gradient of an example", "value": "the loss"},
)

DIAGNOSTICS = (
    EMPTY_INPUT, NAN_INPUT, INFINITE_INPUT, NONFINITE_RESULT, NONFINITE_GRADIENT, FLOAT16_OVERFLOW, GRADIENT_VANISHES,
    GRADIENT_EXPLODES,
)  # fmt: skip


def empty(case: Case) -> Iterator[Finding]:
    """Inputs without elements."""
    for name, tensor in case.tensors.items():
        if not tensor.numel():
            yield case.found(EMPTY_INPUT, f"{name} has shape {tuple(tensor.shape)}, no element", name)


def inputs(case: Case, suspect: bool) -> Iterator[Finding]:
    """NaN and infinities among the inputs; `suspect` if something that is not finite came out."""
    if not (suspect or case.full):
        return
    for name, tensor in case.tensors.items():
        given = tensor.detach()
        if not given.is_floating_point() or bool(given.isfinite().all()):
            continue
        nan = given.isnan()
        if bool(nan.any()):
            yield _located(case, NAN_INPUT, name, given, nan, "nan", "NaN")
        infinite = given.isinf()
        if not suspect and not bool((given == math.inf).any()):
            continue  # what was ruled out by -inf
        if bool(infinite.any()):
            yield _located(case, INFINITE_INPUT, name, given, infinite, "infinite", "infinite")


def _located(case: Case, kind: Diagnostic, name: str, given: Tensor, bad: Tensor, key: str, word: str) -> Finding:
    number, first = int(torch.count_nonzero(bad)), int(bad.reshape(-1).int().argmax())
    message = f"{number} of {given.numel()} elements are {word}, the first at {position(given, first)}"
    row = first // max(given.numel() // given.shape[0], 1) if given.dim() else 0
    return case.found(kind, message, name, **{key: number, "first": first, "row": row, "elements": given.numel()})


def position(given: Tensor, number: int) -> str:
    """The index of an element by its number in C order.

    >>> position(torch.zeros(2, 3), 4)
    '[1, 1]'
    """
    where: list[int] = []
    for size in reversed(given.shape):
        where.insert(0, number % size)
        number //= size
    return str(where)


def outcome(case: Case, value: Tensor | None) -> Iterator[Finding]:
    """A loss that is no number."""
    if math.isfinite(case.value):
        return
    bad, first, where = 1, 0, ""
    if value is not None and value.dim() and value.numel():
        off = ~value.isfinite()
        bad, first = int(torch.count_nonzero(off)), int(off.reshape(-1).int().argmax())
        if not bad:
            return  # a sum of large numbers
        where = f"; {bad} elements of {value.numel()} are not finite, the first at {position(value, first)}"
    yield case.found(NONFINITE_RESULT, f"the loss is {case.value}{where}", value=case.value, bad=bad, first=first)


def halves(case: Case) -> Iterator[Finding]:
    """float16 near its end."""
    bound = _HALF_MOST / 4
    for name, tensor in case.tensors.items():
        if tensor.dtype != torch.float16 or not tensor.numel():
            continue
        low, high = bounds(case.elements(name))
        most = max(-low, high)
        if most > bound:
            message = f"{name} is float16 and reaches {most:.5g}; it ends at 65504"
            yield case.found(FLOAT16_OVERFLOW, message, name, most=most, end=_HALF_MOST)
    first = next(iter(case.tensors.values()), None)
    if first is None or first.dtype != torch.float16:
        return
    if case.name in _SQUARING and case.numbers[0].numel():
        most = float((case.numbers[0] - case.numbers[1]).abs().max()) ** 2
        if bound < most < math.inf:
            message = f"input is float16 and a squared error reaches {most:.5g}; float16 ends at 65504"
            yield case.found(FLOAT16_OVERFLOW, message, "input", most=most, end=_HALF_MOST)
            return
    if case.result is not None and case.result.reduced and bound < abs(case.value) < math.inf:
        message = f"the loss is float16 and {case.value:.5g}; it ends at 65504"
        yield case.found(FLOAT16_OVERFLOW, message, "", most=abs(case.value), end=_HALF_MOST)


def gradients(case: Case, divided: float) -> Iterator[Finding]:
    """Gradients that are no numbers, none, or huge.

    Args:
        divided: what a mean divides by, 1 where there is none.
    """
    most = 0.0
    for name, gradient in case.gradients.items():
        sample = gradient if case.full else spread(gradient, SAMPLED)
        if not sample.numel():
            continue
        low, high = bounds(sample)
        largest = max(-low, high) if low == low and high == high else math.nan
        if not math.isfinite(largest):
            if math.isfinite(case.value):
                bad = ~gradient.isfinite()
                number, first = int(torch.count_nonzero(bad)), int(bad.reshape(-1).int().argmax())
                message = f"{number} of {gradient.numel()} elements of the gradient are not finite, the first at "
                message += position(gradient, first)
                yield case.found(NONFINITE_GRADIENT, message, name, bad=number, first=first, elements=gradient.numel())
            return
        most = max(most, largest)
    if not case.gradients or not math.isfinite(case.value):
        return
    if most * divided > STEEP:
        message = f"the gradient of an example reaches {most * divided:.3g}"
        yield case.found(GRADIENT_EXPLODES, message, most=most * divided, value=case.value)
    elif most * divided <= FLAT * abs(case.value) and abs(case.value) > 1e-3 and _whole(case):
        message = f"the loss is {case.value:.4g} and no gradient of an example is above {most * divided:.2g}"
        yield case.found(GRADIENT_VANISHES, message, most=most * divided, value=case.value)


def _whole(case: Case) -> bool:
    """Whether a sample without a gradient means that there is none; a few wrong rows may carry all."""
    return not any(bool(torch.any(gradient)) for gradient in case.gradients.values())


def computed(loss: Loss, tensors: Tensors) -> Mapping[str, Tensor]:
    """The gradients of the inputs that a model learns by, summed over what is not reduced; none if it is too much "
    "work."""
    if sum(tensor.numel() for tensor in tensors.values()) > MOST:
        return {}
    leaves: dict[str, Tensor] = {}
    for name in loss.input_names:
        input_, tensor = loss.input(name), tensors.get(name)
        learned = input_ is not None and not input_.constant and not name.startswith(_GIVEN)
        if tensor is not None and tensor.is_floating_point() and learned:
            leaves[name] = tensor.detach().requires_grad_()
    try:
        with torch.enable_grad():
            given = {name: tensor.detach() for name, tensor in tensors.items()} | leaves
            value = loss.compute(given, Budget(given.values())).value
            if not value.requires_grad:
                return {}
            found = torch.autograd.grad(value.sum(), list(leaves.values()), materialize_grads=True)
    except (Fault, RuntimeError):  # it was evaluated a moment ago: there is no room to do it with gradients
        return {}
    return dict(zip(leaves, found, strict=True))
