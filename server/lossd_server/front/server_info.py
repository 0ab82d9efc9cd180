"""ServerService: what the server is and how its devices are, answered here without a worker."""

from __future__ import annotations

import platform
from typing import Any

import grpc
from lossd.v1 import server_service_pb2 as pb

from lossd_server.engine.contract import Engine


class ServerInfo:
    """Answers GetServerInfo and ListDevices.

    Args:
        version: of lossd.
        engine: whose devices are listed.
        limits: what this server takes.
    """

    def __init__(self, version: str, engine: Engine, limits: pb.Limits) -> None:
        self._version = version
        self._engine = engine
        self._limits = limits

    async def get_server_info(
        self, request: pb.GetServerInfoRequest, context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> pb.GetServerInfoResponse:
        return pb.GetServerInfoResponse(
            version=self._version,
            torch_version=self._engine.torch_version,
            grpc_version=grpc.__version__,
            python_version=platform.python_version(),
            engine=self._engine.name,
            limits=self._limits,
        )

    async def list_devices(
        self, request: pb.ListDevicesRequest, context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> pb.ListDevicesResponse:
        devices = [
            pb.Device(
                name=device.name,
                healthy=device.healthy,
                restarts=device.restarts,
                pending=device.pending,
                memory_bytes=device.memory,
                sessions=device.sessions,
            )
            for device in self._engine.devices()
        ]
        return pb.ListDevicesResponse(devices=devices)

    def method_handlers(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        """The handlers as grpc takes them."""
        return {
            "GetServerInfo": grpc.unary_unary_rpc_method_handler(
                self.get_server_info,
                request_deserializer=pb.GetServerInfoRequest.FromString,
                response_serializer=pb.GetServerInfoResponse.SerializeToString,
            ),
            "ListDevices": grpc.unary_unary_rpc_method_handler(
                self.list_devices,
                request_deserializer=pb.ListDevicesRequest.FromString,
                response_serializer=pb.ListDevicesResponse.SerializeToString,
            ),
        }
