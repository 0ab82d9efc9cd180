"""Weighted sums and expressions against the same arithmetic in local torch, bit for bit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import lossd
import numpy as np
import pytest
import torch
from congruence import oracle
from congruence.cases import normal, uniform
from congruence.oracle import Outcome
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import loss_pb2, tensor_pb2
from lossd_server.worker.worker import Worker
from running import RunningServer
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # as torch's own documentation writes it

X, Y = normal((6, 4), torch.float32, "x"), normal((6, 4), torch.float32, "y")
P, V = uniform((6, 4), torch.float32, "p"), normal((4,), torch.float32, "v")
INDEX = torch.tensor([0, 1, 2, 3, 0, 1])


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


def answer(worker: Worker, loss: loss_pb2.LossSpec, expected: Outcome, inputs: dict[str, Tensor]) -> Outcome:
    """What the worker makes of a composed loss, with every gradient that the oracle has."""
    request = evaluation.EvaluateLossRequest(loss=loss, gradients=list(expected.gradients))
    for name, given in inputs.items():
        request.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
    if expected.vector is not None:
        request.grad_output.CopyFrom(oracle.tensor(expected.vector, "raw", []))
    given, attachments = oracle.run(worker, "EvaluateLoss", request, (), evaluation.EvaluateLossResponse)
    assert expected.result is not None, expected.refusal
    return oracle.outcome(given, attachments, expected.result)


def term(loss: str, weight: float | None = None, label: str = "", **kwargs: object) -> loss_pb2.WeightedTerm:
    names = kwargs.pop("inputs", {})
    case = oracle.Case(loss, kwargs, {})
    return loss_pb2.WeightedTerm(label=label, weight=weight, loss=oracle.spec(case, "raw", []), inputs=names)


def weighted(*terms: loss_pb2.WeightedTerm) -> loss_pb2.LossSpec:
    return loss_pb2.LossSpec(weighted_sum=loss_pb2.WeightedSum(terms=terms))


def test_a_weighted_sum_is_torchs_arithmetic(worker: Worker) -> None:
    """0.8·MSE + 0.2·L1: the value, each term by label unweighted, and the gradients."""
    expected = oracle.local(
        lambda x, y: 0.8 * nn.MSELoss()(x, y) + 0.2 * nn.L1Loss()(x, y),
        {"input": X, "target": Y},
    )
    given = answer(worker, weighted(term("MSELoss", 0.8), term("L1Loss", 0.2)), expected, {"input": X, "target": Y})
    oracle.assert_same("0.8 mse + 0.2 l1", expected, given)
    assert given.terms == {"mse_loss": float(nn.MSELoss()(X, Y)), "l1_loss": float(nn.L1Loss()(X, Y))}


def test_sums_nest_and_bind_inputs(worker: Worker) -> None:
    """A sum within a sum, terms that read other inputs of the request, a weight left out, weights of 0 and below."""
    inputs = {"logits": X, "labels": INDEX, "soft": P, "input": Y}

    def function(logits: Tensor, labels: Tensor, soft: Tensor, input: Tensor) -> Tensor:  # noqa: A002
        inner = -0.5 * nn.BCEWithLogitsLoss()(logits, soft) + 0.0 * nn.MSELoss(reduction="sum")(input, soft)
        return nn.CrossEntropyLoss(label_smoothing=0.1)(logits, labels) * 1.0 + 2.0 * inner

    inner = weighted(
        term("BCEWithLogitsLoss", -0.5, "bce", inputs={"input": "logits", "target": "soft"}),
        term("MSELoss", 0.0, "mse", reduction="sum", inputs={"target": "soft"}),
    )
    loss = weighted(
        term("CrossEntropyLoss", None, "ce", label_smoothing=0.1, inputs={"input": "logits", "target": "labels"}),
        loss_pb2.WeightedTerm(label="inner", weight=2.0, loss=inner),
    )
    expected = oracle.local(function, inputs)
    given = answer(worker, loss, expected, inputs)
    oracle.assert_same("nested", expected, given)
    assert given.terms.keys() == {"ce", "inner", "inner/bce", "inner/mse"}
    assert given.terms["inner/bce"] == float(nn.BCEWithLogitsLoss()(X, P))
    assert given.terms["inner/mse"] == float(nn.MSELoss(reduction="sum")(Y, P))


def test_unreduced_terms_add_up_elementwise(worker: Worker) -> None:
    """Terms without reduction give one loss per element and a VJP; a term's value is then the sum of its elements."""
    terms = [term("MSELoss", 0.3, reduction="none"), term("SmoothL1Loss", 0.7, beta=0.5, reduction="none")]

    def function(input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        smooth = nn.SmoothL1Loss(beta=0.5, reduction="none")
        return 0.3 * nn.MSELoss(reduction="none")(input, target) + 0.7 * smooth(input, target)

    expected = oracle.local(function, {"input": X, "target": Y})
    given = answer(worker, weighted(*terms), expected, {"input": X, "target": Y})
    oracle.assert_same("unreduced", expected, given)
    assert given.terms["mse_loss"] == float(nn.MSELoss(reduction="none")(X, Y).sum())


def test_terms_must_reduce_alike(worker: Worker) -> None:
    """A mean and an unreduced term are refused, not broadcast."""
    expected = Outcome(torch.zeros(()))
    with pytest.raises(oracle.Refused, match="l1_loss") as refused:
        answer(worker, weighted(term("MSELoss"), term("L1Loss", reduction="none")), expected, {"input": X, "target": Y})
    assert refused.value.reason == "SHAPE_MISMATCH"


def asked(
    loss: loss_pb2.LossSpec, inputs: dict[str, Tensor], vector: Tensor | None = None, **fields: Any
) -> evaluation.EvaluateLossRequest:
    """A request for the gradients of all inputs."""
    request = evaluation.EvaluateLossRequest(loss=loss, **({"gradients": ["*"]} | fields))
    for name, given in inputs.items():
        request.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
    if vector is not None:
        request.grad_output.CopyFrom(oracle.tensor(vector, "raw", []))
    return request


def gradients(
    worker: Worker, request: evaluation.EvaluateLossRequest
) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
    """Those of the whole, and those of each term."""
    given, attachments = oracle.run(worker, "EvaluateLoss", request, (), evaluation.EvaluateLossResponse)
    terms = {
        label: {name: oracle.read(own, attachments) for name, own in found.gradients.items()}
        for label, found in given.term_gradients.items()
    }
    return {name: oracle.read(own, attachments) for name, own in given.gradients.items()}, terms


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("encoding", [tensor_pb2.RESPONSE_ENCODING_RAW, tensor_pb2.RESPONSE_ENCODING_ATTACHMENT])
def test_each_term_has_its_own_gradient(worker: Worker, reduction: str, encoding: int) -> None:
    """A term's gradient is, bit for bit, that of the term alone; weighted they add up to the whole's."""
    inputs = {"input": X, "target": Y, "soft": P}
    inner = weighted(
        term("HuberLoss", 0.25, "huber", reduction=reduction),
        term("L1Loss", 3.0, "l1", reduction=reduction, inputs={"target": "soft"}),
    )
    loss = weighted(
        term("MSELoss", 0.8, reduction=reduction),
        loss_pb2.WeightedTerm(label="inner", weight=-2.0, loss=inner),
    )
    vector = normal((6, 4), torch.float32, "vector") if reduction == "none" else None
    whole, terms = gradients(worker, asked(loss, inputs, vector, term_gradients=True, response_encoding=encoding))
    assert {label: set(own) for label, own in terms.items()} == {
        "mse_loss": {"input", "target"},
        "inner": {"input", "target", "soft"},
        "inner/huber": {"input", "target"},
        "inner/l1": {"input", "soft"},
    }
    alone = {
        "mse_loss": term("MSELoss", None, reduction=reduction).loss,
        "inner": inner,
        "inner/huber": term("HuberLoss", None, reduction=reduction).loss,
        "inner/l1": weighted(term("L1Loss", None, reduction=reduction, inputs={"target": "soft"})),
    }
    for label, own in terms.items():
        single, none = gradients(worker, asked(alone[label], {name: inputs[name] for name in own}, vector))
        assert none == {}
        assert all(oracle.same_bits(own[name], single[name]) for name in own), label
    for weights in ({"mse_loss": 0.8, "inner": -2.0}, {"mse_loss": 0.8, "inner/huber": -0.5, "inner/l1": -6.0}):
        for name, total in whole.items():
            added = sum(weight * terms[label][name] for label, weight in weights.items() if name in terms[label])
            torch.testing.assert_close(added, total)


def test_asking_for_terms_changes_nothing_else(worker: Worker) -> None:
    """The whole's gradients are the same bits as without; a term that depends on nothing has no gradient."""
    constant = loss_pb2.LossSpec(expression=loss_pb2.Expression(source="mean(detach(input))"))
    loss = weighted(term("MSELoss", 0.3), loss_pb2.WeightedTerm(label="constant", loss=constant))
    request = asked(loss, {"input": X, "target": Y})
    plain, none = gradients(worker, request)
    request.term_gradients = True
    whole, terms = gradients(worker, request)
    assert none == {}
    assert terms["constant"] == {}
    assert all(oracle.same_bits(plain[name], whole[name]) for name in plain)
    request.gradients[:] = ["input"]
    assert set(gradients(worker, request)[1]["mse_loss"]) == {"input"}


@pytest.mark.parametrize("validate_only", [False, True])
def test_terms_are_needed_for_their_gradients(worker: Worker, validate_only: bool) -> None:
    """Gradients of terms are refused where there are no terms, and where no gradient was asked for."""
    for loss, names in ((term("MSELoss").loss, ["*"]), (weighted(term("MSELoss")), [])):
        request = asked(loss, {"input": X, "target": Y}, gradients=names, term_gradients=True)
        request.validate_only = validate_only
        with pytest.raises(oracle.Refused) as refused:
            gradients(worker, request)
        assert (refused.value.code, refused.value.reason) == (3, "NOT_DIFFERENTIABLE")
        assert refused.value.field == "term_gradients"


FORMULAS: dict[str, Callable[..., Tensor]] = {
    "mean((input - target)**2) + 0.1*sum(abs(input - target))": lambda x, y: (
        ((x - y) ** 2).mean() + 0.1 * (x - y).abs().sum()
    ),
    "(input - target)**2": lambda x, y: (x - y) ** 2,
    "mean(square(input - target))": lambda x, y: torch.square(x - y).mean(),
    "sqrt(mean((input - target)**2))": lambda x, y: ((x - y) ** 2).mean().sqrt(),
    "mean(abs(input - target)**1.5)": lambda x, y: ((x - y).abs() ** 1.5).mean(),
    "mean(pow(abs(input), 0.5))": lambda x: x.abs().pow(0.5).mean(),
    "mean(2**input)": lambda x: (2**x).mean(),
    "mean(log(exp(input - target) + exp(target - input)) - log(2*exp(0*input)))": lambda x, y: (
        ((x - y).exp() + (y - x).exp()).log() - (2 * (0 * x).exp()).log()
    ).mean(),
    "mean(softplus(input) - input*target)": lambda x, y: (F.softplus(x) - x * y).mean(),
    "-mean(logsigmoid(input)*target + logsigmoid(-input)*(1 - target))": lambda x, y: (
        -(F.logsigmoid(x) * y + F.logsigmoid(-x) * (1 - y)).mean()
    ),
    "mean(logsumexp(input, dim=1) - sum(input*target, dim=1))": lambda x, y: (
        x.logsumexp(dim=1) - (x * y).sum(dim=1)
    ).mean(),
    "-mean(sum(softmax(target, dim=-1)*log_softmax(input, dim=-1), dim=-1))": lambda y, x: (
        -((y.softmax(-1) * x.log_softmax(-1)).sum(-1)).mean()
    ),
    "mean(maximum(0.9*(target - input), -0.1*(target - input)))": lambda y, x: torch.maximum(
        0.9 * (y - x), -0.1 * (y - x)
    ).mean(),
    "mean(abs(target - input)*where(target > input, 0.9, 0.1))": lambda y, x: (
        (y - x).abs() * torch.where(y > x, 0.9, 0.1)
    ).mean(),
    "mean(where(abs(input - target) < 1, 0.5*(input - target)**2, abs(input - target) - 0.5))": lambda x, y: (
        torch.where((x - y).abs() < 1, 0.5 * (x - y) ** 2, (x - y).abs() - 0.5).mean()
    ),
    "mean(where(input >= 0, input, 0.01*input))": lambda x: torch.where(x >= 0, x, 0.01 * x).mean(),
    "mean(where(input != target, input, 0))": lambda x, y: torch.where(x != y, x, 0).mean(),
    "mean(relu(1 - input*sign(target)))": lambda x, y: (1 - x * y.sign()).relu().mean(),
    "mean(clamp(input, -1, 1)*target)": lambda x, y: (x.clamp(-1.0, 1.0) * y).mean(),
    "mean(minimum(input*target, clamp(input, 0.8, 1.2)*target))": lambda x, y: torch.minimum(
        x * y, x.clamp(0.8, 1.2) * y
    ).mean(),
    "mean(log1p(input**2)) + mean(expm1(-input**2))": lambda x: (x**2).log1p().mean() + (-(x**2)).expm1().mean(),
    "mean(tanh(input)*sin(target) + cos(input)*sigmoid(target))": lambda x, y: (
        x.tanh() * y.sin() + x.cos() * y.sigmoid()
    ).mean(),
    "amax(input) - amin(target)": lambda x, y: x.amax() - y.amin(),
    "amax(input - target, dim=0)": lambda x, y: (x - y).amax(dim=0),
    "mean(input - mean(input, dim=1, keepdim=True))": lambda x: (x - x.mean(dim=1, keepdim=True)).mean(),
    "1 - 2*sum(input*target)/(sum(input) + sum(target) + 1e-6)": lambda x, y: (
        1 - 2 * (x * y).sum() / (x.sum() + y.sum() + 1e-6)
    ),
    "sum((input - target)*v)": lambda x, y, v: ((x - y) * v).sum(),
    "mean((input > 0)*target*(input <= 2))": lambda x, y: ((x > 0) * y * (x <= 2)).mean(),
    "mean(maximum(input, 0.5)) + mean(minimum(0.25, target))": lambda x, y: (
        torch.maximum(x, torch.tensor(0.5)).mean() + torch.minimum(torch.tensor(0.25), y).mean()
    ),
    "+input/2 - -target/3": lambda x, y: x / 2 + y / 3,
    "mean((input == target) + input)": lambda x, y: ((x == y) + x).mean(),
    "mean(input)**2 + 3 - 2*7/4": lambda x: x.mean() ** 2 + 3 - 2 * 7 / 4,
}
"""Formulas and the same code in torch; a function's arguments are the formula's inputs in the order it names them."""


@pytest.mark.parametrize("source", FORMULAS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_a_formula_is_the_same_torch_code(worker: Worker, source: str, dtype: torch.dtype) -> None:
    """Value and every gradient bit for bit, reduced or not; the gradient agrees with finite differences too."""
    values = {"input": X.to(dtype), "target": Y.to(dtype), "v": V.to(dtype)}
    named = sorted((name for name in values if name in source), key=source.index)
    inputs = {name: values[name] for name in named}
    if "sqrt(" not in source and dtype == torch.float64 and not any(word in source for word in ("==", "amax", "sign")):
        leaves = [given.clone().requires_grad_() for given in inputs.values()]
        assert torch.autograd.gradcheck(FORMULAS[source], leaves, atol=1e-4)
    expected = oracle.local(FORMULAS[source], inputs)
    loss = loss_pb2.LossSpec(expression=loss_pb2.Expression(source=source))
    oracle.assert_same(source, expected, answer(worker, loss, expected, inputs))


INTEGERS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean(input*maximum(target, 0.5))": lambda x, t: (x * torch.maximum(t, torch.tensor(0.5))).mean(),
    "mean(input*where(target > 1, 2.0, 0.5))": lambda x, t: (x * torch.where(t > 1, 2.0, 0.5)).mean(),
    "mean(input*(target == 1))": lambda x, t: (x * (t == 1)).mean(),
    "mean(input*target**2)": lambda x, t: (x * t**2).mean(),
    "mean(input*target/3)": lambda x, t: (x * t / 3).mean(),
    "mean(input*clamp(target, 0.5, 1.5))": lambda x, t: (x * t.clamp(0.5, 1.5)).mean(),
}


@pytest.mark.parametrize("source", INTEGERS)
def test_integer_inputs_promote_as_in_torch(worker: Worker, source: str) -> None:
    """A number beside an integer tensor keeps its fraction: nothing is cut off to the tensor's type."""
    inputs = {"input": X[:, 0].clone(), "target": INDEX}
    expected = oracle.local(INTEGERS[source], inputs)
    loss = loss_pb2.LossSpec(expression=loss_pb2.Expression(source=source))
    oracle.assert_same(source, expected, answer(worker, loss, expected, inputs))


def test_the_guides_custom_loss_both_ways(server: RunningServer) -> None:
    """MSE + 0.1·Σ|x−y| of [78, 85, 92] and [80, 87, 90] is 4.6, in float32 4.599999904632568, as sum and as formula."""
    composed = lossd.MSELoss() + 0.1 * lossd.L1Loss(reduction="sum")
    formula = lossd.Expression("mean((input - target)**2) + 0.1*sum(abs(input - target))")
    with lossd.Client(server.target) as client:
        for loss in (composed, formula):
            result = client.evaluate(loss, [78, 85, 92], [80, 87, 90], gradients=True)
            assert result.value == 4.599999904632568
            local = oracle.local(
                FORMULAS[formula.source],
                {"input": torch.tensor([78.0, 85, 92]), "target": torch.tensor([80.0, 87, 90])},
            )
            assert result.gradients["input"].tolist() == local.gradients["input"].tolist()
        assert client.evaluate(composed, [78, 85, 92], [80, 87, 90]).terms["l1_loss"] == 6.0


def test_the_sdk_asks_for_gradients_of_terms(server: RunningServer) -> None:
    """Alone, in a batch and in a stream, sync and async, with small arrays and with large ones."""
    loss = lossd.MSELoss() + 0.1 * lossd.L1Loss(reduction="sum").named("size")

    async def asynchronously(x: object, y: object, member: lossd.Evaluation) -> list[object]:
        async with lossd.AsyncClient(server.target) as client:
            alone = await client.evaluate(loss, x, y, gradients=True, term_gradients=True)
            return [alone, *await client.evaluate_batch([member]), *[r async for r in client.evaluate_stream([member])]]

    with lossd.Client(server.target) as client:
        for count in (3, 100_000):
            x, y = normal((count,), torch.float32, "x").numpy(), normal((count,), torch.float32, "y").numpy()
            member = lossd.Evaluation(loss, x, y, gradients=True, term_gradients=True)
            results: list[object] = [client.evaluate(loss, x, y, gradients=True, term_gradients=True)]
            results += [*client.evaluate_batch([member]), *client.evaluate_stream([member])]
            results += asyncio.run(asynchronously(x, y, member))
            expected = client.evaluate(lossd.MSELoss(), x, y, gradients=True).gradients["input"]
            assert len(results) == 6
            for result in results:
                assert isinstance(result, lossd.Result)
                assert list(result.term_gradients) == ["mse_loss", "size"]
                assert result.term_gradients["mse_loss"]["input"].tobytes() == expected.tobytes()
                assert (result.term_gradients["size"]["target"] == np.sign(y - x)).all()
        assert client.evaluate(loss, [1.0], [2.0], gradients=True).term_gradients == {}
