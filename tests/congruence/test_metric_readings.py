"""What each loss's inputs are read as: masks, lists, sequences, boxes, distributions, pairs and embeddings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
import torch
import torchmetrics.text
from congruence.measured import computed, loss, several
from congruence.oracle import generator
from congruence.test_every_entry import ENTRIES, cases, example
from lossd_server.faults import Fault
from lossd_server.judge.catalogue import METRICS
from lossd_server.judge.metrics import Metrics
from lossd_server.judge.readings import NONE, views
from lossd_server.judge.views import TASKS
from lossd_server.losses.composite import Term, WeightedSum
from lossd_server.losses.contract import Loss
from sklearn import metrics as sk
from sklearn.neighbors import NearestNeighbors
from torch import Tensor
from torchmetrics.classification import BinaryAccuracy, MultilabelExactMatch, MultilabelRankingLoss
from torchmetrics.regression import JensenShannonDivergence, KLDivergence
from torchmetrics.retrieval import (
    RetrievalHitRate,
    RetrievalMAP,
    RetrievalMRR,
    RetrievalNormalizedDCG,
    RetrievalPrecision,
    RetrievalRecall,
    RetrievalRPrecision,
)
from torchmetrics.segmentation import DiceScore, MeanIoU

OF_EACH = ("accuracy", "f1(average=none)", "auroc", "auroc(average=none)", "brier_score", "calibration_error",
           "confusion_matrix", "roc_curve", "label_ranking_loss", "mae", "spearman", "tweedie_deviance", "mean_iou",
           "dice(average=none)", "ndcg", "wer", "box_iou", "kl_divergence")  # fmt: skip
"""Metrics that between them take what every task lays out."""


def one(built: Loss, inputs: dict[str, Tensor], *names: str) -> dict[str, Any]:
    """Metrics of one evaluation, whose first input is the output."""
    output, *others = (name for name in built.input_names if name in inputs)
    targets = {name: inputs[name] for name in others}
    metrics = Metrics(names, built, inputs[output], targets)
    metrics.update(inputs[output], targets)
    return {**metrics.compute(), **metrics.arrays()}


# ---- masks


def pixels(ignored: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Logits (3,4,5,6), classes, of which some do not count, and one-hot masks of both without those."""
    source = generator("masks")
    target = torch.randint(3, (3, 5, 6), generator=source)  # class 3 is never there
    target[0] = target[0].clamp(max=1)
    output = torch.randn(3, 4, 5, 6, generator=source, dtype=torch.float64)
    output += 2 * torch.nn.functional.one_hot(target, 4).movedim(-1, 1)
    output[:, 3] -= 50
    given = target.clone()
    given[:, :2, :3] = ignored
    kept = (given != ignored).unsqueeze(1)
    masks = [torch.nn.functional.one_hot(each, 4).movedim(-1, 1) * kept for each in (output.argmax(1), target)]
    return output, given, *masks


@pytest.mark.filterwarnings("ignore:DiceScore metric currently defaults")
@pytest.mark.parametrize(
    ("of", "arguments"),
    [
        ("cross_entropy_loss", {"ignore_index": -100}),
        ("cross_entropy_loss", {"ignore_index": 255}),
        ("dice_loss", {"mode": "multiclass", "from_logits": True, "ignore_index": 255}),
        ("lovasz_softmax_loss", {"ignore_index": 255}),
    ],
)
def test_masks_are_those_of_torchmetrics(of: str, arguments: dict[str, Any]) -> None:
    """Pixels that are ignored are in neither mask; a class that is nowhere is nan by itself and in no mean."""
    output, target, mine, true = pixels(arguments["ignore_index"])
    built = loss(of, **arguments)
    names = ["mean_iou", "mean_iou(average=none)", "mean_iou(include_background=false)", "dice", "dice(average=micro)",
             "dice(average=weighted)", "dice(average=none)", "dice(include_background=false)"]  # fmt: skip
    metrics = several(names, built, output, {"target": target}, 1, 0)
    found = {**metrics.compute(), **metrics.arrays()}
    dice = {"num_classes": 4, "aggregation_level": "global", "include_background": True}
    expected = {
        "mean_iou": MeanIoU(num_classes=4),
        "mean_iou(include_background=false)": MeanIoU(num_classes=4, include_background=False),
        "dice": DiceScore(**dict(dice, average="macro")),
        "dice(average=micro)": DiceScore(**dict(dice, average="micro")),
        "dice(average=weighted)": DiceScore(**dict(dice, average="weighted")),
        "dice(include_background=false)": DiceScore(**dict(dice, average="macro", include_background=False)),
    }
    for name, plain in expected.items():
        assert found[name] == pytest.approx(float(plain(mine, true)), rel=1e-6), name
    assert found["mean_iou(average=none)"].isnan().tolist() == [False, False, False, True]
    flat, classes = mine.argmax(1)[true.any(1)], true.argmax(1)[true.any(1)]
    assert found["dice"] == pytest.approx(sk.f1_score(classes, flat, average="macro"), rel=1e-6)
    torch.testing.assert_close(
        found["dice(average=none)"][:3], torch.as_tensor(sk.f1_score(classes, flat, average=None)), rtol=1e-6, atol=0
    )
    whole = one(built, {"input": output[:1], "target": target[:1]}, "mean_iou")["mean_iou"]
    here, there = mine[:1].argmax(1)[true[:1].any(1)], true[:1].argmax(1)[true[:1].any(1)]
    assert whole == pytest.approx(sk.jaccard_score(there, here, average="macro"), rel=1e-6)


def test_masks_of_labels_are_read_pixel_by_pixel() -> None:
    """Of one mask and of several, which overlap; what is ignored counts in no metric."""
    source = generator("labels")
    target = torch.randint(2, (2, 3, 4, 4), generator=source)
    output = torch.randn(2, 3, 4, 4, generator=source) + 2 * target - 1
    target[:, :, 0] = 7
    kept = target != 7
    built = loss("dice_loss", mode="multilabel", ignore_index=7)
    found = one(
        built, {"input": output, "target": target}, "dice(average=none)", "f1(average=none)", "auroc", "accuracy"
    )
    flat = [(output > 0)[:, label][kept[:, label]] for label in range(3)]
    true = [target[:, label][kept[:, label]] for label in range(3)]
    scores = [sk.f1_score(each, mine) for each, mine in zip(true, flat, strict=True)]
    assert found["dice(average=none)"].tolist() == pytest.approx(scores, rel=1e-6)
    assert found["f1(average=none)"].tolist() == pytest.approx(scores, rel=1e-6)
    areas = [sk.roc_auc_score(each, output[:, i][kept[:, i]]) for i, each in enumerate(true)]
    assert found["auroc"] == pytest.approx(np.mean(areas), rel=1e-6)
    binary = loss("dice_loss", mode="binary", ignore_index=7)
    alone = {"input": output[:, :1], "target": target[:, :1]}
    assert one(binary, alone, "dice")["dice"] == pytest.approx(scores[0], rel=1e-6)
    with pytest.raises(Fault, match="no background"):
        one(binary, alone, "dice(include_background=false)")


def test_a_sum_is_read_as_its_terms_are() -> None:
    """Cross entropy beside Dice: one way to read both, without what either ignores; terms that disagree are refused."""
    output, target, *_ = pixels(255)
    entropy, dice = loss("cross_entropy_loss"), loss("dice_loss", ignore_index=255)
    both = WeightedSum((Term("a", 1.0, entropy, {}), Term("b", 0.5, dice, {})), "loss")
    names = ("mean_iou", "dice", "accuracy", "f1(average=none)")
    found, expected = (one(each, {"input": output, "target": target}, *names) for each in (both, dice))
    assert found["f1(average=none)"].tolist() == expected["f1(average=none)"].tolist()
    assert all(found[name] == expected[name] for name in names[:3])
    odd = WeightedSum((Term("a", 1.0, entropy, {}), Term("b", 0.5, loss("nll_loss"), {})), "loss")
    with pytest.raises(Fault, match="in different ways"):
        one(odd, {"input": output[..., 0, 0], "target": target[..., 0, 0]}, "accuracy")


# ---- labels that do not count


def test_rankings_are_those_of_torchmetrics_without_the_labels_that_do_not_count() -> None:
    """Of labels that all count as torchmetrics; else as if those labels were not there; a batch without truth too."""
    source = generator("rankings")
    output, target = torch.randn(30, 4, generator=source), torch.randint(2, (30, 4), generator=source)
    target[3:9] = 0
    built = loss("dice_loss", mode="multilabel", from_logits=True, ignore_index=7)
    names = ["label_ranking_loss", "label_ranking_average_precision", "coverage_error", "accuracy"]
    parts = several(names, built, output, {"target": target}, 3, 6).compute()
    truth, scores = target.numpy(), output.double().sigmoid().numpy()
    assert parts["label_ranking_loss"] == pytest.approx(sk.label_ranking_loss(truth, scores), rel=1e-9)
    assert parts["coverage_error"] == pytest.approx(sk.coverage_error(truth, scores), rel=1e-9)
    expected = MultilabelRankingLoss(num_labels=4)(output.double().sigmoid(), target)
    assert parts["label_ranking_loss"] == pytest.approx(float(expected), rel=1e-6)
    wide = torch.cat([torch.full((30, 1), 9.0), output, torch.full((30, 1), -9.0)], 1)
    marked = torch.cat([torch.full((30, 1), 7), target, torch.full((30, 1), 7)], 1)
    assert several(names, built, wide, {"target": marked}, 3, 6).compute() == pytest.approx(parts, rel=1e-9)
    assert parts["accuracy"] == pytest.approx(
        float(MultilabelExactMatch(num_labels=4)(output.sigmoid(), target)), rel=1e-6
    )


# ---- lists


def test_lists_are_those_of_torchmetrics_and_scikit_learn() -> None:
    """Items that a mask leaves out are in no list; each batch brings lists of its own; graded relevance for ndcg."""
    source = generator("lists")
    scores = torch.randn(9, 6, generator=source, dtype=torch.float64)
    labels = torch.randint(4, (9, 6), generator=source).double()
    labels[:, 0] = 2  # every list has something relevant
    mask = torch.rand(9, 6, generator=source) > 0.3
    mask[:, :2] = True
    kept, groups = mask.reshape(-1), torch.arange(9).repeat_interleave(6)[mask.reshape(-1)]
    flat, relevance = scores.reshape(-1)[kept], labels.reshape(-1)[kept]
    plain: dict[str, Any] = {
        "ndcg": RetrievalNormalizedDCG(), "ndcg(top_k=3)": RetrievalNormalizedDCG(top_k=3),
        "mean_average_precision": RetrievalMAP(), "mean_reciprocal_rank": RetrievalMRR(),
        "mean_reciprocal_rank(top_k=1)": RetrievalMRR(top_k=1),
        "retrieval_precision(top_k=2)": RetrievalPrecision(top_k=2),
        "retrieval_recall(top_k=2)": RetrievalRecall(top_k=2), "hit_rate(top_k=1)": RetrievalHitRate(top_k=1),
        "r_precision": RetrievalRPrecision(),
    }  # fmt: skip
    targets = {"labels": labels, "mask": mask}
    for of in ("listnet_loss", "list_mle_loss", "pairwise_logistic_loss", "approx_ndcg_loss"):
        metrics = several(list(plain), loss(of), scores, targets, 2, 0, 1)
        found = metrics.compute()
        for name, metric in plain.items():
            metric.reset()
            graded = relevance if name.startswith("ndcg") else relevance > 0
            assert found[name] == pytest.approx(float(metric(flat.sigmoid(), graded, indexes=groups)), rel=1e-6)
    gains = [sk.ndcg_score([labels[i][mask[i]].numpy()], [scores[i][mask[i]].numpy()]) for i in range(9)]
    assert found["ndcg"] == pytest.approx(np.mean(gains), rel=1e-6)
    areas = [sk.average_precision_score(labels[i][mask[i]] > 0, scores[i][mask[i]]) for i in range(9)]
    assert found["mean_average_precision"] == pytest.approx(np.mean(areas), rel=1e-6)


def test_labels_of_an_example_are_a_list_too() -> None:
    """Multi-label scores rank the labels; indices padded with -1 say the same."""
    scores = torch.tensor([[0.1, 2.0, -1.0, 0.5], [3.0, 0.0, 1.0, -2.0]])
    target = torch.tensor([[0.0, 1, 0, 1], [0, 0, 1, 0]])
    listed = torch.tensor([[3, 1, -1, 2], [2, -1, 0, 0]])
    names = ["mean_reciprocal_rank", "hit_rate(top_k=1)", "retrieval_recall(top_k=2)"]
    expected = {"mean_reciprocal_rank": 0.75, "hit_rate(top_k=1)": 0.5, "retrieval_recall(top_k=2)": 1.0}
    assert one(loss("bce_with_logits_loss"), {"input": scores, "target": target}, *names) == expected
    assert one(loss("multi_label_margin_loss"), {"input": scores, "target": listed}, *names) == expected


# ---- sequences


@pytest.mark.parametrize("flat", [False, True])
def test_error_rates_are_those_of_torchmetrics_texts(flat: bool) -> None:
    """Of the likeliest path, without repeats and blanks; targets padded or one behind the other; and of one alone."""
    source = generator("speech")
    words = ["ab c", "cab", "a", "bbc a"]  # letters 1, 2, 3 and a space, 4
    said = ["ab c", "cb", "b a", "bc aa"]
    letters = {"a": 1, "b": 2, "c": 3, " ": 4}
    log_probs = torch.full((16, 4, 5), -9.0)
    lengths = []
    for column, spoken in enumerate(said):
        path = [token for letter in spoken for token in (letters[letter], 0)]  # a blank between, so repeats are kept
        path.insert(1, path[0])  # said for longer
        lengths.append(len(path))
        path += torch.randint(5, (16 - len(path),), generator=source).tolist()
        log_probs[torch.arange(16), column, torch.tensor(path)] = 0
    true = [torch.tensor([letters[letter] for letter in text]) for text in words]
    targets = torch.cat(true) if flat else torch.nn.utils.rnn.pad_sequence(true, batch_first=True)
    inputs = {"log_probs": log_probs.log_softmax(2), "targets": targets, "input_lengths": torch.tensor(lengths),
              "target_lengths": torch.tensor([len(text) for text in words])}  # fmt: skip
    found = one(loss("ctc_loss"), inputs, "wer(separator=4)", "cer", "sequence_accuracy", "wer")
    assert found["wer(separator=4)"] == pytest.approx(float(torchmetrics.text.WordErrorRate()(said, words)), rel=1e-6)
    assert (
        found["cer"] == found["wer"] == pytest.approx(float(torchmetrics.text.CharErrorRate()(said, words)), rel=1e-6)
    )
    assert found["sequence_accuracy"] == 0.25
    single = {"log_probs": inputs["log_probs"][:, 1], "targets": true[1], "input_lengths": torch.tensor(lengths[1]),
              "target_lengths": torch.tensor(3)}  # fmt: skip
    assert one(loss("ctc_loss"), single, "cer")["cer"] == pytest.approx(1 / 3)


# ---- boxes, distributions, pairs, embeddings


@pytest.mark.parametrize("box_format", ["xyxy", "xywh", "cxcywh"])
def test_boxes_overlap_as_their_loss_says(box_format: str) -> None:
    """The mean is 1 less the IoU loss, whatever the format; the numbers of boxes are numbers too."""
    corners = torch.tensor([[0.0, 0, 2, 2], [1, 1, 3, 4], [0, 0, 1, 1]], dtype=torch.float64)
    moved = torch.tensor([[0.0, 0, 2, 1], [1, 1, 3, 4], [5, 5, 6, 6]], dtype=torch.float64)

    def stated(boxes: Tensor) -> Tensor:
        start, size = boxes[:, :2], boxes[:, 2:] - boxes[:, :2]
        return {"xyxy": boxes, "xywh": torch.cat([start, size], 1), "cxcywh": torch.cat([start + size / 2, size], 1)}[
            box_format
        ]

    built = loss("iou_loss", box_format=box_format)
    found = one(built, {"input": stated(moved), "target": stated(corners)},
                "box_iou", "box_recall", "box_recall(threshold=0.6)", "mae")  # fmt: skip
    assert found["box_iou"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert found["box_recall"] == pytest.approx(2 / 3)
    assert found["box_recall(threshold=0.6)"] == pytest.approx(1 / 3)
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(stated(corners), stated(moved)))


def test_divergences_are_those_of_torchmetrics_and_scipy() -> None:
    """Of the truth from the prediction, in nats; a teacher's, a target's, and class probabilities'."""
    mine, true = torch.randn(6, 4, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64)
    p, q = true.softmax(1), mine.softmax(1)
    expected = {"kl_divergence": float(scipy.stats.entropy(p, q, axis=1).mean()),
                "js_divergence": float((scipy.spatial.distance.jensenshannon(p, q, axis=1) ** 2).mean()),
                "agreement": float((p.argmax(1) == q.argmax(1)).double().mean())}  # fmt: skip
    assert expected["kl_divergence"] == pytest.approx(float(KLDivergence().double()(p, q)), rel=1e-6)
    assert expected["js_divergence"] == pytest.approx(float(JensenShannonDivergence().double()(p, q)), rel=1e-6)
    inputs: tuple[tuple[Loss, dict[str, Tensor]], ...] = (
        (loss("cross_entropy_loss"), {"input": mine, "target": p}),
        (loss("kl_div_loss"), {"input": q.log(), "target": p}),
        (loss("kl_div_loss", log_target=True), {"input": q.log(), "target": p.log()}),
        (loss("kd_kl_loss"), {"student_logits": mine, "teacher_logits": true}),
    )
    for built, given in inputs:
        assert one(built, given, *expected) == pytest.approx(expected, rel=1e-9), built.name
    with pytest.raises(Fault, match="metrics of classes need class indices"):
        one(*inputs[0], "accuracy")


def test_preferences_are_right_or_wrong() -> None:
    """The share of pairs whose better answer is scored higher; of rewards also how sure they are."""
    names = ("policy_chosen_logps", "policy_rejected_logps", "reference_chosen_logps", "reference_rejected_logps")
    logps = torch.randn(4, 8, generator=generator("dpo"), dtype=torch.float64) - 5
    margin = logps[0] - logps[1] - logps[2] + logps[3]
    found = one(loss("dpo_loss"), dict(zip(names, logps, strict=True)), "accuracy")
    assert found["accuracy"] == pytest.approx(float((margin > 0).double().mean()))
    rewards = {"rewards_chosen": logps[0], "rewards_rejected": logps[1]}
    found = one(loss("bradley_terry_loss"), rewards, "accuracy", "log_loss")
    plain = BinaryAccuracy()((logps[0] - logps[1]).sigmoid(), torch.ones(8, dtype=torch.long))
    assert found["accuracy"] == pytest.approx(float(plain))
    assert found["log_loss"] == pytest.approx(float(-torch.nn.functional.logsigmoid(logps[0] - logps[1]).mean()))
    ranked = {"input1": logps[0], "input2": logps[1], "target": torch.tensor([1.0, -1] * 4)}
    right = ((logps[0] > logps[1]) == (ranked["target"] > 0)).double().mean()
    assert one(loss("margin_ranking_loss"), ranked, "accuracy")["accuracy"] == pytest.approx(float(right))


def test_embeddings_find_their_like() -> None:
    """The share whose nearest neighbour by cosine has its label, as scikit-learn finds it; of views, its own."""
    source = generator("embeddings")
    vectors, labels = torch.randn(20, 5, generator=source), torch.arange(20) % 4
    nearest = NearestNeighbors(n_neighbors=2, metric="cosine").fit(vectors).kneighbors(vectors)[1][:, 1]
    expected = float((labels[nearest] == labels).double().mean())
    found = one(loss("contrastive_loss"), {"embeddings": vectors, "labels": labels}, "hit_rate(top_k=1)")
    assert found["hit_rate(top_k=1)"] == pytest.approx(expected)
    other = vectors + 0.01 * torch.randn(20, 5, generator=source)
    views = {"embeddings": vectors, "ref_emb": other}
    assert one(loss("nt_xent_loss"), views, "retrieval_recall(top_k=1)")["retrieval_recall(top_k=1)"] == 1
    clip = {"image_features": vectors, "text_features": other}
    assert one(loss("clip_loss"), clip, "mean_reciprocal_rank")["mean_reciprocal_rank"] == 1


# ---- every loss


def refusal(built: Loss, inputs: dict[str, Tensor], name: str) -> Fault | None:
    """What is said against a metric of one evaluation; anything but a Fault is raised."""
    output, *others = (each for each in built.input_names if each in inputs)
    targets = {each: inputs[each] for each in others}
    try:
        metrics = Metrics([name], built, inputs[output], targets)
        metrics.update(inputs[output], targets)
    except Fault as fault:
        return fault
    metrics.compute()
    metrics.arrays()
    return None


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_loss_tells_metrics_or_why_not(entry: Any) -> None:
    """Of its example every metric of its tasks is told; of odd tensors, all or a refusal that names the field."""
    built = entry.build(dict(entry.example.arguments), path="loss", allow_broadcast=False)
    inputs = example(entry)
    if entry.name in NONE:
        refused = refusal(built, inputs, "accuracy")
        assert refused is not None
        assert (refused.reason, refused.field) == ("UNSUPPORTED", "metrics")
        assert NONE[entry.name] in refused.message
        return
    output, *others = (name for name in built.input_names if name in inputs)
    tasks = {view.task for view in views(built, inputs[output], {name: inputs[name] for name in others})}
    assert tasks <= set(TASKS)
    told = [name for name, metric in METRICS.items() if tasks & set(metric.tasks) and not refusal(built, inputs, name)]
    assert len(told) >= 3
    for odd_inputs, odd_loss in _odd(entry):
        for name in OF_EACH:
            refused = refusal(odd_loss, odd_inputs, name)
            assert refused is None or refused.reason in ("UNSUPPORTED", "VALUE_OUT_OF_RANGE"), (name, refused)
            assert refused is None or refused.field, (name, refused)


def _odd(entry: Any) -> Iterator[tuple[dict[str, Tensor], Loss]]:
    """Odd inputs that the loss takes, each shape and type once."""
    seen = set()
    for arguments, inputs in cases(entry):
        shapes = repr({name: (tensor.shape, tensor.dtype) for name, tensor in inputs.items()})
        if shapes in seen or any(tensor.numel() > 2000 for tensor in inputs.values()):
            continue
        seen.add(shapes)
        try:
            built = entry.build(arguments, path="loss", allow_broadcast=False)
            built.check(inputs)
        except Fault:
            continue
        yield inputs, built


def test_nan_is_told_as_nan() -> None:
    """Whatever a metric takes of a score, one that is no number leaves it undefined; ignored, it does not matter."""
    output, target = torch.randn(8, 3), torch.randint(3, (8,))
    output[2, 1] = math.nan
    names = ["accuracy", "auroc", "brier_score", "top_3_accuracy", "calibration_error"]
    assert all(math.isnan(number) for number in computed(names, loss("cross_entropy_loss"), output, target).values())
    arrays = several(["confusion_matrix"], loss("cross_entropy_loss"), output, {"target": target}).arrays()
    assert bool(arrays["confusion_matrix"].isnan().all())
    target[2] = -100
    assert math.isfinite(computed(["accuracy"], loss("cross_entropy_loss"), output, target)["accuracy"])
    numbers, true = torch.randn(8), torch.randn(8)
    for first, second in ((output[:, 1], true), (numbers, output[:, 1])):
        found = computed(["mae", "max_error", "spearman", "kendall", "r2"], loss("mse_loss"), first, second)
        assert all(math.isnan(number) for number in found.values())
