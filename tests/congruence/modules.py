"""Losses as people write them, each an nn.Module with inputs that fit: what is exported, sent and compared."""

# ruff: noqa: E501, RUF028  # a table of losses reads best a line each

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch import Tensor, nn


def generator(*seed: object) -> torch.Generator:
    return torch.Generator().manual_seed(zlib.crc32(repr(seed).encode()))


def normal(*shape: int, seed: object = 0) -> Tensor:
    return torch.randn(shape, generator=generator(shape, seed))


def uniform(*shape: int, seed: object = 0) -> Tensor:
    return torch.rand(shape, generator=generator(shape, seed))


def whole(most: int, *shape: int, seed: object = 0) -> Tensor:
    return torch.randint(most, shape, generator=generator(shape, most, seed))


class Of(nn.Module):
    """A module whose forward is a function of `input` and `target`."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002  # torch's name
        return self.function(input, target)


@dataclass
class Case:
    """A module, its inputs and the dimensions that may change."""

    name: str
    module: nn.Module
    inputs: Mapping[str, Tensor]
    dynamic: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


class MSEAndAbsolute(nn.Module):
    """The guide's loss of one's own: MSE + 0.1 Σ|e|."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        error = input - target
        return (error**2).mean() + 0.1 * error.abs().sum()


class Focal(nn.Module):
    def __init__(self, gamma: float = 2.0, alpha: float = 0.25) -> None:
        super().__init__()
        self.gamma, self.alpha = gamma, alpha

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        bce = F.binary_cross_entropy_with_logits(input, target, reduction="none")
        p = torch.sigmoid(input)
        p_t = p * target + (1 - p) * (1 - target)
        return ((self.alpha * target + (1 - self.alpha) * (1 - target)) * (1 - p_t) ** self.gamma * bce).mean()


class Dice(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        p = input.sigmoid().flatten(1)
        t = target.flatten(1)
        overlap = (p * t).sum(dim=1)
        return 1 - ((2 * overlap + 1) / (p.sum(dim=1) + t.sum(dim=1) + 1)).mean()


class SoftDiceOfClasses(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        p = input.softmax(dim=1)
        t = F.one_hot(target, 4).permute(0, 3, 1, 2).to(p.dtype)
        return (1 - 2 * (p * t).sum((2, 3)) / (p + t).sum((2, 3)).clamp(min=1e-6)).mean()


class InfoNCE(nn.Module):
    """Contrastive: the i-th of one belongs to the i-th of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.tensor(0.07))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        a, b = F.normalize(input, dim=-1), F.normalize(target, dim=-1)
        logits = a @ b.t() / self.temperature
        labels = torch.arange(logits.shape[0], device=logits.device)
        return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels)) / 2


class NTXent(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        z = F.normalize(torch.cat([input, target]), dim=1)
        similarity = z @ z.T / 0.5
        n = input.shape[0]
        similarity = similarity.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
        labels = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
        return F.cross_entropy(similarity, labels)


class Weighted(nn.Module):
    """Parameters and buffers, one of them a slice of a larger storage."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(normal(4, seed="scale"))
        self.head = nn.Linear(4, 3)
        with torch.no_grad():
            self.head.weight.copy_(normal(3, 4, seed="head"))
            self.head.bias.copy_(normal(3, seed="bias"))
        self.register_buffer("mean", normal(2, 4, seed="mean")[1])
        self.register_buffer("across", normal(4, 3, seed="across").t())
        self.constant = torch.tensor([1.0, 2.0, 3.0])

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        hidden = self.head((input - self.mean) * self.scale)
        return ((hidden - target @ self.across.t()) ** 2 * self.constant).sum(dim=-1).mean()


class Distillation(nn.Module):
    def __init__(self, temperature: float = 4.0) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        soft = F.kl_div(
            F.log_softmax(student / self.temperature, dim=-1),
            F.softmax(teacher / self.temperature, dim=-1),
            reduction="batchmean",
        )
        return 0.7 * soft * self.temperature**2 + 0.3 * F.cross_entropy(student, labels, label_smoothing=0.1)


class Quantile(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("quantiles", torch.tensor([0.1, 0.5, 0.9]))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        error = target.unsqueeze(-1) - input
        return torch.maximum(self.quantiles * error, (self.quantiles - 1) * error).sum(-1).mean()


class MaskedTokens(nn.Module):
    """Next-token loss where the mask says so, over (batch, time)."""

    def forward(self, input: Tensor, target: Tensor, mask: Tensor) -> Tensor:  # noqa: A002
        losses = F.cross_entropy(input.reshape(-1, input.shape[-1]), target.reshape(-1), reduction="none")
        losses = losses.view(target.shape) * mask
        return losses.sum() / mask.sum().clamp(min=1)


class ShiftedTokens(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        logits, labels = input[..., :-1, :].contiguous(), target[..., 1:].contiguous()
        return F.cross_entropy(logits.view(-1, logits.size(-1)), labels.view(-1), ignore_index=0)


class DPO(nn.Module):
    """Preference loss over gathered log-probabilities."""

    def forward(self, chosen: Tensor, rejected: Tensor, labels: Tensor) -> Tensor:
        def score(logits: Tensor) -> Tensor:
            picked = torch.gather(logits.log_softmax(-1), 2, labels.unsqueeze(-1)).squeeze(-1)
            return picked.sum(-1)

        return -F.logsigmoid(0.1 * (score(chosen) - score(rejected))).mean()


class TripletHardest(nn.Module):
    """Batch-hard triplets by class."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        distances = torch.cdist(input, input)
        same = target[:, None] == target[None, :]
        positive = distances.masked_fill(~same, float("-inf")).amax(dim=1)
        negative = distances.masked_fill(same, float("inf")).amin(dim=1)
        return F.relu(positive - negative + 0.3).mean()


class VicReg(nn.Module):
    """Variance, invariance and covariance of two embeddings."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        n, d = input.shape
        x, y = input - input.mean(dim=0), target - target.mean(dim=0)
        spread = F.relu(1 - (x.var(dim=0) + 1e-4).sqrt()).mean() + F.relu(1 - torch.std(y, dim=0)).mean()
        cov = (x.T @ x) / (n - 1)
        off = cov.flatten()[:-1].view(d - 1, d + 1)[:, 1:].flatten()
        return 25 * F.mse_loss(input, target) + 25 * spread + off.pow(2).sum() / d


class Charbonnier(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        return torch.sqrt((input - target).square() + 1e-6)


class Tversky(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        p, t = input.sigmoid().view(-1), target.view(-1)
        hit, over, under = (p * t).sum(), ((1 - t) * p).sum(), (t * (1 - p)).sum()
        return torch.pow(1 - (hit + 1) / (hit + 0.3 * over + 0.7 * under + 1), 0.75)


class TotalVariation(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        fit = F.l1_loss(input, target)
        return fit + (input[:, :, 1:, :] - input[:, :, :-1, :]).abs().mean() + torch.diff(input, dim=-1).abs().mean()


class ListNet(nn.Module):
    """Ranking: scores sorted by relevance, the likelihood of that order."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        order = torch.argsort(target, dim=1, descending=True)
        scores = torch.gather(input, 1, order)
        tail = torch.logcumsumexp(scores.flip(1), dim=1).flip(1)
        return (tail - scores).sum(1).mean()


class TopK(nn.Module):
    """Mean of the largest losses (online hard example mining)."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        losses = F.smooth_l1_loss(input, target, reduction="none").flatten()
        return torch.topk(losses, 5).values.mean() + torch.sort(losses).values.cumsum(0)[3]


class Uncertainty(nn.Module):
    """Two tasks weighted by learnt uncertainty."""

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.tensor([0.3, -0.2]))

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        losses = torch.stack([F.mse_loss(input, target), F.l1_loss(input, target)])
        return (torch.exp(-self.log_variance) * losses + self.log_variance).sum()


class InPlace(nn.Module):
    """Written with assignments, as numpy users do."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        error = (input - target).abs()
        error.mul_(2.0)
        error[:, 0] = 0.0
        error += 1
        return error.clamp_(max=3.0).mean()


class Normalised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(6)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        a, b = self.norm(input), F.batch_norm(target, None, None, training=True)
        return F.cosine_embedding_loss(a, b, torch.ones(a.shape[0])) + F.gelu(a).mean() - F.silu(b).mean()


class Einsum(nn.Module):
    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        scores = torch.einsum("bid,bjd->bij", input, target)
        other = torch.bmm(input, target.transpose(1, 2)) + torch.baddbmm(scores, input, target.mT, beta=0.5)
        return torch.logsumexp(scores - other.tanh(), dim=(1, 2)).mean() + torch.linalg.vector_norm(other)


class Fourier(nn.Module):
    """Sizes by arithmetic: halves, strides, paddings."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # noqa: A002
        n = input.shape[0] // 2
        a, b = input[:n], target[n : 2 * n]
        padded = F.pad(a, (1, 2), value=0.5)
        rolled = torch.roll(padded, 1, dims=1)
        blocks = input.reshape(input.shape[0] * input.shape[1] // 2, -1)
        return (padded - rolled).pow(2).sum() / (n * 3) + (a - b).abs().max() + blocks.mean() * blocks.size(0)


def _pair(*shape: int) -> dict[str, Tensor]:
    return {"input": normal(*shape, seed="input"), "target": normal(*shape, seed="target")}


_AUTO = torch.export.Dim.AUTO
_BATCH = {"input": {0: "batch"}, "target": {0: "batch"}}


_FIRST = {nn.PoissonNLLLoss: "log_input"}


def _torch() -> list[Case]:
    """The losses of torch.nn as programs; CTC is refused by design, GaussianNLLLoss branches on its data."""
    x, y, sign = normal(5, 4, seed=1), normal(5, 4, seed=2), normal(5, seed=3).sign()
    probabilities, labels = uniform(5, 4, seed=4), whole(4, 5)
    logs = x.log_softmax(1)
    weight = uniform(4, seed=5)
    two: list[tuple[nn.Module, Tensor, Tensor]] = [
        (nn.L1Loss(), x, y),
        (nn.MSELoss(), x, y),
        (nn.MSELoss(reduction="none"), x, y),
        (nn.SmoothL1Loss(beta=0.5), x, y),
        (nn.HuberLoss(delta=0.7, reduction="sum"), x, y),
        (nn.CrossEntropyLoss(weight=weight, label_smoothing=0.1), x, labels),
        (nn.CrossEntropyLoss(), x, probabilities),
        (nn.CrossEntropyLoss(reduction="none"), normal(3, 4, 6), whole(4, 3, 6)),
        (nn.NLLLoss(weight=weight, ignore_index=2), logs, labels),
        (nn.PoissonNLLLoss(full=True), x, y.abs()),
        (nn.KLDivLoss(reduction="batchmean"), logs, probabilities),
        (nn.BCELoss(weight=weight), probabilities, uniform(5, 4, seed=6)),
        (nn.BCEWithLogitsLoss(pos_weight=weight), x, probabilities),
        (nn.HingeEmbeddingLoss(), x, y.sign()),
        (nn.MultiLabelMarginLoss(), x, torch.tensor([[0, 2, -1, 1]] * 5)),
        (nn.SoftMarginLoss(), x, y.sign()),
        (nn.MultiLabelSoftMarginLoss(weight=weight), x, probabilities.round()),
        (nn.MultiMarginLoss(p=2), x, labels),
    ]
    cases = [Case(f"{module}", module, {_FIRST.get(type(module), "input"): a, "target": b}) for module, a, b in two]
    triple = {"anchor": x, "positive": y, "negative": normal(5, 4, seed=7)}
    cases += [
        Case("CosineEmbeddingLoss", nn.CosineEmbeddingLoss(), {"input1": x, "input2": y, "target": sign}),
        Case("MarginRankingLoss", nn.MarginRankingLoss(), {"input1": x[:, 0], "input2": y[:, 0], "target": sign}),
        Case("TripletMarginLoss", nn.TripletMarginLoss(swap=True), triple),
        Case("TripletMarginWithDistanceLoss", nn.TripletMarginWithDistanceLoss(), triple),
    ]
    return cases


CASES: list[Case] = [
    *_torch(),
    Case("mse and absolute", MSEAndAbsolute(), _pair(4, 3), _BATCH),
    Case("focal", Focal(), {"input": normal(6, 3), "target": uniform(6, 3).round()}, _BATCH),
    Case("dice", Dice(), {"input": normal(3, 1, 4, 4), "target": uniform(3, 1, 4, 4).round()}, _BATCH),
    Case("soft dice", SoftDiceOfClasses(), {"input": normal(2, 4, 3, 3), "target": whole(4, 2, 3, 3)}),
    Case("infonce", InfoNCE(), _pair(5, 8), _BATCH),
    Case("nt-xent", NTXent(), _pair(5, 8), _BATCH),
    Case("weighted", Weighted(), {"input": normal(5, 4), "target": normal(5, 4)}, _BATCH),
    Case(
        "distillation",
        Distillation(),
        {"student": normal(6, 5, seed=1), "teacher": normal(6, 5, seed=2), "labels": whole(5, 6)},
        {"student": {0: "batch"}, "teacher": {0: "batch"}, "labels": {0: "batch"}},
    ),
    Case("quantile", Quantile(), {"input": normal(7, 3), "target": normal(7)}, _BATCH),
    Case(
        "masked tokens",
        MaskedTokens(),
        {"input": normal(3, 6, 11), "target": whole(11, 3, 6), "mask": uniform(3, 6).round()},
        {
            "input": {0: "batch", 1: "time"},
            "target": {0: "batch", 1: "time"},
            "mask": {0: "batch", 1: "time"},
        },
    ),
    Case(
        "shifted tokens",
        ShiftedTokens(),
        {"input": normal(3, 6, 11), "target": whole(11, 3, 6)},
        _BATCH,
    ),
    Case("dpo", DPO(), {"chosen": normal(3, 4, 7, seed=1), "rejected": normal(3, 4, 7, seed=2),
                        "labels": whole(7, 3, 4)}),  # fmt: skip
    Case("triplet hardest", TripletHardest(), {"input": normal(8, 4), "target": whole(3, 8)}),
    Case("vicreg", VicReg(), _pair(9, 5), _BATCH),
    Case("charbonnier", Charbonnier(), _pair(4, 3), _BATCH),
    Case("tversky", Tversky(), {"input": normal(4, 6), "target": uniform(4, 6).round()}, _BATCH),
    Case("total variation", TotalVariation(), _pair(2, 3, 5, 6), _BATCH),
    Case("listnet", ListNet(), _pair(4, 6), _BATCH),
    Case("top k", TopK(), _pair(4, 6), _BATCH),
    Case("uncertainty", Uncertainty(), _pair(4, 6), _BATCH),
    Case("in place", InPlace(), _pair(4, 6), _BATCH),
    Case("normalised", Normalised(), _pair(5, 6), _BATCH),
    Case("einsum", Einsum(), _pair(3, 4, 5), _BATCH),
    Case("sizes", Fourier(), _pair(8, 6), {"input": [_AUTO], "target": [_AUTO]}),
    *(
        Case(name, Of(function), _pair(4, 6), _BATCH)
        for name, function in {
            "log-cosh": lambda x, y: torch.log(torch.cosh(x - y)).mean(),
            "msle": lambda x, y: F.mse_loss(torch.log1p(x.abs()), torch.log1p(y.abs())),
            "mape": lambda x, y: ((x - y).abs() / y.abs().clamp_min(1e-3)).mean() * 100,
            "smape": lambda x, y: (2 * (x - y).abs() / (x.abs() + y.abs() + 1e-8)).mean(dim=-1),
            "r2": lambda x, y: (x - y).square().sum() / (y - y.mean()).square().sum(),
            "where": lambda x, y: torch.where((x - y).abs() < 1, 0.5 * (x - y) ** 2, (x - y).abs() - 0.5).mean(),
            "where numbers": lambda x, y: (torch.where(x > y, 2.0, 1.0) * (x - y).abs()).mean(),
            "asymmetric": lambda x, y: ((x >= y) * (x - y) ** 2 + (x < y).float() * (y - x)).mean(),
            "pearson": lambda x, y: 1 - F.cosine_similarity(x - x.mean(1, True), y - y.mean(1, True), dim=1).mean(),
            "huber of norm": lambda x, y: F.huber_loss(x.norm(dim=1), y.norm(p=1, dim=1)),
            "pairwise": lambda x, y: F.pairwise_distance(x, y).mean() + torch.cdist(x, y, p=1).mean(),
            "entropy": lambda x, y: -(x.softmax(-1) * x.log_softmax(-1)).sum(-1).mean() + torch.special.entr(y.abs()).sum(),
            "gumbel of logs": lambda x, y: -torch.log(-torch.log(torch.sigmoid(x).clamp(1e-6, 1 - 1e-6))).mean() + y.sum(),
            "quantiles": lambda x, y: torch.quantile((x - y).abs(), 0.9, dim=1).mean(),
            "median": lambda x, y: (x - y).median(dim=1).values.abs().mean() + (x - y).abs().median(),
            "minmax": lambda x, y: (x.max(dim=1).values - y.min(dim=1)[0]).mean() + torch.minimum(x, y).amax(),
            "argmax": lambda x, y: x.gather(1, y.argmax(dim=1, keepdim=True)).mean(),
            "split": lambda x, y: sum(a.mean() * b.sum() for a, b in zip(x.split(2, 1), y.chunk(3, 1), strict=True)),
            "unbind": lambda x, y: torch.stack(x.unbind(1), 0).mean() + x.unfold(1, 2, 1).mean() + y.mean(),
            "wasserstein": lambda x, y: (x.softmax(1).cumsum(1) - y.softmax(1).cumsum(1)).abs().sum(1).mean(),
            "lerp": lambda x, y: torch.lerp(x, y, 0.3).pow(2).mean() + torch.addcmul(x, x, y, value=0.5).mean(),
            "masked scatter": lambda x, y: x.masked_fill(y < 0, 0.0).square().mean() + x.nan_to_num().mean(),
            "index": lambda x, y: x[:, torch.tensor([0, 2, 5])].mean() + y.index_select(1, torch.tensor([1, 1])).sum(),
            "scatter": lambda x, y: torch.zeros_like(x).scatter_add(1, y.argsort(1), x).pow(2).sum(),
            "triangle": lambda x, y: (x @ y.T).triu(1).sum() + torch.diagonal(x @ y.T).mean() + torch.trace(x.T @ y),
            "activations": lambda x, y: (F.softplus(x) + F.elu(y) + F.leaky_relu(x) + F.hardtanh(y) + F.mish(x)).mean(),
            "periodic": lambda x, y: torch.atan2(torch.sin(x - y), torch.cos(x - y)).abs().mean(),
            "gammas": lambda x, y: (torch.lgamma(x.abs() + 1) + torch.digamma(y.abs() + 1) + torch.erf(x)).mean(),
            "float64 inside": lambda x, y: (x.double() - y.double()).pow(2).mean().to(torch.float32),
            "rounded": lambda x, y: (x - (x.detach().round() + y.floor().sign())).square().mean(),
            "tiled": lambda x, y: (x.repeat(2, 1) - y.expand(2, -1, -1).reshape(-1, 6)).abs().mean(),
            "prod": lambda x, y: (1 - (1 - x.sigmoid()).prod(dim=1)).mean() + y.exp().sum(-1).log().mean(),
            "logical": lambda x, y: ((x > 0) & ~(y > 0) | (x.isnan())).float().mul(x).sum() + x.sum() * y.gt(0).any(),
            "meshgrid": lambda x, y: (torch.linspace(0, 1, 6) * x).sum() + (torch.arange(6.0)[None] - y).pow(2).mean(),
        }.items()
    ),
]  # fmt: skip
