"""ListSessions over all devices: each lists its own, and the pages are merged."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from google.protobuf.message import DecodeError
from lossd.v1 import training_service_pb2 as pb

from lossd_server.engine.contract import Call, Engine, Reply, malformed

LIST_SESSIONS = "ListSessions"

_PAGE, _LARGEST_PAGE = 100, 1000


class Listing:
    """Asks every device of an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def submit(self, call: Call) -> Reply:
        """The first page_size sessions behind the page_token; a device that cannot tell refuses for all."""
        devices = len(self._engine.devices())
        try:
            asked = pb.ListSessionsRequest.FromString(call.request)
        except DecodeError as error:
            raise malformed(error) from None
        calls = [replace(call, session_id=f"w{index}-") for index in range(devices)]
        replies = await asyncio.gather(*map(self._engine.submit, calls))
        refused = next((reply for reply in replies if reply.failed), None)
        if refused is not None or devices == 1:
            return refused or replies[0]
        pages = [pb.ListSessionsResponse.FromString(reply.message) for reply in replies]
        return replies[0]._replace(message=merge(pages, asked.page_size).SerializeToString())


def merge(pages: list[pb.ListSessionsResponse], page_size: int) -> pb.ListSessionsResponse:
    """One page of those of all devices, each ordered by identifier and of the same size.

    >>> pages = [pb.ListSessionsResponse(sessions=[pb.Session(session_id=name)]) for name in ("w1-a", "w0-a")]
    >>> page = merge(pages, 1)
    >>> [session.session_id for session in page.sessions], page.next_page_token
    (['w0-a'], 'w0-a')
    """
    size = min(page_size or _PAGE, _LARGEST_PAGE)
    told = min((page.next_page_token for page in pages if page.next_page_token), default="")
    known = [session for page in pages for session in page.sessions if not told or session.session_id <= told]
    sessions = sorted(known, key=lambda one: one.session_id)
    token = sessions[size - 1].session_id if len(sessions) > size else told
    return pb.ListSessionsResponse(sessions=sessions[:size], next_page_token=token)
