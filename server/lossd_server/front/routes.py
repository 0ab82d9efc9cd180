"""The RPCs that are served, read off the contract's descriptors."""

from __future__ import annotations

from dataclasses import dataclass

from lossd.v1 import catalog_service_pb2, evaluation_service_pb2, server_service_pb2, training_service_pb2

_FILES = (evaluation_service_pb2, catalog_service_pb2, training_service_pb2, server_service_pb2)
_SERVICES = [service for file in _FILES for service in file.DESCRIPTOR.services_by_name.values()]

SERVER_SERVICE = str(server_service_pb2.DESCRIPTOR.services_by_name["ServerService"].full_name)
SERVICES: tuple[str, ...] = tuple(str(service.full_name) for service in _SERVICES)
"""Full names of lossd's services."""


@dataclass(frozen=True)
class Route:
    """One RPC.

    Args:
        service: full name.
        method: name, which is also the verb of its calls.
        streaming: whether requests and responses are streams.
        session_field: number of the request's field that names a session, which decides the worker.
    """

    service: str
    method: str
    streaming: bool
    session_field: int | None

    @property
    def type(self) -> str:
        """The kind of RPC, as Prometheus' gRPC metrics name it."""
        return "bidi_stream" if self.streaming else "unary"


ROUTES: tuple[Route, ...] = tuple(
    Route(
        str(service.full_name),
        str(method.name),
        bool(method.client_streaming),
        field.number if (field := method.input_type.fields_by_name.get("session_id")) else None,
    )
    for service in _SERVICES
    for method in service.methods
)
