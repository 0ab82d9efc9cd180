"""Evaluations with nothing wrong about them: real models, trained little and much, and sensible made-up data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, cycle
from typing import Any

import torch
from congruence.planted import disc, triplets
from congruence.trained import binary, train
from torch import Tensor
from torch.nn import functional

STEPS = (15, 150, 500)
"""Trained little, enough, and until nothing is left to learn."""
ROWS = (slice(None), slice(0, 8), slice(None, None, 3), slice(5, 6), slice(None, None, 2), slice(-3, None))
TYPES = (torch.float32, torch.float64, torch.float32, torch.bfloat16, torch.float32, torch.float16, torch.float32)


@dataclass(frozen=True)
class Healthy:
    """A loss and its inputs; `gradients` are asked for."""

    name: str
    loss: str
    inputs: Mapping[str, Tensor]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    gradients: tuple[str, ...] = ()


def classified() -> Iterator[Healthy]:
    """One class of several."""
    rows, types, turn = cycle(ROWS), cycle(TYPES), count()
    for name in ("wine", "digits", "iris", "breast_cancer"):
        for steps in STEPS:
            trained = train(name, steps)
            for loss in (
                "CrossEntropyLoss",
                "NLLLoss",
                "SoftmaxFocalLoss",
                "Poly1CrossEntropyLoss",
                "GeneralizedCrossEntropyLoss",
                "SymmetricCrossEntropyLoss",
                "MultiMarginLoss",
                "MulticlassHingeLoss",
            ):
                some, dtype = next(rows), next(types)
                if loss == "MultiMarginLoss" and dtype in (torch.float16, torch.bfloat16):
                    dtype = torch.float32  # torch has no such kernel
                output = trained.output.log_softmax(1) if loss == "NLLLoss" else trained.output
                gradients = ("input",) if next(turn) % 2 else ()
                yield Healthy(
                    f"{loss} of {name} after {steps}",
                    loss,
                    {"input": output[some].to(dtype), "target": trained.y[some]},
                    gradients=gradients,
                )


def labelled() -> Iterator[Healthy]:
    """Yes or no, and several of them."""
    rows, types = cycle(ROWS), cycle(TYPES)
    for steps in STEPS:
        logit, label = binary(train("breast_cancer", steps))
        digits = train("digits", steps)
        several = functional.one_hot(digits.y, 10).float()
        for loss in (
            "BCEWithLogitsLoss",
            "BCELoss",
            "SigmoidFocalLoss",
            "AsymmetricLoss",
            "SoftMarginLoss",
            "HingeLoss",
        ):
            some, dtype = next(rows), next(types)
            given = logit.sigmoid() if loss == "BCELoss" else logit
            target = label * 2 - 1 if loss in ("SoftMarginLoss", "HingeLoss") else label
            yield Healthy(
                f"{loss} after {steps}", loss, {"input": given[some].to(dtype), "target": target[some].to(dtype)}
            )
        for loss in ("BCEWithLogitsLoss", "MultiLabelSoftMarginLoss", "AsymmetricLoss"):
            yield Healthy(f"{loss} of ten labels after {steps}", loss, {"input": digits.output - 3, "target": several})


def measured() -> Iterator[Healthy]:
    """Numbers."""
    rows, types, turn = cycle(ROWS), cycle(TYPES), count()
    for name in ("diabetes", "linnerud"):
        for steps in STEPS:
            trained = train(name, steps)
            middle, spread = trained.y.mean(0), trained.y.std(0)
            for loss in (
                "MSELoss",
                "L1Loss",
                "HuberLoss",
                "SmoothL1Loss",
                "LogCoshLoss",
                "QuantileLoss",
                "RMSELoss",
                "MAPELoss",
            ):
                some, dtype, number = next(rows), next(types), next(turn)
                out, y = trained.output, trained.y
                if number % 2 or dtype == torch.float16:
                    out, y = (out - middle) / spread, (y - middle) / spread
                yield Healthy(
                    f"{loss} of {name} after {steps}",
                    loss,
                    {"input": out[some].to(dtype), "target": y[some].to(dtype)},
                    gradients=("input",) if number % 3 else (),
                )
    for steps in STEPS:
        trained = train("diabetes", steps)
        rate = trained.output.clamp_min(5) / 10
        counts = (trained.y / 10).round()
        error = (trained.output - trained.y).square().mean()
        yield Healthy(f"log-rates after {steps}", "PoissonNLLLoss", {"input": rate.log(), "target": counts})
        yield Healthy(f"rates after {steps}", "PoissonNLLLoss", {"input": rate, "target": counts}, {"log_input": False})
        yield Healthy(
            f"variances after {steps}",
            "GaussianNLLLoss",
            {"input": trained.output, "target": trained.y, "var": error.expand_as(trained.y).contiguous()},
        )


def distilled() -> Iterator[Healthy]:
    """Distributions against distributions."""
    for name in ("digits", "wine"):
        teacher = train(name, 500)
        for steps in (15, 150):
            student = train(name, steps)
            soft = (teacher.output / 4).softmax(1)
            yield Healthy(
                f"soft targets of {name} after {steps}", "CrossEntropyLoss", {"input": student.output, "target": soft}
            )
            yield Healthy(
                f"KL of {name} after {steps}",
                "KLDivLoss",
                {"input": student.output.log_softmax(1), "target": soft},
                {"reduction": "batchmean"},
            )
            yield Healthy(
                f"KL of logarithms of {name} after {steps}",
                "KLDivLoss",
                {"input": student.output.log_softmax(1), "target": soft.log()},
                {"reduction": "batchmean", "log_target": True},
            )
            for loss in ("KDKLLoss", "ReverseKLLoss", "GeneralizedJSDLoss", "TVDLoss"):
                yield Healthy(
                    f"{loss} of {name} after {steps}",
                    loss,
                    {"student_logits": student.output, "teacher_logits": teacher.output},
                )


def compared() -> Iterator[Healthy]:
    """Embeddings, lists, boxes, sequences."""
    for name in ("digits", "wine"):
        trained = train(name)
        anchor, positive, negative = triplets(trained)
        kinds = trained.y[:128]
        yield Healthy(
            f"triplets of {name}",
            "TripletMarginLoss",
            {"anchor": anchor, "positive": positive, "negative": negative},
            {"margin": 5.0},
            ("anchor",),
        )
        yield Healthy(
            f"solved triplets of {name}",
            "TripletMarginLoss",
            {"anchor": anchor, "positive": positive, "negative": negative},
            {"margin": 0.1},
            ("anchor",),
        )
        yield Healthy(f"two views of {name}", "InfoNCELoss", {"query": anchor, "positive_key": positive})
        yield Healthy(f"images and texts of {name}", "CLIPLoss", {"image_features": anchor, "text_features": positive})
        sign = torch.where(torch.arange(len(anchor)) % 2 == 0, 1.0, -1.0)
        other = torch.where(sign[:, None] > 0, positive, -negative)
        yield Healthy(f"cosines of {name}", "CosineEmbeddingLoss", {"input1": anchor, "input2": other, "target": sign})
        for loss in ("SupConLoss", "NTXentLoss", "MultiSimilarityLoss", "CircleLoss", "ContrastiveLoss"):
            yield Healthy(f"{loss} of {name}", loss, {"embeddings": anchor, "labels": kinds})
        yield Healthy(f"vicreg of {name}", "VICRegLoss", {"embeddings": anchor, "ref_emb": positive})
    g = torch.Generator().manual_seed(5)
    for width in (5, 20):
        grades = torch.randint(0, 4, (32, width), generator=g).float()
        scores = grades + torch.randn(32, width, generator=g)
        for loss in ("ListNetLoss", "ListMLELoss", "PairwiseLogisticLoss", "ApproxNDCGLoss"):
            yield Healthy(f"{loss} of {width}", loss, {"scores": scores, "labels": grades})
    corners = torch.rand(64, 2, generator=g) * 400
    true = torch.cat((corners, corners + 40 + 100 * torch.rand(64, 2, generator=g)), 1)
    for loss in ("IoULoss", "GIoULoss", "DIoULoss", "CIoULoss"):
        mine = true + torch.randn(64, 4, generator=g) * 4
        yield Healthy(loss, loss, {"input": mine, "target": true}, gradients=("input",))
    speech = torch.randn(50, 4, 20, generator=g).log_softmax(-1)
    said = torch.randint(1, 20, (4, 12), generator=g)
    yield Healthy(
        "speech",
        "CTCLoss",
        {
            "log_probs": speech,
            "targets": said,
            "input_lengths": torch.tensor([50, 48, 40, 36]),
            "target_lengths": torch.tensor([12, 10, 8, 6]),
        },
        gradients=("log_probs",),
    )


def rewarded() -> Iterator[Healthy]:
    """Tokens and answers of language models."""
    g = torch.Generator().manual_seed(7)
    mask = torch.arange(48) < torch.randint(20, 49, (16, 1), generator=g)
    for far in (0.01, 0.05, 0.2):
        old = -torch.rand(16, 48, generator=g).mul(4).square() / 4
        logp = (old + far * torch.randn(16, 48, generator=g)).clamp_max(-1e-4)
        advantage = torch.randn(16, generator=g)
        advantage = (advantage - advantage.mean()) / advantage.std()
        tokens = {"log_probs": logp, "old_log_probs": old, "advantages": advantage, "mask": mask}
        for loss in (
            "PPOClipLoss",
            "GRPOLoss",
            "DrGRPOLoss",
            "DAPOLoss",
            "CISPOLoss",
            "GSPOLoss",
            "ImportanceSamplingLoss",
        ):
            arguments = {"max_tokens": 48} if loss == "DrGRPOLoss" else {}
            yield Healthy(f"{loss} at {far}", loss, tokens, arguments, ("log_probs",))
    for gain in (0.0, 2.0):
        reference = -torch.rand(64, 2, generator=g) * 100 - 20
        policy = reference + torch.randn(64, 2, generator=g) * 2 + torch.tensor([gain, -gain])
        names = ("policy_chosen_logps", "policy_rejected_logps", "reference_chosen_logps", "reference_rejected_logps")
        pairs = dict(zip(names, (*policy.T.contiguous(), *reference.T.contiguous()), strict=True))
        for kind in ("sigmoid", "hinge", "robust"):
            arguments = {"loss_type": kind, **({"label_smoothing": 0.1} if kind == "robust" else {})}
            yield Healthy(f"DPO {kind} at {gain}", "DPOLoss", pairs, arguments, ("policy_chosen_logps",))
        short = {name: pairs[name] / 50 for name in names[:2]}
        yield Healthy(f"SimPO at {gain}", "SimPOLoss", short)
        yield Healthy(f"ORPO at {gain}", "ORPOLoss", short)
        rewards = torch.randn(64, 2, generator=g) + torch.tensor([gain, 0.0])
        chosen, rejected = rewards.T.contiguous()
        yield Healthy(
            f"Bradley and Terry at {gain}", "BradleyTerryLoss", {"rewards_chosen": chosen, "rewards_rejected": rejected}
        )


def within() -> Iterator[Healthy]:
    """Scores within 0 to 1 that are no probabilities."""
    g = torch.Generator().manual_seed(13)
    kinds = torch.randint(0, 10, (64,), generator=g)
    starting = {
        "small": torch.randn(64, 10, generator=g).abs() / 10,
        "halves": torch.rand(64, 10, generator=g) / 2,
        "up to 0.9": torch.rand(64, 10, generator=g) * 0.9,
        "rectified": torch.randn(64, 10, generator=g).relu() / 4,
        "cosines": functional.cosine_similarity(
            torch.randn(64, 1, 16, generator=g).abs(), torch.randn(10, 16, generator=g).abs(), dim=-1
        ),
    }
    for name, scores in starting.items():
        for loss in ("CrossEntropyLoss", "SoftmaxFocalLoss", "MultiMarginLoss"):
            yield Healthy(f"{loss} of {name} scores", loss, {"input": scores, "target": kinds})
    for base in (0.03, 0.5):
        yield Healthy(f"positive logits at a base rate of {base}", "BCEWithLogitsLoss",
                      {"input": torch.rand(256, generator=g) / 4,
                       "target": (torch.rand(256, generator=g) < base).float()})  # fmt: skip


def started() -> Iterator[Healthy]:
    """Numbers of models that start, are weak, or mean a quantile."""
    g = torch.Generator().manual_seed(14)
    diabetes = train("diabetes", 15)
    out, y = diabetes.output, diabetes.y
    z = (y - y.mean()) / y.std()
    for seed in range(4):
        start = train("diabetes", 0, seed=seed).output  # of the unit of y, and nothing learned
        own = (start - y.mean()) / y.std()
        for loss in ("MSELoss", "L1Loss", "HuberLoss"):
            yield Healthy(f"{loss} of a model that starts, {seed}", loss, {"input": own, "target": z})
        for deviation in (torch.ones_like(z), functional.softplus(own)):
            yield Healthy(f"variances of a model that starts, {seed}", "GaussianNLLLoss",
                          {"input": own, "target": z, "var": deviation})  # fmt: skip
    for loss in ("L1Loss", "MSELoss", "HuberLoss"):
        yield Healthy(f"a bias of half a spread in {loss}", loss, {"input": out + y.std() / 2, "target": y})
        yield Healthy(f"{loss} of predictions near the mean", loss, {"input": y.mean() + (out - y.mean()) / 5,
                                                                     "target": y})  # fmt: skip
    for quantile, shift in ((0.1, -70.0), (0.9, 70.0)):
        yield Healthy(f"quantile {quantile}", "QuantileLoss", {"input": out + shift, "target": y},
                      {"quantile": quantile})  # fmt: skip
    yield Healthy("a quantile far out", "QuantileLoss", {"input": out + 220, "target": y}, {"quantile": 0.999})
    line = torch.linspace(-1, 1, 64)
    for slope in (-0.5, -0.1, 0.1, 0.5):
        yield Healthy(f"a line that starts at {slope}", "MSELoss", {"input": slope * line, "target": 2 * line + 1})
    peaks = torch.exp(-(torch.arange(24)[:, None, None] - torch.arange(24)[:, None]).square() / 1.0)
    yield Healthy("peaks of heat", "MSELoss", {"input": peaks[:, :, 0] * 0.8, "target": peaks[:, :, 0]})
    gains = torch.randint(-1, 2, (64,), generator=g).float()
    yield Healthy("gains of -1, 0 and 1", "MSELoss",
                  {"input": gains + torch.randn(64, generator=g) / 2, "target": gains})  # fmt: skip


def weighed() -> Iterator[Healthy]:
    """Masks of images and of sequences, and weights of rare classes."""
    g = torch.Generator().manual_seed(15)
    for radius, far in ((8, 4.0), (8, 0.3), (3, 2.0), (2, 0.0)):
        mask, scores = disc(4, radius, far)
        for loss in ("DiceLoss", "JaccardLoss", "TverskyLoss", "GeneralizedDiceLoss"):
            yield Healthy(f"{loss} of discs of {radius} at {far}", loss, {"input": scores, "target": mask},
                          {"mode": "binary"})  # fmt: skip
            yield Healthy(f"{loss} of a model that says no, {radius} at {far}", loss,
                          {"input": scores - 9, "target": mask}, {"mode": "binary"})  # fmt: skip
    logit, label = binary(train("breast_cancer"))
    few = torch.cat((label.nonzero()[:, 0], (label == 0).nonzero()[:20, 0]))
    yield Healthy("rare and weighed up", "BCEWithLogitsLoss", {"input": -logit[few], "target": 1 - label[few]},
                  {"pos_weight": torch.tensor([17.0])})  # fmt: skip
    yield Healthy("rare and weighed up in classes", "CrossEntropyLoss",
                  {"input": train("breast_cancer").output[few], "target": label[few].long()},
                  {"weight": torch.tensor([0.9, 0.1])})  # fmt: skip
    left = torch.arange(32) >= torch.tensor([4, 9, 1, 20, 12, 7, 15, 3])[:, None]
    logp = -torch.rand(8, 32, generator=g)
    yield Healthy("padding on the left", "GRPOLoss",
                  {"log_probs": torch.where(left, logp, 0.0), "old_log_probs": torch.where(left, logp * 1.01, 0.0),
                   "advantages": torch.linspace(-1.5, 1.5, 8), "mask": left})  # fmt: skip


def corpus() -> list[Healthy]:
    """All of them."""
    return [
        *classified(),
        *labelled(),
        *measured(),
        *distilled(),
        *compared(),
        *rewarded(),
        *within(),
        *started(),
        *weighed(),
    ]
