"""`python -m lossd_server.probe HOST:PORT [SERVICE]`: exits 0 if grpc.health.v1 says SERVING; for containers."""

from __future__ import annotations

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_SECONDS = 3.0


def main(arguments: list[str]) -> int:
    """Asks once; prints the status, or why there is none."""
    address = arguments[0] if arguments else "127.0.0.1:50051"
    service = arguments[1] if len(arguments) > 1 else ""
    with grpc.insecure_channel(address) as channel:
        try:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=_SECONDS)
        except grpc.RpcError as error:
            print(f"{address}: {error.code().name}: {error.details()}", file=sys.stderr)
            return 1
    print(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
    return 0 if answer.status == health_pb2.HealthCheckResponse.SERVING else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
