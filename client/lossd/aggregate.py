"""`lossd aggregate`: a loss of files larger than a request, in chunks; knows the SDK's public names alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click
import numpy as np

import lossd
from lossd.loss import Loss
from lossd.loss_commands import Losses
from lossd.options import asked_metrics, options
from lossd.printing import print_json, print_result
from lossd.server_options import as_json

_OF_ALL = ("kl", "logit_scale")
"""Inputs that are for all examples, as are a loss's parameters, whose names have dots."""


def _aggregate(
    client: lossd.Client, loss: Loss, inputs: Mapping[str, Any], /, *, chunk: int, as_json: bool, **asked: Any
) -> None:
    written = [given.dtype for given in inputs.values() if isinstance(given, np.ndarray) and given.dtype.kind == "f"]
    floats = written[0] if written else np.dtype(np.float32)
    arrays = {name: _array(given, floats, loss.inputs.get(name, True)) for name, given in inputs.items()}
    least = max([1, *(given.ndim for given in arrays.values() if loss.allow_broadcast)])  # what stretches is not cut
    cut = {name: given for name, given in arrays.items() if given.ndim >= least and name not in _OF_ALL}
    cut = {name: given for name, given in cut.items() if "." not in name}
    whole = {name: given for name, given in arrays.items() if name not in cut}
    if not cut:
        raise click.UsageError("no input has a dimension that counts examples; `lossd eval` evaluates one")
    lengths = {name: given.shape[_along(name, given)] for name, given in cut.items()}
    examples = max(lengths.values())
    if examples > chunk and len(set(lengths.values())) > 1:  # in one piece the server says it, and knows the loss
        counted = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
        raise click.UsageError(f"{counted} examples; to be cut into chunks, all need the same number")
    with client.aggregate(loss, progress=sys.stderr.isatty() and max(examples, 1), **asked) as total:
        for piece in _pieces(cut, examples, chunk):
            total.update(**piece, **({} if total.chunks else whole))
        result = total.result()
    print_json(result) if as_json else print_result(result)
    if not as_json:
        click.echo(f"{_counted(result.examples, 'example')} in {_counted(result.chunks, 'chunk')}", err=True)


def _pieces(arrays: Mapping[str, Any], examples: int, size: int) -> Iterator[dict[str, Any]]:
    """The arrays cut into as many examples; where one is shorter, the server says so."""
    for start in range(0, max(examples, 1), size):
        yield {
            name: given[(slice(None),) * _along(name, given) + (slice(start, start + size),)]
            for name, given in arrays.items()
        }


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + "s" * (count != 1)


def _along(name: str, array: Any) -> int:
    """The dimension that counts the examples: second in log-probabilities of sequences."""
    return 1 if name == "log_probs" and array.ndim == 3 else 0


def _array(given: Any, floats: np.dtype[Any], floating: bool) -> Any:
    """What was typed as an array, which can be cut; a file's stays where it is."""
    if isinstance(given, np.ndarray):
        return given
    array = np.asarray(given)
    return array.astype(floats) if array.dtype.kind == "f" or (floating and array.dtype.kind in "iu") else array


asked = options(
    click.option("--chunk", type=click.IntRange(min=1), default=65536, show_default=True,
                 help="Examples that are sent at once; the answer does not depend on it."),
    asked_metrics,
    click.option("--diagnostics", type=click.Choice(["off", "cheap", "full"]), default="off", show_default=True,
                 help="How much to look for that is wrong."),
    click.option("--series", default="", help="Name of the production series that this data set counts in."),
    as_json,
)  # fmt: skip


@click.command("aggregate", cls=Losses, asked=asked, act=_aggregate)
def aggregate() -> None:
    """Evaluate a loss of a whole data set in chunks, on --server or, without one, in a server of this process.

    Give .npy files, which are read piece by piece; the answer is that of one evaluation of all examples.
    """
