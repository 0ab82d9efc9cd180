"""`python -m benchmarks.plain KIND`: serves on a free port of 127.0.0.1, which it prints, until its stdin closes."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from lossd.v1 import evaluation_service_pb2_grpc as rpc

OPTIONS = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
]


def serve_sync() -> None:
    """The servicer on a pool of threads."""
    from benchmarks.plain.servicer import Servicer

    server = grpc.server(ThreadPoolExecutor(max_workers=32), options=OPTIONS)
    rpc.add_EvaluationServiceServicer_to_server(Servicer(), server)
    _announce(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    sys.stdin.read()
    server.stop(None)


async def serve_aio() -> None:
    """The servicer on an event loop."""
    from benchmarks.plain.servicer import AsyncServicer

    server = grpc.aio.server(options=OPTIONS)
    rpc.add_EvaluationServiceServicer_to_server(AsyncServicer(), server)
    _announce(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


def serve_echo() -> None:
    """No message, no torch: /Echo/Back returns the bytes it was sent, /Echo/Sink none."""
    handlers = {
        "Back": grpc.unary_unary_rpc_method_handler(lambda request, context: request),
        "Sink": grpc.unary_unary_rpc_method_handler(lambda request, context: b""),
    }
    server = grpc.server(ThreadPoolExecutor(max_workers=32), options=OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("Echo", handlers),))
    _announce(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    sys.stdin.read()
    server.stop(None)


def _announce(port: int) -> None:
    print(f"127.0.0.1:{port}", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sync"]:
            serve_sync()
        case ["aio"]:
            asyncio.run(serve_aio())
        case ["echo"]:
            serve_echo()
        case _:
            raise SystemExit("usage: python -m benchmarks.plain sync|aio|echo")
