"""torch itself as the oracle: a case as local torch computes it, and the same case as a request to a worker."""

from __future__ import annotations

import itertools
import math
import re
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from google.rpc import error_details_pb2, status_pb2
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import loss_pb2, tensor_pb2
from lossd_server.worker.worker import Worker
from torch import Tensor, nn

NUMBERS = {
    torch.float32: 1,
    torch.uint8: 2,
    torch.int8: 3,
    torch.uint16: 4,
    torch.int16: 5,
    torch.int32: 6,
    torch.int64: 7,
    torch.bool: 9,
    torch.float16: 10,
    torch.float64: 11,
    torch.uint32: 12,
    torch.uint64: 13,
    torch.bfloat16: 16,
}
"""DataType numbers (ONNX's) by torch type, written down here a second time on purpose."""
TYPES = {number: dtype for dtype, number in NUMBERS.items()}
REDUCTIONS = {"none": 1, "mean": 2, "sum": 3, "batchmean": 4}
THREADS = torch.get_num_threads()
"""What a user's torch uses; a worker in this process sets its own number as it goes."""
FORMS = ("values", "raw", "attachment")


@dataclass(frozen=True)
class Case:
    """A loss of torch.nn with its arguments, and its inputs in forward order."""

    loss: str
    arguments: Mapping[str, Any]
    inputs: Mapping[str, Tensor]
    broadcast: bool = False

    def module(self) -> Any:
        """What torch computes it with: a function of the inputs in their order."""
        arguments = dict(self.arguments)
        if "distance_function" in arguments:
            arguments["distance_function"] = DISTANCES[arguments["distance_function"]]
        if arguments.get("options"):
            arguments["options"] = nn.LinearCrossEntropyOptions(**{"chunking_method": None} | arguments["options"])
        module = getattr(nn, self.loss)(**arguments)
        return Parametric(module) if list(module.parameters()) else module

    @property
    def names(self) -> list[str]:
        """The inputs that torch differentiates."""
        floating = [name for name, given in self.inputs.items() if given.is_floating_point()]
        return [name for name in floating if name != "target" or self.loss not in SIGNED]

    def __str__(self) -> str:
        shapes = {name: (str(tensor.dtype)[6:], tuple(tensor.shape)) for name, tensor in self.inputs.items()}
        return f"{self.loss}({dict(self.arguments)}) of {shapes}"


DISTANCES = {
    "pairwise": nn.PairwiseDistance(),
    "manhattan": nn.PairwiseDistance(p=1),
    "chebyshev": nn.PairwiseDistance(p=math.inf),
    "squared_euclidean": lambda x, y: (x - y).pow(2).sum(dim=-1),
    "cosine": lambda x, y: 1 - nn.functional.cosine_similarity(x, y, dim=-1),
}
"""What the names of distances mean, in torch's own words."""


SIGNED = ("SoftMarginLoss", "HingeEmbeddingLoss", "CosineEmbeddingLoss")
"""Losses that look at the sign of their target, and have no gradient for it."""


class Parametric:
    """A module with parameters as a function of its inputs and then of its parameters."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.reduction = getattr(module, "reduction", "mean")

    def __call__(self, input_: Tensor, target: Tensor, *parameters: Tensor) -> Tensor:
        names = [name for name, _ in self._module.named_parameters()]
        output = torch.func.functional_call(self._module, dict(zip(names, parameters, strict=True)), (input_, target))
        return getattr(output, "loss", output)


@dataclass
class Outcome:
    """What came of a case: a result and gradients, or the refusal."""

    result: Tensor | None = None
    gradients: dict[str, Tensor] = field(default_factory=dict)
    vector: Tensor | None = None
    refusal: str = ""
    sums: tuple[float, float] | None = None
    terms: dict[str, float] = field(default_factory=dict)


class Refused(Exception):
    """The server's refusal of a request: its code, reason, field and message."""

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.code = status.code
        self.message = status.message
        self.reason = self.field = ""
        for detail in status.details:
            info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                self.reason = info.reason
            elif detail.Unpack(bad):
                self.field = bad.field_violations[0].field


def new_worker() -> Worker:
    """A worker in this process: the code that the server's worker processes run."""
    return Worker("cpu:0", "w0-1", max_sessions=64)


def run(worker: Worker, verb: str, request: Any, attachments: Sequence[bytes] = (), answer: Any = None) -> Any:
    """The answer to a request; `answer` is the message type. Returns it and the attachments."""
    segments = [memoryview(request.SerializeToString()), *(memoryview(bytearray(data)) for data in attachments)]
    now = time.monotonic()
    given = worker.run(verb, segments, now, now + 60)
    if given.failed:
        raise Refused(status_pb2.Status.FromString(bytes(given.segments[0])))
    return answer.FromString(bytes(given.segments[0])), [bytes(segment) for segment in given.segments[1:]]


def generator(*seed: object) -> torch.Generator:
    """Random numbers that are the same whenever `seed` is written the same."""
    return torch.Generator().manual_seed(zlib.crc32(repr(seed).encode()))


def local(
    function: Any, inputs: Mapping[str, Tensor], vector: Tensor | None = None, names: Sequence[str] = ()
) -> Outcome:
    """What local torch makes of it: result and gradients of all floating inputs; `refusal` if it raises.

    The vector of the vector-Jacobian product is random where none is given and the result is unreduced.
    """
    torch.set_num_threads(THREADS)
    leaves = {name: given.detach().contiguous().clone() for name, given in inputs.items()}
    names = names or [name for name, given in inputs.items() if given.is_floating_point()]
    for name in names:
        leaves[name].requires_grad_()
    try:
        result = function(*leaves.values())
        if vector is None and (result.dim() or getattr(function, "reduction", "mean") == "none"):
            vector = torch.randn(result.shape, generator=generator(result.shape)).to(result.dtype)
        gradients = torch.autograd.grad(result, [leaves[name] for name in names], vector, materialize_grads=True)
    except (RuntimeError, ValueError, IndexError, NotImplementedError) as error:
        return Outcome(refusal=str(error) or type(error).__name__)
    return Outcome(result.detach(), dict(zip(names, gradients, strict=True)), vector)


def tensor(given: Tensor, form: str, attachments: list[bytes]) -> tensor_pb2.Tensor:
    """A tensor in one of the three forms; scalars and empty rows, which nested arrays cannot write, go raw."""
    message = tensor_pb2.Tensor(dtype=NUMBERS[given.dtype])
    if form == "values" and given.dim() and (given.numel() or given.shape == (0,)):
        message.values.SetInParent()
        fill(message.values, given.tolist())
        return message
    message.shape.extend(given.shape)
    data = given.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    if form == "attachment":
        message.attachment = len(attachments)
        attachments.append(data)
    else:
        message.raw = data
    return message


def fill(message: Any, listed: list[Any]) -> None:
    """Nested lists as a ListValue; what JSON lacks is a string."""
    for item in listed:
        value = message.values.add()
        if isinstance(item, list):
            value.list_value.SetInParent()
            fill(value.list_value, item)
        elif isinstance(item, bool):
            value.bool_value = item
        elif math.isfinite(item):
            value.number_value = item
        else:
            value.string_value = "NaN" if math.isnan(item) else "Infinity" if item > 0 else "-Infinity"


def read(message: tensor_pb2.Tensor, attachments: Sequence[bytes]) -> Tensor:
    """A tensor of an answer."""
    dtype = TYPES[message.dtype]
    if message.WhichOneof("data") == "values":
        flat = [float(number) for number in _numbers(message.values)]
        return torch.tensor(flat, dtype=torch.float64).to(dtype).reshape(tuple(message.shape))
    data = message.raw if message.WhichOneof("data") == "raw" else attachments[message.attachment]
    assert len(data) == math.prod(message.shape) * dtype.itemsize
    if not data:
        return torch.empty(tuple(message.shape), dtype=dtype)
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(tuple(message.shape))


def _numbers(values: Any) -> Iterator[float]:
    for value in values.values:
        if value.WhichOneof("kind") == "list_value":
            yield from _numbers(value.list_value)
        else:
            yield getattr(value, value.WhichOneof("kind"))


def spec(case: Case, form: str, attachments: list[bytes]) -> loss_pb2.LossSpec:
    """The case's loss as the contract writes it."""
    message = loss_pb2.LossSpec(allow_broadcast=case.broadcast)
    inner = getattr(message, field_name(case.loss))
    inner.SetInParent()
    for name, value in case.arguments.items():
        if name == "reduction":
            inner.reduction = REDUCTIONS[value]
        elif isinstance(value, Tensor):
            getattr(inner, name).CopyFrom(tensor(value, form, attachments))
        elif value is not None:
            _set(inner, name, value)
    return message


def _set(message: Any, name: str, value: Any) -> None:
    field = message.DESCRIPTOR.fields_by_name[name]
    if isinstance(value, Mapping):
        getattr(message, name).SetInParent()
        for key, inner in value.items():
            _set(getattr(message, name), key, inner)
    elif field.is_repeated:
        getattr(message, name).extend(value)
    elif field.enum_type is not None:
        prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
        setattr(message, name, field.enum_type.values_by_name[prefix + value.upper()].number)
    else:
        setattr(message, name, value)


def field_name(class_name: str) -> str:
    """The field of LossSpec for a class: words are runs of capitals or a capital and what follows.

    >>> field_name("BCEWithLogitsLoss"), field_name("SmoothL1Loss"), field_name("KLDivLoss"), field_name("MSELoss")
    ('bce_with_logits_loss', 'smooth_l1_loss', 'kl_div_loss', 'mse_loss')
    """
    return "_".join(re.findall(r"[A-Z]+(?=[A-Z][a-z]|$)|[A-Z]\d|[A-Z][a-z]*", class_name)).lower()


def request(
    case: Case, form: str = "raw", names: Sequence[str] = (), grad_output: Tensor | None = None
) -> tuple[evaluation.EvaluateLossRequest, list[bytes]]:
    """The case as a request and its attachments."""
    attachments: list[bytes] = []
    message = evaluation.EvaluateLossRequest(loss=spec(case, form, attachments), gradients=names)
    for name, value in case.inputs.items():
        message.inputs[name].CopyFrom(tensor(value, form, attachments))
    if grad_output is not None:
        message.grad_output.CopyFrom(tensor(grad_output, form, attachments))
    return message, attachments


def outcome(answer: evaluation.EvaluateLossResponse, attachments: Sequence[bytes], like: Tensor) -> Outcome:
    """An answer as an outcome; `like` is the oracle's result, whose type a scalar takes."""
    if answer.HasField("value"):
        assert not answer.HasField("losses")
        result = torch.tensor(answer.value, dtype=torch.float64)
        assert same_bits(result.to(like.dtype).double(), result), "a value is exactly what its type holds"
        result = result.to(like.dtype)
    else:
        result = read(answer.losses, attachments)
    gradients = {name: read(message, attachments) for name, message in answer.gradients.items()}
    sums = (answer.loss_sum, answer.weight_sum) if answer.HasField("weight_sum") else None
    return Outcome(result, gradients, sums=sums, terms=dict(answer.terms))


def same_bits(left: Tensor, right: Tensor) -> bool:
    """Same type, shape, NaN positions, and the same bytes elsewhere."""
    if (left.dtype, left.shape) != (right.dtype, right.shape):
        return False
    unsure = left.isnan() if left.is_floating_point() else torch.zeros(left.shape, dtype=torch.bool)
    if left.is_floating_point() and not torch.equal(unsure, right.isnan()):
        return False
    left, right = left.contiguous().masked_fill(unsure, 0), right.contiguous().masked_fill(unsure, 0)
    return bool(np.array_equal(_bytes(left), _bytes(right)))


def _bytes(given: Tensor) -> np.ndarray:
    return given.reshape(-1).view(torch.uint8).numpy()


def assert_same(case: object, expected: Outcome, given: Outcome) -> None:
    """Bit for bit: the result and every gradient."""
    assert expected.result is not None
    assert given.result is not None
    assert same_bits(expected.result, given.result), f"{case}: {given.result} for {expected.result}"
    assert expected.gradients.keys() == given.gradients.keys(), case
    for name, gradient in expected.gradients.items():
        assert same_bits(gradient, given.gradients[name]), f"{case}: d/d{name} {given.gradients[name]} for {gradient}"


def check(worker: Worker, case: Case, form: str = "raw") -> bool:
    """Runs a case here and on the worker and compares; returns whether torch took it.

    Where torch refuses, the worker must refuse too, with INVALID_ARGUMENT.
    """
    expected = local(case.module(), case.inputs, names=case.names)
    message, attachments = request(case, form, ["*"], expected.vector)
    answer, returned, refused = None, [], None
    try:
        answer, returned = run(worker, "EvaluateLoss", message, attachments, evaluation.EvaluateLossResponse)
    except Refused as error:
        refused = error
    if refused is not None:
        assert refused.code == 3, f"{case}: {refused.code} {refused.message}"
        assert expected.refusal, f"{case}: torch takes this, the worker says {refused.message}"
        return False
    assert not expected.refusal, f"{case}: torch refuses ({expected.refusal}), the worker answered {answer}"
    assert expected.result is not None
    assert_same(case, expected, outcome(answer, returned, expected.result))
    return True


def grid(**choices: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Every combination of the choices; `...` leaves the argument out.

    >>> list(grid(beta=[..., 2.0]))
    [{}, {'beta': 2.0}]
    """
    for values in itertools.product(*choices.values()):
        yield {name: value for name, value in zip(choices, values, strict=True) if value is not ...}
