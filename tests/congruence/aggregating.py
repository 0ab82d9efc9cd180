"""Data sets for AggregateLoss: of every line of the catalogue, cut in many ways, driven through a real worker."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from congruence import oracle
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from lossd.v1 import evaluation_service_pb2 as pb
from lossd.v1 import loss_pb2
from lossd_server.losses.binding import BoundEntry
from lossd_server.worker.worker import Worker
from torch import Tensor

OF_ALL = ("kl", "logit_scale")


def ask(worker: Worker, verb: str, request: Any, attachments: Sequence[bytes] = ()) -> pb.AggregateLossResponse:
    answer, _ = oracle.run(worker, verb, request, attachments, pb.AggregateLossResponse)
    assert isinstance(answer, pb.AggregateLossResponse)
    return answer


def aggregate(
    worker: Worker,
    spec: loss_pb2.LossSpec,
    chunks: Iterable[Mapping[str, Tensor]],
    form: str = "raw",
    **asked: Any,
) -> pb.AggregateLossResponse:
    """The worker's answer to a data set in chunks, but for what depends on the clock."""
    name = ""
    for chunk in chunks:
        attachments: list[bytes] = []
        request = pb.AggregateLossRequest() if name else pb.AggregateLossRequest(loss=spec, **asked)
        for key, value in chunk.items():
            request.inputs[key].CopyFrom(oracle.tensor(value, form, attachments))
        if name:
            ask(worker, "AggregateChunk", any_pb2.Any(type_url=name, value=request.SerializeToString()), attachments)
        else:
            name = ask(worker, "AggregateLoss", request, attachments).request_id
    answer = ask(worker, "AggregateEnd", any_pb2.Any(type_url=name))
    answer.ClearField("execution")
    return answer


def cut(inputs: Mapping[str, Tensor], sizes: Iterable[int]) -> Iterator[dict[str, Tensor]]:
    """Chunks of so many examples; what is for all of them goes with the first alone."""
    start = 0
    for number, size in enumerate(sizes):
        yield {
            name: given if whole(name, given) else given.narrow(along(name, given), start, size)
            for name, given in inputs.items()
            if not (number and whole(name, given))
        }
        start += size


def along(name: str, given: Tensor) -> int:
    """Where the examples of an input are: second in log-probabilities of sequences (T,N,C)."""
    return int(name == "log_probs" and given.dim() == 3)


def whole(name: str, given: Tensor) -> bool:
    """Whether an input is for all examples."""
    return not given.dim() or name in OF_ALL or "." in name


def chunkings(count: int, many: int = 1000) -> dict[int, list[int]]:
    """The same data as 1 chunk, as 7 ragged ones with an empty one among them, and as many."""
    ragged = [0, 1, count // 3, 0, count // 5, 2]
    step, more = divmod(count, min(many, count))
    return {
        1: [count],
        7: [*ragged, count - sum(ragged)],
        many: [step + (place < more) for place in range(min(many, count))] + [0] * max(many - count, 0),
    }


def of_example(entry: BoundEntry, count: int, loss: Any) -> dict[str, Tensor]:
    """So many examples made of those of the entry's own example, each a little different."""
    assert entry.example is not None
    draw = oracle.generator(entry.name)
    pick = None
    inputs: dict[str, Tensor] = {}
    for number, (name, listed) in enumerate(entry.example.inputs.items()):
        given = torch.tensor(listed, dtype=loss.input(name).kind.default)
        if whole(name, given):
            inputs[name] = given
            continue
        if entry.name == "ctc_loss":
            given = {"log_probs": given.unsqueeze(min(1, given.dim())), "targets": given.unsqueeze(0)}.get(name, given)
        at = along(name, given)
        pick = torch.randint(given.shape[at], (count,), generator=draw) if pick is None else pick
        laid = given.index_select(at, pick % given.shape[at])
        if not number and laid.is_floating_point():
            laid = laid * (1 - 0.1 * torch.rand(laid.shape, generator=draw))
        inputs[name] = laid
    return inputs


def widened(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: given.double() if given.is_floating_point() else given for name, given in inputs.items()}


def refusal(worker: Worker, verb: str, request: Any) -> status_pb2.Status:
    """The whole status that a call is refused with."""
    now = time.monotonic()
    answer = worker.run(verb, [memoryview(request.SerializeToString())], now, now + 60)
    assert answer.failed
    return status_pb2.Status.FromString(bytes(answer.segments[0]))


def envelope(name: str, chunk: pb.AggregateLossRequest | None = None) -> any_pb2.Any:
    """A chunk, or the end, of the data set of this name."""
    return any_pb2.Any(type_url=name, value=b"" if chunk is None else chunk.SerializeToString())


def details(status: status_pb2.Status) -> dict[str, str]:
    """What programs are told of how far it came."""
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return dict(info.metadata)
