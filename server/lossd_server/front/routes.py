"""The RPCs that are served, read off the contract's descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from lossd import framing
from lossd.v1 import (
    catalog_service_pb2,
    error_reason_pb2,
    evaluation_service_pb2,
    server_service_pb2,
    training_service_pb2,
)

_FILES = (evaluation_service_pb2, catalog_service_pb2, training_service_pb2, server_service_pb2)
_SERVICES = [service for file in _FILES for service in file.DESCRIPTOR.services_by_name.values()]
_KINDS = {
    (False, False): "unary",
    (True, False): "client_stream",
    (False, True): "server_stream",
    (True, True): "bidi_stream",
}
_STATUS = error_reason_pb2.Status.DESCRIPTOR

SERVER_SERVICE = str(server_service_pb2.DESCRIPTOR.services_by_name["ServerService"].full_name)
SERVICES: tuple[str, ...] = tuple(str(service.full_name) for service in _SERVICES)
"""Full names of lossd's services."""


@dataclass(frozen=True)
class Route:
    """One RPC.

    Args:
        service: full name.
        method: name, which is also the verb of its calls.
        kind: "unary", "server_stream", "bidi_stream" or "client_stream", as Prometheus' gRPC metrics name it.
        session_field: number of the request's field that names a session, which decides the worker.
        request: message type.
        response: message type.
    """

    service: str
    method: str
    kind: str
    session_field: int | None
    request: type[Message]
    response: type[Message]

    @property
    def streaming(self) -> bool:
        """Whether messages are a stream, in one direction at least."""
        return self.kind != "unary"

    @property
    def changes_a_session(self) -> bool:
        """Whether its calls are counted by `seq`."""
        return "seq" in self.request.DESCRIPTOR.fields_by_name

    def refusal(self, status: bytes) -> bytes:
        """A serialized response with a google.rpc.Status in the field that the contract has for it."""
        path = next(_paths_to_status(self.response.DESCRIPTOR, ()))
        for number in reversed(path):
            status = framing.repeated(number, [status])
        return status


def _paths_to_status(message: Any, before: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Numbers of the fields that lead to a Status from a message's descriptor, the shortest first."""
    inner = [(f.number, f.message_type) for f in message.fields if f.message_type is not None and not f.is_repeated]
    for number, kind in inner:
        if kind == _STATUS:
            yield (*before, number)
    for number, kind in inner:
        if not before:  # deeper than a result in its response is none
            yield from _paths_to_status(kind, (number,))


def _route(service: ServiceDescriptor, method: MethodDescriptor) -> Route:
    session = method.input_type.fields_by_name.get("session_id")
    return Route(
        str(service.full_name),
        str(method.name),
        _KINDS[method.client_streaming, method.server_streaming],
        session.number if session is not None else None,
        GetMessageClass(method.input_type),
        GetMessageClass(method.output_type),
    )


ROUTES: tuple[Route, ...] = tuple(_route(service, method) for service in _SERVICES for method in service.methods)
