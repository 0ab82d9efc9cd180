"""Server reflection under both of its names: v1alpha, which older clients ask for, and v1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.descriptor import FileDescriptor
from grpc_reflection.v1alpha import reflection, reflection_pb2

V1 = "grpc.reflection.v1.ServerReflection"
V1ALPHA = reflection.SERVICE_NAME


def add_reflection(server: grpc.aio.Server, services: Sequence[str]) -> None:
    """Serves the descriptors of `services`, and of reflection itself."""
    _publish_v1_descriptor()
    servicer = reflection.aio.ReflectionServicer((*services, V1, V1ALPHA), pool=_MethodFindingPool())
    # the two versions have the same messages under the same numbers, so one servicer serves both
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    handlers = {"ServerReflectionInfo": handler}
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(version, handlers) for version in (V1, V1ALPHA))
    )


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
