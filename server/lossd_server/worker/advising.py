"""The advice verb: a request becomes answers and samples, an advice becomes a response; knows no rule."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from lossd.v1 import advice_pb2 as pb
from lossd.v1 import loss_pb2, tensor_pb2
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.judge.advice import advising
from lossd_server.judge.advice.arguments import Filled
from lossd_server.judge.advice.questions import BY_NAME
from lossd_server.losses import catalogue
from lossd_server.losses.contract import WIDE_FLOATS, Entry
from lossd_server.worker import tensors
from lossd_server.worker.evaluating import Timing, Trip
from lossd_server.worker.tensors import NUMBERS, Attachments

MOST = 100
"""Recommendations that may be asked for."""
DEFAULT = 5
_CPU = torch.device("cpu")

PLUGIN_TASKS: Mapping[str, tuple[str, ...]] = {
    "binary": ("classification",),
    "multiclass": ("classification",),
    "ordinal": ("classification",),
    "counts": ("regression",),
}
"""The tasks of the catalogue that are near one of advice, where they have other names."""


def recommend_loss(
    request: pb.RecommendLossRequest, buffers: Sequence[memoryview], trip: Trip
) -> tuple[pb.RecommendLossResponse, list[memoryview], Timing]:
    """RecommendLoss."""
    attachments = Attachments(buffers)
    target, input_ = (_sample(request, name, attachments) for name in ("target", "input"))
    attachments.check_all_used()
    if not 0 <= request.limit <= MOST:
        message = f"limit is {request.limit}; expected 1 to {MOST}, or 0 for the default, {DEFAULT}"
        raise Fault("ARGUMENT_OUT_OF_RANGE", message, field="limit")
    given = {name: getattr(request, name) for name in BY_NAME if request.HasField(name)}
    advice = advising.advise(given, target, input_, request.limit or DEFAULT)
    dtype = input_.dtype if input_ is not None and input_.dtype in WIDE_FLOATS else torch.float32
    response = pb.RecommendLossResponse(
        recommendations=[_recommendation(each, dtype) for each in advice.recommendations],
        rejected=[pb.Rejection(name=name, reason=reason) for name, reason in advice.rejected],
        open_questions=[_question(each) for each in advice.open],
        measurements=[pb.Measurement(name=m.name, value=m.value, meaning=m.meaning) for m in advice.measurements],
        cautions=advice.cautions,
        facts=[
            pb.Fact(name=name, value=_json(fact.value), source=f"FACT_SOURCE_{fact.source.upper()}")
            for name, fact in advice.facts.items()
        ],
    )
    if advice.task is not None:
        response.recommendations.extend(_plugins(advice.task))
    return response, [], Timing()


def _sample(request: pb.RecommendLossRequest, name: str, attachments: Attachments) -> Tensor | None:
    if not request.HasField(name):
        return None
    return tensors.decode(getattr(request, name), attachments, name, _CPU, torch.float64)


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _question(asked: advising.Open) -> pb.Question:
    question = asked.question
    choices = [
        pb.Choice(value=value, meaning=meaning, first=asked.first[value])
        for value, meaning in (question.choices or {}).items()
        if value in asked.first
    ]
    return pb.Question(name=question.name, text=question.text, choices=choices, basic=question.basic)


def _recommendation(recommendation: advising.Recommendation, dtype: torch.dtype) -> pb.Recommendation:
    return pb.Recommendation(
        name=recommendation.loss,
        loss=specification(recommendation.loss, recommendation.arguments, dtype),
        reasons=recommendation.reasons,
        cautions=recommendation.cautions,
        metrics=recommendation.metrics,
        output=recommendation.output,
        python=python(recommendation.loss, recommendation.arguments),
        score=recommendation.score,
        beyond=recommendation.beyond,
    )


def specification(name: str, arguments: Iterable[Filled], dtype: torch.dtype) -> loss_pb2.LossSpec:
    """The loss with its arguments; numbers for a tensor take the type given."""
    spec = loss_pb2.LossSpec()
    message = getattr(spec, name)
    message.SetInParent()
    for each in arguments:
        if name == "weighted_sum":
            for weight, term, own in each.value:
                inner = specification(term, [Filled(given, value) for given, value in own.items()], dtype)
                message.terms.add(label=term, weight=weight, loss=inner)
        else:
            _set(message, message.DESCRIPTOR.fields_by_name[each.name], each.value, dtype)
    return spec


def _set(message: Message, field: FieldDescriptor, value: Any, dtype: torch.dtype) -> None:
    if field.enum_type is not None:
        prefix = str(field.enum_type.values[0].name).removesuffix("UNSPECIFIED")
        setattr(message, field.name, field.enum_type.values_by_name[prefix + value.upper()].number)
    elif field.is_repeated:
        getattr(message, field.name).extend(value)
    elif field.message_type is None:
        setattr(message, field.name, value)
    elif isinstance(inner := getattr(message, field.name), tensor_pb2.Tensor):
        inner.dtype = NUMBERS[dtype]
        inner.values.extend(value)
    else:
        inner.SetInParent()
        for name, own in value.items():
            _set(inner, inner.DESCRIPTOR.fields_by_name[name], own, dtype)


def python(name: str, arguments: Iterable[Filled]) -> str:
    """The loss with its arguments, as the SDK writes it.

    >>> python("huber_loss", [Filled("delta", 2.5, "")])
    'lossd.HuberLoss(delta=2.5)'
    """
    entry = catalogue.ENTRIES[name]
    if name == "weighted_sum":
        terms = [term for each in arguments for term in each.value]
        return " + ".join(
            f"{weight} * {python(term, [Filled(given, value) for given, value in own.items()])}"
            for weight, term, own in terms
        )
    words = (f"{each.name}={_literal(entry, each)}" for each in arguments)
    return f"lossd.{entry.class_name}({', '.join(words)})"


def _literal(entry: Entry, filled: Filled) -> str:
    argument = next((argument for argument in entry.arguments if argument.name == filled.name), None)
    if isinstance(filled.value, dict) and argument is not None:
        return f"lossd.{argument.enum}({', '.join(f'{name}={value!r}' for name, value in filled.value.items())})"
    return repr(filled.value)


def _plugins(task: str) -> Iterator[pb.Recommendation]:
    """The operator's own losses for a task, those that need no argument or have an example of one."""
    wanted = (task, *PLUGIN_TASKS.get(task, ()))
    for name, entry in catalogue.plugins().items():
        given = dict(entry.example.arguments) if entry.example is not None else {}
        needed = {argument.name for argument in entry.arguments if argument.required}
        if not set(wanted) & set(entry.tasks) or not needed <= set(given):
            continue
        given = {argument: value for argument, value in given.items() if argument in needed}
        spec = loss_pb2.LossSpec()
        spec.plugin.name = name
        spec.plugin.arguments.update(given)
        shown = ", ".join([repr(name), *(f"{argument}={value!r}" for argument, value in given.items())])
        yield pb.Recommendation(
            name=name,
            loss=spec,
            reasons=[f"a loss of this server's own, for {', '.join(entry.tasks)}: {entry.summary}"],
            cautions=entry.traps,
            output="; ".join(f"{input_.name}: {input_.meaning}, {input_.shape}" for input_ in entry.inputs),
            python=f"lossd.Plugin({shown})",
        )
