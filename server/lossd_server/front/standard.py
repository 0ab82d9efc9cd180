"""The standard services, health and reflection, under every name that clients ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

REFLECTION = "grpc.reflection.v1.ServerReflection"
REFLECTION_ALPHA = reflection.SERVICE_NAME
HEALTH = health.SERVICE_NAME

M = TypeVar("M", bound=Message)


def health_handler(servicer: Any) -> grpc.GenericRpcHandler:
    """grpc.health.v1 by `servicer`."""
    # what is no message asks for a service that cannot be, and learns NOT_FOUND
    request = _or_else(health_pb2.HealthCheckRequest(service="\ufffd"))
    response = health_pb2.HealthCheckResponse.SerializeToString
    return grpc.method_handlers_generic_handler(
        HEALTH,
        {
            "Check": grpc.unary_unary_rpc_method_handler(servicer.Check, request, response),
            "Watch": grpc.unary_stream_rpc_method_handler(servicer.Watch, request, response),
        },
    )


def reflection_handlers(services: Sequence[str]) -> tuple[grpc.GenericRpcHandler, ...]:
    """Reflection of `services` and of itself; v1 and v1alpha have the same messages under the same numbers."""
    _publish_v1_descriptor()
    servicer = reflection.aio.ReflectionServicer((*services, REFLECTION, REFLECTION_ALPHA), pool=_MethodFindingPool())
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        _or_else(reflection_pb2.ServerReflectionRequest()),
        reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return tuple(
        grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler})
        for name in (REFLECTION, REFLECTION_ALPHA)
    )


def _or_else(fallback: M) -> Callable[[bytes], M]:
    """Reads requests; for bytes that are none, for which grpc would log a stack, it answers `fallback`."""

    def read(data: bytes) -> M:
        try:
            return type(fallback).FromString(data)
        except DecodeError:
            return fallback

    return read


class _MethodFindingPool:
    """The default pool, which finds the file of a method or a field as well, by what it belongs to."""

    def __init__(self) -> None:
        self._pool = descriptor_pool.Default()

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802  # as the pool names it
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            owner = symbol.rpartition(".")[0]
            return self._pool.FindFileContainingSymbol(owner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def _publish_v1_descriptor() -> None:
    """Adds v1's descriptor, which no package ships, so that clients can describe the service they speak to."""
    v1alpha = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(v1alpha)
    v1 = text_format.Parse(
        text_format.MessageToString(v1alpha).replace("v1alpha", "v1"), descriptor_pb2.FileDescriptorProto()
    )
    pool = descriptor_pool.Default()
    try:
        pool.FindFileByName(v1.name)
    except KeyError:
        pool.Add(v1)
