"""How to reach a server: targets, credentials, channel options and retries as data; knows no request and no answer."""

from __future__ import annotations

import json
import math
import os
import re
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import grpc

DEFAULT_TARGET = "localhost:50051"

_SCHEMES = ("dns:", "unix:", "unix-abstract:", "ipv4:", "ipv6:", "xds:", "vsock:", "passthrough:")
_PORT = "0*(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_HOST_AND_PORT = re.compile(rf"(?:[^\s:/\[\]]+|\[[^\s/\[\]]+\]):{_PORT}")

PURE = {
    "lossd.v1.EvaluationService": (
        "EvaluateLoss",
        "BatchEvaluateLoss",
        "StreamEvaluateLoss",
        "AggregateLoss",
        "ExplainLoss",
    ),
    "lossd.v1.CatalogService": (
        "ListLosses",
        "GetLoss",
        "ListMetrics",
        "ListDiagnostics",
        "RecommendLoss",
        "ValidateLoss",
    ),
    "lossd.v1.TrainingService": ("GetSession", "ListSessions", "Forward", "EvaluateSession", "GetSessionState"),
    "lossd.v1.ServerService": ("GetServerInfo", "ListDevices"),
}
"""The RPCs that change nothing (the contract's NO_SIDE_EFFECTS), and so may be repeated when a server goes away."""

SERVICE_CONFIG: dict[str, Any] = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{"service": service, "method": method} for service, methods in PURE.items() for method in methods],
            "retryPolicy": {
                "maxAttempts": 4,
                "initialBackoff": "0.1s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    # A server that fails half of its calls is not asked again: retries must not multiply an outage.
    "retryThrottling": {"maxTokens": 20, "tokenRatio": 0.1},
}

OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_send_message_length", -1),  # the server's limits decide, and say so in words
    ("grpc.max_receive_message_length", -1),
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    ("grpc.per_rpc_retry_buffer_size", 256 << 20),  # above it grpc silently never retries; its default is 256 KiB
    ("grpc.max_reconnect_backoff_ms", 2_000),  # so that a server that starts again is found soon; its default is 120 s
    ("grpc.keepalive_time_ms", 10_000),  # so that a black hole is noticed in seconds, not at the deadline
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.use_local_subchannel_pool", 1),  # clients of one process share no connection: closing one harms no other
)


@dataclass(frozen=True, kw_only=True)
class TLS:
    """How to check the server's certificate, and which one to show.

    Args:
        ca: PEM file of the authorities trusted; default those of the system.
        certificate: PEM file of the client's own certificate chain, for servers that ask for one.
        key: PEM file of its private key.
        server_name: name expected in the server's certificate, if it is not the target's host.
    """

    ca: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None
    server_name: str | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """grpc's own form of it.

        Raises:
            OSError: if a file cannot be read.
        """
        parts = (Path(path).read_bytes() if path else None for path in (self.ca, self.key, self.certificate))
        return grpc.ssl_channel_credentials(*parts)

    def options(self) -> tuple[tuple[str, Any], ...]:
        """Channel options that go with it."""
        return (("grpc.ssl_target_name_override", self.server_name),) if self.server_name else ()


def resolve(target: str | None) -> str:
    """The target given, or LOSSD_SERVER, or localhost:50051.

    Raises:
        TypeError, ValueError: if it is none.

    >>> resolve("example.org:50051")
    'example.org:50051'
    """
    target = target or os.environ.get("LOSSD_SERVER") or DEFAULT_TARGET
    if not isinstance(target, str):
        raise TypeError(f"the server is given as {target!r:.80}; expected a string such as {DEFAULT_TARGET!r}")
    if not target.startswith(_SCHEMES) and not _HOST_AND_PORT.fullmatch(target):
        raise ValueError(
            f"{target!r} says no server; expected HOST:PORT such as {DEFAULT_TARGET}, without a scheme like http:// "
            "and with a port from 1 to 65535, or unix:PATH"
        )
    return target


def uri(target: str) -> str:
    """A target as grpc reads it: a bare HOST:PORT is looked up by DNS, so that all of its addresses are used.

    >>> uri("example.org:50051"), uri("unix:/run/lossd.sock")
    ('dns:///example.org:50051', 'unix:/run/lossd.sock')
    """
    return target if target.startswith(_SCHEMES) else f"dns:///{target}"


def metadata(token: str | None) -> tuple[tuple[str, str], ...]:
    """What goes with every call."""
    return (("authorization", f"Bearer {token}"),) if token else ()


def seconds(timeout: float) -> float | None:
    """What grpc is told: None lets a call take as long as the server allows.

    Raises:
        TypeError, ValueError: if this is no number of seconds.

    >>> seconds(5.0), seconds(math.inf)
    (5.0, None)
    """
    if not isinstance(timeout, float | int | Real):  # the last for numpy's; it alone is slow to ask
        raise TypeError(f"timeout is {timeout!r:.80}; expected seconds, or math.inf")
    if not timeout >= 0:
        raise ValueError(f"timeout is {timeout}; expected seconds, 0 or more, or math.inf")
    return None if timeout == math.inf else timeout
