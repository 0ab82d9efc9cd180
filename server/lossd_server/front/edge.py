"""The gRPC server: its ports, its services, its health, and how it goes down."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2
from lossd.v1 import server_service_pb2

from lossd_server import limits
from lossd_server.engine.contract import Engine
from lossd_server.front.admission import Admission
from lossd_server.front.handlers import Handler
from lossd_server.front.handlers import Limits as TimeLimits
from lossd_server.front.listing import LIST_SESSIONS, Listing
from lossd_server.front.routes import ROUTES, SERVER_SERVICE, SERVICES
from lossd_server.front.server_info import ServerInfo
from lossd_server.front.standard import HEALTH, health_handler, reflection_handlers
from lossd_server.front.turnstile import Turnstile
from lossd_server.settings import Settings
from lossd_server.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_LOOK_SECONDS = 0.02
_LAST_SECONDS = 0.5
_NEED_NO_DEVICE = {"", SERVER_SERVICE}


class Edge:
    """Serves an engine over gRPC.

    Args:
        settings: of the server.
        version: of lossd.
        engine: where calls go.
        metrics: where they are counted.
    """

    def __init__(self, settings: Settings, version: str, engine: Engine, metrics: Metrics) -> None:
        self._settings = settings
        self._engine = engine
        self._admission = Admission(settings.max_inflight_bytes, settings.token_file, metrics)
        self._health = health.aio.HealthServicer()
        self._statuses: dict[str, int] = {}
        self._server = grpc.aio.server(options=_options(settings))
        self._add_services(version, metrics)
        self.address = self._bind()

    async def start(self) -> None:
        """Begins to serve; health is NOT_SERVING until a device is up."""
        await self.update_health()
        await self._server.start()

    async def update_health(self) -> None:
        """Makes the health of each service and each device what it is now."""
        devices = self._engine.devices()
        ready = any(device.healthy for device in devices)
        wanted = {name: ready or name in _NEED_NO_DEVICE for name in ("", *SERVICES)}
        wanted |= {f"device/{device.name}": device.healthy for device in devices}
        for name, serving in wanted.items():
            status = _SERVING if serving else _NOT_SERVING
            if self._statuses.get(name) != status:
                self._statuses[name] = status
                await self._health.set(name, status)

    async def drain(self) -> None:
        """Says NOT_SERVING, waits for balancers to notice, ends admission, lets calls in flight finish."""
        await self._health.enter_graceful_shutdown()
        await asyncio.sleep(self._settings.drain_delay_seconds)
        self._admission.end()
        until = time.monotonic() + self._settings.drain_seconds
        while self._admission.calls and time.monotonic() < until:
            await asyncio.sleep(_LOOK_SECONDS)
        await self._server.stop(_LAST_SECONDS)  # watchers of health would stay for as long as they are let

    def _add_services(self, version: str, metrics: Metrics) -> None:
        times = TimeLimits(self._settings.default_deadline_seconds, self._settings.max_deadline_seconds)
        server_info = ServerInfo(
            version,
            self._engine,
            _limits(self._settings),
            server_service_pb2.Policies(programs=self._settings.programs),
        )
        turnstile = Turnstile(self._engine.submit)
        methods: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {service: {} for service in SERVICES}
        for route in ROUTES:
            submit = server_info.submit if route.service == SERVER_SERVICE else turnstile.submit
            if route.method == LIST_SESSIONS:
                submit = Listing(self._engine).submit
            handler = Handler(route, submit, self._admission, times, metrics)
            methods[route.service][route.method] = handler.method_handler()
        handlers = [grpc.method_handlers_generic_handler(service, own) for service, own in methods.items()]
        handlers.append(health_handler(self._health))
        if self._settings.reflection:
            handlers += reflection_handlers((*SERVICES, HEALTH))
        self._server.add_generic_rpc_handlers(tuple(handlers))

    def _bind(self) -> str:
        address = self._settings.address
        try:
            if self._settings.tls_cert is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, _credentials(self._settings))
        except RuntimeError:
            raise OSError(f"cannot listen on {address}: it is in use, not ours, or the certificate is bad") from None
        return address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"


def _options(settings: Settings) -> list[tuple[str, int]]:
    options = [
        ("grpc.so_reuseport", 0),  # on, a second server would silently take half of the calls
        # The budget of bytes in flight is the limit, and says so in words; but a message is in memory before it can be
        # asked, so what is far beyond any budget is refused by its length prefix.
        ("grpc.max_receive_message_length", min(2 * settings.max_inflight_bytes, 2**31 - 1)),
        ("grpc.max_send_message_length", -1),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        # no compression but identity: a small bomb would inflate before anybody could count its bytes
        ("grpc.compression_enabled_algorithms_bitset", 1),
    ]
    if settings.max_connection_age_seconds:
        options += [
            ("grpc.max_connection_age_ms", round(settings.max_connection_age_seconds * 1000)),
            ("grpc.max_connection_age_grace_ms", round(settings.max_deadline_seconds * 1000)),
        ]
    return options


def _credentials(settings: Settings) -> grpc.ServerCredentials:
    """Certificates that are read again when their files change."""
    paths = [path for path in (settings.tls_cert, settings.tls_key, settings.tls_client_ca) if path is not None]

    def read() -> grpc.ServerCertificateConfiguration:
        cert, key, *ca = (path.read_bytes() for path in paths)
        return grpc.ssl_server_certificate_configuration([(key, cert)], ca[0] if ca else None)

    def modified() -> tuple[int, ...]:
        return tuple(path.stat().st_mtime_ns for path in paths)

    seen = modified()

    def fetch() -> Any:  # a configuration, or None for "as before", which types-grpcio does not know
        nonlocal seen
        try:
            now = modified()
            if now == seen:
                return None
            seen = now
            return read()
        except OSError as error:
            log.error("certificates cannot be read; the earlier ones stay", extra={"error": str(error)})
            return None

    return grpc.dynamic_ssl_server_credentials(
        read(), fetch, require_client_authentication=settings.tls_client_ca is not None
    )


def _limits(settings: Settings) -> server_service_pb2.Limits:
    return server_service_pb2.Limits(
        max_inflight_bytes=settings.max_inflight_bytes,
        default_deadline_seconds=settings.default_deadline_seconds,
        max_deadline_seconds=settings.max_deadline_seconds,
        max_values_elements=limits.MAX_VALUES,
        max_rank=limits.MAX_RANK,
        max_batch_evaluations=limits.MAX_BATCH,
        max_expression_length=limits.MAX_EXPRESSION_LENGTH,
        max_sessions_per_device=settings.max_sessions_per_device,
    )
