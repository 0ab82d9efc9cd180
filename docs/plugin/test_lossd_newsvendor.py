"""The plugin as a server with it installed serves it."""

from __future__ import annotations

from collections.abc import Iterator

import lossd
import pytest


@pytest.fixture(scope="module")
def client() -> Iterator[lossd.Client]:
    with lossd.local() as embedded:
        yield embedded


def test_missing_pieces_cost_more(client: lossd.Client) -> None:
    """Two missing at 3 each, two left over at 1 each; the gradient is the cost of one more piece, by the mean."""
    result = client.evaluate(lossd.Plugin("newsvendor_loss"), [8.0, 12.0], [10.0, 10.0], gradients="input")
    assert result.value == (2 * 3 + 2 * 1) / 2
    assert result.gradients["input"].tolist() == [-1.5, 0.5]


def test_costs_are_not_negative(client: lossd.Client) -> None:
    with pytest.raises(lossd.InvalidArgument) as refused:
        client.evaluate(lossd.Plugin("newsvendor_loss", over=-1.0), [1.0], [1.0])
    assert refused.value.field == "loss.plugin.arguments.over"
