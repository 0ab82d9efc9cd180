"""The attacker, and what must hold after every attack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attacks.attacker import Attacker
from running import RunningServer


@pytest.fixture
def attacker(server: RunningServer) -> Iterator[Attacker]:
    """An attacker of the shared server; afterwards the same worker answers an honest request, and the log is calm."""
    workers, logged = server.workers(), len(server.lines)
    attacking = Attacker(server)
    attacking.honest()
    yield attacking
    attacking.honest()
    attacking.close()
    assert server.workers() == workers, "the attack ended a worker"
    for line in server.lines[logged:]:
        assert "Traceback" not in line, line
