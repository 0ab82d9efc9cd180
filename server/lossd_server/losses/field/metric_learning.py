"""Losses over embeddings: rows of a batch that belong together or apart, and two views of the same items.

Those that pytorch-metric-learning computes are its own, loaded when one is first built; the others are a few lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, normalize

from lossd_server.faults import Fault
from lossd_server.losses import weights
from lossd_server.losses.binding import Forward
from lossd_server.losses.contract import Argument, Arguments, Example, Input, Kind
from lossd_server.losses.field import embeddings as batches
from lossd_server.losses.formula import FormulaEntry


def _pairs(kind: Kind) -> tuple[Input, ...]:
    return (
        Input("embeddings", kind, "(N,D)", "one embedding per item"),
        Input(
            "labels", Kind.LABELS, "(N,)", "kinds: equal labels belong together; needed without ref_emb", optional=True
        ),
        Input("ref_emb", kind, "(N,D)", "another view of the same items; needed without labels", optional=True),
    )


def nt_xent(embeddings: Tensor, labels: Tensor | None, ref_emb: Tensor | None, *, temperature: float) -> Tensor:
    """Mean over positive pairs (i, p) of −log(e^s_ip / (e^s_ip + Σ_n e^s_in)), s = cosine similarity / T."""
    embeddings, labels = batches.labelled(embeddings, labels, ref_emb)
    unit = normalize(embeddings)
    similarity = unit @ unit.T / temperature
    same = labels.unsqueeze(1) == labels.unsqueeze(0)
    positive = same & ~torch.eye(labels.shape[0], dtype=torch.bool, device=labels.device)
    negatives = similarity.masked_fill(same, -torch.inf).logsumexp(1, keepdim=True)
    losses = -logsigmoid(similarity - negatives)
    return losses.masked_fill(~positive, 0).sum() / positive.sum().clamp_min(1)


def info_nce(query: Tensor, positive_key: Tensor, negative_keys: Tensor | None, *, temperature: float) -> Tensor:
    """−log of the softmax of the positive key's cosine similarity / T among that and the negatives', per query."""
    query, positive_key = normalize(query, dim=-1), normalize(positive_key, dim=-1)
    if negative_keys is None:
        logits = query @ positive_key.T / temperature
        return logits.logsumexp(1) - logits.diagonal()
    negative_keys = normalize(negative_keys, dim=-1)
    own = (query * positive_key).sum(-1) / temperature
    others = (query.unsqueeze(-2) @ negative_keys.transpose(-2, -1)).squeeze(-2) / temperature
    return torch.cat((own.unsqueeze(-1), others), dim=-1).logsumexp(-1) - own


def clip(
    image_features: Tensor, text_features: Tensor, logit_scale: Tensor | None, *, temperature: float, normalize: bool
) -> Tensor:
    """Half the cross-entropy of each image among all texts, and half that of its text among all images."""
    if normalize:
        image_features, text_features = (_unit(features) for features in (image_features, text_features))
    scale = 1 / temperature if logit_scale is None else logit_scale
    logits = scale * (image_features @ text_features.T)
    return (logits.logsumexp(0) + logits.logsumexp(1)) / 2 - logits.diagonal()


_unit = normalize  # which clip's argument of this name hides


def barlow_twins(z_a: Tensor, z_b: Tensor, *, lambda_param: float) -> Tensor:
    """Σ_i (1 − C_ii)² + λ Σ_i≠j C_ij², C the correlation of the two views' dimensions over the batch."""
    correlation = _standardised(z_a).T @ _standardised(z_b) / z_a.shape[0]
    own = torch.eye(correlation.shape[0], dtype=torch.bool, device=correlation.device)
    return (1 - correlation.diagonal()).square().sum() + lambda_param * correlation.masked_fill(own, 0).square().sum()


def _standardised(view: Tensor) -> Tensor:
    """Mean 0 and variance 1 over the batch, as torch's batch normalisation computes it."""
    centred = view - view.mean(0)
    return centred * (centred.square().mean(0) + 1e-5).rsqrt()


def of_pairs(loss: Forward, embeddings: Tensor, labels: Tensor | None, ref_emb: Tensor | None) -> Tensor:
    """A loss of the library over all pairs of the labelled batch."""
    return loss(*batches.labelled(embeddings, labels, ref_emb))


def of_views(loss: Forward, embeddings: Tensor, ref_emb: Tensor) -> Tensor:
    """A loss of the library over two views."""
    return loss(embeddings, ref_emb=ref_emb)


@dataclass(frozen=True, kw_only=True)
class LibraryEntry(FormulaEntry):
    """A loss that pytorch-metric-learning computes, under its own names and with its own defaults.

    Args:
        library: its class there; `function` calls an instance of it.
    """

    library: str

    def forward(self, given: dict[str, Any], arguments: Arguments) -> Forward:
        try:
            from pytorch_metric_learning import losses  # takes a second: not at the start
        except ImportError:
            raise Fault(
                "UNSUPPORTED",
                f"{self.class_name} is computed by pytorch-metric-learning, which this server lacks; "
                "on the server: pip install 'lossd[metric-learning]'",
                field=arguments["path"],
            ) from None
        loss = getattr(losses, self.library)(**{argument.name: arguments[argument.name] for argument in self.arguments})
        return lambda *inputs: self.function(loss, *inputs)


_WHERE = "https://kevinmusgrave.github.io/pytorch-metric-learning/losses/"
_NONZERO = "the mean is over the losses that are not 0, so it does not fall as more pairs are solved"
_LENGTH = "embeddings are scaled to length 1 inside: their length is never learned"
_ALONE = "a batch without two rows of one label, or of one label only, has nothing to compare and answers 0"
_WHOLE = "depends on the whole batch: the mean of two halves is not the value of both together"
_LABELLED = {"embeddings": [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8]], "labels": [0, 0, 1, 1]}
_VIEWED = [[[1.0, 0.0], [0.0, 1.0]], [[0.8, 0.6], [0.6, 0.8]]]


def _temperature(default: float) -> Argument:
    return Argument("temperature", float, default, "similarities are divided by it", above=0)


def _pair_entry(**described: Any) -> LibraryEntry:
    defaults = {"inputs": _pairs(Kind.FLOAT), "function": of_pairs, "library": described["class_name"]}
    return LibraryEntry(**(_BATCH | _PAIRS | {"infer": batches.one_number} | defaults | described))


_BATCH: dict[str, Any] = {"reductions": (), "tasks": ("metric-learning",), "weight": weights.none}
_PAIRS: dict[str, Any] = {
    "shapes": batches.pair_shapes,
    "spans": ("embeddings",),
    "work": batches.all_pairs,
}

ENTRIES: tuple[FormulaEntry, ...] = (
    _pair_entry(
        name="contrastive_loss",
        class_name="ContrastiveLoss",
        summary="Pulls embeddings of one label within a margin of each other and pushes others beyond one.",
        formula="mean of max(d_p - pos_margin, 0) over positive pairs + mean of max(neg_margin - d_n, 0) over "
        "negative pairs, of those above 0, d = Euclidean distance of embeddings of length 1",
        inputs=_pairs(Kind.WIDE_FLOAT),
        elements=batches.no_nan,
        arguments=(
            Argument("pos_margin", float, 0.0, "distance up to which a positive pair costs nothing"),
            Argument("neg_margin", float, 1.0, "distance from which on a negative pair costs nothing"),
        ),
        traps=(_NONZERO, _LENGTH, "distances are not squared, unlike in the first paper", _WHOLE),
        aliases=("contrastive",),
        example=Example(_LABELLED, 0.9418898820877075),
        source=f"{_WHERE}#contrastiveloss",
    ),
    FormulaEntry(
        name="nt_xent_loss",
        class_name="NTXentLoss",
        summary="SimCLR's loss: cross-entropy of each positive pair against the negatives of its first item.",
        formula="mean over positive pairs (i,p) of -log(exp(s_ip) / (exp(s_ip) + Σ_n exp(s_in))), "
        "s = cosine similarity / temperature",
        inputs=_pairs(Kind.FLOAT),
        arguments=(_temperature(0.07),),
        function=nt_xent,
        traps=(
            "without ref_emb, labels say what belongs together; with ref_emb alone, each row and its other view do",
            _LENGTH,
            "more rows are more negatives: " + _WHOLE,
            _ALONE,
        ),
        aliases=("nt_xent", "ntxent", "simclr"),
        example=Example({"embeddings": _VIEWED[0], "ref_emb": _VIEWED[1]}, 0.8707138299942017, {"temperature": 0.5}),
        source=f"{_WHERE}#ntxentloss",
        **_BATCH,
        **_PAIRS,
    ),
    FormulaEntry(
        name="info_nce_loss",
        class_name="InfoNCELoss",
        summary="Cross-entropy of each query's positive key among negative keys, or among the keys of all queries.",
        formula="-log(exp(s_positive) / (exp(s_positive) + Σ exp(s_negative))), s = cosine similarity / temperature",
        inputs=(
            Input("query", Kind.FLOAT, "(N,D)", "embeddings to match"),
            Input("positive_key", Kind.FLOAT, "(N,D)", "the embedding that belongs to each query"),
            Input(
                "negative_keys",
                Kind.FLOAT,
                "(M,D) or (N,M,D)",
                "negatives of all queries, or of each; left out, those are the other queries' positive keys",
                optional=True,
            ),
        ),
        arguments=(_temperature(0.1),),
        function=info_nce,
        shapes=batches.key_shapes,
        weight=weights.none,
        spans=("query",),
        work=batches.queries_by_keys,
        traps=(
            _LENGTH,
            "duplicates in a batch count as each other's negatives",
            "one way only: the keys are not matched with the queries; clip_loss does both",
            "where negatives come from the batch its size changes the loss",
        ),
        tasks=("metric-learning",),
        aliases=("info_nce", "infonce", "cpc", "moco"),
        example=Example({"query": _VIEWED[0], "positive_key": _VIEWED[1]}, 0.12692832946777344),
        source="https://arxiv.org/abs/1807.03748",
    ),
    FormulaEntry(
        name="clip_loss",
        class_name="CLIPLoss",
        summary="CLIP: each image matched with its text among all texts, and each text with its image.",
        formula="½ (log Σ_j exp(l_ij) + log Σ_j exp(l_ji)) - l_ii, "
        "l = logit_scale · image_features @ text_features.T, per pair",
        inputs=(
            Input("image_features", Kind.FLOAT, "(N,D)", "embeddings of one side"),
            Input("text_features", Kind.FLOAT, "(N,D)", "those that belong to them, row by row"),
            Input(
                "logit_scale", Kind.FLOAT, "()", "factor of the similarities, for models that learn it", optional=True
            ),
        ),
        arguments=(
            Argument("temperature", float, 0.07, "1 / logit_scale, where that input is not given", above=0),
            Argument("normalize", bool, True, "scale features to length 1 first; those that are so already keep"),
        ),
        function=clip,
        shapes=batches.clip_shapes,
        weight=weights.none,
        spans=("image_features", "text_features"),
        work=batches.rows_by_rows,
        traps=(
            "logit_scale is the factor itself: models that learn its logarithm pass the exponential",
            "duplicates in a batch count as each other's negatives",
            "its size is that of the batch: random features give log N",
        ),
        tasks=("metric-learning",),
        aliases=("clip", "open_clip"),
        example=Example({"image_features": _VIEWED[0], "text_features": _VIEWED[1]}, 0.05584430694580078),
        source="https://arxiv.org/abs/2103.00020",
    ),
    _pair_entry(
        name="sup_con_loss",
        class_name="SupConLoss",
        summary="Supervised contrastive: log-softmax of the similarity to rows of one label, averaged for each row.",
        formula="-mean over positives p of log(exp(s_ip) / Σ_{a≠i} exp(s_ia)), per row, mean over rows above 0, "
        "s = cosine similarity / temperature",
        arguments=(_temperature(0.1),),
        traps=(_LENGTH, _NONZERO, _ALONE, _WHOLE, "for the two views of the paper give labels and ref_emb"),
        aliases=("sup_con", "supcon"),
        example=Example(_LABELLED, 0.9668018817901611),
        source=f"{_WHERE}#supconloss",
    ),
    _pair_entry(
        name="multi_similarity_loss",
        class_name="MultiSimilarityLoss",
        summary="Weighs each pair by its similarity and by how it compares with the other pairs of its row.",
        formula="log(1 + Σ_p exp(-alpha (s_ip - base))) / alpha + log(1 + Σ_n exp(beta (s_in - base))) / beta, "
        "mean over rows, s = cosine similarity",
        arguments=(
            Argument("alpha", float, 2.0, "steepness for positive pairs", above=0),
            Argument("beta", float, 50.0, "steepness for negative pairs", above=0),
            Argument("base", float, 0.5, "similarity from which both are counted"),
        ),
        traps=(_LENGTH, "the paper's miner of pairs is not part of it: all pairs count", _WHOLE),
        aliases=("multi_similarity", "ms_loss"),
        example=Example(_LABELLED, 0.49881118535995483),
        source=f"{_WHERE}#multisimilarityloss",
    ),
    _pair_entry(
        name="circle_loss",
        class_name="CircleLoss",
        summary="Weighs each similarity by how far it is from its optimum, so that the boundary is a circle.",
        formula="log(1 + Σ_n exp(gamma [s_n + m]+ (s_n - m)) Σ_p exp(-gamma [1 + m - s_p]+ (s_p - 1 + m))), per row, "
        "mean over rows above 0, s = cosine similarity; [·]+ are weights without gradient",
        arguments=(
            Argument("m", float, 0.4, "relaxation: positives aim above 1 - m, negatives below m"),
            Argument("gamma", float, 80.0, "scale of the similarities", above=0),
        ),
        traps=(
            "the weights are held constant: its gradient is not that of the formula",
            _LENGTH,
            _NONZERO,
            _ALONE,
            _WHOLE,
        ),
        aliases=("circle",),
        example=Example(_LABELLED, 28.864837646484375),
        source=f"{_WHERE}#circleloss",
    ),
    LibraryEntry(
        name="vicreg_loss",
        class_name="VICRegLoss",
        summary="Two views: alike (invariance), each dimension spread (variance), none redundant (covariance).",
        formula="invariance_lambda mean (a - b)² + variance_mu ½ Σ_views mean_d max(1 - sqrt(var_d + eps), 0) "
        "+ covariance_v Σ_views Σ_{d≠e} cov_de² / D",
        inputs=(
            Input("embeddings", Kind.FLOAT, "(N,D)", "one view, N at least 2"),
            Input("ref_emb", Kind.FLOAT, "(N,D)", "the other view of the same items"),
        ),
        arguments=(
            Argument("invariance_lambda", float, 25.0, "factor of the distance of both views", least=0),
            Argument("variance_mu", float, 25.0, "factor of the lack of spread", least=0),
            Argument("covariance_v", float, 1.0, "factor of the redundancy", least=0),
            Argument("eps", float, 1e-4, "added to variances before the square root", above=0),
        ),
        function=of_views,
        library="VICRegLoss",
        shapes=batches.views("embeddings", "ref_emb", least=2),
        infer=batches.one_number,
        spans=("embeddings", "ref_emb"),
        work=batches.features_by_features,
        traps=(
            _WHOLE,
            "statistics of few rows are poor: the paper takes 2048",
            "embeddings are not scaled to length 1",
        ),
        aliases=("vicreg", "vic_reg"),
        example=Example({"embeddings": _VIEWED[0], "ref_emb": _VIEWED[1]}, 19.638500213623047),
        source=f"{_WHERE}#vicregloss",
        **_BATCH,
    ),
    FormulaEntry(
        name="barlow_twins_loss",
        class_name="BarlowTwinsLoss",
        summary="Two views: their dimensions correlate with themselves, and with no other.",
        formula="Σ_i (1 - C_ii)² + lambda_param Σ_{i≠j} C_ij², C = correlation over the batch of the views' dimensions",
        inputs=(
            Input("z_a", Kind.FLOAT, "(N,D)", "one view"),
            Input("z_b", Kind.FLOAT, "(N,D)", "the other view of the same items"),
        ),
        arguments=(Argument("lambda_param", float, 5e-3, "factor of the redundancy", least=0),),
        function=barlow_twins,
        shapes=batches.views("z_a", "z_b"),
        spans=("z_a", "z_b"),
        work=batches.features_by_features,
        traps=(_WHOLE, "a sum over D² correlations: wider embeddings weigh more", "a batch of one row answers D"),
        aliases=("barlow_twins", "barlow"),
        example=Example({"z_a": _VIEWED[0], "z_b": _VIEWED[1]}, 0.009990150108933449),
        source="https://arxiv.org/abs/2103.03230",
        **_BATCH,
    ),
)
