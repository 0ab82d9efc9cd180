"""A worker process: reads calls from its engine, answers them one by one, ends with its engine."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import logging
import resource
import signal
import socket
import sys
from functools import partial

from lossd_server.faults import Fault
from lossd_server.telemetry import allocator, logs, observation
from lossd_server.worker import frames
from lossd_server.worker.arena import Arena
from lossd_server.worker.frames import Frame, Kind
from lossd_server.worker.worker import Worker, refused

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lossd_server.worker", description=__doc__)
    parser.add_argument("--link", type=int, required=True, help="descriptor of the socket to the engine")
    parser.add_argument("--arena", type=int, required=True, help="descriptor of the shared memory")
    parser.add_argument("--arena-size", type=int, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--owner", required=True)
    parser.add_argument("--max-sessions", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--programs", choices=("on", "off"), required=True)
    parser.add_argument("--state-dir", required=True)
    parser.add_argument("--session-ttl", type=float, required=True)
    parser.add_argument("--share", required=True, help="INDEX/DEVICES: this device's place among the server's")
    parser.add_argument("--log-level", required=True)
    parser.add_argument("--log-format", required=True)
    options = parser.parse_args()
    logs.configure(options.log_level, options.log_format)
    _die_with_engine()
    _allow_many_files()
    allocator.keep_freed_memory()
    link = socket.socket(fileno=options.link)
    arena = Arena(options.arena_size, options.arena)
    try:
        worker = Worker(
            options.device,
            options.owner,
            max_sessions=options.max_sessions,
            threads=options.threads,
            programs=options.programs == "on",
            state_dir=options.state_dir,
            session_ttl=options.session_ttl,
            share=_share(options.share),
        )
    except (RuntimeError, AssertionError) as error:  # torch's words for a device that is not there
        log.error("the device cannot be used", extra={"device": options.device, "error": str(error).split("\n")[0]})
        raise SystemExit(1) from None
    worker.warm()
    allocator.settle()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the engine may have gone meanwhile
        frames.send(link, Frame(Kind.HELLO, 0, worker.torch_version), arena)
        serve(link, arena, worker)
    worker.close()


def serve(link: socket.socket, arena: Arena, worker: Worker) -> None:
    """Answers frames until the engine closes the link."""
    while (frame := frames.receive(link, arena)) is not None:
        if frame.kind is Kind.STATE:
            worker.expire()
            state = (float(worker.memory), float(worker.sessions), float(worker.stored_sessions))
            frames.send(link, Frame(Kind.STATE, frame.call, "", state), arena)
            continue
        segments = [segment if isinstance(segment, memoryview) else memoryview(segment) for segment in frame.segments]
        verb, _, request_id = frame.text.partition(" ")
        gone = partial(arena.is_abandoned, frame.call)
        answer = worker.run(verb, segments, frame.times[0], frame.times[1], request_id, gone)
        if not frames.is_inline(answer.segments) and frames.payload_size(answer.segments) > arena.size:
            answer = refused(too_large(frames.payload_size(answer.segments), arena.size))
        kind = Kind.REFUSAL if answer.failed else Kind.ANSWER
        times = (answer.timing.forward, answer.timing.backward, answer.queued)
        steps = answer.timing.steps
        note = observation.encode(answer.timing.observed)
        reply = Frame(kind, frame.call, answer.timing.loss, times, answer.segments, frame.region, steps, note)
        frames.send(link, reply, arena)


def too_large(size: int, most: int) -> Fault:
    """The fault of an answer that this server does not hold."""
    return Fault("LIMIT_EXCEEDED", f"the answer has {size} bytes; this server holds at most {most}: ask for less")


def _share(text: str) -> tuple[int, int]:
    place, _, devices = text.partition("/")
    return int(place), int(devices)


def _allow_many_files() -> None:
    """A session that survives holds two files open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _die_with_engine() -> None:
    """A worker that hangs in a kernel never sees its engine go; the kernel of the system does."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
