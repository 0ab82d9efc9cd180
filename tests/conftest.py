"""Fixtures that every group of tests may use."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import hypothesis
import pytest
from running import RunningServer

# before torch is loaded, here and in the servers: threads that wait for each other sleep instead of spinning, which on
# a machine that others use makes a step of a small model many times slower; no number depends on it
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# tests measure no time: the machines are shared, and a first call may load a library
hypothesis.settings.register_profile("lossd", deadline=None)
hypothesis.settings.load_profile("lossd")


def pytest_collection_finish() -> None:
    """What was collected stays to the end: no later garbage collection need look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """One server for all tests that leave it as they found it."""
    with RunningServer() as running:
        yield running
        assert running.stop() == 0, "a server that is told to stop exits 0"
