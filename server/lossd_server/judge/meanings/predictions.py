"""Predictions beside their own targets: classes, labels, masks, numbers, distributions; knows no loss by name."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from lossd_server.judge import views as lay
from lossd_server.judge.meanings.given import Given, shapes
from lossd_server.judge.views import (
    BINARY,
    DISTRIBUTION,
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    RETRIEVAL,
    SEGMENTATION,
    Activation,
    Pair,
    View,
)
from lossd_server.losses.contract import Tensors


def classes(given: Given, activation: Activation = lay.softmax, probabilities: bool = True) -> list[View]:
    output, target, ignored = given.tensors["input"], given.tensors["target"], given.ignored
    dim = 0 if output.dim() == 1 else 1
    size = output.shape[dim]
    if target.is_floating_point():
        return [
            distribution(given, "input", "target", partial(_rows, dim=dim, act=activation), partial(_rows, dim=dim))
        ]
    return of_classes(given, size, activation, ignored, probabilities)


def of_classes(given: Given, size: int, activation: Activation, ignored: int | None, probabilities: bool) -> list[View]:
    def flat(tensors: Tensors) -> Pair:
        return lay.classes(tensors["input"], tensors["target"], activation, ignored)

    def masks(tensors: Tensors) -> Pair:
        return lay.class_masks(tensors["input"], tensors["target"], ignored)

    found = [given.view(MULTICLASS, size, flat, probabilities, activation.__name__)]
    return [*found, given.view(SEGMENTATION, size, masks)] if given.tensors["input"].dim() > 2 else found


def labels(
    given: Given,
    activation: Activation = torch.sigmoid,
    probabilities: bool = True,
    ignored: int | None = None,
    single: bool = False,
) -> list[View]:
    output, target = given.tensors["input"], given.tensors["target"]
    if not single and target.shape != output.shape:
        raise shapes(output, target)
    lay.check_hard(target, ignored)
    size = 1 if single else output.shape[1] if output.dim() > 1 else 1
    single = size == 1

    def flat(tensors: Tensors) -> Pair:
        return lay.labels(tensors["input"], tensors["target"], activation, ignored, single)

    def masks(tensors: Tensors) -> Pair:
        return lay.label_masks(tensors["input"], tensors["target"], activation, ignored, single)

    def lists(tensors: Tensors) -> Pair:
        kept = None if ignored is None else tensors["target"] != ignored
        return lay.lists(tensors["input"], (tensors["target"] > 0).double(), kept)

    found = [given.view(BINARY if single else MULTILABEL, size, flat, probabilities, activation.__name__)]
    if output.dim() > 2 or (ignored is not None and output.dim() > 1):
        found.append(given.view(SEGMENTATION, size, masks))
    if output.dim() == 2 and not single:
        found.append(given.view(RETRIEVAL, size, lists, False))
    return found


def masks(given: Given, mode: str = "", from_logits: bool | None = None) -> list[View]:
    """Of the losses of segmentation, whose arguments say what their input is."""
    mode = mode or given.argument("mode")
    logits = given.argument("from_logits") if from_logits is None else from_logits
    if mode == "multiclass":
        size = given.tensors["input"].shape[1]
        views = of_classes(given, size, lay.softmax if logits else lay.as_is, given.ignored, True)
        return views if given.tensors["input"].dim() > 2 else views[:1]
    activation = torch.sigmoid if logits else lay.as_is
    return labels(given, activation, ignored=given.ignored, single=mode == "binary")


def hinge_masks(given: Given) -> list[View]:
    return [replace(view, probabilities=False) for view in masks(given, "binary", True)]


def numbers(given: Given, names: tuple[str, str] = ("input", "target"), log: bool = False) -> list[View]:
    mine, true = (given.tensors[name] for name in names)
    if mine.shape != true.shape:
        raise shapes(mine, true)
    size = mine.shape[1:].numel() if mine.dim() else 1

    def flat(tensors: Tensors) -> Pair:
        predictions = lay.one_row(tensors[names[0]])
        return Pair(predictions.exp() if log else predictions, lay.one_row(tensors[names[1]]))

    return [given.view(REGRESSION, size, flat, False, "log" if log else "")]


def rates(given: Given) -> list[View]:
    return numbers(given, log=bool(given.argument("log_input")))


def vectors(given: Given) -> list[View]:
    """Numbers whose last dimension is one example's."""

    def flat(tensors: Tensors) -> Pair:
        return Pair(lay.rows(tensors["input"], -1), lay.rows(tensors["target"], -1))

    return [given.view(REGRESSION, given.tensors["input"].shape[-1], flat, False)]


def values(given: Given) -> list[View]:
    """State values and returns (N,T), where the mask says that they count."""

    def flat(tensors: Tensors) -> Pair:
        values, returns = tensors["values"], tensors["returns"]
        kept = tensors["mask"].bool() if "mask" in tensors else torch.ones_like(values, dtype=torch.bool)
        return Pair(values.detach().double()[kept], returns.detach().double()[kept])

    return [given.view(REGRESSION, 1, flat, False)]


def labelled(given: Given) -> list[View]:
    return labels(given, probabilities=False)


def divergence(given: Given) -> list[View]:
    """Log-probabilities and probabilities, or logs of them, of one distribution in each row of the last dimension."""
    true = lay.exp if given.argument("log_target") else lay.as_is
    return [distribution(given, "input", "target", partial(_rows, act=lay.exp), partial(_rows, act=true))]


def teacher(given: Given) -> list[View]:
    logits = partial(_rows, act=lay.softmax)
    return [distribution(given, "student_logits", "teacher_logits", logits, logits)]


def _rows(tensor: Tensor, dim: int = -1, act: Activation = lay.as_is) -> Tensor:
    return act(lay.rows(tensor, dim))


def distribution(given: Given, mine: str, true: str, read_mine: Activation, read_true: Activation) -> View:
    def flat(tensors: Tensors) -> Pair:
        return lay.distributions(read_mine(tensors[mine]), read_true(tensors[true]), tensors.get("mask"))

    return given.view(DISTRIBUTION, given.tensors[mine].shape[-1], flat)
