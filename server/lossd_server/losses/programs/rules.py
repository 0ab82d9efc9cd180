"""What must be looked at before an operator runs: indices that a kernel trusts, divisors, lists of unknown length.

Each rule is a function of the operator's arguments by name, without those left at their defaults. Rules about
data look at nothing on torch's meta device.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from lossd_server.faults import Fault
from lossd_server.losses import checks
from lossd_server.losses.programs.fields import bad

Arguments = Mapping[str, Any]

FIELD = "loss.program"
_MOST_PIECES = 1024
_MOST_DIFFERENCES = 8


def nothing(arguments: Arguments) -> None:
    """For operators that look after themselves."""


def along_dimension(arguments: Arguments) -> None:
    """`index` within the size of `self` along `dim`."""
    index = arguments.get("index", arguments.get("indices"))
    dim, of = arguments.get("dim"), arguments["self"]
    if arguments.get("sparse_grad"):
        raise bad("sparse gradients are not for programs")
    if not isinstance(index, Tensor) or not isinstance(dim, int) or isinstance(dim, bool):
        raise bad("an index along a dimension needs both as arguments")
    if not -max(of.dim(), 1) <= dim < max(of.dim(), 1):
        raise Fault("SHAPE_MISMATCH", f"dimension {dim} of a tensor with {of.dim()}", field=FIELD)
    _within(index, 0, of.shape[dim] if of.dim() else 1)


def positions(arguments: Arguments) -> None:
    """Each of `indices` within its dimension of `self`, counted from either end."""
    of, indices = arguments["self"], arguments["indices"]
    if len(indices) > of.dim():
        raise Fault("SHAPE_MISMATCH", f"{len(indices)} indices of a tensor with {of.dim()} dimensions", field=FIELD)
    for dim, index in enumerate(indices):
        if index is not None:
            _within(index, -of.shape[dim], of.shape[dim])


def rows(arguments: Arguments) -> None:
    """`indices` within the rows of `weight`."""
    if arguments.get("sparse"):
        raise bad("sparse gradients are not for programs")
    weight = arguments["weight"]
    _within(arguments["indices"], 0, weight.shape[0] if weight.dim() else 0)


def classes(arguments: Arguments) -> None:
    """Class indices within a number of classes that is written down, not counted."""
    count = arguments.get("num_classes", -1)
    if not isinstance(count, int) or count < 1:
        raise bad("one_hot needs num_classes: how many there are must not depend on data")
    _within(arguments["self"], 0, count)


def class_targets(arguments: Arguments) -> None:
    """`target` within the classes of `self` or equal to ignore_index; probabilities pass."""
    of, target = arguments["self"], arguments["target"]
    if target.is_floating_point():
        return
    if not of.dim():
        raise Fault("SHAPE_MISMATCH", "class scores need a dimension of classes", field=FIELD)
    _within(target, 0, checks.classes(of), arguments.get("ignore_index", -100))


def label_lists(arguments: Arguments) -> None:
    """Lists of classes, each ended by -1."""
    of = arguments["self"]
    _within(arguments["target"], -1, of.shape[-1] if of.dim() else 1)


def probabilities(arguments: Arguments) -> None:
    """`self` and `target` from 0 to 1."""
    for name in ("self", "target"):
        given = arguments[name].detach()
        if not given.is_meta:
            checks.refuse(~((given >= 0) & (given <= 1)), given, FIELD, name, "expected probabilities from 0 to 1")


def divisors(arguments: Arguments) -> None:
    """Whole numbers are divided by none that is 0 or -1: one raises, the other can end the process."""
    dividend, divisor = arguments["self"], arguments["other"]
    whole = not dividend.is_floating_point() and not (isinstance(divisor, Tensor) and divisor.is_floating_point())
    if not whole or isinstance(divisor, float) or dividend.is_meta:
        return
    divisor = divisor if isinstance(divisor, Tensor) else torch.tensor(divisor)
    checks.refuse(
        (divisor == 0) | ((divisor == -1) & bool(_least(dividend).any())),
        divisor,
        FIELD,
        "a divisor of whole numbers",
        "expected none that is 0, and none that is -1 where the least whole number is divided",
    )


def _least(given: Tensor) -> Tensor:
    if given.dtype is torch.bool:
        return torch.zeros(1, dtype=torch.bool, device=given.device)
    return given == torch.iinfo(given.dtype).min


def quantiles(arguments: Arguments) -> None:
    """`q` from 0 to 1."""
    q = arguments["q"]
    q = q.detach() if isinstance(q, Tensor) else torch.tensor(q)
    if not q.is_meta:
        checks.refuse(~((q >= 0) & (q <= 1)), q, FIELD, "q", "expected quantiles from 0 to 1")


def pieces(arguments: Arguments) -> None:
    """As many pieces as a graph can name."""
    of = arguments["self"]
    dim = arguments.get("dim", 0)
    size = of.shape[dim] if of.dim() and -of.dim() <= dim < of.dim() else 0
    if "split_size" in arguments:
        count = -(-size // max(arguments["split_size"], 1))
    else:
        sizes = arguments.get("split_sizes", ())
        count = len(sizes) or arguments.get("chunks", arguments.get("sections", size))
    if count > _MOST_PIECES:
        raise Fault("LIMIT_EXCEEDED", f"a tensor in {count} pieces; at most {_MOST_PIECES}", field=FIELD)


def few_differences(arguments: Arguments) -> None:
    """Not so many that the loop over them lasts."""
    if not 0 <= arguments.get("n", 1) <= _MOST_DIFFERENCES:
        raise Fault("LIMIT_EXCEEDED", f"diff with n over {_MOST_DIFFERENCES}", field=FIELD)


def no_running_statistics(arguments: Arguments) -> None:
    """Running statistics are read, not kept: a program changes nothing."""
    training = arguments.get("training", arguments.get("use_input_stats"))
    if training and arguments.get("running_mean") is not None:
        raise bad("normalisation in training keeps running statistics; export it in eval() or without them")


def no_dropout(arguments: Arguments) -> None:
    """Dropout in eval() does nothing; in training it draws random numbers."""
    if arguments["train"]:
        raise bad("dropout draws random numbers; export the module in eval()")


def _within(index: Tensor, least: int, count: int, ignored: int | None = None) -> None:
    """Refuses indices below `least` or not below `count`, and those that are no whole numbers."""
    if index.dtype not in (torch.int64, torch.int32, torch.uint8) or (index.dtype is torch.uint8 and least < 0):
        raise bad(
            "an index is neither int64 nor int32; instead of selecting by a mask, multiply by it or use torch.where"
        )
    if index.is_meta or index.numel() == 0:
        return
    wide = index.long()
    outside = (wide < least) | (wide >= count)
    if ignored is not None:
        outside &= wide != ignored
    checks.refuse(outside, index, FIELD, "index", f"expected {least} to {count - 1}")
