"""The cases of the congruence tests: for every loss of the catalogue, arguments × shapes × kinds of data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from congruence.oracle import DISTANCES, Case, generator, grid
from torch import Tensor

SHAPES = ((), (1,), (0,), (5,), (1, 1), (3, 4), (0, 3), (2, 0, 3), (2, 3, 4), (7, 33))
LARGE = ((90, 91), (257, 130))  # the most that a worker gives one thread; enough for torch to use several
CLASS_SHAPES = ((4,), (1,), (1, 3), (4, 3), (0, 3), (5, 1), (4, 3, 2), (2, 3, 2, 3), (0, 3, 2), (2, 3, 0), (127, 128))
EXTREMES = (
    *(0.0, -0.0, 1.0, -1.0, 0.5, float("inf"), float("-inf"), float("nan"), 1e38, -1e38, 3.4e38),
    *(1e-40, -1e-45, 88.7, -104.0, 1e4, -1e4, 1e-7, 2.5, -7.25),
)


def normal(shape: tuple[int, ...], dtype: torch.dtype, *seed: object) -> Tensor:
    return torch.randn(shape, generator=generator(shape, *seed)).mul(3).to(dtype)


def extreme(shape: tuple[int, ...], dtype: torch.dtype, *seed: object) -> Tensor:
    """Infinities, NaN, the ends of float32, denormals."""
    picks = torch.randint(len(EXTREMES), shape, generator=generator(shape, *seed))
    return torch.tensor(EXTREMES, dtype=torch.float64)[picks].to(dtype)


def large(shape: tuple[int, ...], dtype: torch.dtype, *seed: object) -> Tensor:
    """Logits of thousands."""
    return normal(shape, dtype, *seed).mul(1000)


def uniform(shape: tuple[int, ...], dtype: torch.dtype, *seed: object) -> Tensor:
    """Probabilities, 0 and 1 among them."""
    return torch.rand(shape, generator=generator(shape, *seed)).mul(1.2).sub(0.1).clamp(0, 1).to(dtype)


def log_probabilities(shape: tuple[int, ...], dtype: torch.dtype, *seed: object) -> Tensor:
    return uniform(shape, torch.float32, *seed).clamp_min(1e-4).log().to(dtype)


Make = Callable[..., Tensor]


def pairs(kinds: Mapping[str, tuple[Make, Make]], dtype: torch.dtype) -> Iterator[dict[str, Tensor]]:
    """`input` and `target` of every shape and every kind of data, large ones of the first kind only."""
    for number, (kind, (first, second)) in enumerate(kinds.items()):
        for shape in SHAPES if number else (*SHAPES, *LARGE):
            yield {"input": first(shape, dtype, kind, 0), "target": second(shape, dtype, kind, 1)}


REGRESSION: dict[str, tuple[Make, Make]] = {"normal": (normal, normal), "extreme": (extreme, extreme)}
COUNTS: dict[str, tuple[Make, Make]] = {**REGRESSION, "counts": (normal, lambda *a: normal(*a).abs().round())}
DIVERGENCE: dict[str, tuple[Make, Make]] = {**REGRESSION, "probabilities": (log_probabilities, uniform)}
PROBABILITIES: dict[str, tuple[Make, Make]] = {"uniform": (uniform, uniform)}
LOGITS: dict[str, tuple[Make, Make]] = {
    "uniform": (normal, uniform),
    "large": (large, uniform),
    "extreme": (extreme, normal),
}

_Arguments = Iterator[dict[str, Any]]


def _few(arguments: _Arguments, *tensors: Tensor) -> _Arguments:
    """All of the arguments for small tensors, a few for large ones, which cost time and differ in one thing only."""
    return islice(arguments, 0, None, 5 if tensors[0].numel() > 5000 else 1)


def _elementwise(
    loss: str, kinds: Mapping[str, tuple[Make, Make]], dtype: torch.dtype, **choices: Any
) -> Iterator[Case]:
    for inputs in pairs(kinds, dtype):
        for arguments in _few(grid(**choices), *inputs.values()):
            yield Case(loss, arguments, inputs)


def _rescaled(loss: str, kinds: Mapping[str, tuple[Make, Make]], dtype: torch.dtype, *names: str) -> Iterator[Case]:
    for inputs in pairs(kinds, dtype):
        shape = inputs["input"].shape
        weights: list[Any] = [..., uniform(tuple(shape), dtype, "w")]
        if shape:
            weights += [uniform(tuple(shape[-1:]), dtype, "v"), uniform((), dtype, "s")]
        for arguments in _few(grid(**dict.fromkeys(names, weights)), *inputs.values()):
            yield Case(loss, arguments, inputs)


def _indices(shape: tuple[int, ...], *seed: object) -> Tensor:
    classes = shape[0] if len(shape) == 1 else shape[1]
    return torch.randint(classes, shape[:1] * (len(shape) > 1) + shape[2:], generator=generator(shape, *seed))


def _classified(loss: str, logits: Make, dtype: torch.dtype, **choices: Any) -> Iterator[Case]:
    for shape in CLASS_SHAPES:
        classes = shape[0] if len(shape) == 1 else shape[1]
        weights = [..., uniform((classes,), dtype, "w"), torch.zeros(classes, dtype=dtype)]
        target = _indices(shape)
        masked = target.clone()
        if masked.numel():
            masked.view(-1)[:: 2 if masked.numel() > 1 else 1] = -100
        for kind in (logits, large, extreme):
            inputs = {"input": kind(shape, dtype, "x"), "target": target}
            for arguments in _few(grid(weight=weights, ignore_index=[..., 0, -1], **choices), *inputs.values()):
                yield Case(loss, arguments, inputs)
            for arguments in _few(grid(weight=weights, **choices), *inputs.values()):
                yield Case(loss, arguments, inputs | {"target": masked})
                yield Case(loss, arguments, inputs | {"target": target.to(torch.uint8)})


def _soft(dtype: torch.dtype) -> Iterator[Case]:
    for shape in CLASS_SHAPES:
        weights = [..., uniform((shape[0] if len(shape) == 1 else shape[1],), dtype, "w")]
        for kind, target in ((normal, uniform), (large, uniform), (extreme, extreme)):
            inputs = {"input": kind(shape, dtype, "x"), "target": target(shape, dtype, "y")}
            for arguments in _few(grid(weight=weights, label_smoothing=[..., 0.1]), *inputs.values()):
                yield Case("CrossEntropyLoss", arguments, inputs)


def _cross_entropy(dtype: torch.dtype) -> Iterator[Case]:
    yield from _classified("CrossEntropyLoss", normal, dtype, label_smoothing=[..., 0.1, 1.0])
    yield from _soft(dtype)


def _ctc(dtype: torch.dtype) -> Iterator[Case]:
    for kind, integers in ((normal, torch.int64), (normal, torch.int32), (extreme, torch.int64)):
        for inputs, blank in _alignments(kind, dtype, integers):
            for arguments in grid(zero_infinity=[..., True]):
                yield Case("CTCLoss", arguments | ({"blank": blank} if blank else {}), inputs)


def _alignments(kind: Make, dtype: torch.dtype, integers: torch.dtype) -> Iterator[tuple[dict[str, Tensor], int]]:
    """Padded, flat and unbatched targets; full, short and zero lengths; alignments that cannot be."""
    steps, batch, classes, width = 9, 3, 5, 4

    def lengths(*values: int) -> Tensor:
        return torch.tensor(values, dtype=integers)

    for blank in (0, classes - 1):
        log_probs = kind((steps, batch, classes), torch.float32, "ctc").log_softmax(-1).to(dtype)
        labels = torch.randint(1, classes, (batch, width), generator=generator("labels")).to(integers)
        labels = labels - 1 if blank else labels
        for input_lengths in (lengths(9, 9, 9), lengths(9, 5, 2)):  # 2 steps cannot hold 4 labels
            for target_lengths in (lengths(4, 4, 4), lengths(1, 0, 4), lengths(2, 3, 1)):
                rest = {"input_lengths": input_lengths, "target_lengths": target_lengths}
                flat = torch.cat([row[:n] for row, n in zip(labels, target_lengths.tolist(), strict=True)])
                yield {"log_probs": log_probs, "targets": labels, **rest}, blank
                yield {"log_probs": log_probs, "targets": flat, **rest}, blank
        one = {"log_probs": log_probs[:, 0], "targets": labels[0]}
        yield (
            one | {"input_lengths": torch.tensor(9, dtype=integers), "target_lengths": torch.tensor(4, dtype=integers)},
            blank,
        )
        yield one | {"input_lengths": lengths(9), "target_lengths": lengths(4)}, blank


def _signs(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.randint(2, shape, generator=generator(shape, "sign")).mul(2).sub(1).to(dtype)


def _margins(loss: str, names: tuple[str, ...], dtype: torch.dtype, **choices: Any) -> Iterator[Case]:
    """Losses of scores against signs, floating or whole."""
    for kind in (normal, extreme):
        for shape in (*SHAPES, *LARGE) if kind is normal else SHAPES:
            scores = {name: kind(shape, dtype, name) for name in names}
            for signs in (dtype, torch.int64):
                for arguments in _few(grid(**choices), *scores.values()):
                    yield Case(loss, arguments, scores | {"target": _signs(shape, signs)})


def _cosines(dtype: torch.dtype) -> Iterator[Case]:
    for kind in (normal, extreme, large):
        for shape in ((4,), (1,), (1, 3), (5, 4), (0, 3), (3, 0), (64, 200)):
            pair = {name: kind(shape, dtype, name) for name in ("input1", "input2")}
            for arguments in grid(margin=[..., 0.3, -0.5]):
                yield Case("CosineEmbeddingLoss", arguments, pair | {"target": _signs(shape[:-1], dtype)})


def _multi_margin(dtype: torch.dtype) -> Iterator[Case]:
    for kind in (normal, extreme):
        for shape in ((4,), (1,), (1, 3), (5, 4), (64, 200)):
            weights = [..., uniform(shape[-1:], dtype, "w")]
            inputs = {"input": kind(shape, dtype, 0), "target": _indices(shape)}
            for arguments in grid(p=[..., 2], margin=[..., 0.2, -1.0], weight=weights):
                yield Case("MultiMarginLoss", arguments, inputs)


def _label_lists(dtype: torch.dtype) -> Iterator[Case]:
    for kind in (normal, extreme):
        for shape in ((4,), (1,), (1, 3), (5, 4), (16, 30)):
            target = torch.randint(-1, shape[-1], shape, generator=generator(shape, "labels"))
            full = torch.arange(shape[-1]).expand(shape).contiguous()
            for labels in (target, full, torch.full(shape, -1)):
                yield Case("MultiLabelMarginLoss", {}, {"input": kind(shape, dtype, 0), "target": labels})


def _triplets(loss: str, dtype: torch.dtype, **choices: Any) -> Iterator[Case]:
    for kind in (normal, extreme):
        for shape in ((4,), (1,), (1, 3), (5, 4), (0, 3), (2, 3, 4), (64, 200)):
            inputs = {name: kind(shape, dtype, name) for name in ("anchor", "positive", "negative")}
            for arguments in _few(grid(**choices), *inputs.values()):
                yield Case(loss, arguments, inputs)


def _variances(dtype: torch.dtype) -> Iterator[Case]:
    for inputs in pairs({"normal": (normal, normal)}, dtype):
        shape = tuple(inputs["input"].shape)
        shapes = [shape, *([shape[:-1], (*shape[:-1], 1)] if shape else [])]
        for variances in shapes:
            given = inputs | {"var": normal(variances, dtype, "var").abs()}
            for arguments in _few(grid(full=[..., True], eps=[..., 0.5]), *given.values()):
                yield Case("GaussianNLLLoss", arguments, given)


def _linear(dtype: torch.dtype) -> Iterator[Case]:
    """Index and soft targets, further dimensions, a bias, and both ways to compute it."""
    width, classes = 6, 5
    chunked = {"batch_chunk_size": 2}
    for rows in ((7,), (), (0,)):
        for further in ((), (3,)) if rows else ((),):
            for kind in (normal, large):
                shape = {"in_features": width, "num_classes": classes, "out_features": further}
                own = {
                    "input": kind((*rows, width), dtype, "in"),
                    "linear.weight": normal((classes * (3 if further else 1), width), dtype, "weight"),
                    "linear.bias": normal((classes * (3 if further else 1),), dtype, "bias"),
                }
                index = torch.randint(classes, (*rows, *further), generator=generator("index"))
                soft = uniform((*rows, classes, *further), dtype, "soft")
                for target in (index, soft):
                    for arguments in grid(
                        bias=[..., True],
                        label_smoothing=[..., 0.1],
                        weight=[..., uniform((classes,), dtype, "w") + 0.1],
                        ignore_index=[..., 1] if target is index else [...],
                        options=[..., chunked] if rows == (7,) and not further and target is index else [...],
                    ):
                        names = ("linear.weight", "linear.bias") if arguments.get("bias") else ("linear.weight",)
                        if arguments.get("options") and arguments.get("label_smoothing"):
                            continue  # which torch would leave aside, and lossd refuses
                        inputs = {"input": own["input"], "target": target, **{name: own[name] for name in names}}
                        yield Case("LinearCrossEntropyLoss", shape | arguments, inputs)


def _adaptive(dtype: torch.dtype) -> Iterator[Case]:
    for rows in ((9,), (), (1,)):
        for cutoffs in ([2], [3, 5], [1, 2, 6]):
            for arguments in grid(div_value=[..., 2.0], head_bias=[..., True]):
                shape = {"in_features": 64, "n_classes": 7, "cutoffs": cutoffs} | arguments
                module = torch.nn.AdaptiveLogSoftmaxWithLoss(**shape)
                parameters = {n: normal(tuple(p.shape), dtype, n) for n, p in module.named_parameters()}
                target = torch.randint(7, rows, generator=generator(rows, cutoffs))
                inputs = {"input": normal((*rows, 64), dtype, "x"), "target": target, **parameters}
                yield Case("AdaptiveLogSoftmaxWithLoss", shape, inputs)


def cases(loss: str, dtype: torch.dtype) -> Iterator[Case]:
    """Every case of a loss but for its reduction."""
    return _CASES[loss](dtype)


_CASES: dict[str, Callable[[torch.dtype], Iterator[Case]]] = {
    "L1Loss": lambda dtype: _elementwise("L1Loss", REGRESSION, dtype),
    "MSELoss": lambda dtype: _elementwise("MSELoss", REGRESSION, dtype),
    "SmoothL1Loss": lambda dtype: _elementwise("SmoothL1Loss", REGRESSION, dtype, beta=[..., 0.0, 1e-3, 0.5, 2.0]),
    "HuberLoss": lambda dtype: _elementwise("HuberLoss", REGRESSION, dtype, delta=[..., 1e-3, 0.1, 3.0]),
    "CrossEntropyLoss": _cross_entropy,
    "NLLLoss": lambda dtype: _classified("NLLLoss", log_probabilities, dtype),
    "PoissonNLLLoss": lambda dtype: _elementwise(
        "PoissonNLLLoss", COUNTS, dtype, log_input=[..., True, False], full=[..., True], eps=[..., 1e-3]
    ),
    "KLDivLoss": lambda dtype: _elementwise("KLDivLoss", DIVERGENCE, dtype, log_target=[..., True]),
    "BCELoss": lambda dtype: _rescaled("BCELoss", PROBABILITIES, dtype, "weight"),
    "BCEWithLogitsLoss": lambda dtype: _rescaled("BCEWithLogitsLoss", LOGITS, dtype, "weight", "pos_weight"),
    "CTCLoss": _ctc,
    "GaussianNLLLoss": _variances,
    "MarginRankingLoss": lambda dtype: _margins(
        "MarginRankingLoss", ("input1", "input2"), dtype, margin=[..., 0.5, -1.0]
    ),
    "HingeEmbeddingLoss": lambda dtype: _margins("HingeEmbeddingLoss", ("input",), dtype, margin=[..., 0.5, -1.0]),
    "SoftMarginLoss": lambda dtype: _margins("SoftMarginLoss", ("input",), dtype),
    "CosineEmbeddingLoss": _cosines,
    "MultiMarginLoss": _multi_margin,
    "MultiLabelMarginLoss": _label_lists,
    "MultiLabelSoftMarginLoss": lambda dtype: _rescaled("MultiLabelSoftMarginLoss", LOGITS, dtype, "weight"),
    "TripletMarginLoss": lambda dtype: _triplets(
        "TripletMarginLoss",
        dtype,
        margin=[..., 0.2],
        p=[..., 1.0, 3.0, float("inf")],
        eps=[..., 0.0, 1e-3],
        swap=[..., True],
    ),
    "TripletMarginWithDistanceLoss": lambda dtype: _triplets(
        "TripletMarginWithDistanceLoss",
        dtype,
        distance_function=[..., *DISTANCES],
        margin=[..., 0.2],
        swap=[..., True],
    ),
    "LinearCrossEntropyLoss": _linear,
    "AdaptiveLogSoftmaxWithLoss": _adaptive,
}
LOSSES = tuple(_CASES)
