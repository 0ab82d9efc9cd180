"""ServerService: what the server is and how its devices are, answered here without a worker."""

from __future__ import annotations

import platform
from collections.abc import Callable

import grpc
from google.protobuf.message import DecodeError, Message
from lossd.v1 import server_service_pb2 as pb

from lossd_server.engine.contract import Call, Engine, Reply, malformed


class ServerInfo:
    """Answers GetServerInfo and ListDevices, as an engine answers the rest.

    Args:
        version: of lossd.
        engine: whose devices are listed.
        limits: what this server takes.
        policies: what its operator allows.
    """

    def __init__(self, version: str, engine: Engine, limits: pb.Limits, policies: pb.Policies) -> None:
        self._version = version
        self._engine = engine
        self._limits = limits
        self._policies = policies
        self._verbs: dict[str, tuple[type[Message], Callable[[], Message]]] = {
            "GetServerInfo": (pb.GetServerInfoRequest, self._server_info),
            "ListDevices": (pb.ListDevicesRequest, self._devices),
        }

    async def submit(self, call: Call) -> Reply:
        """Answers a call at once."""
        request_type, answer = self._verbs[call.verb]
        try:
            request_type.FromString(call.request)
        except DecodeError as error:
            raise malformed(error) from None
        return Reply(answer().SerializeToString(), failed=False)

    def _server_info(self) -> pb.GetServerInfoResponse:
        return pb.GetServerInfoResponse(
            version=self._version,
            torch_version=self._engine.torch_version,
            grpc_version=grpc.__version__,
            python_version=platform.python_version(),
            engine=self._engine.name,
            limits=self._limits,
            policies=self._policies,
        )

    def _devices(self) -> pb.ListDevicesResponse:
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
