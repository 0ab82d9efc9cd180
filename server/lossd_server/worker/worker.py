"""What lives with one device: takes a request's bytes, answers with a response's."""

from __future__ import annotations

import math
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from google.protobuf import any_pb2
from google.protobuf.message import Message
from lossd.v1 import advice_pb2 as advice
from lossd.v1 import catalog_service_pb2 as catalog
from lossd.v1 import diagnostic_pb2 as diagnostic
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import explanation_pb2 as explanation
from lossd.v1 import training_service_pb2 as training

from lossd_server import status
from lossd_server.faults import Fault
from lossd_server.losses import catalogue
from lossd_server.losses.threads import use_at_most
from lossd_server.telemetry import logs
from lossd_server.training.store import Store
from lossd_server.worker import advising, cataloguing
from lossd_server.worker.aggregating import Aggregator
from lossd_server.worker.evaluating import Evaluator, Timing, Trip
from lossd_server.worker.explaining import Explainer
from lossd_server.worker.failures import as_fault
from lossd_server.worker.programs import Programs
from lossd_server.worker.sessions import Sessions
from lossd_server.worker.specs import refuse_unknown_fields
from lossd_server.worker.training import Trainer

Segment: TypeAlias = "bytes | memoryview"
Verb: TypeAlias = Callable[[Any, Sequence[memoryview], Trip], tuple[Message, list[memoryview], Timing]]


class Answer(NamedTuple):
    """A response as segments (header, then attachments), or the bytes of a google.rpc.Status."""

    segments: list[Segment]
    failed: bool = False
    timing: Timing = Timing()
    queued: float = 0.0


class Worker:
    """Runs requests on one device, one at a time, in the order given.

    Args:
        device: "cpu:0", "cuda:1", …: the name callers see, and the torch device but for the number of a CPU.
        owner: prefix of the identifiers of the sessions it holds.
        max_sessions: sessions it may hold.
        threads: threads that one kernel may use; 0 leaves torch's default.
        programs: whether it evaluates programs.
        state_dir: path or URL of the state directory; "" for none.
        session_ttl: seconds that sessions without a ttl of their own stay in memory; 0: for ever.
        share: this device's place among the server's, and their number.
    """

    def __init__(
        self,
        device: str,
        owner: str,
        *,
        max_sessions: int,
        threads: int = 0,
        programs: bool = True,
        state_dir: str = "",
        session_ttl: float = 0.0,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.torch_version = str(torch.__version__)
        self._device = torch.device("cpu" if device.startswith("cpu") else device)
        # a device that is not there must show now, and what torch loads at the first gradient take no call's time
        torch.ones(1, device=self._device, requires_grad=True).square().sum().backward()  # type: ignore[no-untyped-call]
        catalogue.plugins()  # nor what plugins import
        if threads:
            use_at_most(threads)
        held = Programs(programs)
        evaluator = Evaluator(self._device, device, held)
        self._sessions = Sessions(owner, max_sessions, Store(state_dir) if state_dir else None, session_ttl, share)
        trainer = Trainer(self._device, device, self._sessions, held)
        self._aggregator = Aggregator(self._device, device, owner, held)
        self._verbs: dict[str, tuple[type[Message], Verb]] = {
            "EvaluateLoss": (evaluation.EvaluateLossRequest, evaluator.one),
            "BatchEvaluateLoss": (evaluation.BatchEvaluateLossRequest, evaluator.batch),
            "StreamEvaluateLoss": (evaluation.StreamEvaluateLossRequest, evaluator.streamed),
            "AggregateLoss": (evaluation.AggregateLossRequest, self._aggregator.open),
            "AggregateChunk": (any_pb2.Any, self._aggregator.add),
            "AggregateEnd": (any_pb2.Any, self._aggregator.finish),
            "AggregateDrop": (any_pb2.Any, self._aggregator.drop),
            "ExplainLoss": (explanation.ExplainLossRequest, Explainer(self._device, device, held).one),
            "ValidateLoss": (catalog.ValidateLossRequest, evaluator.validate),
            "ListLosses": (catalog.ListLossesRequest, cataloguing.list_losses),
            "GetLoss": (catalog.GetLossRequest, cataloguing.get_loss),
            "ListMetrics": (catalog.ListMetricsRequest, cataloguing.list_metrics),
            "ListDiagnostics": (diagnostic.ListDiagnosticsRequest, cataloguing.list_diagnostics),
            "RecommendLoss": (advice.RecommendLossRequest, advising.recommend_loss),
            "CreateSession": (training.CreateSessionRequest, trainer.create),
            "GetSession": (training.GetSessionRequest, trainer.get),
            "ListSessions": (training.ListSessionsRequest, trainer.list_sessions),
            "DeleteSession": (training.DeleteSessionRequest, trainer.delete),
            "SaveSession": (training.SaveSessionRequest, trainer.save),
            "RestoreSession": (training.RestoreSessionRequest, trainer.restore),
            "TrainStep": (training.TrainStepRequest, trainer.step),
            "ForwardBackward": (training.ForwardBackwardRequest, trainer.forward_backward),
            "OptimStep": (training.OptimStepRequest, trainer.optim_step),
            "TrainStream": (training.TrainStreamRequest, trainer.stream),
            "Fit": (training.FitRequest, trainer.fit),
            "EvaluateSession": (training.EvaluateSessionRequest, trainer.evaluate),
            "Forward": (training.ForwardRequest, trainer.forward),
            "GetSessionState": (training.GetSessionStateRequest, trainer.state),
        }

    def run(
        self,
        verb: str,
        segments: Sequence[memoryview],
        admitted: float,
        deadline: float = math.inf,
        request_id: str = "",
        gone: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """Answers one request.

        Args:
            verb: the RPC's name.
            segments: the request's header, then its attachments; attachments may be written over once the
                answer is there.
            admitted: when, by `time.monotonic`.
            deadline: when its caller stops waiting, by the same clock.
            request_id: what the log calls it.
            gone: tells whether the caller has stopped waiting before that.
        """
        logs.request_id.set(request_id)
        trip = Trip(time.monotonic() - admitted, deadline, gone)
        try:
            trip.check()
            request_type, run = self._verbs[verb]
            request = request_type()
            request.MergeFromString(segments[0])  # type: ignore[arg-type]  # upb reads any buffer
            refuse_unknown_fields(request)
            response, attachments, timing = run(request, segments[1:], trip)
            return Answer([response.SerializeToString(), *attachments], timing=timing, queued=trip.queued)
        except Exception as error:  # noqa: BLE001  # a defect must not end the worker, and is logged
            return refused(as_fault(error), trip.queued)

    def warm(self) -> None:
        """Loads what torch loads at the first dry run, about a second, so that it takes no call's time."""
        row = torch.empty(1, 1, device="meta")
        torch.nn.functional.linear(row, row)

    @property
    def sessions(self) -> int:
        """Sessions it holds."""
        return len(self._sessions)

    @property
    def stored_sessions(self) -> int:
        """Sessions that are in the state directory alone."""
        return self._sessions.count_stored()

    def expire(self) -> None:
        """Lets sessions and data sets whose time is over leave memory."""
        self._sessions.expire()
        self._aggregator.expire()

    def close(self) -> None:
        """Writes what would be lost with the memory, and lets go of all files."""
        self._sessions.close()

    @property
    def memory(self) -> int:
        """Bytes in use: allocated on an accelerator, or resident of this process."""
        if self._device.type == "cuda":
            return torch.cuda.memory_allocated(self._device)
        return resident_bytes()


def refused(fault: Fault, queued: float = 0.0) -> Answer:
    """The answer that a fault is."""
    return Answer([status.encode(fault).SerializeToString()], failed=True, queued=queued)


def resident_bytes() -> int:
    """Resident set of this process."""
    if sys.platform == "linux":
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
