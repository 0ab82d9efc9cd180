"""What was predicted of an example and what is true of it, in a few words; knows no loss by name."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge import readings
from lossd_server.judge.readings import Pair, Reading
from lossd_server.losses.contract import Loss, Tensors

_SHOWN = 4
_TARGETS = ("target", "targets", "labels")
_LONG = 3


def understand(loss: Loss, tensors: Tensors) -> tuple[Reading, dict[str, Tensor]] | None:
    """How to read the output, and the targets to read it with; None where nobody knows what it means.

    Soft targets count as the likeliest class, or as the labels above one half.
    """
    output = tensors[loss.input_names[0]]
    if not output.numel():
        return None
    targets = {name: given for name, given in tensors.items() if name != loss.input_names[0]}
    for given in (targets, *_hardened(output, targets)):
        try:
            return readings.read(loss, output, given), given
        except (Fault, IndexError, StopIteration):
            continue
    return None


def _hardened(output: Tensor, targets: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    target = targets.get("target")
    if target is None or not target.is_floating_point() or target.shape != output.shape or not target.numel():
        return []
    if not target.dim():
        return [{**targets, "target": (target > 0.5).to(target.dtype)}]
    classes = target.argmax(0 if target.dim() == 1 else 1)
    return [{**targets, "target": classes}, {**targets, "target": (target > 0.5).to(target.dtype)}]


def describe(reading: Reading, pair: Pair) -> tuple[str, str]:
    """Prediction and truth of one example, read as a batch of it alone."""
    predictions, truth = pair.predictions.detach().cpu(), pair.truth.detach().cpu()
    if reading.task == readings.REGRESSION:
        return numbers(predictions), numbers(truth)
    if not truth.numel():
        return "", "ignored"
    if reading.task == readings.MULTICLASS:
        return _classes(predictions, truth, reading.probabilities)
    if reading.task == readings.MULTILABEL:
        return _labels(predictions, truth)
    if truth.numel() == 1:
        chance = float(predictions.reshape(-1)[0])
        surely = f", p of 1 {chance:.2g}" if reading.probabilities else ""
        return f"{int(chance > 0.5)}{surely}", str(int(truth.reshape(-1)[0]))
    right = int(((predictions > 0.5).long() == truth).sum())
    return _agreement(right, truth.numel()), f"{int(truth.sum())} of {truth.numel()} are 1"


def _classes(predictions: Tensor, truth: Tensor, probabilities: bool) -> tuple[str, str]:
    likeliest = predictions.argmax(-1)
    if truth.numel() > 1:
        common = int(truth.mode().values)
        shared = int((truth == common).sum())
        right = int((likeliest == truth).sum())
        return _agreement(right, truth.numel()), f"{shared} of {len(truth)} are class {common}"
    said, true = int(likeliest[0]), int(truth[0])
    if not probabilities:
        return f"class {said}", f"class {true}"
    return f"class {said}, p {float(predictions[0, said]):.2g}", f"class {true}, p {float(predictions[0, true]):.2g}"


def _labels(predictions: Tensor, truth: Tensor) -> tuple[str, str]:
    chosen = (predictions > 0.5).long()
    if truth.shape[0] > 1:
        counted = int((truth >= 0).sum())
        return _agreement(int((chosen == truth).sum()), counted), f"{int((truth > 0).sum())} of {counted} are 1"
    return _listed(chosen[0]), _listed(truth[0])


def _listed(labels: Tensor) -> str:
    """The labels that are 1, by number."""
    named = (labels > 0).nonzero().reshape(-1).tolist()
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return ("labels " if len(named) > 1 else "label ") + ", ".join(map(str, named[:_SHOWN])) + more if named else "none"


def _agreement(right: int, count: int) -> str:
    return f"{right} of {count} right"


def numbers(values: Tensor) -> str:
    """A number, a few, or what many are like.

    >>> numbers(torch.tensor([0.5])), numbers(torch.tensor([1, 2])), numbers(torch.arange(10.0))
    ('0.5', '1, 2', '10 numbers, 0 to 9, mean 4.5')
    """
    flat = values.detach().reshape(-1).double().cpu()
    if flat.numel() <= _SHOWN:
        return ", ".join(f"{number:.4g}" for number in flat.tolist())
    low, high, mean = float(flat.min()), float(flat.max()), float(flat.mean())
    return f"{flat.numel()} numbers, {low:.3g} to {high:.3g}, mean {mean:.3g}"


def plain(loss: Loss, one: Tensors) -> tuple[str, str]:
    """The same where nobody knows what the output means: the numbers themselves, those of targets apart."""
    names = [name for name in loss.input_names if name in one]
    chosen = _chosen(one[names[0]], one.get("target"))
    if chosen is not None:
        return chosen
    said = [name for name in names if name not in _TARGETS and one[name].is_floating_point()][:_LONG]
    true = [name for name in names if name in _TARGETS]
    first = numbers(one[said[0]]) if len(said) == 1 else ", ".join(f"{name} {numbers(one[name])}" for name in said)
    return first, ", ".join(numbers(one[name]) for name in true)


def _chosen(output: Tensor, target: Tensor | None) -> tuple[str, str] | None:
    """Of scores (1,C,d…) and class indices (1,d…): how often the highest score is right; None for anything else."""
    if target is None or target.is_floating_point() or target.dtype == torch.bool or output.dim() < 2:
        return None
    if output.shape[:1] + output.shape[2:] != target.shape or output.shape[1] < 2 or not target.numel():
        return None
    return _classes(output.movedim(1, -1).reshape(-1, output.shape[1]), target.reshape(-1).long(), False)


def greedy(log_probs: Tensor, targets: Tensor, steps: int, labels: int, blank: int) -> tuple[str, str]:
    """A sequence as CTC reads it: the likeliest class of each step, repeats and blanks taken out.

    >>> said = torch.tensor([[0.1, 0.9], [0.1, 0.9], [0.8, 0.2], [0.2, 0.8]]).log()
    >>> greedy(said, torch.tensor([1, 1, 0]), 4, 2, 0)
    ('1 1', '1 1')
    """
    path = torch.unique_consecutive(log_probs[:steps].argmax(-1)).tolist()
    return _sequence([label for label in path if label != blank]), _sequence(targets[:labels].tolist())


def _sequence(labels: list[int]) -> str:
    shown = " ".join(map(str, labels[:20]))
    return (f"{shown} …" if len(labels) > 20 else shown) or "nothing"
