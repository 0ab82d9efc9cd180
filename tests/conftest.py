"""Fixtures that every group of tests may use."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
from running import RunningServer

# tests measure no time: the machines are shared, and a first call may load a library
hypothesis.settings.register_profile("lossd", deadline=None)
hypothesis.settings.load_profile("lossd")


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """One server for all tests that leave it as they found it."""
    with RunningServer() as running:
        yield running
        assert running.stop() == 0, "a server that is told to stop exits 0"
