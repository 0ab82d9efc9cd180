"""The chunks of several streams beside each other: who waits, who is let in, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from google.protobuf import any_pb2
from lossd.v1 import evaluation_service_pb2 as pb
from lossd_server.front.admission import Admission
from lossd_server.front.gathering import CHUNK, OPEN, Gathering
from lossd_server.telemetry.metrics import Metrics

BUDGET = 1000


def test_streams_that_want_more_than_there_is_room_for_wait_for_each_other() -> None:
    """No chunk behind the first is refused for want of room, and none overtakes another of its stream."""

    async def chunks(number: int) -> AsyncIterator[bytes]:
        for index in range(20):
            yield pb.AggregateLossRequest(request_id=f"{number}-{index}", metrics=["x" * 400]).SerializeToString()

    async def gather() -> tuple[dict[str, list[str]], list[bytes], float]:
        metrics = Metrics("0")
        admission = Admission(BUDGET, None, metrics)
        seen: dict[str, list[str]] = {}

        async def submit(verb: str, request: bytes, session_id: str | None) -> bytes:
            if verb == OPEN:
                name = pb.AggregateLossRequest.FromString(request).request_id
                seen[name] = [name]
                return pb.AggregateLossResponse(request_id=name).SerializeToString()
            if verb == CHUNK:
                await asyncio.sleep(0.001)
                chunk = pb.AggregateLossRequest.FromString(any_pb2.Any.FromString(request).value)
                seen[str(session_id)].append(chunk.request_id)
            return pb.AggregateLossResponse(request_id=str(session_id)).SerializeToString()

        streams = [Gathering(chunks(number), submit, admission, 10.0).answer() for number in range(10)]
        answers = await asyncio.wait_for(asyncio.gather(*streams), 30)
        return seen, answers, metrics.registry.get_sample_value("lossd_inflight_bytes") or 0.0

    seen, answers, held = asyncio.run(gather())
    assert [pb.AggregateLossResponse.FromString(answer).request_id for answer in answers] == [*seen]
    assert seen == {f"{number}-0": [f"{number}-{index}" for index in range(20)] for number in range(10)}
    assert held == 0
