"""Metrics of one data set, computed by torchmetrics over any number of batches; knows no session and no model.

torchmetrics is an extra and slow to import: it is loaded when the first metric is asked for.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.catalogue import METRICS, Asked, ask, ask_number
from lossd_server.judge.measures.contract import Call, mean
from lossd_server.judge.readings import views
from lossd_server.judge.views import MULTICLASS, MULTILABEL, Pair, View
from lossd_server.losses.contract import Loss, Tensors

MAX_CLASSES = 1024
"""Classes or labels up to which metrics that compare each with each, or sort by each, are computed."""
MAX_METRICS = 100
"""Metrics that one data set may be asked for."""
MAX_KEPT = 2**24
"""Numbers that metrics which keep all they are shown may keep together, of one data set."""
MAX_ANSWERED = 2**20
"""Numbers that one metric may answer."""


class Metrics:
    """Some metrics of one data set, however it is cut into batches.

    Args:
        names: what is asked for, such as "f1" or "f1(average=micro)".
        loss: that the model is trained with; it says what outputs mean.
        output: of the model, or an empty tensor of its shape on the meta device.
        targets: the loss's other inputs.
        numbers: whether there is room for one number each alone.

    Raises:
        Fault: UNKNOWN_NAME, ARGUMENT_OUT_OF_RANGE, or UNSUPPORTED with the reason, if one cannot be told of this loss
            and these tensors.

    >>> from lossd_server.losses import catalogue
    >>> loss = catalogue.find("mse_loss").build({}, path="loss", allow_broadcast=False)
    >>> numbers = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])
    >>> metrics = Metrics(["mae", "max_error"], loss, numbers[0], {"target": numbers[1]})
    >>> metrics.update(numbers[0], {"target": numbers[1]})
    >>> metrics.compute()
    {'mae': 1.0, 'max_error': 2.0}
    """

    def __init__(
        self, names: Iterable[str], loss: Loss, output: Tensor, targets: Tensors, numbers: bool = False
    ) -> None:
        asked = [(ask_number if numbers else ask)(name) for name in dict.fromkeys(names)]
        if len(asked) > MAX_METRICS:
            raise Fault("LIMIT_EXCEEDED", f"{len(asked)} metrics; at most {MAX_METRICS}", field="metrics")
        self._kept = 0
        found = views(loss, output, targets) if asked else []
        self._shown = {id(view): _Shown(view) for view in found}
        self._held: list[_Held] = []
        for one in asked:
            view, call = _call(one, found, loss)
            self._held.append(_Held(one, call, self._shown[id(view)]))
        used = {id(held.shown) for held in self._held}
        self._shown = {key: shown for key, shown in self._shown.items() if id(shown) in used}

    def __bool__(self) -> bool:
        return bool(self._held)

    def update(self, output: Tensor, targets: Tensors) -> None:
        """Counts one batch.

        Raises:
            Fault: LIMIT_EXCEEDED if a metric that keeps all it is shown would keep too much.
        """
        for shown in self._shown.values():
            shown.show(output, targets)
        for held in self._held:
            self._kept = held.update(self._kept)

    def compute(self) -> dict[str, float]:
        """The metrics of all batches together that are one number, as asked; nan where one is not defined."""
        return {held.asked.text: float(held.value()) for held in self._held if not held.asked.several}

    def arrays(self) -> dict[str, Tensor]:
        """The metrics of all batches together that are several numbers, as asked, in float64."""
        return {held.asked.text: held.value() for held in self._held if held.asked.several}

    @property
    def bytes(self) -> int:
        """Memory that they hold: some keep all that they were shown."""
        states = (state for held in self._held for state in held.metric.metric_state.values())
        return sum(kept.nbytes for state in states for kept in (state if isinstance(state, list) else [state]))


class _Shown:
    """What one view makes of the batches: the last pair, and what metrics need to know of those before."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.examples = 0
        self.unsure = False
        self.pair = Pair(torch.empty(0), torch.empty(0))
        self.positives = torch.zeros(max(view.size, 1), dtype=torch.int64)
        self.counted = torch.zeros(max(view.size, 1), dtype=torch.int64)
        self._lists = 0

    def show(self, output: Tensor, targets: Tensors) -> None:
        """Lays out one batch."""
        pair = self.view.read(output, targets)
        if pair.groups is not None and len(pair.groups):
            groups = pair.groups + self._lists
            pair, self._lists = pair._replace(groups=groups), int(groups.max()) + 1
        self.pair = pair
        self.examples += len(pair.truth)
        unsure = pair.predictions.isnan().any() if pair.unsure is None else pair.unsure
        self.unsure = self.unsure or bool(unsure) or bool(pair.truth.isnan().any())

    def count_classes(self) -> None:
        """Counts examples and counterexamples of each class in the last pair."""
        truth, size = self.pair.truth.cpu(), len(self.positives)
        if self.view.task == MULTICLASS:
            self.positives += torch.bincount(truth, minlength=size)
            self.counted += len(truth)
        elif self.view.task == MULTILABEL:
            self.positives += (truth == 1).sum(0)
            self.counted += (truth >= 0).sum(0)
        else:
            self.positives += (truth == 1).sum()
            self.counted += len(truth)


class _Held:
    """One metric of torchmetrics and what it was asked for by."""

    def __init__(self, asked: Asked, call: Call, shown: _Shown) -> None:
        self.asked, self.shown, self._call = asked, shown, call
        self.metric = _build(asked, call, shown.view.size)
        self._fed = False

    def update(self, kept: int) -> int:
        """Counts the last pair; takes how many numbers are kept so far, and returns it with its own."""
        pair, call = self.shown.pair, self._call
        if not pair.truth.numel():
            return kept
        if self.asked.metric.each:
            self.shown.count_classes()
        prepared = call.prepare(pair, self.asked.given)
        if not len(prepared[0]):
            return kept
        kept += call.keeps(prepared) if call.keeps and self.asked.given.get("thresholds") is None else 0
        if kept > MAX_KEPT:
            raise _too_much(self.asked)
        if call.most is not None and self.shown.examples > call.most:
            raise Fault(
                "LIMIT_EXCEEDED",
                f"{self.asked.text} of {self.shown.examples} examples; at most {call.most}: it compares each with each",
                field="metrics",
            )
        if self.metric.device != pair.predictions.device:
            self.metric.to(pair.predictions.device).set_dtype(torch.float64)  # `to` forgets it
        with warnings.catch_warnings(), _told(self.asked):
            warnings.simplefilter("ignore")  # of what nan tells
            self.metric.update(*prepared)
        self._fed = True
        return kept

    def value(self) -> Tensor:
        """What it is of all batches: a scalar, or several numbers."""
        shown, asked = self.shown, self.asked
        nothing = shown.examples < asked.metric.least or not self._fed
        if nothing and not asked.several:
            return torch.tensor(math.nan)
        if nothing and not asked.metric.array:
            return torch.full((max(shown.view.size, 1),), math.nan, dtype=torch.float64)
        with warnings.catch_warnings(), _told(asked):
            warnings.simplefilter("ignore")  # of what nan tells
            found = self._call.compute(self.metric) if self._call.compute else self.metric.compute()
        plain = asked.several and self._call.finish is mean
        value = torch.as_tensor(found if plain else self._call.finish(_double(found), asked.given)).double()
        if nothing or shown.unsure:
            return torch.full_like(value, math.nan)
        return self._where_defined(value)

    def _where_defined(self, value: Tensor) -> Tensor:
        """The same, nan where a class lacks examples, or others, without which it means nothing."""
        metric, shown = self.asked.metric, self.shown
        if not metric.each:
            return value
        lacking = shown.positives == 0
        if metric.each == "both":
            lacking |= shown.positives == shown.counted
        if value.dim():
            return value.cpu().masked_fill(lacking, math.nan)
        if self.asked.given.get("average") == "micro":
            positives, counted = int(shown.positives.sum()), int(shown.counted.sum())
            undefined = positives == 0 or (metric.each == "both" and positives == counted)
        else:
            undefined = bool(lacking.any())
        return torch.tensor(math.nan) if undefined else value


@contextmanager
def _told(asked: Asked) -> Iterator[None]:
    """Makes a refusal of what torchmetrics says of data that a metric is not defined for."""
    try:
        yield
    except (ValueError, IndexError) as error:
        raise Fault(
            "VALUE_OUT_OF_RANGE", f"{asked.text} cannot be told of these data: {error}", field="metrics"
        ) from None


def _double(found: Any) -> Any:
    return tuple(each.double() for each in found) if isinstance(found, tuple) else torch.as_tensor(found).double()


def _call(asked: Asked, found: list[View], loss: Loss) -> tuple[View, Call]:
    """The first view that a metric can be told of, and how."""
    reasons = []
    for view in found:
        call = asked.metric.calls.get(view.task)
        if call is None:
            continue
        reason = _reason(asked, view, call, loss)
        if not reason:
            return view, call
        reasons.append(reason)
    tasks = dict.fromkeys(view.task for view in found)
    if not reasons:
        soft = "; its targets are class probabilities, and metrics of classes need class indices"
        hint = soft if "distribution" in tasks and "multiclass" in asked.metric.tasks else ""
        of, here = " and ".join(asked.metric.tasks), " and ".join(tasks)
        reasons = [f"it is one of {of}, and {loss.name} of these tensors is {here}{hint}"]
    fitting = [name for name, own in METRICS.items() if any(task in own.tasks for task in tasks)]
    raise Fault(
        "UNSUPPORTED",
        f"{asked.text} cannot be told here: {reasons[0]}; {' and '.join(tasks)} has {', '.join(fitting)}",
        field="metrics",
    )


def _reason(asked: Asked, view: View, call: Call, loss: Loss) -> str:
    """Why a metric cannot be told of a view; "" if it can."""
    metric, given = asked.metric, asked.given
    classified = view.task in (MULTICLASS, MULTILABEL)
    unfit = sorted(asked.written - call.arguments.keys())
    lacking = [name for name, choices in call.lacks.items() if given.get(name) in choices]
    most = given.get("top_k") if "top_k" in call.arguments else call.options.get("top_k")
    if metric.needs and not view.probabilities and (metric.needs == "probabilities" or view.task == MULTICLASS):
        return f"it needs probabilities, and {loss.name} takes scores that are none"
    if unfit:
        return f"{view.task} has no {unfit[0]}"
    if lacking:
        return f"{view.task} has no {lacking[0]}={given[lacking[0]]}"
    if classified and metric.pairwise and view.size > MAX_CLASSES:
        return f"there are {view.size} classes, and it is computed for up to {MAX_CLASSES}"
    if view.task == MULTICLASS and (most or 0) > view.size:
        return f"there are only {view.size} classes"
    if given.get("include_background") is False and view.size < 2:
        return "it has one mask, and no background beside it"
    if asked.several and view.size * (given.get("thresholds") or view.size) > MAX_ANSWERED:
        return f"its answer would be of more than {MAX_ANSWERED} numbers"
    return ""


def _too_much(asked: Asked) -> Fault:
    binned = any(argument.name == "thresholds" for argument in asked.metric.arguments)
    remedy = f"ask for {asked.metric.name}(thresholds=200), which keeps none" if binned else "take fewer examples"
    return Fault(
        "LIMIT_EXCEEDED",
        f"{asked.text} keeps every example that it is shown, and there are more than {MAX_KEPT} numbers; {remedy}",
        field="metrics",
    )


def _build(asked: Asked, call: Call, size: int) -> Any:
    """The metric of torchmetrics, counting in float64."""
    try:
        import torchmetrics
        from torchmetrics import classification, regression, retrieval, segmentation, text
    except ImportError:
        raise Fault(
            "UNSUPPORTED",
            "metrics need torchmetrics, which this server does not have: pip install 'lossd[metrics]'",
            field="metrics",
        ) from None
    places = (classification, regression, retrieval, segmentation, text, torchmetrics)
    kind = next(found for place in places if (found := getattr(place, call.class_name, None)) is not None)
    options = dict(call.options)
    if call.sized:
        options[call.sized] = max(size, 1)
    if call.apart is not None and asked.several:
        name, value = call.apart
        options[name] = max(size, 1) if value is None else value
    options |= {name: asked.given[argument] for argument, name in call.arguments.items() if name}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it keeps: the data set itself, which is in memory anyhow
        return kind(**options).set_dtype(torch.float64)
