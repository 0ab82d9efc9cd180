"""Cutting anew and adding exactly: what comes out depends on the data alone."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lossd_server.judge.blocks import Blocks, Sample
from lossd_server.judge.exact import ExactSum


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64, min_value=-1e300, max_value=1e300)))
def test_a_sum_is_the_nearest_number_to_the_true_one_in_any_order(numbers: list[float]) -> None:
    """Rounded once: as the exact fraction is, forwards and backwards."""
    exact = float(sum(map(Fraction, numbers), Fraction(0)))
    for order in (numbers, numbers[::-1], sorted(numbers)):
        total = ExactSum()
        for number in order:
            total.add(number)
        assert float(total) == exact


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], 0.0),
        ([math.inf, 1.0], math.inf),
        ([math.inf, -math.inf], math.nan),
        ([1.0, math.nan, 2.0], math.nan),
        ([1.7e308, 1.7e308], math.inf),
        ([-1.7e308, -1.7e308, 5.0], -math.inf),
    ],
)
def test_a_sum_of_what_is_not_finite_is_float64s(numbers: list[float], expected: float) -> None:
    total = ExactSum()
    for number in numbers:
        total.add(number)
    assert str(float(total)) == str(expected)


@given(st.lists(st.integers(0, 20), max_size=12), st.integers(1, 9))
def test_blocks_are_the_same_however_chunks_are_cut(sizes: list[int], size: int) -> None:
    """All of them full but the last, in order, each in memory of its own."""
    data = {"x": torch.arange(2.0 * sum(sizes)).reshape(-1, 2), "y": torch.arange(sum(sizes))}
    blocks = Blocks({name: tensor[:0] for name, tensor in data.items()}, size)
    found, start = [], 0
    for count in sizes:
        found += blocks.add({name: tensor[start : start + count] for name, tensor in data.items()})
        start += count
    assert [len(block["y"]) for block in found] == [size] * (sum(sizes) // size)
    assert blocks.waiting == sum(sizes) % size
    found.append(blocks.rest())
    for name, tensor in data.items():
        assert torch.equal(torch.cat([block[name] for block in found]), tensor)
    theirs = {tensor.untyped_storage().data_ptr() for tensor in data.values()} - {0}
    assert not theirs & {block[name].untyped_storage().data_ptr() for block in found for name in block}


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(1, 40))
def test_a_sample_does_not_depend_on_the_cut_and_is_all_while_it_fits(sizes: list[int], most: int) -> None:
    count = sum(sizes)
    at_once, piecewise = Sample(most), Sample(most)
    at_once.add({"x": torch.arange(count)})
    for piece in torch.arange(count).split(sizes):
        piecewise.add({"x": piece})
    assert torch.equal(at_once.examples()["x"], piecewise.examples().get("x", torch.empty(0, dtype=torch.int64)))
    kept = at_once.examples()["x"]
    assert len(kept) == count if count <= most else len(kept) <= most


def test_a_sample_follows_no_period_of_the_data() -> None:
    """Every residue of every small period is in it, in about its share."""
    sample = Sample(4096)
    for piece in torch.arange(1_000_000).split(9973):
        sample.add({"x": piece})
    kept = sample.examples()["x"]
    assert 2048 <= len(kept) <= 4096
    for period in (2, 3, 7, 10, 64, 100):
        shares = torch.bincount(kept % period, minlength=period) / len(kept) * period
        assert float(shares.min()) > 0.4
        assert float(shares.max()) < 2


def _sequences(lengths: list[int], width: int) -> dict[str, torch.Tensor]:
    """Examples of one number each, as many times as they are long, then zeros."""
    counts = torch.tensor(lengths, dtype=torch.int64)
    steps = torch.arange(width) < counts.unsqueeze(1)
    return {"steps": steps * torch.arange(1.0, len(lengths) + 1).unsqueeze(1), "lengths": counts}


@given(st.lists(st.sampled_from([0, 1, 5, 90, 4000]), min_size=1, max_size=40), st.data())
def test_long_sequences_make_blocks_of_fewer_whatever_the_chunks(lengths: list[int], data: st.DataObject) -> None:
    """Padding takes no more than a block has, unless one example alone does; chunks pad as they like."""
    which, limit = {"steps": "lengths"}, 8192
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lossd_server.judge.blocks.BLOCK_ELEMENTS", limit)
        outcomes = []
        for _ in range(2):
            blocks = Blocks({name: given[:0] for name, given in _sequences(lengths, 4000).items()}, 16, which)
            sample, found, start = Sample(32, which), [], 0
            while start < len(lengths):
                count = data.draw(st.integers(1, len(lengths) - start))
                spare = data.draw(st.integers(0, 9))
                chunk = _sequences(lengths, max(lengths[start : start + count]) + spare)
                found += blocks.add({name: given[start : start + count] for name, given in chunk.items()})
                start += count
            found += [blocks.rest()] if blocks.waiting else []
            for block in found:
                sample.add(block)
                assert len(block["lengths"]) * int(block["lengths"].max()) <= limit or len(block["lengths"]) == 1
            kept = sample.examples()
            assert kept["steps"].numel() <= 2 * limit or len(kept["lengths"]) == 1
            told = [(block["lengths"].tolist(), block["steps"].sum(1).tolist()) for block in found]
            outcomes.append((told, kept["lengths"].tolist(), kept["steps"].tolist()))
    assert outcomes[0] == outcomes[1]
    assert [length for own, _ in outcomes[0][0] for length in own] == lengths
