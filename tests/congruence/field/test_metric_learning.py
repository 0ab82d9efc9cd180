"""Metric learning against loops over rows written from the papers' formulas, in float64; the wrapped ones too."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from congruence import oracle
from congruence.field import harness
from lossd_server.faults import Fault
from lossd_server.losses import catalogue
from lossd_server.losses.budget import Budget
from lossd_server.losses.field import metric_learning
from lossd_server.worker.worker import Worker
from torch import Tensor

TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-4}
HALF = {torch.float16: 2e-2, torch.bfloat16: 1e-1}


def unit(rows: Tensor) -> Tensor:
    return rows / rows.square().sum(-1, keepdim=True).sqrt()


def sorted_pairs(labels: list[int]) -> list[tuple[int, list[int], list[int]]]:
    """Each row with its positives and negatives."""
    every = range(len(labels))
    return [
        (i, [j for j in every if j != i and labels[j] == labels[i]], [j for j in every if labels[j] != labels[i]])
        for i in every
    ]


def above_zero(losses: list[Tensor]) -> Tensor:
    kept = [loss for loss in losses if loss > 0]
    return torch.stack(kept).mean() if kept else torch.zeros((), dtype=torch.float64)


def contrastive(x: Tensor, labels: list[int], pos_margin: float = 0.0, neg_margin: float = 1.0) -> Tensor:
    x, near, far = unit(x), [], []
    for i, positives, negatives in sorted_pairs(labels):
        near += [(x[i] - x[j]).square().sum().sqrt() - pos_margin for j in positives]
        far += [neg_margin - (x[i] - x[j]).square().sum().sqrt() for j in negatives]
    return above_zero(near) + above_zero(far)


def nt_xent(x: Tensor, labels: list[int], temperature: float = 0.07) -> Tensor:
    x, losses = unit(x), []
    for i, positives, negatives in sorted_pairs(labels):
        others = sum(((x[i] @ x[j]) / temperature).exp() for j in negatives)
        own = [((x[i] @ x[j]) / temperature).exp() for j in positives]
        losses += [-(one / (one + others)).log() for one in own]
    return torch.stack(losses).mean()


def sup_con(x: Tensor, labels: list[int], temperature: float = 0.1) -> Tensor:
    x, losses = unit(x), []
    for i, positives, negatives in sorted_pairs(labels):
        if positives:
            every = sum(((x[i] @ x[j]) / temperature).exp() for j in positives + negatives)
            losses.append(-sum((x[i] @ x[j]) / temperature - every.log() for j in positives) / len(positives))
    return above_zero(losses)


def multi_similarity(x: Tensor, labels: list[int], alpha: float = 2, beta: float = 50, base: float = 0.5) -> Tensor:
    x, losses = unit(x), []
    for i, positives, negatives in sorted_pairs(labels):
        near = sum((-alpha * (x[i] @ x[j] - base)).exp() for j in positives)
        far = sum((beta * (x[i] @ x[j] - base)).exp() for j in negatives)
        losses.append((1 + near + 0 * x.sum()).log() / alpha + (1 + far + 0 * x.sum()).log() / beta)
    return torch.stack(losses).mean()


def circle(x: Tensor, labels: list[int], m: float = 0.4, gamma: float = 80) -> Tensor:
    x, losses = unit(x), []
    for i, positives, negatives in sorted_pairs(labels):
        if positives and negatives:
            p, n = torch.stack([x[i] @ x[j] for j in positives]), torch.stack([x[i] @ x[j] for j in negatives])
            near = (-gamma * (1 + m - p.detach()).clamp(min=0) * (p - 1 + m)).exp().sum()
            far = (gamma * (n.detach() + m).clamp(min=0) * (n - m)).exp().sum()
            losses.append((1 + near * far).log())
    return above_zero(losses)


PAIRS: dict[tuple[str, tuple[tuple[str, float], ...]], Callable[..., Tensor]] = {
    ("ContrastiveLoss", ()): contrastive,
    ("ContrastiveLoss", (("pos_margin", 0.2), ("neg_margin", 1.5))): contrastive,
    ("NTXentLoss", ()): nt_xent,
    ("NTXentLoss", (("temperature", 0.5),)): nt_xent,
    ("SupConLoss", ()): sup_con,
    ("SupConLoss", (("temperature", 0.5),)): sup_con,
    ("MultiSimilarityLoss", ()): multi_similarity,
    ("MultiSimilarityLoss", (("alpha", 1.0), ("beta", 10.0), ("base", 0.2))): multi_similarity,
    ("CircleLoss", ()): circle,
    ("CircleLoss", (("m", 0.25), ("gamma", 16.0))): circle,
}
CASES = pytest.mark.parametrize(("loss", "arguments"), PAIRS, ids=str)
LABELS = [0, 1, 0, 2, 1, 0]
INPUTS = {
    "labels": lambda x: {"embeddings": x, "labels": torch.tensor(LABELS)},
    "views": lambda x: {"embeddings": x[:3], "ref_emb": x[3:]},
    "both": lambda x: {"embeddings": x[:3], "labels": torch.tensor([5, 7, 5]), "ref_emb": x[3:]},
}
KINDS = {"labels": LABELS, "views": [0, 1, 2, 0, 1, 2], "both": [5, 7, 5, 5, 7, 5]}


def rows(n: int, d: int, dtype: torch.dtype = torch.float64, seed: object = 0) -> Tensor:
    return torch.randn(n, d, generator=oracle.generator(n, d, seed), dtype=torch.float64).to(dtype)


def answer(reference: Callable[..., Tensor], *given: Tensor) -> tuple[Tensor, list[Tensor]]:
    """A reference's value and gradients in float64."""
    leaves = [x.double().clone().requires_grad_() for x in given]
    value = reference(*leaves)
    return value.detach(), list(torch.autograd.grad(value.sum(), leaves))


def close(given: Tensor, expected: Tensor, dtype: torch.dtype, **more: float) -> None:
    tolerance = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]} | more
    torch.testing.assert_close(given.double(), expected, **tolerance)


@CASES
@pytest.mark.parametrize("how", INPUTS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_pairs(loss: str, arguments: tuple, how: str, dtype: torch.dtype) -> None:
    """Labels, two views, or both: value and gradients of each."""
    x = rows(6, 4, dtype)
    expected, (slope,) = answer(lambda x: PAIRS[loss, arguments](x, KINDS[how], **dict(arguments)), x)
    value, gradients = harness.outcome(loss, dict(arguments), INPUTS[how](x))
    assert (value.dtype, value.shape) == (dtype, ())
    close(value, expected, dtype)
    close(torch.cat(list(gradients.values())), slope, dtype, atol=10 * TOLERANCE[dtype])


@CASES
def test_pairs_on_a_worker(loss: str, arguments: tuple, worker: Worker) -> None:
    """The worker answers what the reference says; int32 labels serve as well."""
    x = rows(6, 4, torch.float32)
    expected, (slope,) = answer(lambda x: PAIRS[loss, arguments](x, LABELS, **dict(arguments)), x)
    given = {"embeddings": x, "labels": torch.tensor(LABELS, dtype=torch.int32)}
    value, gradients = harness.evaluate(worker, loss, dict(arguments), given)
    close(value, expected, torch.float32)
    close(gradients["embeddings"], slope, torch.float32, atol=2e-3)


@pytest.mark.parametrize(("loss", "arguments"), [case for case in PAIRS if case[0] != "CircleLoss"], ids=str)
def test_gradcheck_of_pairs(loss: str, arguments: tuple) -> None:
    """Autograd's gradient is that of finite differences; circle_loss holds its weights constant, by definition."""
    built, labels = harness.build(loss, dict(arguments)), torch.tensor(LABELS)
    assert torch.autograd.gradcheck(lambda x: built._forward(x, labels, None), rows(6, 4).requires_grad_())


@CASES
@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_half_precision(loss: str, arguments: tuple, dtype: torch.dtype) -> None:
    """Half types are taken where torch has the kernels, with their precision; contrastive_loss refuses them."""
    x = rows(6, 4, dtype)
    given = {"embeddings": x, "labels": torch.tensor(LABELS)}
    if loss == "ContrastiveLoss":
        with pytest.raises(Fault) as refused:
            harness.outcome(loss, dict(arguments), given)
        assert refused.value.reason == "DTYPE_MISMATCH"
        return
    expected, _ = answer(lambda x: PAIRS[loss, arguments](x, LABELS, **dict(arguments)), x)
    value, gradients = harness.outcome(loss, dict(arguments), given)
    assert value.dtype == gradients["embeddings"].dtype == dtype
    torch.testing.assert_close(value.double(), expected, rtol=HALF[dtype], atol=HALF[dtype])
    assert gradients["embeddings"].isfinite().all()


@CASES
def test_nothing_to_compare(loss: str, arguments: tuple) -> None:
    """No rows, and one row, answer 0 and have gradients of 0; equal rows stay finite."""
    for n in (0, 1):
        given = {"embeddings": rows(n, 4), "labels": torch.zeros(n, dtype=torch.int64)}
        value, gradients = harness.outcome(loss, dict(arguments), given)
        assert value.item() == 0
        assert not gradients["embeddings"].any()
    value, gradients = harness.outcome(
        loss, dict(arguments), {"embeddings": torch.ones(4, 3), "labels": torch.tensor([0, 0, 1, 1])}
    )
    assert value.isfinite()
    assert gradients["embeddings"].isfinite().all()


def test_nt_xent_is_the_librarys() -> None:
    """pytorch-metric-learning's NTXentLoss, which makes every positive pair times every negative one, agrees."""
    losses = pytest.importorskip("pytorch_metric_learning.losses")
    x, labels = rows(12, 5), torch.tensor([0, 1, 2, 3] * 3)
    expected, (slope,) = answer(lambda x: losses.NTXentLoss(temperature=0.2)(x, labels), x)
    value, gradients = harness.outcome("NTXentLoss", {"temperature": 0.2}, {"embeddings": x, "labels": labels})
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradients["embeddings"], slope)
    alone = {"embeddings": x, "labels": torch.zeros(12, dtype=torch.int64)}
    value, gradients = harness.outcome("NTXentLoss", {}, alone)
    assert value.item() == losses.NTXentLoss()(x, alone["labels"]).item() == 0, "without negatives"
    assert not gradients["embeddings"].any()


def test_simclr_of_two_views() -> None:
    """With two views alone: cross-entropy of each row against all others but itself, as SimCLR defines it."""
    a, b = rows(5, 3, seed="a"), rows(5, 3, seed="b")
    z = unit(torch.cat((a, b)))
    logits = (z @ z.T / 0.5).fill_diagonal_(-torch.inf)
    expected = torch.nn.functional.cross_entropy(logits, torch.arange(10).roll(5))
    value, _ = harness.outcome("NTXentLoss", {"temperature": 0.5}, {"embeddings": a, "ref_emb": b})
    torch.testing.assert_close(value, expected)


def info_nce(q: Tensor, k: Tensor, negatives: Tensor | None = None, temperature: float = 0.1) -> Tensor:
    losses = []
    for i in range(len(q)):
        others = k[[j for j in range(len(k)) if j != i]] if negatives is None else negatives
        others = others[i] if others.dim() == 3 else others
        every = torch.stack([unit(q[i]) @ unit(other) / temperature for other in (k[i], *others)])
        losses.append(-every.softmax(0)[0].log())
    return torch.stack(losses)


def clip(images: Tensor, texts: Tensor, scale: Tensor | None = None, **arguments: float) -> Tensor:
    if arguments.get("normalize", True):
        images, texts = unit(images), unit(texts)
    logits = images @ texts.T * (1 / arguments.get("temperature", 0.07) if scale is None else scale)
    target = torch.arange(len(logits))
    one, other = (torch.nn.functional.cross_entropy(x, target, reduction="none") for x in (logits, logits.T))
    return (one + other) / 2


def vicreg(a: Tensor, b: Tensor, lambda_: float = 25, mu: float = 25, nu: float = 1, eps: float = 1e-4) -> Tensor:
    spread = sum((1 - (torch.cov(x.T).diagonal() + eps).sqrt()).clamp(min=0).mean() for x in (a, b)) / 2
    redundant = sum((torch.cov(x.T).square().sum() - torch.cov(x.T).diagonal().square().sum()) / x.shape[1]
                    for x in (a, b))  # fmt: skip
    return lambda_ * (a - b).square().mean() + mu * spread + nu * redundant


def barlow_twins(a: Tensor, b: Tensor, lambda_param: float = 5e-3) -> Tensor:
    norm = torch.nn.BatchNorm1d(a.shape[1], affine=False, dtype=a.dtype)
    c, total = norm(a).T @ norm(b) / len(a), torch.zeros((), dtype=a.dtype)
    for i in range(len(c)):
        for j in range(len(c)):
            total = total + ((1 - c[i, j]) ** 2 if i == j else lambda_param * c[i, j] ** 2)
    return total


Q, K = rows(4, 3, seed="q"), rows(4, 3, seed="k")
SHARED, OWN = rows(5, 3, seed="shared"), rows(20, 3, seed="own").reshape(4, 5, 3)
SCALE = torch.tensor(3.0, dtype=torch.float64)
VIEWS = [
    ("InfoNCELoss", {}, {"query": Q, "positive_key": K}, info_nce),
    ("InfoNCELoss", {"temperature": 0.5}, {"query": Q, "positive_key": K, "negative_keys": SHARED},
     lambda q, k, n: info_nce(q, k, n, 0.5)),
    ("InfoNCELoss", {}, {"query": Q, "positive_key": K, "negative_keys": OWN}, info_nce),
    ("CLIPLoss", {}, {"image_features": Q, "text_features": K}, clip),
    ("CLIPLoss", {"temperature": 0.5, "normalize": False}, {"image_features": Q, "text_features": K},
     lambda a, b: clip(a, b, temperature=0.5, normalize=False)),
    ("CLIPLoss", {"temperature": 0.5}, {"image_features": Q, "text_features": K, "logit_scale": SCALE}, clip),
    ("VICRegLoss", {}, {"embeddings": Q, "ref_emb": K}, vicreg),
    ("VICRegLoss", {"invariance_lambda": 1.0, "variance_mu": 2.0, "covariance_v": 3.0, "eps": 0.1},
     {"embeddings": Q / 2, "ref_emb": K / 2}, lambda a, b: vicreg(a, b, 1, 2, 3, 0.1)),
    ("BarlowTwinsLoss", {}, {"z_a": Q, "z_b": K}, barlow_twins),
    ("BarlowTwinsLoss", {"lambda_param": 0.5}, {"z_a": Q, "z_b": K}, lambda a, b: barlow_twins(a, b, 0.5)),
]  # fmt: skip
TWO = pytest.mark.parametrize(("loss", "arguments", "inputs", "reference"), VIEWS, ids=lambda x: str(x)[:40])


REDUCED = [(*case, how) for case in VIEWS for how in ("mean", "sum", "none")
           if how == "mean" or case[0] in ("InfoNCELoss", "CLIPLoss")]  # fmt: skip


@pytest.mark.parametrize(("loss", "arguments", "inputs", "reference", "reduction"), REDUCED, ids=lambda x: str(x)[:40])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_views(
    loss: str, arguments: dict, inputs: dict, reference: Callable, reduction: str, dtype: torch.dtype
) -> None:
    """Value and every gradient of the losses of two views, in every reduction that they take."""
    reduced = loss in ("InfoNCELoss", "CLIPLoss")
    given = {name: x.to(dtype) for name, x in inputs.items()}
    how = {"mean": torch.mean, "sum": torch.sum, "none": lambda losses: losses}[reduction]
    expected, slopes = answer(lambda *xs: how(reference(*xs)), *given.values())
    vector = torch.ones(4, dtype=dtype) if reduction == "none" else None
    own = {**arguments, "reduction": reduction} if reduced else arguments
    value, gradients = harness.outcome(loss, own, given, ["*"], vector)
    assert value.dtype == dtype
    close(value, expected, dtype)
    for name, slope in zip(inputs, slopes, strict=True):
        close(gradients[name], slope, dtype, atol=10 * TOLERANCE[dtype])


@TWO
def test_views_on_a_worker(loss: str, arguments: dict, inputs: dict, reference: Callable, worker: Worker) -> None:
    """The worker answers what the reference says, and torch's finite differences agree with its gradients."""
    given = {name: x.float() for name, x in inputs.items()}
    expected, slopes = answer(lambda *xs: reference(*xs).mean(), *given.values())
    value, gradients = harness.evaluate(worker, loss, arguments, given)
    close(value, expected, torch.float32)
    for name, slope in zip(inputs, slopes, strict=True):
        close(gradients[name], slope, torch.float32, atol=2e-3)
    built = harness.build(loss, arguments)
    missing = [None] * (len(built.input_names) - len(inputs))
    leaves = [x.clone().requires_grad_() for x in inputs.values()]
    assert torch.autograd.gradcheck(lambda *xs: built._forward(*xs, *missing), leaves)


@TWO
@pytest.mark.parametrize("dtype", HALF, ids=str)
def test_half_views(loss: str, arguments: dict, inputs: dict, reference: Callable, dtype: torch.dtype) -> None:
    """Half types give the value to their precision."""
    given = {name: x.to(dtype) for name, x in inputs.items()}
    expected, _ = answer(lambda *xs: reference(*xs).mean(), *given.values())
    value, gradients = harness.outcome(loss, arguments, given)
    torch.testing.assert_close(value.double(), expected, rtol=HALF[dtype], atol=HALF[dtype])
    assert all(slope.dtype == dtype and slope.isfinite().all() for slope in gradients.values())


@CASES
def test_nan_is_seen(loss: str, arguments: tuple) -> None:
    """One NaN makes the loss NaN; where the library would leave its pairs out it is refused."""
    x = rows(6, 4)
    x[2, 1] = torch.nan
    given = {"embeddings": x, "labels": torch.tensor(LABELS)}
    if loss == "ContrastiveLoss":
        with pytest.raises(Fault, match=r"embeddings\[2, 1\] is nan"):
            harness.outcome(loss, dict(arguments), given)
    else:
        assert harness.outcome(loss, dict(arguments), given, [])[0].isnan()


def test_known_values() -> None:
    """One negative as near as the positive: log 2. Random features of N: log N at scale 0. Perfect twins: 0."""
    same = torch.ones(2, 3)
    log_2 = pytest.approx(0.6931472)
    assert harness.outcome("InfoNCELoss", {}, {"query": same, "positive_key": same})[0].item() == log_2
    given = {
        "image_features": rows(2, 3),
        "text_features": rows(2, 3),
        "logit_scale": torch.zeros((), dtype=torch.double),
    }
    assert harness.outcome("CLIPLoss", {}, given)[0].item() == log_2
    view = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    assert harness.outcome("BarlowTwinsLoss", {}, {"z_a": view, "z_b": view})[0].item() == pytest.approx(0, abs=1e-6)
    empty = {"image_features": torch.zeros(0, 3), "text_features": torch.zeros(0, 3)}
    assert harness.outcome("CLIPLoss", {}, empty)[0].isnan()
    assert harness.outcome("CLIPLoss", {"reduction": "sum"}, empty)[0].item() == 0


def test_batches_are_refused_before_their_pairs_are_made() -> None:
    """N² pairs, or D² correlations, are counted first."""
    wide, long = {"z_a": torch.zeros(2, 20_000), "z_b": torch.zeros(2, 20_000)}, torch.zeros(20_000, 1)
    cases = [
        ("BarlowTwinsLoss", wide),
        ("VICRegLoss", {"embeddings": wide["z_a"], "ref_emb": wide["z_b"]}),
        ("NTXentLoss", {"embeddings": long, "ref_emb": long}),
        ("ContrastiveLoss", {"embeddings": long, "labels": torch.zeros(20_000, dtype=torch.int64)}),
        ("CLIPLoss", {"image_features": long, "text_features": long}),
        ("InfoNCELoss", {"query": long, "positive_key": long}),
    ]
    for loss, given in cases:
        with pytest.raises(Fault) as refused:
            harness.build(loss).compute(given, Budget(given.values()))
        assert refused.value.reason == "LIMIT_EXCEEDED", loss


@pytest.mark.parametrize(
    ("loss", "given", "reason", "field"),
    [
        ("SupConLoss", {"embeddings": torch.zeros(3)}, "SHAPE_MISMATCH", "inputs.embeddings"),
        ("SupConLoss", {"embeddings": torch.zeros(3, 2)}, "MISSING_FIELD", "inputs.labels"),
        ("SupConLoss", {"embeddings": torch.zeros(3, 2), "labels": torch.zeros(3)}, "DTYPE_MISMATCH", "inputs.labels"),
        ("SupConLoss", {"embeddings": torch.zeros(3, 2), "labels": torch.zeros(2).long()}, "SHAPE_MISMATCH",
         "inputs.labels"),
        ("NTXentLoss", {"embeddings": torch.zeros(3, 2), "ref_emb": torch.zeros(2, 2)}, "SHAPE_MISMATCH",
         "inputs.ref_emb"),
        ("NTXentLoss", {"embeddings": torch.zeros(3, 2), "ref_emb": torch.zeros(3, 2).double()}, "DTYPE_MISMATCH",
         "inputs.ref_emb"),
        ("VICRegLoss", {"embeddings": torch.zeros(1, 2), "ref_emb": torch.zeros(1, 2)}, "SHAPE_MISMATCH",
         "inputs.embeddings"),
        ("BarlowTwinsLoss", {"z_a": torch.zeros(3, 2), "z_b": torch.zeros(3, 3)}, "SHAPE_MISMATCH", "inputs.z_b"),
        ("CLIPLoss", {"image_features": Q, "text_features": K, "logit_scale": torch.ones(1).double()}, "SHAPE_MISMATCH",
         "inputs.logit_scale"),
        ("CLIPLoss", {"image_features": Q, "text_features": K, "logit_scale": torch.tensor(1.0)}, "DTYPE_MISMATCH",
         "inputs.logit_scale"),
        ("InfoNCELoss", {"query": Q, "positive_key": K, "negative_keys": Q[:, :2]}, "SHAPE_MISMATCH",
         "inputs.negative_keys"),
        ("InfoNCELoss", {"query": Q, "positive_key": K, "negative_keys": OWN[:3]}, "SHAPE_MISMATCH",
         "inputs.negative_keys"),
    ],
)  # fmt: skip
def test_refusals(loss: str, given: dict, reason: str, field: str) -> None:
    """What does not fit is refused with its reason and field."""
    with pytest.raises(Fault) as refused:
        harness.build(loss).check(given)
    assert (refused.value.reason, refused.value.field) == (reason, field)


def test_refusals_of_arguments() -> None:
    """Temperatures and scales above 0, factors not below."""
    for loss, argument, value in (
        ("NTXentLoss", "temperature", 0.0),
        ("MultiSimilarityLoss", "alpha", 0.0),
        ("CircleLoss", "gamma", -1.0),
        ("VICRegLoss", "variance_mu", -1.0),
        ("BarlowTwinsLoss", "lambda_param", -1.0),
    ):
        with pytest.raises(Fault) as refused:
            harness.build(loss, {argument: value})
        assert (refused.value.reason, refused.value.field.rpartition(".")[2]) == ("ARGUMENT_OUT_OF_RANGE", argument)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, worker: Worker) -> None:
    """A server without pytorch-metric-learning says what to install for its losses, and serves the others."""
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning", None)  # Python's own sign of what is not there
    given = {"embeddings": rows(4, 3), "labels": torch.tensor([0, 0, 1, 1])}
    for loss in ("ContrastiveLoss", "SupConLoss", "MultiSimilarityLoss", "CircleLoss"):
        with pytest.raises(oracle.Refused, match=r"pip install 'lossd\[metric-learning\]'") as refused:
            harness.evaluate(oracle.new_worker(), loss, {}, given)
        name = catalogue.find(loss).name
        assert (refused.value.reason, refused.value.field) == ("UNSUPPORTED", f"loss.{name}")
    value, _ = harness.evaluate(worker, "NTXentLoss", {}, given)
    assert value.isfinite()


def test_the_library_is_loaded_late() -> None:
    """The catalogue names the library's losses without loading it: the server starts no slower."""
    program = (
        "import sys; from lossd_server.losses import catalogue; assert catalogue.find('supcon').name; "
        "sys.exit('pytorch_metric_learning' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_examples() -> None:
    """Each entry's example answers its value, bit for bit."""
    for entry in metric_learning.ENTRIES:
        harness.check_example(entry)


@pytest.fixture(scope="module")
def worker() -> Worker:
    return oracle.new_worker()
