"""Every candidate of every task, and what follows from what, as tables."""

from __future__ import annotations

from collections.abc import Mapping

from lossd_server.judge.advice.rules import (
    classification,
    distributions,
    embeddings,
    numbers,
    pixels,
    preferences,
    ranking,
    reinforcement,
)
from lossd_server.judge.advice.rules.rule import Candidate

_ALL: tuple[Candidate, ...] = (
    *numbers.CANDIDATES,
    *classification.CANDIDATES,
    *pixels.CANDIDATES,
    *distributions.CANDIDATES,
    *ranking.CANDIDATES,
    *embeddings.CANDIDATES,
    *preferences.CANDIDATES,
    *reinforcement.CANDIDATES,
)

CANDIDATES: Mapping[str, tuple[Candidate, ...]] = {
    task: tuple(candidate for candidate in _ALL if candidate.task == task)
    for task in dict.fromkeys(candidate.task for candidate in _ALL)
}
"""The losses that come into question, by task."""
