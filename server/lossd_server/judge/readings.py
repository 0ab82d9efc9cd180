"""What a model's output means under its loss, for every loss: classes, labels, numbers, lists …; knows no metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lossd_server.faults import Fault, shape_text
from lossd_server.judge import views as lay
from lossd_server.judge.views import (
    BINARY,
    BOXES,
    DISTRIBUTION,
    MULTICLASS,
    MULTILABEL,
    REGRESSION,
    RETRIEVAL,
    SEGMENTATION,
    SEQUENCE,
    Activation,
    Pair,
    View,
)
from lossd_server.losses.composite import WeightedSum
from lossd_server.losses.contract import Loss, Tensors

__all__ = ["BINARY", "MULTICLASS", "MULTILABEL", "REGRESSION", "Pair", "Reading", "read", "views"]

Reading = View
"""How outputs and targets become pairs."""


class _Given(NamedTuple):
    """A loss and its inputs, of which one was put out by the model."""

    loss: Loss
    tensors: Tensors
    output: str

    def argument(self, name: str) -> Any:
        """One of the loss's arguments; None where it has none such."""
        found: Callable[[str], Any] | None = getattr(self.loss, "argument", None)
        return None if found is None else found(name)

    @property
    def ignored(self) -> int | None:
        """The target that does not count, of losses that have one."""
        found: int | None = getattr(self.loss, "ignored", None)
        return found

    def view(
        self, task: str, size: int, lay_out: Callable[[Tensors], Pair], probabilities: bool = True, how: str = ""
    ) -> View:
        """One view of it."""
        return View(task, size, lay_out, self.output, probabilities, f"{task} {size} {how} {self.ignored}")


_Meaning = Callable[[_Given], list[View]]
"""Makes the views of a loss's inputs, the likeliest to be meant first."""


def _classes(given: _Given, activation: Activation = lay.softmax, probabilities: bool = True) -> list[View]:
    output, target, ignored = given.tensors["input"], given.tensors["target"], given.ignored
    dim = 0 if output.dim() == 1 else 1
    size = output.shape[dim]
    if target.is_floating_point():
        return [
            _distribution(given, "input", "target", partial(_rows, dim=dim, act=activation), partial(_rows, dim=dim))
        ]
    return _of_classes(given, size, activation, ignored, probabilities)


def _of_classes(
    given: _Given, size: int, activation: Activation, ignored: int | None, probabilities: bool
) -> list[View]:
    def flat(tensors: Tensors) -> Pair:
        return lay.classes(tensors["input"], tensors["target"], activation, ignored)

    def masks(tensors: Tensors) -> Pair:
        return lay.class_masks(tensors["input"], tensors["target"], ignored)

    found = [given.view(MULTICLASS, size, flat, probabilities, activation.__name__)]
    return [*found, given.view(SEGMENTATION, size, masks)] if given.tensors["input"].dim() > 2 else found


def _labels(
    given: _Given,
    activation: Activation = torch.sigmoid,
    probabilities: bool = True,
    ignored: int | None = None,
    single: bool = False,
) -> list[View]:
    output, target = given.tensors["input"], given.tensors["target"]
    if not single and target.shape != output.shape:
        raise _shapes(output, target)
    lay.check_hard(target, ignored)
    size = 1 if single else output.shape[1] if output.dim() > 1 else 1
    single = size == 1

    def flat(tensors: Tensors) -> Pair:
        return lay.labels(tensors["input"], tensors["target"], activation, ignored, single)

    def masks(tensors: Tensors) -> Pair:
        return lay.label_masks(tensors["input"], tensors["target"], activation, ignored, single)

    def lists(tensors: Tensors) -> Pair:
        return lay.lists(tensors["input"], (tensors["target"] > 0).double(), None)

    found = [given.view(BINARY if single else MULTILABEL, size, flat, probabilities, activation.__name__)]
    if output.dim() > 2 or (ignored is not None and output.dim() > 1):
        found.append(given.view(SEGMENTATION, size, masks))
    if output.dim() == 2 and not single:
        found.append(given.view(RETRIEVAL, size, lists, False))
    return found


def _masks(given: _Given, mode: str = "", from_logits: bool | None = None) -> list[View]:
    """Of the losses of segmentation, whose arguments say what their input is."""
    mode = mode or given.argument("mode")
    logits = given.argument("from_logits") if from_logits is None else from_logits
    if mode == "multiclass":
        size = given.tensors["input"].shape[1]
        views = _of_classes(given, size, lay.softmax if logits else lay.as_is, given.ignored, True)
        return views if given.tensors["input"].dim() > 2 else views[:1]
    activation = torch.sigmoid if logits else lay.as_is
    return _labels(given, activation, ignored=given.ignored, single=mode == "binary")


def _hinge_masks(given: _Given) -> list[View]:
    return [replace(view, probabilities=False) for view in _masks(given, "binary", True)]


def _numbers(given: _Given, names: tuple[str, str] = ("input", "target"), log: bool = False) -> list[View]:
    mine, true = (given.tensors[name] for name in names)
    if mine.shape != true.shape:
        raise _shapes(mine, true)
    size = mine.shape[1:].numel() if mine.dim() else 1

    def flat(tensors: Tensors) -> Pair:
        predictions = lay.one_row(tensors[names[0]])
        return Pair(predictions.exp() if log else predictions, lay.one_row(tensors[names[1]]))

    return [given.view(REGRESSION, size, flat, False, "log" if log else "")]


def _rates(given: _Given) -> list[View]:
    return _numbers(given, log=bool(given.argument("log_input")))


def _vectors(given: _Given) -> list[View]:
    """Numbers whose last dimension is one example's."""

    def flat(tensors: Tensors) -> Pair:
        return Pair(lay.rows(tensors["input"], -1), lay.rows(tensors["target"], -1))

    return [given.view(REGRESSION, given.tensors["input"].shape[-1], flat, False)]


def _values(given: _Given) -> list[View]:
    """State values and returns (N,T), where the mask says that they count."""

    def flat(tensors: Tensors) -> Pair:
        values, returns = tensors["values"], tensors["returns"]
        kept = tensors["mask"].bool() if "mask" in tensors else torch.ones_like(values, dtype=torch.bool)
        return Pair(values.detach().double()[kept], returns.detach().double()[kept])

    return [given.view(REGRESSION, 1, flat, False)]


def _lists(given: _Given) -> list[View]:
    def items(tensors: Tensors) -> Pair:
        return lay.lists(tensors["scores"], tensors["labels"], tensors.get("mask"))

    return [given.view(RETRIEVAL, given.tensors["scores"].shape[-1], items, False)]


def _index_lists(given: _Given) -> list[View]:
    """Scores (N,C) and the indices of the labels that are true, padded with -1 from the first on."""

    def items(tensors: Tensors) -> Pair:
        scores, target = (tensors[name].reshape(-1, tensors[name].shape[-1]) for name in ("input", "target"))
        listed = (target >= 0).cumprod(1).bool()
        true = torch.zeros_like(scores, dtype=torch.float64)
        true.scatter_add_(1, target.clamp_min(0), listed.double())
        return lay.lists(scores, (true > 0).double(), None)

    return [given.view(RETRIEVAL, given.tensors["input"].shape[-1], items, False)]


def _sequences(given: _Given) -> list[View]:
    def tokens(tensors: Tensors) -> Pair:
        log_probs, targets = tensors["log_probs"], tensors["targets"]
        lengths = tensors["input_lengths"], tensors["target_lengths"]
        return lay.sequences(log_probs, targets, *lengths, blank=given.argument("blank"))

    return [given.view(SEQUENCE, given.tensors["log_probs"].shape[-1], tokens)]


def _boxes(given: _Given) -> list[View]:
    def corners(tensors: Tensors) -> Pair:
        return lay.boxes(tensors["input"], tensors["target"], given.argument("box_format"))

    return [given.view(BOXES, 4, corners, False), *_vectors(given)]


def _divergence(given: _Given) -> list[View]:
    """Log-probabilities and probabilities, or logs of them, of one distribution in each row of the last dimension."""
    true = lay.exp if given.argument("log_target") else lay.as_is
    return [_distribution(given, "input", "target", partial(_rows, act=lay.exp), partial(_rows, act=true))]


def _teacher(given: _Given) -> list[View]:
    logits = partial(_rows, act=lay.softmax)
    return [_distribution(given, "student_logits", "teacher_logits", logits, logits)]


def _rows(tensor: Tensor, dim: int = -1, act: Activation = lay.as_is) -> Tensor:
    return act(lay.rows(tensor, dim))


def _distribution(given: _Given, mine: str, true: str, read_mine: Activation, read_true: Activation) -> View:
    def flat(tensors: Tensors) -> Pair:
        return lay.distributions(read_mine(tensors[mine]), read_true(tensors[true]), tensors.get("mask"))

    return given.view(DISTRIBUTION, given.tensors[mine].shape[-1], flat)


def _pairs(
    given: _Given, score: Callable[[Tensors], Tensor], probabilities: bool = False, target: str = ""
) -> list[View]:
    """Which of two is preferred, by a score above 0; true where `target` is above 0, or always."""

    def flat(tensors: Tensors) -> Pair:
        found = score({name: tensor.detach().double() for name, tensor in tensors.items()}).reshape(-1)
        true = tensors[target].reshape(-1) > 0 if target else torch.ones_like(found)
        return Pair(found.sigmoid(), true.long())

    return [given.view(BINARY, 1, flat, probabilities)]


def _preferred(tensors: Tensors) -> Tensor:
    better = tensors["policy_chosen_logps"] - tensors.get("reference_chosen_logps", torch.tensor(0.0))
    worse = tensors["policy_rejected_logps"] - tensors.get("reference_rejected_logps", torch.tensor(0.0))
    return better - worse


def _triplets(given: _Given) -> list[View]:
    """Whether the positive is nearer than the negative, by the loss's own distance."""
    distance = _DISTANCES[given.argument("distance_function") or "pairwise"]
    if given.argument("p") is not None:
        distance = partial(torch.nn.functional.pairwise_distance, p=given.argument("p"), eps=given.argument("eps"))
    return _pairs(given, lambda t: distance(t["anchor"], t["negative"]) - distance(t["anchor"], t["positive"]))


_DISTANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "pairwise": torch.nn.functional.pairwise_distance,
    "manhattan": partial(torch.nn.functional.pairwise_distance, p=1),
    "chebyshev": partial(torch.nn.functional.pairwise_distance, p=float("inf")),
    "squared_euclidean": lambda x, y: (x - y).square().sum(-1),
    "cosine": lambda x, y: 1 - torch.nn.functional.cosine_similarity(x, y, dim=-1),
}


def _embeddings(given: _Given) -> list[View]:
    """Each example looks for those of its label among the others of its batch, or among `ref_emb`."""
    if "labels" not in given.tensors or "ref_emb" in given.tensors:
        raise Fault("UNSUPPORTED", f"metrics of {given.loss.name} need labels, and no ref_emb", field="metrics")

    def items(tensors: Tensors) -> Pair:
        unit = torch.nn.functional.normalize(tensors["embeddings"].detach().double(), dim=-1)
        labels = tensors["labels"]
        others = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        return lay.neighbours(unit @ unit.T, labels.unsqueeze(1) == labels, others)

    return [given.view(RETRIEVAL, 1, items, False)]


def _matches(given: _Given, names: tuple[str, str]) -> list[View]:
    """Each row of one input looks for its own of the other, among all rows of the batch."""

    def items(tensors: Tensors) -> Pair:
        mine, other = (torch.nn.functional.normalize(tensors[name].detach().double(), dim=-1) for name in names)
        return lay.neighbours(mine @ other.T, torch.eye(len(mine), dtype=torch.bool, device=mine.device))

    return [given.view(RETRIEVAL, 1, items, False)]


def _labelled(given: _Given) -> list[View]:
    return _labels(given, probabilities=False)


def _unlike(tensors: Tensors, margin: float) -> Tensor:
    return margin / 2 - tensors["input"]


_MEANINGS: Mapping[str, _Meaning] = {
    **dict.fromkeys(
        (
            "cross_entropy_loss",
            "poly1_cross_entropy_loss",
            "symmetric_cross_entropy_loss",
            "generalized_cross_entropy_loss",
            "softmax_focal_loss",
        ),
        _classes,
    ),
    "nll_loss": partial(_classes, activation=lay.exp),
    **dict.fromkeys(("multi_margin_loss", "multiclass_hinge_loss"), partial(_classes, probabilities=False)),
    **dict.fromkeys(
        ("bce_with_logits_loss", "sigmoid_focal_loss", "asymmetric_loss", "multi_label_soft_margin_loss"), _labels
    ),
    "bce_loss": partial(_labels, activation=lay.as_is),
    "soft_margin_loss": _labels,
    "hinge_loss": _labelled,
    **dict.fromkeys(
        (
            "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "charbonnier_loss", "log_cosh_loss",
            "quantile_loss", "rmse_loss", "msle_loss", "mape_loss", "smape_loss", "tweedie_loss", "gaussian_nll_loss",
        ),
        _numbers,
    ),
    "poisson_nll_loss": _rates,
    "cosine_distance_loss": _vectors,
    "ppo_value_clip_loss": _values,
    **dict.fromkeys(
        ("dice_loss", "generalized_dice_loss", "jaccard_loss", "tversky_loss", "focal_tversky_loss"), _masks
    ),
    "lovasz_softmax_loss": partial(_masks, mode="multiclass"),
    "lovasz_hinge_loss": _hinge_masks,
    **dict.fromkeys(("listnet_loss", "list_mle_loss", "pairwise_logistic_loss", "approx_ndcg_loss"), _lists),
    "multi_label_margin_loss": _index_lists,
    "ctc_loss": _sequences,
    **dict.fromkeys(("iou_loss", "giou_loss", "diou_loss", "ciou_loss"), _boxes),
    "kl_div_loss": _divergence,
    **dict.fromkeys(("kd_kl_loss", "reverse_kl_loss", "generalized_jsd_loss", "tvd_loss"), _teacher),
    "bradley_terry_loss": partial(
        _pairs, score=lambda t: t["rewards_chosen"] - t["rewards_rejected"], probabilities=True
    ),
    **dict.fromkeys(("dpo_loss", "cpo_loss", "orpo_loss", "simpo_loss"), partial(_pairs, score=_preferred)),
    "margin_ranking_loss": partial(_pairs, score=lambda t: t["input1"] - t["input2"], target="target"),
    "cosine_embedding_loss": partial(
        _pairs, score=lambda t: torch.nn.functional.cosine_similarity(t["input1"], t["input2"], dim=-1), target="target"
    ),
    "hinge_embedding_loss": lambda given: _pairs(
        given, partial(_unlike, margin=given.argument("margin")), target="target"
    ),
    **dict.fromkeys(("triplet_margin_loss", "triplet_margin_with_distance_loss"), _triplets),
    **dict.fromkeys(
        ("circle_loss", "contrastive_loss", "multi_similarity_loss", "nt_xent_loss", "sup_con_loss"), _embeddings
    ),
    "clip_loss": partial(_matches, names=("image_features", "text_features")),
    "info_nce_loss": partial(_matches, names=("query", "positive_key")),
}  # fmt: skip
"""What the inputs of each loss mean."""

NONE: Mapping[str, str] = {
    **dict.fromkeys(("l1_norm", "l2_norm", "elastic_net", "total_variation", "entropy", "entropy_bonus", "z_loss"),
                    "it has no target"),
    **dict.fromkeys(("barlow_twins_loss", "vicreg_loss"), "its two views have no true answer"),
    **dict.fromkeys(
        ("cispo_loss", "dapo_loss", "dr_grpo_loss", "dro_loss", "gspo_loss", "grpo_loss", "importance_sampling_loss",
         "ppo_clip_loss", "reinforce_loss", "kl_estimator"), "a policy's log-probabilities have no true answer"),
    "kto_loss": "its better and worse answers are not of the same prompts",
    **dict.fromkeys(("adaptive_log_softmax_with_loss", "linear_cross_entropy_loss"),
                    "its last layer is its own; ask for metrics of cross_entropy_loss on the logits"),
}  # fmt: skip
"""Losses that no metric can be told of, and why."""

_SIDES = ("rewards_chosen", "policy_chosen_logps", "input1", "anchor")
"""Inputs that are compared with another input, not with a target."""
_DIRECT = (BINARY, MULTICLASS, MULTILABEL, REGRESSION)


def read(loss: Loss, output: Tensor, targets: Tensors) -> Reading:
    """How to read a model under `loss` as classes, labels or numbers, whichever they are.

    Args:
        output: the model's, or an empty one of its shape on the meta device.
        targets: the loss's other inputs.

    Raises:
        Fault: UNSUPPORTED if it is none of these, or no comparison of an output with its own target.
    """
    found = views(loss, output, targets)[0]
    if found.task not in _DIRECT or found.output in _SIDES:
        raise _unknown(loss)
    return found


def views(loss: Loss, output: Tensor, targets: Tensors) -> list[View]:
    """Every way to read a model under `loss`, the likeliest to be meant first.

    Args:
        output: the model's, or an empty one of its shape on the meta device.
        targets: the loss's other inputs.

    Raises:
        Fault: UNSUPPORTED if no metric can be told from these.
    """
    missing = [name for name in loss.input_names if name not in targets]
    name = "input" if "input" in missing else missing[0]
    given = _Given(loss, {**targets, name: output}, name)
    if loss.name in NONE:
        raise _unknown(loss)
    return _views(given) or _of_open(given, targets)


def _views(given: _Given) -> list[View]:
    """Those of a loss by its name; of a weighted sum, those of its terms which have any, if they agree."""
    loss = given.loss
    if isinstance(loss, WeightedSum):
        return _of_terms(given, loss)
    meaning = _MEANINGS.get(loss.name)
    if meaning is None:
        return []
    if "target" in loss.input_names and "target" not in given.tensors:
        raise _unknown(loss)
    return meaning(given)


def _of_terms(given: _Given, loss: WeightedSum) -> list[View]:
    found: dict[tuple[str, ...], list[View]] = {}
    for term in loss.terms:
        inputs = term.inputs(given.tensors)
        own = next((name for name in inputs if term.request_name(name) == given.output), given.output)
        views = _views(_Given(term.loss, inputs, own))
        if views:
            wrapped = [replace(view, lay_out=_renamed(view, term.inputs), output=given.output) for view in views]
            names = (term.request_name(name) for name in inputs)
            found.setdefault((views[0].how, *names), wrapped)
    if len(found) > 1:
        raise Fault(
            "UNSUPPORTED",
            "the terms of this weighted sum read the model's output in different ways, so metrics cannot",
            field="metrics",
        )
    return next(iter(found.values()), [])


def _renamed(view: View, inputs: Callable[[Tensors], dict[str, Tensor]]) -> Callable[[Tensors], Pair]:
    return lambda tensors: view.lay_out(inputs(tensors))


def _of_open(given: _Given, targets: Tensors) -> list[View]:
    """Numbers, where there is one target and it is of the output's shape."""
    target = next(iter(targets)) if len(targets) == 1 else ""
    output = given.tensors[given.output]
    if not target or not targets[target].is_floating_point() or targets[target].shape != output.shape:
        raise _unknown(given.loss)
    return _numbers(given, (given.output, target))


def _unknown(loss: Loss) -> Fault:
    why = NONE.get(loss.name, "they need classes, labels or numbers to compare with a target")
    return Fault(
        "UNSUPPORTED",
        f"no metrics are known for {loss.name} of these tensors: {why}; leave metrics out",
        field="metrics",
    )


def _shapes(output: Tensor, target: Tensor) -> Fault:
    return Fault(
        "UNSUPPORTED",
        f"output {shape_text(output.shape)} and target {shape_text(target.shape)} differ; metrics need one shape",
        field="metrics",
    )
