"""What an engine does: takes calls as bytes, gives replies as bytes, says how its devices are."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from lossd import framing

from lossd_server.faults import Fault

CREATE_SESSION, DELETE_SESSION = "CreateSession", "DeleteSession"

_SESSION_ID = re.compile(r"w(\d{1,4})-")


@dataclass(slots=True)
class Call:
    """A request on its way to a worker.

    Args:
        verb: the RPC's name.
        request: the serialized request.
        deadline: when its caller stops waiting, by `time.monotonic`.
        session_id: the session it belongs to; it must go to the worker that holds that.
        request_id: what the log calls it.
    """

    verb: str
    request: bytes
    deadline: float
    session_id: str | None = None
    request_id: str = ""
    admitted: float = field(default_factory=time.monotonic)

    @property
    def slot(self) -> int | None:
        """Index of the device whose worker holds the session."""
        match = _SESSION_ID.match(self.session_id or "")
        return int(match[1]) if match else None


def late(call: Call) -> Fault:
    """The fault of a call whose deadline has passed."""
    allowed = max(call.deadline - call.admitted, 0.0)
    return Fault("DEADLINE_EXCEEDED", f"not done within the {allowed:.3g} s allowed; allow more time or send less")


def malformed(error: Exception) -> Fault:
    """The fault of a request that cannot be taken apart."""
    if isinstance(error, framing.TooManyFields):
        return Fault("LIMIT_EXCEEDED", f"the request has {error}, attachments included; split it")
    return Fault("MALFORMED_MESSAGE", f"the request is not a protobuf message: {error}")


class Reply(NamedTuple):
    """A serialized response, or the bytes of a google.rpc.Status; times in seconds. `steps` are those of training.

    `observed` is what telemetry shall hear of its quality, as `telemetry.observation.encode` writes it.
    """

    message: bytes
    failed: bool
    device: str = ""
    loss: str = ""
    queue: float = 0.0
    forward: float = 0.0
    backward: float = 0.0
    steps: int = 0
    observed: bytes = b""


@dataclass
class Device:
    """A device as it is now."""

    name: str
    healthy: bool = False
    restarts: int = 0
    pending: int = 0
    memory: int = 0
    sessions: int = 0
    stored_sessions: int = 0


class Engine(Protocol):
    """Runs calls on devices."""

    name: str

    @property
    def torch_version(self) -> str:
        """Version of torch in the workers; empty until the first is up."""

    async def start(self) -> None:
        """Begins; devices become healthy by and by."""

    async def stop(self) -> None:
        """Ends every worker; calls still in their hands fail."""

    def submit(self, call: Call) -> Awaitable[Reply]:
        """Runs a call; cancelled, it leaves the queue if it is still in it.

        Raises:
            Fault: OVERLOADED if the queue cannot be through before the deadline, DEADLINE_EXCEEDED when it
                passes, DEVICE_UNAVAILABLE if the worker ended with the call in its hands or does not come up.
        """

    def devices(self) -> list[Device]:
        """The devices, in the order of the configuration."""
