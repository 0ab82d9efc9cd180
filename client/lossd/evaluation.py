"""One evaluation as the caller states it, and how it is written into a request; knows no call and no transport."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields

from lossd import tensors
from lossd.diagnostics import Level, level
from lossd.errors import InvalidArgument
from lossd.framing import Buffer
from lossd.loss import Expression, Loss, Plugin, WeightedSum
from lossd.program import Program
from lossd.tensors import ArrayLike
from lossd.v1 import evaluation_service_pb2, tensor_pb2


class Evaluation:
    """A loss, its inputs and what to return of it: the arguments of `Client.evaluate`, for batches and streams.

    Args:
        loss: the loss.
        *inputs: arrays, in torch's forward order. Python numbers and lists take the floating type of the first
            floating array among the inputs, float32 without one.
        gradients: True for the gradient of every input that torch differentiates, or names of inputs.
        grad_output: the vector of the vector–Jacobian product, of the shape of the result; needed for gradients of
            an unreduced loss, 1 otherwise.
        term_gradients: also return the gradient of each term of a weighted sum by itself, unweighted.
        metrics: a name or names of metrics, such as "accuracy" or "precision(threshold=0.3)".
        diagnostics: "off", "cheap" or "full" (True): how much to look for that is wrong.
        series: name of the production series that this counts in, for the server's Prometheus metrics.
        request_id: your own name for this evaluation, echoed in the result; at most 128 characters. The
            server's log has a name of its own for each call: an error's `.request_id`.
        validate_only: check everything, the elements included, and compute nothing.
        **named_inputs: arrays, by torch's forward argument names.

    Raises:
        TypeError: for no loss, more inputs than the loss takes, one given twice, or names that are no strings.

    >>> from lossd import MSELoss
    >>> Evaluation(MSELoss(), [78, 85, 92], target=[80, 87, 90]).inputs
    {'input': [78, 85, 92], 'target': [80, 87, 90]}
    """

    __slots__ = (
        "diagnostics",
        "grad_output",
        "gradients",
        "inputs",
        "loss",
        "metrics",
        "request_id",
        "series",
        "term_gradients",
        "validate_only",
    )

    def __init__(
        self,
        loss: Loss,
        /,
        *inputs: ArrayLike,
        gradients: bool | str | Iterable[str] = False,
        grad_output: ArrayLike | None = None,
        term_gradients: bool = False,
        metrics: str | Iterable[str] = (),
        diagnostics: Level | bool = False,
        series: str = "",
        request_id: str = "",
        validate_only: bool = False,
        **named_inputs: ArrayLike,
    ) -> None:
        if not isinstance(loss, Loss):
            raise TypeError(f"expected a loss such as lossd.MSELoss(), given {loss!r}")
        self.loss = loss
        self.inputs = _bind(loss, inputs, named_inputs) if inputs else named_inputs
        self.gradients = gradient_names(gradients) if gradients else ()
        self.grad_output = grad_output
        self.term_gradients = term_gradients
        self.metrics = metric_names(metrics) if metrics else ()
        self.diagnostics = diagnostics
        self.series = word("series", series)
        self.request_id = word("request_id", request_id)
        self.validate_only = validate_only

    def write(self, request: evaluation_service_pb2.EvaluateLossRequest, attachments: list[Buffer]) -> None:
        """Fills an empty request; large arrays are appended to `attachments`.

        Raises:
            InvalidArgument: if an input is no array of numbers.
        """
        floats = tensors.floating_type(self.inputs.values())
        sent = len(attachments)
        request.loss.MergeFromString(self.loss.wire)
        kinds, messages = self.loss.inputs, request.inputs
        try:
            for name, value in self.inputs.items():
                floating = kinds.get(name, True)
                tensors.write(messages[name], value, attachments, floating=floating, field=name, floats=floats)
        except InvalidArgument as error:
            misplaced = _misplaced(self.loss, name, value)
            if misplaced is not None:
                raise misplaced from None
            error.field = f"inputs.{error.field}"
            raise
        if self.gradients:
            request.gradients.extend(self.gradients)
        if self.grad_output is not None:
            tensors.write(request.grad_output, self.grad_output, attachments, field="grad_output", floats=floats)
        if self.term_gradients:
            request.term_gradients = True
        if self.validate_only:
            request.validate_only = True
        self._write_wishes(request)
        request.response_encoding = encoding(len(attachments) > sent)

    def _write_wishes(self, request: evaluation_service_pb2.EvaluateLossRequest) -> None:
        if self.metrics:
            request.metrics.extend(self.metrics)
        if self.diagnostics is not False:
            request.diagnostics = level(self.diagnostics)
        if self.series:
            request.series = self.series
        if self.request_id:
            request.request_id = self.request_id


def gradient_names(gradients: bool | str | Iterable[str]) -> tuple[str, ...]:
    """What the contract says for it: "*" is every input that torch differentiates.

    >>> gradient_names(True), gradient_names("input"), gradient_names(False)
    (('*',), ('input',), ())
    """
    if isinstance(gradients, bool):
        return ("*",) if gradients else ()
    return _names("gradients", gradients, "True, False, the name of an input, or several")


def metric_names(metrics: str | Iterable[str]) -> tuple[str, ...]:
    """Names of metrics, where one may stand alone.

    Raises:
        TypeError: for anything else.

    >>> metric_names("f1")
    ('f1',)
    """
    return _names("metrics", metrics, "the name of a metric, such as 'accuracy', or several")


def word(argument: str, given: str | None) -> str:
    """What stands in a field of text; None is "".

    Raises:
        TypeError: for what is no string.

    >>> word("series", "eta-model"), word("series", None)
    ('eta-model', '')
    """
    if given is None:
        return ""
    if not isinstance(given, str):
        raise TypeError(f"{argument} is {given!r:.80}; expected a string")
    return given


def _names(argument: str, given: str | Iterable[str], expected: str) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Iterable):
        raise TypeError(f"{argument} is {given!r:.80}; expected {expected}")
    names = tuple(given)
    for index, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"{argument}[{index}] is {name!r:.80}; expected {expected}")
    return names


def encoding(large: bool) -> tensor_pb2.ResponseEncoding:
    """How to have arrays sent back: they are about as large as those that went out."""
    return tensor_pb2.RESPONSE_ENCODING_ATTACHMENT if large else tensor_pb2.RESPONSE_ENCODING_RAW


def _bind(loss: Loss, inputs: tuple[ArrayLike, ...], named: dict[str, ArrayLike]) -> dict[str, ArrayLike]:
    names = loss.inputs
    if len(inputs) > len(names):
        raise TypeError(f"{type(loss).__name__} takes {len(names)} inputs ({', '.join(names)}), given {len(inputs)}")
    bound = dict(zip(names, inputs, strict=False))
    for name, value in named.items():
        if name in bound:
            raise TypeError(f"input {name!r} is given twice, by position and by name")
        bound[name] = value
    return bound


def _misplaced(loss: Loss, name: str, value: object) -> InvalidArgument | None:
    """What to say of a word given as an input that is none: an argument of the loss, or nothing of its own."""
    if not isinstance(value, str) or name in loss.inputs:
        return None
    arguments = {"reduction"} if isinstance(loss, Plugin) else {field.name for field in fields(loss)}
    if name in arguments:
        first = f"{json.dumps(loss.plugin)}, " if isinstance(loss, Plugin) else ""
        message = f"{name} belongs in the loss: lossd.{type(loss).__name__}({first}{name}={json.dumps(value[:80])})"
    elif _closed(loss):
        message = f"{loss.name} has no input {name!r:.80}; it has {', '.join(loss.inputs)}"
    else:
        return None
    return InvalidArgument(message, reason="UNKNOWN_NAME", field=f"inputs.{name}")


def _closed(loss: Loss) -> bool:
    """Whether this side knows all of its inputs: a formula names its own, a plugin's the server knows."""
    if isinstance(loss, WeightedSum):
        return all(_closed(term.loss) for term in loss.terms)
    return not isinstance(loss, Expression | Plugin) and not (isinstance(loss, Program) and not loss.archive)
