"""Pages of several devices are merged into one without leaving a session out."""

from __future__ import annotations

from lossd.v1 import training_service_pb2 as pb
from lossd_server.front.listing import merge


def page(*names: str, token: str = "") -> pb.ListSessionsResponse:
    return pb.ListSessionsResponse(sessions=[pb.Session(session_id=name) for name in names], next_page_token=token)


def test_nothing_is_told_behind_what_a_device_has_not_told_yet() -> None:
    """A session that ended while it was listed makes a device's page shorter than its token says."""
    merged = merge([page("w0-a", token="w0-b"), page("w1-a", "w1-b")], 3)
    assert ([one.session_id for one in merged.sessions], merged.next_page_token) == (["w0-a"], "w0-b")
    merged = merge([page(token="w0-b"), page("w1-a")], 1)
    assert ([one.session_id for one in merged.sessions], merged.next_page_token) == ([], "w0-b")
    merged = merge([page("w0-c"), page("w1-a")], 3)
    assert ([one.session_id for one in merged.sessions], merged.next_page_token) == (["w0-c", "w1-a"], "")
