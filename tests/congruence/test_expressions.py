"""The language of formulas against the same code in local torch, bit for bit: every function, each of its types."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from congruence import oracle
from congruence.cases import normal, uniform
from congruence.oracle import Outcome
from lossd.v1 import catalog_service_pb2 as catalog
from lossd.v1 import evaluation_service_pb2 as evaluation
from lossd.v1 import loss_pb2
from lossd_server.losses import expression
from lossd_server.losses.expressions.functions import FUNCTIONS
from lossd_server.worker.worker import Worker
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as torch's own documentation writes it

Code = Callable[..., Tensor]

ELEMENTWISE: dict[str, Code] = {
    "abs(x)": lambda x: x.abs(),
    "clamp(x, -0.5, 0.5)": lambda x: x.clamp(-0.5, 0.5),
    "clamp(x, min=0)": lambda x: x.clamp(min=0),
    "clamp(x, max=y)": lambda x, y: x.clamp(max=y),
    "cos(x)": lambda x: x.cos(),
    "detach(x)*x": lambda x: x.detach() * x,
    "erf(x)": lambda x: x.erf(),
    "exp(x)": lambda x: x.exp(),
    "expm1(x)": lambda x: x.expm1(),
    "lgamma(x)": lambda x: x.lgamma(),
    "log(x)": lambda x: x.log(),
    "log1p(x)": lambda x: x.log1p(),
    "log2(x)": lambda x: x.log2(),
    "logsigmoid(x)": lambda x: F.logsigmoid(x),
    "maximum(x, y)": lambda x, y: torch.maximum(x, y),
    "minimum(x, y)": lambda x, y: torch.minimum(x, y),
    "pow(x, 3)": lambda x: x.pow(3),
    "pow(x, y)": lambda x, y: x.pow(y),
    "relu(x)": lambda x: x.relu(),
    "rsqrt(x)": lambda x: x.rsqrt(),
    "sigmoid(x)": lambda x: x.sigmoid(),
    "sign(x)*x": lambda x: x.sign() * x,
    "sin(x)": lambda x: x.sin(),
    "softplus(x)": lambda x: F.softplus(x),
    "softplus(x, beta=2, threshold=1)": lambda x: F.softplus(x, 2, 1),
    "sqrt(x)": lambda x: x.sqrt(),
    "square(x)": lambda x: x.square(),
    "tanh(x)": lambda x: x.tanh(),
    "where(x > y, x, 2*y)": lambda x, y: torch.where(x > y, x, 2 * y),
    "where(x >= 0, x, 0)": lambda x: torch.where(x >= 0, x, 0),
    "xlogy(x, y)": lambda x, y: torch.xlogy(x, y),
    "x + y - 2*x/y": lambda x, y: x + y - 2 * x / y,
    "x // 0.75 + x": lambda x: x // 0.75 + x,
    "x % y": lambda x, y: x % y,
    "-x ** 2": lambda x: -(x**2),
    "2 ** x": lambda x: 2**x,
    "+x": lambda x: +x,
    "where((x > 0) & (y > 0) | ~(x < y), x, y)": lambda x, y: torch.where((x > 0) & (y > 0) | ~(x < y), x, y),
    "where((x > 0) ^ (y > 0), x, y)": lambda x, y: torch.where((x > 0) ^ (y > 0), x, y),
    "where(x > 0 and y > 0 or not x <= y, x, y)": lambda x, y: torch.where(
        torch.logical_or(torch.logical_and(x > 0, y > 0), torch.logical_not(x <= y)), x, y
    ),
    "where(x == y or x != x, x, 0.0)": lambda x, y: torch.where((x == y) | (x != x), x, 0.0),
}
"""Of x and y of shape (), (0,), (6,4) and of extreme elements; a function's arguments in the order of their mention."""

OVER: dict[str, Code] = {
    "amax(x)": lambda x: x.amax(),
    "amax(x, dim=1)": lambda x: x.amax(dim=1),
    "amin(x, dim=(0, 1))": lambda x: x.amin(dim=(0, 1)),
    "cat([x, y, x])": lambda x, y: torch.cat([x, y, x]),
    "cat((x, y), dim=-1)": lambda x, y: torch.cat((x, y), dim=-1),
    "cosine_similarity(x, y)": lambda x, y: F.cosine_similarity(x, y),
    "cosine_similarity(x, y, dim=0, eps=1e-3)": lambda x, y: F.cosine_similarity(x, y, dim=0, eps=1e-3),
    "cumsum(x, dim=1)": lambda x: x.cumsum(dim=1),
    "diagonal(x)": lambda x: x.diagonal(),
    "diagonal(x, offset=1)": lambda x: x.diagonal(offset=1),
    "flatten(x)": lambda x: x.flatten(),
    "flatten(stack([x, y]), start_dim=1)": lambda x, y: torch.stack([x, y]).flatten(start_dim=1),
    "log_softmax(x, dim=1)": lambda x: x.log_softmax(dim=1),
    "logsumexp(x, dim=0)": lambda x: x.logsumexp(dim=0),
    "logsumexp(x, dim=(0, 1), keepdim=True)": lambda x: x.logsumexp(dim=(0, 1), keepdim=True),
    "matmul(x, transpose(y))": lambda x, y: torch.matmul(x, y.mT),
    "x @ v": lambda x, v: x @ v,
    "v @ transpose(x, 0, 1) + 1": lambda v, x: v @ x.transpose(0, 1) + 1,
    "max(x)": lambda x: x.max(),
    "max(x, dim=1)": lambda x: x.max(dim=1).values,
    "max(x, dim=1, keepdim=True)": lambda x: x.max(dim=1, keepdim=True).values,
    "mean(x)": lambda x: x.mean(),
    "mean(x, 1, True)": lambda x: x.mean(1, True),
    "mean(x, dim=-1, keepdim=False)": lambda x: x.mean(dim=-1),
    "min(x)": lambda x: x.min(),
    "min(x, dim=0)": lambda x: x.min(dim=0).values,
    "norm(x)": lambda x: torch.linalg.vector_norm(x),
    "norm(x, p=1, dim=1)": lambda x: torch.linalg.vector_norm(x, 1, dim=1),
    "norm(x, 3, (0, 1), True)": lambda x: torch.linalg.vector_norm(x, 3, dim=(0, 1), keepdim=True),
    "normalize(x)": lambda x: F.normalize(x),
    "normalize(x, p=1, dim=0)": lambda x: F.normalize(x, p=1, dim=0),
    "prod(x)": lambda x: x.prod(),
    "prod(x, dim=1, keepdim=True)": lambda x: x.prod(dim=1, keepdim=True),
    "reshape(x, (2, -1))": lambda x: x.reshape(2, -1),
    "reshape(x, [size(x, 1), size(x, 0)])": lambda x: x.reshape(x.size(1), x.size(0)),
    "sum(x)/size(x, 0)": lambda x: x.sum() / x.size(0),
    "softmax(x, dim=1)": lambda x: x.softmax(dim=1),
    "squeeze(x[:, :1], dim=1)": lambda x: x[:, :1].squeeze(1),
    "stack([x, y], dim=1)": lambda x, y: torch.stack([x, y], dim=1),
    "std(x)": lambda x: x.std(),
    "std(x, dim=1)": lambda x: x.std(dim=1),
    "sum(x, dim=(1, 0))": lambda x: x.sum(dim=(1, 0)),
    "unsqueeze(x, 0)": lambda x: x.unsqueeze(0),
    "var(x)": lambda x: x.var(),
    "var(x, dim=1, correction=0, keepdim=True)": lambda x: x.var(dim=1, correction=0, keepdim=True),
    "var(x, dim=1, correction=4)": lambda x: x.var(dim=1, correction=4),
    "x[0]": lambda x: x[0],
    "x[:, 0] - x[-1, ::2][0]": lambda x: x[:, 0] - x[-1, ::2][0],
    "x[..., 1:]": lambda x: x[..., 1:],
    "x[:, None, 1:3]": lambda x: x[:, None, 1:3],
    "x*one_hot(t, 4)": lambda x, t: x * F.one_hot(t, 4),
    "x - one_hot(t, num_classes=size(x, 1))": lambda x, t: x - F.one_hot(t, x.size(1)),
    "gather(x, 1, t[:, None])": lambda x, t: x.gather(1, t[:, None]),
    "gather(x, dim=0, index=unsqueeze(t[:4], 0)//2)": lambda x, t: x.gather(0, t[None, :4] // 2),
    "e = x - y; mean(e**2) + 0.1*sum(abs(e))": lambda x, y: ((x - y) ** 2).mean() + 0.1 * (x - y).abs().sum(),
    """
    axes(x="N C", t="N")

    logp = log_softmax(x, dim="C")
    -mean(gather(logp, dim="C", index=t[:, None]))
    """: lambda x, t: -(x.log_softmax(dim=1).gather(1, t[:, None])).mean(),
}
"""Of x and y (6,4), v (4,) and class indices t (6,)."""


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()


def named(source: str, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inputs of a formula, in the order in which it mentions them."""
    return {name: values[name] for name in expression.build(source).input_names}


def answer(worker: Worker, source: str, inputs: Mapping[str, Tensor], expected: Outcome) -> Outcome:
    request = evaluation.EvaluateLossRequest(gradients=list(expected.gradients))
    request.loss.expression.source = source
    for name, given in inputs.items():
        request.inputs[name].CopyFrom(oracle.tensor(given, "raw", []))
    if expected.vector is not None:
        request.grad_output.CopyFrom(oracle.tensor(expected.vector, "raw", []))
    given, attachments = oracle.run(worker, "EvaluateLoss", request, (), evaluation.EvaluateLossResponse)
    assert expected.result is not None
    return oracle.outcome(given, attachments, expected.result)


def check(worker: Worker, source: str, code: Code, inputs: Mapping[str, Tensor]) -> None:
    """Equal to torch, bit for bit; what torch refuses, the worker refuses with INVALID_ARGUMENT."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of too few elements for a variance
        expected = oracle.local(code, inputs)
        if expected.refusal:
            with contextlib.suppress(RuntimeError, ValueError, IndexError):  # else torch refuses its gradient
                result = code(*inputs.values())
                floating = {name: given for name, given in inputs.items() if given.is_floating_point()}
                expected.gradients, expected.vector = floating, torch.ones_like(result)
    if expected.refusal:
        expected.result = torch.zeros(())
        with pytest.raises(oracle.Refused) as refused:
            answer(worker, source, inputs, expected)
        assert refused.value.code == 3
    else:
        oracle.assert_same(source, expected, answer(worker, source, inputs, expected))


DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
SPECIAL = torch.tensor([0.0, -0.0, 1.0, -1.0, float("inf"), float("-inf"), float("nan"), 1e-45, 3e38, -3e38, 100, -100])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("source", ELEMENTWISE)
def test_elementwise_parts_are_torchs(worker: Worker, source: str, dtype: torch.dtype) -> None:
    """Values and gradients of matrices, scalars, nothing and extreme numbers, in each floating type."""
    pairs = [(normal(shape, dtype, "x"), uniform(shape, dtype, "y")) for shape in ((6, 4), (), (0,))]
    pairs.append((SPECIAL.to(dtype), SPECIAL.flip(0).to(dtype)))
    for x, y in pairs:
        check(worker, source, ELEMENTWISE[source], named(source, {"x": x, "y": y}))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("source", OVER)
def test_functions_over_axes_are_torchs(worker: Worker, source: str, dtype: torch.dtype) -> None:
    """Values and gradients of (6,4), with ties, of one row, of no row, and of large elements."""
    x, y, v = normal((6, 4), dtype, "x"), uniform((6, 4), dtype, "y"), normal((4,), dtype, "v")
    t = torch.tensor([0, 1, 2, 3, 0, 1])
    for rows, scale in ((6, 1.0), (1, 1.0), (0, 1.0), (6, 1e4), (6, 0.0)):
        values = {"x": x[:rows] * scale, "y": y[:rows], "v": v, "t": t[:rows]}
        check(worker, source, OVER[source], named(source, values))


MIXED: dict[str, Code] = {
    "sum(x*t)": lambda x, t: (x * t).sum(),
    "sum(x + t//2 + t%2 + t**2)": lambda x, t: (x + t // 2 + t % 2 + t**2).sum(),
    "sum(t/3 + d)": lambda t, d: (t / 3 + d).sum(),
    "sum(x + d*2)": lambda x, d: (x + d * 2).sum(),
    "sum(h*x)": lambda h, x: (h * x).sum(),
    "sum(h)*d[0]": lambda h, d: h.sum() * d[0],
    "sum(maximum(t, 1.5)*x)": lambda t, x: (torch.maximum(t, torch.tensor(1.5)) * x).sum(),
    "sum(where(m, x, d))": lambda m, x, d: torch.where(m, x, d).sum(),
    "sum(x*m) + sum(m)": lambda x, m: (x * m).sum() + m.sum(),
    "sum(x*cumsum(t, 0)) + max(t)": lambda x, t: (x * t.cumsum(0)).sum() + t.max(),
    "sum(x[:4]*(i @ i))": lambda x, i: (x[:4] * (i @ i)).sum(),
    "exp(1)*x": lambda x: torch.exp(torch.tensor(1.0, dtype=torch.float64)).item() * x,
    "(7//2 + 7%4 + 2**10 - 2**-1)*x": lambda x: (7 // 2 + 7 % 4 + 2**10 - 2**-1) * x,
}


@pytest.mark.parametrize("source", MIXED)
def test_types_promote_as_in_torch(worker: Worker, source: str) -> None:
    """Integers, booleans and floats of several widths together give torch's type and bits."""
    values = {
        "x": normal((6,), torch.float32, "x"),
        "d": normal((6,), torch.float64, "d"),
        "h": normal((6,), torch.float16, "h"),
        "t": torch.tensor([0, 1, 2, 3, -4, 5]),
        "i": torch.arange(16, dtype=torch.int32).reshape(4, 4)[0],
        "m": torch.tensor([True, False, True, True, False, False]),
    }
    check(worker, source, MIXED[source], named(source, values))


def test_every_function_is_compared() -> None:
    """No function of the language is without a formula above."""
    used = set(re.findall(r"[a-z_0-9]+(?=\()", " ".join([*ELEMENTWISE, *OVER])))
    assert used >= set(FUNCTIONS)


@pytest.mark.parametrize("source", [*ELEMENTWISE, *OVER])
def test_the_dry_run_knows_every_function(worker: Worker, source: str) -> None:
    """ValidateLoss answers the type and shape that the evaluation has, without data."""
    values = {
        "x": normal((6, 4), torch.float32, "x"),
        "y": uniform((6, 4), torch.float32, "y"),
        "v": normal((4,), torch.float32, "v"),
        "t": torch.tensor([0, 1, 2, 3, 0, 1]),
    }
    inputs = named(source, values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of too few elements for a variance
        expected = {**ELEMENTWISE, **OVER}[source](*inputs.values())
    request = catalog.ValidateLossRequest(gradients=["x"] if "detach" not in source else [])
    request.loss.expression.source = source
    for name, given in inputs.items():
        request.inputs[name].CopyFrom(catalog.TensorType(dtype=oracle.NUMBERS[given.dtype], shape=given.shape))
    given, _ = oracle.run(worker, "ValidateLoss", request, (), catalog.ValidateLossResponse)
    assert (given.result.dtype, tuple(given.result.shape)) == (oracle.NUMBERS[expected.dtype], tuple(expected.shape))


X, Y, T = normal((6, 4), torch.float32, "x"), normal((6, 4), torch.float32, "y"), torch.tensor([0, 1, 2, 3, 0, 1])
NAMED: dict[str, Code] = {
    'axes(x="N C"); mean(sum(x, dim="N"))': lambda x: x.sum(dim=0).mean(),
    'axes(x="N C", y="N C"); sum(sum(x*y, dim="N"), dim="C")': lambda x, y: (x * y).sum(dim=0).sum(dim=0),
    'axes(x="N, C"); mean(x - mean(x, dim="C", keepdim=True))': lambda x: (x - x.mean(dim=1, keepdim=True)).mean(),
    'axes(x="N C"); sum(amax(transpose(x), dim="N"))': lambda x: x.mT.amax(dim=1).sum(),
    'axes(x="N C", y="M C"); sum(logsumexp(x @ transpose(y), dim="M"))': lambda x, y: (x @ y.mT).logsumexp(dim=1).sum(),
    'axes(x="N C", y="N C"); mean(cosine_similarity(x, y, dim="C"))': lambda x, y: F.cosine_similarity(
        x, y, dim=1
    ).mean(),
    'axes(x="N C"); sum(norm(x[:, None, :], dim=("N", "C")))': lambda x: torch.linalg.vector_norm(x, dim=(0, 1)),
    'axes(x="N C", t="N"); mean(sum(x*one_hot(t, 4), dim="C"))': lambda x, t: (x * F.one_hot(t, 4)).sum(dim=1).mean(),
    'axes(x="N C")\nw = 1/size(x, "C")\nsum(w*max(x[1:], dim="C"))': lambda x: (1 / 4 * x[1:].max(dim=1).values).sum(),
}


@pytest.mark.parametrize("source", NAMED)
def test_axes_have_names(worker: Worker, source: str) -> None:
    """A name stands for the axis wherever operations have moved it."""
    check(worker, source, NAMED[source], named(source, {"x": X, "y": Y, "t": T}))


WRONG = [
    ("mean(x", "BAD_EXPRESSION", "^column 5: "),
    ("mean(x) + nosuch(x)", "BAD_EXPRESSION", "^column 11: there is no function 'nosuch'"),
    ("mean(x, dims=1)", "BAD_EXPRESSION", "^column 9: "),
    ("mean(x, 1, dim=0)", "BAD_EXPRESSION", "^column 12: .*dim is given twice"),
    ("mean(x, keepdim=True)", "BAD_EXPRESSION", "^column 1: .*keepdim goes with dim"),
    ("mean(x) + sum(x, dim=2)", "BAD_EXPRESSION", "^column 11: .*Dimension out of range"),
    ("mean(x) + mean(x - x[:, :2])", "SHAPE_MISMATCH", r"^column 16: .*\(6, 4\) and \(6, 2\) do not broadcast"),
    (
        "1 + (x @ x)",
        "SHAPE_MISMATCH",
        r"^column 6: \(6, 4\) @ \(6, 4\): the last axis of the left side, 4, .* side, 6$",
    ),
    (
        "sum(x @ (1.0*t))",
        "SHAPE_MISMATCH",
        "^column 5: .*the left side, 4, must be as long as the axis of the right side, 6$",
    ),
    (
        "sum(matmul(x, x[0] > 0))",
        "DTYPE_MISMATCH",
        "^column 5: float32 @ bool: both sides .* one element type; multiply whole numbers by 1.0$",
    ),
    ("x @ mean(x)", "SHAPE_MISMATCH", r"^column 1: \(6, 4\) @ \(\): each side .* needs an axis"),
    ("stack([x, x]) @ stack([x, x, x])", "SHAPE_MISMATCH", "^column 1: .*the left side, 4, .* right side, 6$"),
    ("stack([x, x]) @ transpose(stack([x, x, x]))", "SHAPE_MISMATCH", "^column 1: .*before the last two do not"),
    ("mean(x[:, 4])", "BAD_EXPRESSION", "^column 6: .*index 4 is out of bounds"),
    ("sum(x*one_hot(t, 3))", "VALUE_OUT_OF_RANGE", r"^column 7: index\[3\] is 3; expected a class from 0 to 2"),
    ("sum(one_hot(t - 1, 4)*x)", "VALUE_OUT_OF_RANGE", r"^column 5: index\[0\] is -1 \(2 such elements\)"),
    ("sum(gather(x, 1, t[:, None] + 2))", "VALUE_OUT_OF_RANGE", r"^column 5: index\[2, 0\] is 4 .*from 0 to 3"),
    ("sum(gather(x, 1, t))", "BAD_EXPRESSION", "^column 5: "),
    ("sum(x**(2**70))", "BAD_EXPRESSION", "^column 9: .*too large for int64"),
    ("sum(x*(2**62*4))", "BAD_EXPRESSION", "^column 8: .*too large for int64"),
    ("sum(x) + 9223372036854775808", "BAD_EXPRESSION", "^column 10: .*too large"),
    ("sum(x + t//(t - 1))", "BAD_EXPRESSION", "^column 9: "),
    ("0 < x < 1", "BAD_EXPRESSION", "^column 1: .*one comparison at a time"),
    ("x if t else x", "BAD_EXPRESSION", "^column 1: .*where"),
    ("sum(where(x, x, 0))", "BAD_EXPRESSION", "^column 5: .*condition of where is float32"),
    ("sum(mean(1)*x)", "BAD_EXPRESSION", "^column 5: .*a number stands here"),
    (
        "sum(x.grad)",
        "BAD_EXPRESSION",
        r"^column 5: there are no attributes and methods; write functions as in mean\(x\)$",
    ),
    ("1 + x.mean()", "BAD_EXPRESSION", r"^column 5: there are no .*; write mean\(x\)$"),
    ("x.mean(dim=1)", "BAD_EXPRESSION", r"^column 1: .*; write mean\(x, …\)$"),
    ("sum(x @ x.T)", "BAD_EXPRESSION", r"^column 9: .*; write transpose\(x\)$"),
    ("x.shape[0]*x", "BAD_EXPRESSION", r"^column 1: .*; write size\(x, …\)$"),
    ("torch.mean(x)", "BAD_EXPRESSION", r"^column 1: .*; write mean\(…\)$"),
    ("x.cpu().mean()", "BAD_EXPRESSION", r"^column 1: .*; write mean\(…\)$"),
    ("x > 0", "BAD_EXPRESSION", r"^column 1: .*result is bool; .*: write where\(condition, 1.0, 0.0\)$"),
    ("e = x\n sum(e > 0)", "BAD_EXPRESSION", "^line 2, column 2: .*result is int64; .*: multiply it by 1.0$"),
    ("size(x, 0)", "BAD_EXPRESSION", "^column 1: .*result is a number; a loss is a floating tensor"),
    ("mena(x)", "BAD_EXPRESSION", "^column 1: there is no function 'mena'; did you mean mean\\?$"),
    ("qqqqq(x)", "BAD_EXPRESSION", "^column 1: there is no function 'qqqqq'; there are abs, amax, .*, xlogy$"),
    ("e = x - 1\ne = e*2\nmean(e)", "BAD_EXPRESSION", "^line 2, column 1: .*already names a part"),
    ("e = x - 1\n   mean(e) + foo(e)", "BAD_EXPRESSION", "^line 2, column 14: "),
    ("e = x - 1; mean(e) + foo(e)", "BAD_EXPRESSION", "^column 22: "),
    ("mean(\n  x,\n  dim=9)", "BAD_EXPRESSION", "^line 1, column 1: "),
    ("mean(x); mean(x)", "BAD_EXPRESSION", "^column 1: .*gives a part its name"),
    ("e = mean(x)", "BAD_EXPRESSION", "^column 1: .*last statement is the loss"),
    ("e = e + x; mean(e)", "BAD_EXPRESSION", "^column 1: .*read as an input before"),
    ("\N{GREEK SMALL LETTER LAMDA} = x; \N{GREEK SMALL LETTER LAMDA} + foo(x)", "BAD_EXPRESSION", "^column 12: "),
    ('sum(x, dim="C")', "BAD_EXPRESSION", "^column 12: .*axes of this are not known"),
    ('axes(x="N C"); sum(x, dim="H")', "BAD_EXPRESSION", "^column 27: .*no axis 'H'"),
    ('axes(x="N C"); sum(x, dim=2)', "BAD_EXPRESSION", r"^column 16: .*dim 2 is out of range for the axes \(N C\)"),
    ('axes(x="N C", t="N"); sum(x*t)', "BAD_EXPRESSION", "^column 27: .*axis 'N' meets axis 'C'"),
    ('axes(x="N C H"); sum(x)', "SHAPE_MISMATCH", r"\(6, 4\); the formula declares its axes as \(N, C, H\)"),
    ('axes(x="N C", t="C"); sum(x) + sum(t)', "SHAPE_MISMATCH", "axis C has size 6 in t, but 4 in x"),
    ('axes(x="N N"); sum(x)', "BAD_EXPRESSION", "^column 6: .*is there twice"),
    ('axes(z="N"); sum(x)', "BAD_EXPRESSION", "'z', which the formula does not use"),
    ('sum(x); axes(x="N")', "BAD_EXPRESSION", "^column 1: each statement before the last"),
]


@pytest.mark.parametrize(("source", "reason", "text"), WRONG, ids=[ascii(source) for source, _, _ in WRONG])
def test_mistakes_are_pointed_at(worker: Worker, source: str, reason: str, text: str) -> None:
    """A refusal says what is wrong and at which line and column, counted in characters from 1."""
    inputs = {name: given for name, given in (("x", X), ("t", T)) if re.search(rf"\b{name}\b", source)}
    with pytest.raises(oracle.Refused, match=text) as refused:
        answer(worker, source, inputs, Outcome(torch.zeros(())))
    assert (refused.value.code, refused.value.reason) == (3, reason), refused.value.message


REMEDIES = {
    "where(x > 0, 1.0, 0.0)": lambda x: torch.where(x > 0, 1.0, 0.0),
    "1.0*sum(x > 0)": lambda x: 1.0 * (x > 0).sum(),
    "sum(x @ (1.0*(x[0] > 0)))": lambda x: (x @ (1.0 * (x[0] > 0))).sum(),
    "sum(x @ transpose(x))": lambda x: (x @ x.mT).sum(),
}


@pytest.mark.parametrize("source", REMEDIES)
def test_remedies_help(worker: Worker, source: str) -> None:
    """What the refusals above advise is a loss, and torch's own."""
    expected = REMEDIES[source](X)
    given = answer(worker, source, {"x": X}, Outcome(expected))
    assert given.result is not None
    assert torch.equal(given.result, expected)


MISREAD = [
    (
        "p = sigmoid(input)\nmean(p - targe)",
        ("input", "target"),
        "UNKNOWN_NAME",
        "loss.expression.source",
        "the formula reads 'targe' at line 2, column 10, which is not given; did you mean 'target'?",
    ),
    (
        "p = sigmoid(input); q = mean(target); q + mean(pp)",
        ("input", "target"),
        "UNKNOWN_NAME",
        "loss.expression.source",
        "the formula reads 'pp' at column 48, which is not given; did you mean 'p'?",
    ),
    (
        "mean(input - y) + sum(y)",
        ("input", "target"),
        "UNKNOWN_NAME",
        "loss.expression.source",
        "the formula reads 'y' at column 14, which is not given, and not 'target', which is given; rename either",
    ),
    (
        "mean(input - target)",
        ("input",),
        "MISSING_FIELD",
        "inputs.target",
        "the formula reads 'target' at column 14, which is not given; give it, or leave it out of the formula",
    ),
    (
        "mean(input)",
        ("input", "target"),
        "UNKNOWN_NAME",
        "inputs.target",
        "expression has no input 'target'; it has input",
    ),
]


@pytest.mark.parametrize(("source", "names", "reason", "field", "text"), MISREAD)
def test_a_misspelt_input_is_the_formulas_fault(
    worker: Worker, source: str, names: tuple[str, ...], reason: str, field: str, text: str
) -> None:
    """What the formula reads and nobody gives is named where it is read first, with the input that was meant."""
    evaluate, validate = evaluation.EvaluateLossRequest(), catalog.ValidateLossRequest()
    for name in names:
        evaluate.inputs[name].CopyFrom(oracle.tensor(X, "raw", []))
        validate.inputs[name].CopyFrom(catalog.TensorType(dtype=oracle.NUMBERS[X.dtype], shape=X.shape))
    for method, request, answered in (
        ("EvaluateLoss", evaluate, evaluation.EvaluateLossResponse),
        ("ValidateLoss", validate, catalog.ValidateLossResponse),
    ):
        request.loss.expression.source = source
        with pytest.raises(oracle.Refused) as refused:
            oracle.run(worker, method, request, (), answered)
        assert (refused.value.reason, refused.value.field, refused.value.message) == (reason, field, text)


def test_parts_are_computed_once(worker: Worker) -> None:
    """A chain of forty doublings takes forty additions, not 2^40."""
    source = "; ".join(["a0 = x", *(f"a{n + 1} = a{n} + a{n}" for n in range(40)), "mean(a40)"])
    check(worker, source, lambda x: (x * 2.0**40).mean(), {"x": X})


def test_the_page_lists_every_function() -> None:
    """docs/composition.md names each function with its parameters, and no other."""
    page = (Path(__file__).parents[2] / "docs/composition.md").read_text()
    table = page.partition("| Elementwise |")[2].partition("\n\n")[0]
    listed = re.findall(r"`([a-z_0-9]+\([^`]*\))`", table)
    assert sorted(listed) == sorted(function.signature(name) for name, function in FUNCTIONS.items())
    assert tuple(FUNCTIONS) == expression.FUNCTIONS


def test_formulas_are_compiled_once() -> None:
    """The same source is the same loss: later calls read nothing."""
    assert expression.build("mean(x)") is expression.build("mean(x)")


def test_a_formula_is_a_loss_of_the_contract(worker: Worker) -> None:
    """Its message has one field, the source, with statements in it."""
    loss = loss_pb2.LossSpec(expression=loss_pb2.Expression(source="e = x\nsum(e)"))
    request = evaluation.EvaluateLossRequest(loss=loss, inputs={"x": oracle.tensor(X, "raw", [])})
    given, _ = oracle.run(worker, "EvaluateLoss", request, (), evaluation.EvaluateLossResponse)
    assert given.value == float(X.sum())
