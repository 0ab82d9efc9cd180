"""What looks wrong about the tensors of one evaluation; knows no training."""

from __future__ import annotations

from lossd_server.judge.diagnostics.findings import Finding, Level
from lossd_server.losses.contract import Evaluated, Loss, Tensors


def diagnose(loss: Loss, tensors: Tensors, result: Evaluated, level: Level) -> list[Finding]:
    """What looks wrong about one evaluation, the worst first; nothing at `Level.OFF`.

    Args:
        loss: evaluated at `tensors`.
        tensors: its inputs.
        result: what came of it, with the gradients that were asked for.
        level: how much to look for.
    """
    return []
