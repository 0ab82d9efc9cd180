"""Losses of preferences against their papers' formulas in plain numbers, and gradients against differences."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd_server.faults import Fault
from lossd_server.losses.budget import Budget
from lossd_server.losses.field import preference
from lossd_server.worker.worker import Worker
from torch import Tensor

TOLERANCE = {torch.float64: 1e-10, torch.float32: 2e-5, torch.float16: 3e-2, torch.bfloat16: 2e-1}
POLICY = ("policy_chosen_logps", "policy_rejected_logps")
REFERENCE = ("reference_chosen_logps", "reference_rejected_logps")


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def nll(x: float) -> float:
    """−log σ(x)."""
    return -math.log(sigmoid(x))


def kinds(c: float, r: float, beta: float, e: float, tau: float) -> dict[str, float]:
    """Each loss of one pair, of its log-ratios `c` and `r`, as the papers write it."""
    h, p = beta * (c - r), sigmoid(beta * (c - r))
    modulation = sigmoid(h / tau)
    return {
        "sigmoid": (1 - e) * nll(h) + e * nll(-h),
        "hinge": max(0.0, 1 - h),
        "ipo": (c - r - 1 / (2 * beta)) ** 2,
        "robust": ((1 - e) * nll(h) - e * nll(-h)) / (1 - 2 * e),
        "exo_pair": p * math.log(p / (1 - e)) + (1 - p) * math.log((1 - p) / e) if e else math.inf,
        "nca_pair": nll(beta * c) + 0.5 * nll(-beta * c) + 0.5 * nll(-beta * r),
        "bco_pair": nll(beta * c) + nll(-beta * r),
        "sppo_hard": (c - 0.5 / beta) ** 2 + (r + 0.5 / beta) ** 2,
        "apo_zero": 1 - sigmoid(beta * c) + sigmoid(beta * r),
        "apo_down": sigmoid(beta * c) + 1 - p,
        "discopop": nll(h) * (1 - modulation) + math.exp(-h) * modulation,
    }


def answers(dtype: torch.dtype, *names: str, size: int = 7) -> dict[str, Tensor]:
    """Log-probabilities from −8 to 0."""
    return {name: -(torch.rand(size, generator=oracle.generator(name)) * 8 + 0.01).to(dtype) for name in names}


def listed(inputs: dict[str, Tensor]) -> dict[str, list[float]]:
    return {name: tensor.reshape(-1).tolist() for name, tensor in inputs.items()}


def dpo(inputs: dict[str, Tensor], arguments: dict[str, Any]) -> list[float]:
    given, kind = listed(inputs), arguments.get("loss_type", "sigmoid")
    beta, e, tau = (
        arguments.get("beta", 0.1),
        arguments.get("label_smoothing", 0.0),
        arguments.get("discopop_tau", 0.05),
    )
    zeros = [0.0] * len(given[POLICY[0]])
    pc, pr, rc, rr = given[POLICY[0]], given[POLICY[1]], given.get(REFERENCE[0], zeros), given.get(REFERENCE[1], zeros)
    if kind == "aot":
        left = sorted(a - b for a, b in zip(pc, pr, strict=True))
        right = sorted(a - b for a, b in zip(rc, rr, strict=True))
    else:
        left, right = [a - b for a, b in zip(pc, rc, strict=True)], [a - b for a, b in zip(pr, rr, strict=True)]
        if kind == "aot_unpaired":
            left, right = sorted(left), sorted(right)
    return [kinds(a, b, beta, e, tau)["sigmoid" if kind.startswith("aot") else kind]
            for a, b in zip(left, right, strict=True)]  # fmt: skip


DPO = [
    {},
    {"beta": 0.5, "label_smoothing": 0.1},
    {"loss_type": "robust", "label_smoothing": 0.2},
    {"loss_type": "exo_pair", "label_smoothing": 1e-3},
    {"loss_type": "aot", "label_smoothing": 0.1},
    {"loss_type": "aot_unpaired", "beta": 0.3},
    {"loss_type": "discopop", "discopop_tau": 0.5},
    *[{"loss_type": kind, "beta": beta} for kind in preference._DPO_TYPES for beta in (0.1, 0.7) if kind != "exo_pair"],
]


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("arguments", DPO, ids=str)
def test_dpo(arguments: dict[str, Any], dtype: torch.dtype, free: bool) -> None:
    """Every kind, value by value and reduced, with and without a reference."""
    inputs = answers(dtype, *POLICY, *(() if free else REFERENCE))
    compare("DPOLoss", arguments | {"reference_free": free}, inputs, dpo(inputs, arguments))


def compare(name: str, arguments: dict[str, Any], inputs: dict[str, Tensor], expected: list[float]) -> None:
    """Values of every reduction; and, in float64, autograd against differences."""
    dtype = inputs[POLICY[0]].dtype
    wanted = torch.tensor(expected, dtype=torch.float64)
    for reduction, reduced in {"none": wanted, "mean": wanted.mean(), "sum": wanted.sum()}.items():
        result, _ = harness.outcome(name, arguments | {"reduction": reduction}, inputs, ())
        assert result.dtype == dtype
        scale = TOLERANCE[dtype] * (1 + float(wanted.abs().max()))
        torch.testing.assert_close(
            result.double(), reduced, rtol=TOLERANCE[dtype], atol=scale * (7 if reduction == "sum" else 1)
        )
    if dtype != torch.float64:
        return
    loss, names = harness.build(name, arguments | {"reduction": "none"}), [n for n in inputs if n != "kl"]
    leaves = [inputs[n].clone().requires_grad_() for n in names]

    def function(*given: Tensor) -> Tensor:
        tensors = inputs | dict(zip(names, given, strict=True))
        return loss.compute(tensors, Budget(tensors.values())).value

    assert torch.autograd.gradcheck(function, leaves)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("kl", [None, -1.0, 2.0])
@pytest.mark.parametrize("weights", [{}, {"desirable_weight": 1.5, "undesirable_weight": 0.5, "beta": 0.4}], ids=str)
def test_kto(kl: float | None, weights: dict[str, Any], dtype: torch.dtype) -> None:
    """Good answers, then bad ones, around KL, which counts as 0 where it is negative; as many of each as there are."""
    inputs = answers(dtype, POLICY[0], REFERENCE[0], size=4) | answers(dtype, POLICY[1], REFERENCE[1], size=3)
    inputs |= {} if kl is None else {"kl": torch.tensor(kl, dtype=dtype)}
    beta, point = weights.get("beta", 0.1), max(0.0, kl or 0.0)
    pc, pr, rc, rr = (inputs[name].tolist() for name in (*POLICY, *REFERENCE))
    expected = [
        weights.get("desirable_weight", 1) * (1 - sigmoid(beta * (a - b - point))) for a, b in zip(pc, rc, strict=True)
    ] + [
        weights.get("undesirable_weight", 1) * (1 - sigmoid(beta * (point - a + b)))
        for a, b in zip(pr, rr, strict=True)
    ]
    compare("KTOLoss", weights | {"loss_type": "kto" if kl is not None else "apo_zero_unpaired"}, inputs, expected)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "arguments",
    [{}, {"label_smoothing": 0.1, "beta": 0.5}, {"loss_type": "hinge"}, {"loss_type": "ipo"}, {"cpo_alpha": 0.3}],
    ids=str,
)
def test_cpo(arguments: dict[str, Any], dtype: torch.dtype) -> None:
    """DPO without a reference, plus cpo_alpha (1 unless set) times the likelihood where that is given."""
    plain = {name: value for name, value in arguments.items() if name != "cpo_alpha"}
    inputs = answers(dtype, *POLICY)
    expected = dpo(inputs, plain)
    if arguments == plain:
        compare("CPOLoss", plain, inputs, expected)
    inputs["policy_nll_loss"] = -answers(dtype, "policy_nll_loss")["policy_nll_loss"]
    alpha = arguments.get("cpo_alpha", 1.0)
    added = [a + alpha * b for a, b in zip(expected, inputs["policy_nll_loss"].tolist(), strict=True)]
    compare("CPOLoss", arguments, inputs, added)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("given", [False, True])
def test_orpo(given: bool, dtype: torch.dtype) -> None:
    """−log p of the better answer, and the penalty of the odds ratio, both ends of the probabilities included."""
    inputs = answers(dtype, *POLICY)
    inputs[POLICY[0]][0], inputs[POLICY[1]][1] = -0.05, -7.9
    inputs |= {"policy_nll_loss": -answers(dtype, "policy_nll_loss")["policy_nll_loss"]} if given else {}
    expected = []
    for c, r, loss in zip(
        *(inputs[n].tolist() for n in POLICY),
        (inputs["policy_nll_loss"] if given else -inputs[POLICY[0]]).tolist(),
        strict=True,
    ):
        odds = (math.exp(c) / (1 - math.exp(c))) / (math.exp(r) / (1 - math.exp(r)))
        expected.append(loss + 0.25 * nll(math.log(odds)))
    compare("ORPOLoss", {"beta": 0.25}, inputs, expected)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "arguments", [{}, {"beta": 1.0, "gamma_beta_ratio": 0.5, "label_smoothing": 0.1}, {"loss_type": "hinge"}], ids=str
)
def test_simpo(arguments: dict[str, Any], dtype: torch.dtype) -> None:
    """DPO's formula of the difference less the margin."""
    inputs = answers(dtype, *POLICY)
    beta, gamma = arguments.get("beta", 2.0), arguments.get("gamma_beta_ratio", 0.25)
    kind, e = arguments.get("loss_type", "sigmoid"), arguments.get("label_smoothing", 0.0)
    pairs = zip(*(inputs[n].tolist() for n in POLICY), strict=True)
    compare("SimPOLoss", arguments, inputs, [kinds(c - gamma, r, beta, e, 1.0)[kind] for c, r in pairs])


def test_policy_that_is_its_reference() -> None:
    """At equal log-probabilities DPO is log 2 and its gradient −β/2 and β/2, whatever they are."""
    same = {name: torch.tensor([-3.0, -250.0]) for name in (*POLICY, *REFERENCE)}
    value, gradients = harness.outcome("DPOLoss", {"beta": 0.3, "reduction": "sum"}, same)
    assert value.item() == pytest.approx(2 * math.log(2))
    torch.testing.assert_close(gradients[POLICY[0]], torch.full((2,), -0.15))
    torch.testing.assert_close(gradients[POLICY[1]], torch.full((2,), 0.15))
    assert harness.outcome("DPOLoss", {"loss_type": "robust", "label_smoothing": 0.1}, same, ())[0] == pytest.approx(
        math.log(2)
    )


def test_far_apart() -> None:
    """Differences of thousands of nats overflow in no kind but where the loss itself is that large."""
    inputs = dict(zip((*POLICY, *REFERENCE), torch.tensor([[-9e4, 0], [0, -9e4], [0, 0], [0, 0]]), strict=True))
    for kind in preference._DPO_TYPES:
        e = {"label_smoothing": 0.1} if kind == "exo_pair" else {}
        value, gradients = harness.outcome("DPOLoss", {"loss_type": kind, "reduction": "sum"} | e, inputs)
        assert value.isfinite(), kind
        assert all(gradient.isfinite().all() for gradient in gradients.values()), kind


def test_nothing() -> None:
    """Without pairs a mean is nan and a sum 0; answers that are all bad, or all good, have a mean."""
    empty = {name: torch.zeros(0) for name in (*POLICY, *REFERENCE)}
    assert harness.outcome("DPOLoss", {}, empty, ())[0].isnan()
    assert harness.outcome("DPOLoss", {"reduction": "sum"}, empty, ())[0] == 0
    bad = empty | {POLICY[1]: torch.tensor([-2.0]), REFERENCE[1]: torch.tensor([-2.0]), "kl": torch.tensor([0.0])}
    assert harness.outcome("KTOLoss", {}, bad, ())[0] == 0.5


ONE = {name: torch.tensor([-1.0]) for name in (*POLICY, *REFERENCE)}
PAIR = {name: torch.tensor([-1.0]) for name in POLICY}


@pytest.mark.parametrize(
    ("name", "arguments", "inputs", "reason", "field"),
    [
        ("DPOLoss", {}, PAIR, "MISSING_FIELD", "inputs.reference_chosen_logps"),
        ("DPOLoss", {"reference_free": True}, ONE, "UNKNOWN_NAME", "inputs.reference_chosen_logps"),
        ("DPOLoss", {}, ONE | {POLICY[1]: torch.zeros(2)}, "SHAPE_MISMATCH", f"inputs.{POLICY[1]}"),
        ("DPOLoss", {}, ONE | {POLICY[0]: torch.zeros(1, 1)}, "SHAPE_MISMATCH", f"inputs.{POLICY[0]}"),
        ("DPOLoss", {}, ONE | {REFERENCE[1]: torch.zeros(1).double()}, "DTYPE_MISMATCH", f"inputs.{REFERENCE[1]}"),
        ("DPOLoss", {"beta": 0.0}, ONE, "ARGUMENT_OUT_OF_RANGE", "loss.dpo_loss.beta"),
        ("DPOLoss", {"label_smoothing": 0.5}, ONE, "ARGUMENT_OUT_OF_RANGE", "loss.dpo_loss.label_smoothing"),
        ("DPOLoss", {"loss_type": "mean"}, ONE, "ARGUMENT_OUT_OF_RANGE", "loss.dpo_loss.loss_type"),
        ("DPOLoss", {"loss_type": "exo_pair"}, ONE, "ARGUMENT_OUT_OF_RANGE", "loss.dpo_loss.label_smoothing"),
        ("DPOLoss", {"loss_type": "ipo", "label_smoothing": 0.1}, ONE, "ARGUMENT_OUT_OF_RANGE",
         "loss.dpo_loss.label_smoothing"),
        ("DPOLoss", {"discopop_tau": 1.0}, ONE, "ARGUMENT_OUT_OF_RANGE", "loss.dpo_loss.discopop_tau"),
        ("KTOLoss", {}, ONE, "MISSING_FIELD", "inputs.kl"),
        ("KTOLoss", {"loss_type": "apo_zero_unpaired"}, ONE | {"kl": torch.zeros(1)}, "UNKNOWN_NAME", "inputs.kl"),
        ("KTOLoss", {}, ONE | {"kl": torch.zeros(2)}, "SHAPE_MISMATCH", "inputs.kl"),
        ("CPOLoss", {"cpo_alpha": 0.5}, PAIR, "MISSING_FIELD", "inputs.policy_nll_loss"),
        ("ORPOLoss", {}, PAIR | {POLICY[1]: torch.ones(1)}, "VALUE_OUT_OF_RANGE", f"inputs.{POLICY[1]}"),
        ("SimPOLoss", {"loss_type": "hinge", "label_smoothing": 0.1}, PAIR, "ARGUMENT_OUT_OF_RANGE",
         "loss.simpo_loss.label_smoothing"),
    ],
)  # fmt: skip
def test_refusals(name: str, arguments: dict[str, Any], inputs: dict[str, Tensor], reason: str, field: str) -> None:
    """What does not fit, and what would be ignored, is refused by name."""
    with pytest.raises(Fault) as refusal:
        harness.outcome(name, arguments, inputs, ())
    assert (refusal.value.reason, refusal.value.field) == (reason, field)


def test_chunks() -> None:
    """Pairs count for merging; what sorts the batch does not merge."""
    assert harness.build("DPOLoss").weight_sum(ONE) == 1
    assert harness.build("DPOLoss", {"loss_type": "aot"}).weight_sum(ONE) is None
    assert harness.build("KTOLoss").weight_sum(ONE) == 2


@pytest.mark.parametrize("entry", preference.ENTRIES, ids=lambda entry: entry.name)
def test_examples(entry: Any) -> None:
    """The example of each entry is true."""
    harness.check_example(entry)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


@pytest.mark.parametrize(
    ("name", "arguments", "inputs"),
    [
        ("DPOLoss", {"loss_type": "robust", "label_smoothing": 0.1}, ONE),
        ("KTOLoss", {}, ONE | {"kl": torch.tensor([0.5])}),
        ("CPOLoss", {"loss_type": "ipo"}, PAIR),
        ("ORPOLoss", {}, PAIR),
        ("SimPOLoss", {}, PAIR),
    ],
)
def test_worker(worker: Worker, name: str, arguments: dict[str, Any], inputs: dict[str, Tensor]) -> None:
    """A worker answers what the formula says, and the gradients."""
    names = [name for name in inputs if name != "kl"]
    expected = harness.outcome(name, arguments, inputs, names)
    result, gradients = harness.evaluate(worker, name, arguments, inputs, names)
    assert float(result) == float(expected[0])
    assert all(torch.equal(gradients[name], expected[1][name]) for name in names)
