"""Mistakes planted on what real models put out, each with the code that must be found; knows no rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from congruence.trained import Trained, binary, train
from lossd_server.judge.diagnostics.findings import Level
from lossd_server.losses import catalogue, expression
from lossd_server.losses.binding import BoundEntry
from lossd_server.losses.composite import Term, WeightedSum
from lossd_server.losses.contract import Loss
from torch import Tensor
from torch.nn import functional

CHEAP, FULL = Level.CHEAP, Level.FULL


@dataclass(frozen=True)
class Planted:
    """A mistake.

    Args:
        mistake: what somebody did.
        code: of the diagnostic that must find it; or the ErrorReason by which it is refused.
        loss: class name.
        level: the least at which it must be found.
        gradients: inputs whose gradient is asked for.
        refused: whether `code` is a refusal's.
    """

    mistake: str
    code: str
    loss: str
    inputs: Mapping[str, Tensor]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    level: Level = CHEAP
    gradients: tuple[str, ...] = ()
    refused: bool = False


def _one_hot(y: Tensor, classes: int) -> Tensor:
    return functional.one_hot(y, classes).float()


def formats() -> Iterator[Planted]:
    """Outputs in another form."""
    digits, cancer, wine = train("digits"), train("breast_cancer"), train("wine")
    logit, label = binary(cancer)
    p, logs, z, y = digits.output.softmax(1), digits.output.log_softmax(1), digits.output, digits.y
    yield Planted(
        "softmax before CrossEntropyLoss", "PROBABILITIES_AS_LOGITS", "CrossEntropyLoss", {"input": p, "target": y}
    )
    yield Planted(
        "softmax before CrossEntropyLoss, 8 rows of wine",
        "PROBABILITIES_AS_LOGITS",
        "CrossEntropyLoss",
        {"input": wine.output[::23].softmax(1), "target": wine.y[::23]},
    )
    yield Planted(
        "softmax before CrossEntropyLoss in float16",
        "PROBABILITIES_AS_LOGITS",
        "CrossEntropyLoss",
        {"input": p.half(), "target": y},
    )
    yield Planted(
        "softmax before the focal loss", "PROBABILITIES_AS_LOGITS", "SoftmaxFocalLoss", {"input": p, "target": y}
    )
    yield Planted(
        "softmax before a generalised cross entropy",
        "PROBABILITIES_AS_LOGITS",
        "GeneralizedCrossEntropyLoss",
        {"input": p, "target": y},
    )
    yield Planted(
        "softmax before MultiMarginLoss", "PROBABILITIES_AS_LOGITS", "MultiMarginLoss", {"input": p, "target": y}
    )
    yield Planted(
        "sigmoid before BCEWithLogitsLoss",
        "PROBABILITIES_AS_LOGITS",
        "BCEWithLogitsLoss",
        {"input": logit.sigmoid(), "target": label},
    )
    yield Planted(
        "sigmoid before the focal loss",
        "PROBABILITIES_AS_LOGITS",
        "SigmoidFocalLoss",
        {"input": logit.sigmoid(), "target": label},
    )
    yield Planted(
        "sigmoid before hinge",
        "PROBABILITIES_AS_LOGITS",
        "HingeLoss",
        {"input": logit.sigmoid(), "target": label * 2 - 1},
    )
    yield Planted(
        "sigmoid of one label for each digit",
        "PROBABILITIES_AS_LOGITS",
        "MultiLabelSoftMarginLoss",
        {"input": z.sigmoid(), "target": _one_hot(y, 10)},
    )
    yield Planted(
        "teacher's probabilities in a distillation",
        "PROBABILITIES_AS_LOGITS",
        "KDKLLoss",
        {"student_logits": z, "teacher_logits": train("digits", 40).output.softmax(1)},
    )
    yield Planted(
        "softmax before dice",
        "PROBABILITIES_AS_LOGITS",
        "DiceLoss",
        {"input": p.T.reshape(1, 10, -1), "target": y.reshape(1, -1)},
    )
    yield Planted(
        "log_softmax before CrossEntropyLoss",
        "LOG_PROBABILITIES_AS_LOGITS",
        "CrossEntropyLoss",
        {"input": logs, "target": y},
    )
    yield Planted(
        "softmax, then log_softmax, then NLLLoss", "SOFTMAX_TWICE", "NLLLoss", {"input": p.log_softmax(1), "target": y}
    )
    yield Planted(
        "softmax, then log_softmax, of two classes",
        "SOFTMAX_TWICE",
        "NLLLoss",
        {"input": cancer.output.softmax(1).log_softmax(1), "target": cancer.y},
    )
    yield Planted(
        "sigmoid twice before BCELoss",
        "SIGMOID_TWICE",
        "BCELoss",
        {"input": logit.sigmoid().sigmoid(), "target": label},
    )
    yield Planted(
        "logsigmoid before BCEWithLogitsLoss",
        "LOG_SIGMOID_AS_LOGITS",
        "BCEWithLogitsLoss",
        {"input": functional.logsigmoid(logit), "target": label},
    )
    yield Planted("logits to NLLLoss", "LOGITS_AS_LOG_PROBABILITIES", "NLLLoss", {"input": z, "target": y})
    yield Planted(
        "probabilities to NLLLoss", "PROBABILITIES_AS_LOG_PROBABILITIES", "NLLLoss", {"input": p, "target": y}
    )
    yield Planted(
        "probabilities as KLDivLoss input",
        "PROBABILITIES_AS_LOG_PROBABILITIES",
        "KLDivLoss",
        {"input": p, "target": train("digits", 40).output.softmax(1)},
        {"reduction": "batchmean"},
    )
    yield Planted(
        "logits as KLDivLoss input",
        "LOGITS_AS_LOG_PROBABILITIES",
        "KLDivLoss",
        {"input": z, "target": train("digits", 40).output.softmax(1)},
        {"reduction": "batchmean"},
    )
    yield Planted(
        "sigmoids as classes of dice",
        "OUTPUT_NOT_NORMALISED",
        "DiceLoss",
        {"input": z.sigmoid().T.reshape(1, 10, -1), "target": y.reshape(1, -1)},
        {"from_logits": False},
    )
    yield Planted("ReLU on logits", "RECTIFIED_OUTPUT", "CrossEntropyLoss", {"input": z.relu(), "target": y})
    yield Planted(
        "ReLU on one logit", "RECTIFIED_OUTPUT", "BCEWithLogitsLoss", {"input": logit.relu(), "target": label}
    )
    yield Planted("logits to BCELoss", "VALUE_OUT_OF_RANGE", "BCELoss", {"input": logit, "target": label}, refused=True)


def answers() -> Iterator[Planted]:
    """Targets and answers."""
    digits, cancer, iris = train("digits"), train("breast_cancer"), train("iris")
    logit, label = binary(cancer)
    z, y = digits.output, digits.y
    soft = train("digits", 40).output.softmax(1)
    yield Planted(
        "one-hot floats to CrossEntropyLoss",
        "ONE_HOT_TARGETS",
        "CrossEntropyLoss",
        {"input": z, "target": _one_hot(y, 10)},
    )
    yield Planted(
        "one-hot whole numbers to CrossEntropyLoss",
        "SHAPE_MISMATCH",
        "CrossEntropyLoss",
        {"input": z, "target": functional.one_hot(y, 10)},
        refused=True,
    )
    yield Planted(
        "two labels to a digit in CrossEntropyLoss",
        "MULTI_HOT_TARGETS",
        "CrossEntropyLoss",
        {"input": z, "target": (_one_hot(y, 10) + _one_hot((y + 1) % 10, 10))},
    )
    yield Planted(
        "targets smoothed without a division",
        "TARGETS_NOT_NORMALISED",
        "CrossEntropyLoss",
        {"input": z, "target": soft + 0.05},
    )
    yield Planted(
        "standardised soft targets",
        "NEGATIVE_TARGETS",
        "CrossEntropyLoss",
        {"input": z, "target": (soft - soft.mean(0)) / soft.std(0)},
    )
    yield Planted(
        "KLDivLoss of log-probabilities without log_target",
        "LOG_TARGET_MISMATCH",
        "KLDivLoss",
        {"input": z.log_softmax(1), "target": soft.log()},
        {"reduction": "batchmean"},
    )
    yield Planted(
        "KLDivLoss of probabilities with log_target",
        "LOG_TARGET_MISMATCH",
        "KLDivLoss",
        {"input": z.log_softmax(1), "target": soft},
        {"reduction": "batchmean", "log_target": True},
    )
    yield Planted(
        "KLDivLoss by its default reduction",
        "KL_MEAN_REDUCTION",
        "KLDivLoss",
        {"input": z.log_softmax(1), "target": soft},
    )
    yield Planted(
        "signs to BCEWithLogitsLoss", "SIGN_TARGETS", "BCEWithLogitsLoss", {"input": logit, "target": label * 2 - 1}
    )
    yield Planted(
        "class numbers to BCEWithLogitsLoss",
        "CLASS_INDICES_AS_LABELS",
        "BCEWithLogitsLoss",
        {"input": iris.output[:, 1], "target": iris.y.float()},
    )
    yield Planted(
        "grey values as masks", "TARGETS_OUT_OF_RANGE", "BCEWithLogitsLoss", {"input": logit, "target": label * 255}
    )
    yield Planted(
        "0 and 1 to SoftMarginLoss",
        "VALUE_OUT_OF_RANGE",
        "SoftMarginLoss",
        {"input": logit, "target": label},
        refused=True,
    )
    yield Planted(
        "0 and 1 to HingeLoss", "VALUE_OUT_OF_RANGE", "HingeLoss", {"input": logit, "target": label}, refused=True
    )
    yield Planted(
        "multi-hot to MultiLabelMarginLoss",
        "MULTI_HOT_AS_INDICES",
        "MultiLabelMarginLoss",
        {"input": z, "target": functional.one_hot(y, 10)},
    )
    yield Planted(
        "padding only", "ALL_TARGETS_IGNORED", "CrossEntropyLoss", {"input": z, "target": torch.full_like(y, -100)}
    )
    yield Planted(
        "ignore_index is a class, and the batch holds no other",
        "ALL_TARGETS_IGNORED",
        "CrossEntropyLoss",
        {"input": z[y == 0], "target": y[y == 0]},
        {"ignore_index": 0},
    )
    yield Planted(
        "one target in twenty counts",
        "MOST_TARGETS_IGNORED",
        "CrossEntropyLoss",
        {"input": z, "target": torch.where(torch.arange(len(y)) % 20 == 0, y, -100)},
    )
    rare = torch.cat((torch.arange(len(y))[y != 3], (y == 3).nonzero()[:1, 0]))
    yield Planted(
        "one example of a class", "CLASS_IMBALANCE", "CrossEntropyLoss", {"input": z[rare], "target": y[rare]}
    )
    few = torch.cat((label.nonzero()[:, 0], (label == 0).nonzero()[:4, 0]))
    yield Planted(
        "four negatives without pos_weight",
        "CLASS_IMBALANCE",
        "BCEWithLogitsLoss",
        {"input": logit[few], "target": label[few]},
    )
    yield Planted("labels from 1 on", "LABELS_SHIFTED", "CrossEntropyLoss", {"input": z[y < 9], "target": y[y < 9] + 1})
    yield Planted("labels exchanged", "LABELS_FLIPPED", "BCEWithLogitsLoss", {"input": logit, "target": 1 - label})
    yield Planted(
        "columns exchanged", "LABELS_FLIPPED", "CrossEntropyLoss", {"input": cancer.output.flip(1), "target": cancer.y}
    )
    yield Planted(
        "targets shuffled",
        "WORSE_THAN_CHANCE",
        "CrossEntropyLoss",
        {"input": z, "target": y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))]},
    )
    yield Planted(
        "features that were not scaled", "SATURATED_LOGITS", "CrossEntropyLoss", {"input": z * 20, "target": y}
    )
    yield Planted(
        "a sigmoid that ends in 0 and 1",
        "CLAMPED_LOGARITHM",
        "BCELoss",
        {"input": (-logit * 20).sigmoid(), "target": label},
    )
    yield Planted(
        "dead layer before logits",
        "CONSTANT_PREDICTIONS",
        "CrossEntropyLoss",
        {"input": z.mean(0).expand_as(z).contiguous(), "target": y},
    )
    masked = z.clone()
    masked[:, 4] -= 100
    yield Planted(
        "a column that lost its bias",
        "CLASS_NEVER_PREDICTED",
        "CrossEntropyLoss",
        {"input": masked, "target": y},
        level=FULL,
    )
    yield Planted(
        "everything is one class",
        "ONE_CLASS_PREDICTED",
        "CrossEntropyLoss",
        {"input": z + 100 * _one_hot(torch.tensor(7), 10), "target": y},
    )


def numbers() -> Iterator[Planted]:
    """Regression and numbers that are none."""
    diabetes, body = train("diabetes"), train("linnerud")
    out, y = diabetes.output, diabetes.y
    yield Planted(
        "(N,1) against (N,)", "BROADCAST", "MSELoss", {"input": out, "target": y[:, 0]}, {"allow_broadcast": True}
    )
    yield Planted(
        "(N,1) against (N,), refused", "SHAPE_MISMATCH", "MSELoss", {"input": out, "target": y[:, 0]}, refused=True
    )
    wild = y.clone()
    wild[::150] *= 30
    yield Planted("three decimal points lost", "OUTLIERS_DOMINATE", "MSELoss", {"input": out, "target": wild})
    yield Planted(
        "predictions left standardised", "SCALE_MISMATCH", "MSELoss", {"input": (out - y.mean()) / y.std(), "target": y}
    )
    yield Planted(
        "targets left standardised", "SCALE_MISMATCH", "L1Loss", {"input": out, "target": (y - y.mean()) / y.std()}
    )
    yield Planted("grams against tonnes", "SCALE_MISMATCH", "HuberLoss", {"input": out, "target": y * 1e6})
    yield Planted("the target passed as prediction", "TARGET_LEAK", "MSELoss", {"input": y.clone(), "target": y})
    yield Planted(
        "predictions in another order",
        "WORSE_THAN_MEAN",
        "MSELoss",
        {"input": out[torch.randperm(len(y), generator=torch.Generator().manual_seed(1))], "target": y},
    )
    yield Planted(
        "dead layer before numbers",
        "CONSTANT_PREDICTIONS",
        "MSELoss",
        {"input": out.mean().expand_as(out).contiguous(), "target": y},
    )
    middle = (out - y.mean()) / y.std(), (y - y.mean()) / y.std()
    yield Planted(
        "ReLU on standardised numbers", "RECTIFIED_OUTPUT", "MSELoss", {"input": middle[0].relu(), "target": middle[1]}
    )
    yield Planted("tanh on numbers", "BOUNDED_OUTPUT", "MSELoss", {"input": (out / 50).tanh(), "target": y})
    yield Planted(
        "rates as log-rates",
        "RATES_AS_LOG_RATES",
        "PoissonNLLLoss",
        {"input": out.clamp_min(1) / 10, "target": (y / 10).round()},
    )
    yield Planted(
        "log-rates as rates",
        "LOG_RATES_AS_RATES",
        "PoissonNLLLoss",
        {"input": middle[0], "target": (y / 10).round()},
        {"log_input": False},
    )
    yield Planted(
        "standardised counts", "NEGATIVE_TARGETS", "PoissonNLLLoss", {"input": middle[0], "target": middle[1]}
    )
    yield Planted(
        "variances of 0",
        "VARIANCE_NEAR_ZERO",
        "GaussianNLLLoss",
        {"input": out, "target": y, "var": torch.zeros_like(y)},
    )
    yield Planted(
        "log-variances refused",
        "VALUE_OUT_OF_RANGE",
        "GaussianNLLLoss",
        {"input": out, "target": y, "var": torch.full_like(y, -1.0)},
        refused=True,
    )
    yield Planted(
        "standardised variances",
        "VARIANCE_OFF",
        "GaussianNLLLoss",
        {"input": out, "target": y, "var": torch.full_like(y, 0.9)},
    )
    yield Planted(
        "targets of 0 in mape", "ZERO_TARGETS", "MAPELoss", {"input": out, "target": torch.where(y < 60, 0.0, y)}
    )
    hole = train("digits").output.clone()
    hole[17, 3] = float("nan")
    yield Planted("one NaN", "NAN_INPUT", "CrossEntropyLoss", {"input": hole, "target": train("digits").y})
    yield Planted(
        "NaN in a row that does not count",
        "NAN_INPUT",
        "CrossEntropyLoss",
        {"input": hole, "target": train("digits").y.index_fill(0, torch.tensor([17]), -100)},
        level=FULL,
    )
    far = y.clone()
    far[5] = float("inf")
    yield Planted("an infinite target", "INFINITE_INPUT", "MSELoss", {"input": out, "target": far})
    yield Planted("an infinite loss", "NONFINITE_RESULT", "MSELoss", {"input": out * 1e30, "target": y})
    yield Planted("float16 squares", "FLOAT16_OVERFLOW", "MSELoss", {"input": out.half(), "target": (y * 3).half()})
    yield Planted(
        "gradients of millions", "GRADIENT_EXPLODES", "MSELoss", {"input": out, "target": y * 1e5}, gradients=("input",)
    )
    yield Planted(
        "the root at 0",
        "NONFINITE_GRADIENT",
        "Expression",
        {"input": out, "target": out.clone()},
        {"source": "mean(sqrt(abs(input - target)))"},
        gradients=("input",),
    )
    yield Planted("no waist, no weight", "EMPTY_INPUT", "MSELoss", {"input": body.output[:0], "target": body.y[:0]})


def pairs() -> Iterator[Planted]:
    """Embeddings, sequences, policies, boxes and lists."""
    digits = train("digits")
    h, y = digits.hidden, digits.y
    anchor, positive, negative = triplets(digits)
    yield Planted(
        "positives and negatives exchanged",
        "PAIRS_SWAPPED",
        "TripletMarginLoss",
        {"anchor": anchor, "positive": negative, "negative": positive},
    )
    yield Planted(
        "easy triplets",
        "MARGIN_NEVER_ACTIVE",
        "TripletMarginLoss",
        {"anchor": anchor, "positive": anchor + 0.01, "negative": negative},
        {"margin": 1e-6},
    )
    yield Planted(
        "a collapsed encoder",
        "EMBEDDINGS_COLLAPSED",
        "TripletMarginLoss",
        {name: h.mean(0).expand(64, -1).contiguous() for name in ("anchor", "positive", "negative")},
    )
    yield Planted(
        "one view twice", "IDENTICAL_INPUTS", "InfoNCELoss", {"query": h[:64], "positive_key": h[:64].clone()}
    )
    yield Planted(
        "student passed as teacher",
        "IDENTICAL_INPUTS",
        "KDKLLoss",
        {"student_logits": digits.output, "teacher_logits": digits.output.clone()},
    )
    zeros = h[:64].clone()
    zeros[::9] = 0
    yield Planted(
        "embeddings that a ReLU emptied", "ZERO_VECTORS", "InfoNCELoss", {"query": zeros, "positive_key": positive[:64]}
    )
    yield Planted(
        "one class in the batch", "NO_NEGATIVE_PAIRS", "SupConLoss", {"embeddings": h[y == 4], "labels": y[y == 4]}
    )
    yield Planted(
        "no class twice in the batch",
        "NO_POSITIVE_PAIRS",
        "NTXentLoss",
        {"embeddings": h[:64], "labels": torch.arange(64)},
    )
    yield Planted(
        "similarities as distances",
        "NEGATIVE_DISTANCES",
        "HingeEmbeddingLoss",
        {"input": h[:64, 0] - 1, "target": torch.where(y[:64] < 5, 1.0, -1.0)},
    )
    steps = digits.output[:40].reshape(20, 2, 10)
    yield Planted(
        "targets longer than inputs",
        "CTC_IMPOSSIBLE",
        "CTCLoss",
        {
            "log_probs": steps.log_softmax(-1),
            "targets": torch.ones(2, 15, dtype=torch.int64),
            "input_lengths": torch.tensor([20, 20]),
            "target_lengths": torch.tensor([15, 5]),
        },
    )
    yield Planted(
        "logits to CTCLoss",
        "LOGITS_AS_LOG_PROBABILITIES",
        "CTCLoss",
        {
            "log_probs": steps,
            "targets": torch.tensor([[1, 2, 3], [4, 5, 6]]),
            "input_lengths": torch.tensor([20, 20]),
            "target_lengths": torch.tensor([3, 3]),
        },
    )
    logp = digits.output.log_softmax(1).amax(1)[:256].reshape(8, 32)
    fresh = train("digits", 40).output.log_softmax(1).amax(1)[:256].reshape(8, 32)
    advantage = (y[:256].float() - y[:256].float().mean()).reshape(8, 32) / y[:256].float().std()
    tokens = {"log_probs": logp, "old_log_probs": fresh, "advantages": advantage}
    yield Planted(
        "old log-probabilities of other tokens",
        "RATIO_EXPLOSION",
        "PPOClipLoss",
        tokens | {"old_log_probs": digits.output.log_softmax(1)[:256, 0].reshape(8, 32)},
    )
    yield Planted(
        "probabilities as log-probabilities of tokens",
        "PROBABILITIES_AS_LOG_PROBABILITIES",
        "PPOClipLoss",
        tokens | {"log_probs": logp.exp(), "old_log_probs": fresh.exp()},
    )
    yield Planted(
        "raw rewards as advantages",
        "ADVANTAGES_NOT_NORMALISED",
        "ReinforceLoss",
        {"log_probs": logp, "advantages": y[:256].float().reshape(8, 32) * 10},
    )
    yield Planted("a group of equal rewards", "ADVANTAGES_ZERO", "GRPOLoss", tokens | {"advantages": torch.zeros(8)})
    yield Planted(
        "a mask the wrong way round",
        "ALL_TARGETS_IGNORED",
        "PPOClipLoss",
        tokens | {"mask": torch.zeros(8, 32, dtype=torch.bool)},
    )
    order = digits.output.amax(1)[:160]
    yield Planted(
        "rejected and chosen exchanged",
        "PAIRS_SWAPPED",
        "BradleyTerryLoss",
        {"rewards_chosen": order.sort().values[:80], "rewards_rejected": order.sort().values[80:]},
    )
    yield Planted(
        "lists without grades",
        "LISTS_WITHOUT_ORDER",
        "ListNetLoss",
        {"scores": digits.output[:32], "labels": torch.ones(32, 10)},
    )
    boxes = torch.cat((digits.x[:64, 10:12].abs(), digits.x[:64, 10:12].abs() + 1), 1)
    yield Planted("boxes that do not touch", "BOXES_APART", "IoULoss", {"input": boxes, "target": boxes + 50})
    yield Planted(
        "pixels against shares",
        "BOX_SCALE",
        "GIoULoss",
        {"input": boxes / boxes.max(), "target": boxes / boxes.max() * 640},
    )
    yield Planted(
        "no gradient from boxes apart",
        "GRADIENT_VANISHES",
        "IoULoss",
        {"input": boxes, "target": boxes + 50},
        gradients=("input",),
    )


def doubts() -> Iterator[Planted]:
    """What may be right, and is said as INFO or where arguments say so."""
    digits, diabetes = train("digits"), train("diabetes")
    logp = digits.output.log_softmax(1).amax(1)[:256].reshape(8, 32)
    sign = torch.where(torch.arange(8) % 2 == 0, 1.0, -1.0)
    yield Planted("the sampler's log-probabilities were recomputed", "ON_POLICY_RATIOS", "PPOClipLoss",
                  {"log_probs": logp, "old_log_probs": logp.clone(), "advantages": sign})  # fmt: skip
    yield Planted("too many steps on one batch", "MOST_RATIOS_CLIPPED", "PPOClipLoss",
                  {"log_probs": logp, "old_log_probs": logp - sign[:, None], "advantages": sign})  # fmt: skip
    yield Planted("counts scaled", "COUNTS_NOT_WHOLE", "PoissonNLLLoss",
                  {"input": diabetes.output.clamp_min(20).log(), "target": diabetes.y / 100})  # fmt: skip
    yield Planted("embeddings of any length", "UNNORMALISED_EMBEDDINGS", "CLIPLoss",
                  {"image_features": digits.hidden[:64], "text_features": digits.hidden[1:65]},
                  {"normalize": False})  # fmt: skip


def triplets(trained: Trained) -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings of anchors, of others of their class, and of another class; what a good encoder would give."""
    spread = 0.2 * trained.hidden.std()
    centres = torch.stack([trained.hidden[trained.y == one].mean(0) for one in trained.y.unique()])
    mine, other = centres[trained.y[:128]], centres[(trained.y[:128] + 1) % len(centres)]
    noise = torch.Generator().manual_seed(3)
    return tuple(  # type: ignore[return-value]  # three of them
        one + spread * torch.randn(one.shape, generator=noise) for one in (mine, mine, other)
    )


def more() -> Iterator[Planted]:
    """Mistakes that no rule was written for: written after all rules were."""
    digits, cancer, iris, diabetes = train("digits"), train("breast_cancer"), train("iris"), train("diabetes")
    g = torch.Generator().manual_seed(11)
    yield Planted(
        "softmax before lovasz_softmax",
        "PROBABILITIES_AS_LOGITS",
        "LovaszSoftmaxLoss",
        {"input": digits.output.softmax(1).T.reshape(1, 10, -1), "target": digits.y.reshape(1, -1)},
    )
    yield Planted(
        "softmax in bfloat16, four flowers",
        "PROBABILITIES_AS_LOGITS",
        "CrossEntropyLoss",
        {"input": iris.output[::40].softmax(1).bfloat16(), "target": iris.y[::40]},
    )
    yield Planted(
        "probabilities of two classes to NLLLoss",
        "PROBABILITIES_AS_LOG_PROBABILITIES",
        "NLLLoss",
        {"input": cancer.output.softmax(1), "target": cancer.y},
    )
    yield Planted(
        "sigmoids of ten labels to the asymmetric loss",
        "PROBABILITIES_AS_LOGITS",
        "AsymmetricLoss",
        {"input": digits.output.sigmoid(), "target": _one_hot(digits.y, 10)},
    )
    yield Planted(
        "log_softmax over the batch",
        "LOGITS_AS_LOG_PROBABILITIES",
        "NLLLoss",
        {"input": digits.output.log_softmax(0), "target": digits.y},
    )
    yield Planted(
        "softmax over the batch",
        "PROBABILITIES_AS_LOGITS",
        "CrossEntropyLoss",
        {"input": digits.output.softmax(0), "target": digits.y},
    )
    yield Planted(
        "logarithms of targets", "SCALE_MISMATCH", "MSELoss", {"input": diabetes.output, "target": diabetes.y.log1p()}
    )
    yield Planted(
        "labels 1 and 2",
        "CLASS_INDICES_AS_LABELS",
        "BCEWithLogitsLoss",
        {"input": binary(cancer)[0], "target": cancer.y.float() + 1},
    )
    yield Planted(
        "classes in another order",
        "WORSE_THAN_CHANCE",
        "CrossEntropyLoss",
        {"input": digits.output[:, torch.randperm(10, generator=g)], "target": digits.y},
    )
    gathered = digits.output.gather(1, digits.y[:, None])[:512].reshape(16, 32)
    yield Planted(
        "logits of tokens, not their log-probabilities",
        "POSITIVE_LOG_PROBABILITIES",
        "GRPOLoss",
        {"log_probs": gathered, "old_log_probs": gathered + 0.01, "advantages": torch.randn(16, generator=g)},
    )
    worth = digits.output[:160].amax(1).sort().values
    yield Planted(
        "chosen and rejected exchanged under a reference",
        "PAIRS_SWAPPED",
        "DPOLoss",
        {
            "policy_chosen_logps": worth[:80] - 200,
            "policy_rejected_logps": worth[80:] - 200,
            "reference_chosen_logps": torch.full((80,), -200.0),
            "reference_rejected_logps": torch.full((80,), -200.0),
        },
    )
    yield Planted(
        "errors of raw numbers beside those of classes",
        "TERM_DOMINATES",
        "WeightedSum",
        {"input": diabetes.output, "target": diabetes.y * 1.5, "logits": cancer.output[:442], "kinds": cancer.y[:442]},
        {
            "terms": (
                ("progression", 0.5, "MSELoss", {}),
                ("malignant", 0.5, "CrossEntropyLoss", {"input": "logits", "target": "kinds"}),
            )
        },
    )
    yield Planted(
        "softmax before one term of two",
        "PROBABILITIES_AS_LOGITS",
        "WeightedSum",
        {"input": cancer.output.softmax(1), "target": cancer.y, "numbers": diabetes.output, "true": diabetes.y},
        {
            "terms": (
                ("kind", 1.0, "CrossEntropyLoss", {}),
                ("number", 0.001, "MSELoss", {"input": "numbers", "target": "true"}),
            )
        },
    )


def afresh() -> Iterator[Planted]:
    """Mistakes written after the rules had been widened for those above."""
    wine, digits, diabetes, iris = train("wine"), train("digits"), train("diabetes"), train("iris")
    logit, label = binary(train("breast_cancer"))
    y, h, z = diabetes.y, digits.hidden[:64], digits.output
    reward = torch.tensor([1.0, float("nan"), 0.0, 1.0, -1.0, -1.0, 0.5, 1.0])
    for mistake, code, loss, inputs, arguments in (
        ("clamped probabilities", "PROBABILITIES_AS_LOGITS", "CrossEntropyLoss",
         {"input": wine.output.softmax(1).clamp(1e-4, 1), "target": wine.y}, {"label_smoothing": 0.1}),
        ("sigmoid in float16", "PROBABILITIES_AS_LOGITS", "BCEWithLogitsLoss",
         {"input": logit.sigmoid().half(), "target": label.half()}, {}),
        ("a class too many, and labels from 1 on", "LABELS_SHIFTED", "CrossEntropyLoss",
         {"input": torch.cat((iris.output, iris.output[:, :1] - 9), 1), "target": iris.y + 1}, {}),
        ("thousandths", "SCALE_MISMATCH", "L1Loss", {"input": diabetes.output, "target": y / 1000}, {}),
        ("-9999 for missing", "OUTLIERS_DOMINATE", "MSELoss",
         {"input": diabetes.output, "target": torch.where(torch.arange(len(y))[:, None] % 150 == 0, -9999.0, y)}, {}),
        ("the sign of a ranking", "PAIRS_SWAPPED", "MarginRankingLoss",
         {"input1": z[:64].amax(1), "input2": z[:64].amin(1), "target": -torch.ones(64)}, {}),
        ("one view twice", "IDENTICAL_INPUTS", "BarlowTwinsLoss", {"z_a": h, "z_b": h.clone()}, {}),
        ("lists of padding", "ALL_TARGETS_IGNORED", "ListNetLoss",
         {"scores": z[:32], "labels": z[:32].softmax(1), "mask": torch.zeros(32, 10, dtype=torch.bool)}, {}),
        ("a reward of 0/0", "NAN_INPUT", "ReinforceLoss",
         {"log_probs": z.log_softmax(1).amax(1)[:256].reshape(8, 32), "advantages": reward}, {}),
        ("a teacher's log-probabilities", "LOG_PROBABILITIES_AS_LOGITS", "KDKLLoss",
         {"student_logits": z, "teacher_logits": train("digits", 40).output.log_softmax(1)}, {}),
        ("variances of another unit", "VARIANCE_OFF", "GaussianNLLLoss",
         {"input": diabetes.output, "target": y, "var": torch.full_like(y, 0.05)}, {}),
    ):  # fmt: skip
        yield Planted(mistake, code, loss, inputs, arguments)


def corrected() -> Iterator[Planted]:
    """Numbers that one factor, offset or sign would put right, at the correlation that real predictions have."""
    diabetes = train("diabetes")
    out, y = diabetes.output, diabetes.y
    weak = train("diabetes", 15).output
    z = (y - y.mean()) / y.std()
    own = (weak - y.mean()) / y.std()
    for loss in ("MSELoss", "L1Loss", "HuberLoss", "RMSELoss", "SmoothL1Loss", "LogCoshLoss", "CharbonnierLoss",
                 "QuantileLoss", "MAPELoss", "SMAPELoss"):  # fmt: skip
        yield Planted(f"minutes against hours in {loss}", "SCALE_MISMATCH", loss, {"input": weak * 60, "target": y})
    for mistake, code, loss, given, target in (
        ("percent against shares", "SCALE_MISMATCH", "L1Loss", out / 100, y),
        ("shares against percent", "SCALE_MISMATCH", "HuberLoss", out, y / 100),
        ("miles against kilometres, and back", "SCALE_MISMATCH", "MSELoss", out * 3.2, y),
        ("Fahrenheit against Celsius", "SCALE_MISMATCH", "MSELoss", z * 18 + 59 + own, z * 10 + 15),
        ("a bias that was added twice", "OFFSET_PREDICTIONS", "L1Loss", weak + y.mean(), y),
        ("a thousand too much", "OFFSET_PREDICTIONS", "HuberLoss", out + 1000, y),
        ("Kelvin against Celsius", "OFFSET_PREDICTIONS", "MSELoss", z * 9 + 288 + own, z * 10 + 15),
        ("targets centred, predictions not", "OFFSET_PREDICTIONS", "RMSELoss", out, y - y.mean()),
        ("gains as costs", "SIGN_FLIPPED", "MSELoss", -out, y),
        ("gains as costs, standardised", "SIGN_FLIPPED", "L1Loss", -own, z),
        ("a difference the other way round", "SIGN_FLIPPED", "SmoothL1Loss", -z[:40] + own[:40] / 10, z[:40]),
    ):
        yield Planted(mistake, code, loss, {"input": given, "target": target})
    some = torch.arange(len(y))[:, None]
    for number in (-1.0, -99.0, -999.0, 9999.0):
        yield Planted(f"{number:g} for missing", "MISSING_AS_NUMBER", "L1Loss",
                      {"input": out, "target": torch.where(some % 10 == 0, number, y)})  # fmt: skip
    yield Planted("the lower quantile as the upper", "COVERAGE_OFF", "QuantileLoss",
                  {"input": out - 80, "target": y}, {"quantile": 0.9})  # fmt: skip
    yield Planted("delta of standardised targets", "THRESHOLD_OFF", "HuberLoss",
                  {"input": out * 1000, "target": y * 1000})  # fmt: skip
    yield Planted("beta of another unit", "THRESHOLD_OFF", "SmoothL1Loss",
                  {"input": out / 1e6, "target": y / 1e6}, {"beta": 1.0})  # fmt: skip
    deviation = (weak - y).std().expand_as(y).contiguous()
    yield Planted("standard deviations as variances", "VARIANCE_OFF", "GaussianNLLLoss",
                  {"input": weak, "target": y, "var": deviation})  # fmt: skip
    yield Planted("standard deviations as variances, in thousandths", "VARIANCE_OFF", "GaussianNLLLoss",
                  {"input": weak / 1000, "target": y / 1000, "var": deviation / 1000})  # fmt: skip


def disc(images: int, radius: int, far: float) -> tuple[Tensor, Tensor]:
    """Masks (N,1,H,W) of discs, and logits that find them."""
    at = torch.arange(24)[:, None] - 12, torch.arange(24) - 12
    mask = (at[0] ** 2 + at[1] ** 2 < radius**2).long().expand(images, 1, 24, 24).contiguous()
    noise = torch.randn(mask.shape, generator=torch.Generator().manual_seed(2))
    return mask, (mask.float() * 2 - 1) * far + noise


def masked() -> Iterator[Planted]:
    """Masks of images and of sequences, and weights."""
    for radius, far in ((8, 4.0), (3, 3.0)):
        mask, scores = disc(4, radius, far)
        for loss in ("DiceLoss", "JaccardLoss", "TverskyLoss", "FocalTverskyLoss", "GeneralizedDiceLoss"):
            yield Planted(f"a mask the wrong way round in {loss}, radius {radius}", "LABELS_FLIPPED", loss,
                          {"input": scores, "target": 1 - mask}, {"mode": "binary"})  # fmt: skip
        both = torch.cat((-scores, scores), 1)
        yield Planted("two classes exchanged in a mask", "LABELS_FLIPPED", "DiceLoss",
                      {"input": both, "target": 1 - mask[:, 0]})  # fmt: skip
        yield Planted("a mask divided away", "NO_FOREGROUND", "DiceLoss",
                      {"input": scores, "target": mask // 255}, {"mode": "binary"})  # fmt: skip
    yield Planted("a turned mask of probabilities", "LABELS_FLIPPED", "JaccardLoss",
                  {"input": scores.sigmoid(), "target": 1 - mask},
                  {"mode": "binary", "from_logits": False})  # fmt: skip
    logp = train("digits").output.log_softmax(1).amax(1)[:256].reshape(8, 32) - 0.01
    there = torch.arange(32) < torch.tensor([20, 28, 16, 30, 12, 25, 31, 22])[:, None]
    padded = torch.where(there, logp, 0.0)
    yield Planted("key_padding_mask as mask", "MASK_INVERTED", "GRPOLoss",
                  {"log_probs": padded, "old_log_probs": padded * 1.01, "advantages": torch.linspace(-1.5, 1.5, 8),
                   "mask": ~there})  # fmt: skip
    logit, label = binary(train("breast_cancer"))
    few = torch.cat((label.nonzero()[:, 0], (label == 0).nonzero()[:20, 0]))
    yield Planted("pos_weight the wrong way round", "RARE_WEIGHTED_DOWN", "BCEWithLogitsLoss",
                  {"input": -logit[few], "target": 1 - label[few]}, {"pos_weight": torch.tensor([0.05])})  # fmt: skip
    yield Planted("shares of classes as their weights", "RARE_WEIGHTED_DOWN", "CrossEntropyLoss",
                  {"input": train("breast_cancer").output[few], "target": label[few].long()},
                  {"weight": torch.tensor([0.05, 0.95])})  # fmt: skip
    digits = train("digits")
    yield Planted("sigmoid before CrossEntropyLoss", "SIGMOIDS_AS_LOGITS", "CrossEntropyLoss",
                  {"input": digits.output.sigmoid(), "target": digits.y})  # fmt: skip


def build(loss: str, arguments: Mapping[str, Any]) -> Loss:
    """The loss of a planted mistake or of a healthy evaluation."""
    given = dict(arguments)
    if loss == "Expression":
        return expression.build(given["source"])
    if loss == "WeightedSum":
        terms = tuple(Term(label, weight, build(name, {}), names) for label, weight, name, names in given["terms"])
        return WeightedSum(terms, "loss")
    entry = catalogue.find(loss)
    assert isinstance(entry, BoundEntry)
    allow = bool(given.pop("allow_broadcast", False))
    return entry.build(given, path="loss", allow_broadcast=allow)


def corpus() -> list[Planted]:
    """All of them."""
    return [*formats(), *answers(), *numbers(), *pairs(), *doubts(), *more(), *afresh(), *corrected(), *masked()]
