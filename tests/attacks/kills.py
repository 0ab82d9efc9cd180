"""Trains over real calls while worker and server are killed, and trains the same undisturbed: both must end alike."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import torch
from attacks.attacker import floats
from lossd.v1 import loss_pb2, model_pb2, optimizer_pb2, tensor_pb2
from lossd.v1 import training_service_pb2 as pb
from lossd_server.worker.worker import Worker
from running import RunningServer

SERVICE = "/lossd.v1.TrainingService/"
RESPONSES: dict[str, Any] = {
    "CreateSession": pb.CreateSessionResponse,
    "GetSession": pb.GetSessionResponse,
    "ListSessions": pb.ListSessionsResponse,
    "DeleteSession": pb.DeleteSessionResponse,
    "SaveSession": pb.SaveSessionResponse,
    "RestoreSession": pb.RestoreSessionResponse,
    "TrainStep": pb.TrainStepResponse,
    "ForwardBackward": pb.ForwardBackwardResponse,
    "OptimStep": pb.OptimStepResponse,
    "Fit": pb.FitResponse,
    "GetSessionState": pb.GetSessionStateResponse,
}
WIDTH, ROWS, BATCHES = 8, 16, 20
RAW = tensor_pb2.RESPONSE_ENCODING_RAW
OPTIONS = (
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
)


def creation(**more: Any) -> pb.CreateSessionRequest:
    """A session with all that must survive: random numbers, an optimizer's state, a schedule."""
    layers = [
        model_pb2.ModelSpec(linear=model_pb2.Linear(in_features=WIDTH, out_features=32)),
        model_pb2.ModelSpec(relu=model_pb2.ReLU()),
        model_pb2.ModelSpec(dropout=model_pb2.Dropout(p=0.5)),
        model_pb2.ModelSpec(linear=model_pb2.Linear(in_features=32, out_features=1)),
    ]
    return pb.CreateSessionRequest(
        model=model_pb2.ModelSpec(sequential=model_pb2.Sequential(modules=layers)),
        optimizer=optimizer_pb2.OptimizerSpec(adam=optimizer_pb2.Adam(lr=0.01)),
        scheduler=optimizer_pb2.SchedulerSpec(step_lr=optimizer_pb2.StepLR(step_size=50, gamma=0.9)),
        seed=7,
        **{"loss": loss_pb2.LossSpec(mse_loss=loss_pb2.MSELoss()), **more},
    )


def calls(steps: int, first: int = 0) -> list[tuple[str, Any]]:
    """Verbs and requests of so many steps; every tenth is of two micro-batches."""
    generator = torch.Generator().manual_seed(3)
    batches = [
        {"input": torch.randn(ROWS, WIDTH, generator=generator), "target": torch.randn(ROWS, 1, generator=generator)}
        for _ in range(BATCHES)
    ]

    def filled(request: Any, index: int) -> Any:
        for name, given in batches[index % BATCHES].items():
            named = request.inputs if name == "input" else request.targets
            named[name].CopyFrom(floats(*given.flatten().tolist(), shape=given.shape))
        return request

    made: list[tuple[str, Any]] = []
    for index in range(first, first + steps):
        if index % 10 == 9:
            made += [("ForwardBackward", filled(pb.ForwardBackwardRequest(), index + part)) for part in (0, 1)]
            made.append(("OptimStep", pb.OptimStepRequest()))
        else:
            made.append(("TrainStep", filled(pb.TrainStepRequest(), index)))
    return made


def numbered(made: Iterable[tuple[str, Any]], session_id: str, first: int = 1) -> list[tuple[str, Any]]:
    """Calls with their session and their seqs."""
    made = list(made)
    for seq, (_, request) in enumerate(made, first):
        request.session_id, request.seq = session_id, seq
    return made


class Undisturbed:
    """The same training on a worker in this process that nobody kills."""

    def __init__(self) -> None:
        self._worker = Worker("cpu:0", "w0-1", max_sessions=1)
        self._session_id = self.call("CreateSession", creation()).session.session_id

    def call(self, verb: str, request: Any) -> Any:
        answer = self._worker.run(verb, [memoryview(request.SerializeToString())], time.monotonic())
        assert not answer.failed, bytes(answer.segments[0])
        return RESPONSES[verb].FromString(answer.segments[0])

    def train(self, made: list[tuple[str, Any]], first: int = 1) -> list[Any]:
        return [self.call(verb, request) for verb, request in numbered(made, self._session_id, first)]

    def fit(self, request: pb.FitRequest) -> list[pb.Epoch]:
        """All epochs of a Fit, slice by slice."""
        sent = pb.FitRequest()
        sent.CopyFrom(request)
        sent.session_id = self._session_id
        epochs: list[pb.Epoch] = []
        while True:
            answer = self.call("Fit", sent)
            epochs += answer.epochs
            if answer.stop_reason:
                return epochs
            sent = pb.FitRequest(session_id=sent.session_id, seq=answer.seq, resume=True, after_epoch=len(epochs))

    def state(self) -> pb.GetSessionStateResponse:
        return self.call(
            "GetSessionState", pb.GetSessionStateRequest(session_id=self._session_id, response_encoding=RAW)
        )


@dataclass
class Report:
    """What came of a campaign."""

    worker_kills: int = 0
    server_kills: int = 0
    attempts: int = 0
    replayed: int = 0
    seconds: float = 0.0
    answers: list[Any] = field(default_factory=list)


class Campaign:
    """A server with a state directory that is killed, restarted where it was, and called again until it answers.

    Args:
        state_dir: where its sessions survive.
    """

    def __init__(self, state_dir: Path, seed: int = 0) -> None:
        self._flags = ("--state-dir", str(state_dir))
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.report = Report()
        self.server = RunningServer(*self._flags)
        self._channel = grpc.insecure_channel(self.server.target, OPTIONS)

    def call(self, verb: str, request: Any, patience: float = 120.0) -> Any:
        """Sends a call again as it was until it is answered; only UNAVAILABLE is a reason to."""
        until = time.monotonic() + patience
        send = self._channel.unary_unary(SERVICE + verb)
        while True:
            self.report.attempts += 1
            try:
                response = send(request.SerializeToString(), timeout=30, wait_for_ready=True)
                return RESPONSES[verb].FromString(response)
            except grpc.RpcError as error:
                retry = error.code() is grpc.StatusCode.UNAVAILABLE and time.monotonic() < until  # type: ignore[attr-defined]
                if not retry:
                    raise
                time.sleep(0.02)

    def train(self, made: list[tuple[str, Any]], kills: int) -> list[Any]:
        """Makes the calls; during `kills` of them, chosen at random, something is killed."""
        doomed = set(self._random.sample(range(len(made)), kills))
        begun = time.monotonic()
        answers = []
        for index, (verb, request) in enumerate(made):
            killer = None
            if index in doomed:  # a call takes some milliseconds, so this is before, in, or after one
                killer = threading.Timer(self._random.uniform(0.0, 0.008), self._kill)
                killer.start()
                if self._random.random() < 0.5:  # some while a snapshot is made and a journal begun
                    self.call("SaveSession", pb.SaveSessionRequest(session_id=request.session_id))
            answers.append(self.call(verb, request))
            if killer is not None:
                killer.join()
        self.report.seconds += time.monotonic() - begun
        self.report.replayed += sum(answer.replayed for answer in answers)
        return answers

    def fit(self, request: pb.FitRequest, after: int, end: Callable[[], None] | None) -> list[pb.Epoch]:
        """The epochs after `after` that a Fit tells until it is over, or until something ends it."""
        request.after_epoch = after
        stream = self._channel.unary_stream(SERVICE + "Fit")
        epochs: list[pb.Epoch] = []
        try:
            for answer in stream(request.SerializeToString(), timeout=120, wait_for_ready=True):
                epochs += pb.FitResponse.FromString(answer).epochs
                if end is not None and epochs:
                    end()
                    end = None
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:  # type: ignore[attr-defined]
                raise
        return epochs

    def kill_worker(self) -> None:
        """kill -9 of the worker; the server starts another."""
        until = time.monotonic() + 60
        while not (workers := self.server.workers()) and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(workers[0], signal.SIGKILL)

    def restart(self) -> None:
        """kill -9 of the server, and another at the same address; the workers go with it."""
        self.server.process.kill()
        self.server.process.wait()
        self.server = RunningServer("--address", self.server.target, *self._flags, ready=False)

    def close(self) -> None:
        self._channel.close()
        self.server.stop()

    def _kill(self) -> None:
        with self._lock:
            if self._random.random() < 0.25:
                self.restart()
                self.report.server_kills += 1
                return
            self.kill_worker()
            self.report.worker_kills += 1


def run(state_dir: Path, kills: int, steps: int, seed: int = 0) -> Report:
    """A whole campaign, and the assertions: each step once, every number and parameter as if undisturbed."""
    undisturbed = Undisturbed()
    campaign = Campaign(state_dir, seed)
    try:
        created = campaign.call("CreateSession", creation(durability=pb.DURABILITY_STEP))
        session_id = created.session.session_id
        made = calls(steps)
        expected = undisturbed.train(made)
        answers = campaign.train(numbered(made, session_id), kills)
        for seq, (given, right) in enumerate(zip(answers, expected, strict=True), 1):
            assert outcome(given) == outcome(right), f"call {seq}"
        described = campaign.call("GetSession", pb.GetSessionRequest(session_id=session_id)).session
        assert (described.step, described.seq) == (steps, len(made))
        assert state(campaign, session_id) == undisturbed.state(), "every bit of every parameter"
        more = calls(30, steps)
        again = undisturbed.train(more, len(made) + 1)
        goes_on = [campaign.call(verb, request) for verb, request in numbered(more, session_id, len(made) + 1)]
        assert [outcome(given) for given in goes_on] == [outcome(right) for right in again]
        assert state(campaign, session_id) == undisturbed.state(), "the optimizer's state survived, too"
        assert campaign.report.worker_kills + campaign.report.server_kills == kills
    finally:
        campaign.close()
    return campaign.report


def state(campaign: Campaign, session_id: str) -> pb.GetSessionStateResponse:
    return campaign.call("GetSessionState", pb.GetSessionStateRequest(session_id=session_id, response_encoding=RAW))


def lasting(epoch: pb.Epoch) -> pb.Epoch:
    """An epoch without the time that it took."""
    content = pb.Epoch()
    content.CopyFrom(epoch)
    content.ClearField("seconds")
    return content


def outcome(answer: Any) -> Any:
    """An answer without how and when it was computed."""
    content = type(answer)()
    content.CopyFrom(answer)
    for name in ("execution", "replayed"):
        content.ClearField(name)
    return content
