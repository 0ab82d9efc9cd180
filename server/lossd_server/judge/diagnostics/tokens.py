"""Ratios, advantages and alignments of sequences that teach nothing or too much; knows no class score."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from lossd_server.judge.diagnostics import roles
from lossd_server.judge.diagnostics.case import Case, bounds, moments, share
from lossd_server.judge.diagnostics.findings import Diagnostic, Finding, Level, Severity

LEAST = 32
EXPLODED = 10.0
_RATIOS = tuple(name for name in roles.POLICY if name != "reinforce_loss")
_CLIPPED = ("dapo_loss", "dr_grpo_loss", "grpo_loss", "ppo_clip_loss")

RATIO_EXPLOSION = Diagnostic(
    "RATIO_EXPLOSION",
    Severity.WARNING,
    Level.CHEAP,
    "The policy is far from the one that wrote the tokens.",
    f"the ratio of probabilities is above {EXPLODED:g} or below {1 / EXPLODED:g} in more than 1 % of {LEAST} or more "
    "tokens, or beyond exp(±20) in any",
    "take fewer epochs over the same samples or a lower learning rate; check that old_log_probs are of the same "
    "tokens, "
    "temperature and tokenizer",
    _RATIOS,
    {"beyond": "share of tokens beyond", "most": "largest log-ratio", "tokens": "tokens looked at"},
)
MOST_RATIOS_CLIPPED = Diagnostic(
    "MOST_RATIOS_CLIPPED",
    Severity.WARNING,
    Level.CHEAP,
    "Most tokens are clipped and have no gradient.",
    f"more than half of {LEAST} or more tokens are beyond the clip on the side of their advantage",
    "take fewer epochs over the same samples, a lower learning rate, or a wider clip_ratio",
    _CLIPPED,
    {"clipped": "share of tokens that are clipped", "tokens": "tokens looked at"},
)
ADVANTAGES_ZERO = Diagnostic(
    "ADVANTAGES_ZERO",
    Severity.WARNING,
    Level.CHEAP,
    "All advantages are 0: nothing is learned.",
    "every advantage is exactly 0",
    "leave out groups whose rewards are all equal (dynamic sampling), and check that rewards reach the advantages",
    roles.POLICY,
    {"advantages": "advantages looked at"},
)
ADVANTAGES_NOT_NORMALISED = Diagnostic(
    "ADVANTAGES_NOT_NORMALISED",
    Severity.INFO,
    Level.CHEAP,
    "Advantages are not of mean 0 and spread 1.",
    f"{LEAST} or more advantages with a mean beyond ±0.5 of their spread, or a spread below 0.2 or above 5",
    "subtract the mean of the batch or group and divide by the spread (dr_grpo: the mean only)",
    roles.POLICY,
    {"mean": "their mean", "spread": "their standard deviation", "advantages": "advantages looked at"},
)
ON_POLICY_RATIOS = Diagnostic(
    "ON_POLICY_RATIOS",
    Severity.INFO,
    Level.CHEAP,
    "Old and new log-probabilities are the same: every ratio is 1.",
    f"{LEAST} or more tokens, all equal to the last bit",
    "right for the first step on fresh samples; else send those that the sampler wrote down",
    _RATIOS,
    {"tokens": "tokens looked at"},
)
CTC_IMPOSSIBLE = Diagnostic(
    "CTC_IMPOSSIBLE",
    Severity.ERROR,
    Level.CHEAP,
    "A target does not fit into the steps of its input: its loss is infinite, or 0 with zero_infinity.",
    "input length below target length plus the repeats in it, each of which needs a blank between",
    "lengthen the input (less striding), shorten the target, or leave the pair out; zero_infinity hides it and teaches "
    "nothing",
    ("ctc_loss",),
    {"impossible": "pairs that do not fit", "first": "the first of them", "pairs": "pairs",
     "steps": "its steps", "needed": "steps that it needs"},
)  # fmt: skip

DIAGNOSTICS = (
    RATIO_EXPLOSION, MOST_RATIOS_CLIPPED, ADVANTAGES_ZERO, ADVANTAGES_NOT_NORMALISED, ON_POLICY_RATIOS, CTC_IMPOSSIBLE,
)  # fmt: skip


def ratios(case: Case) -> Iterator[Finding]:
    """How far the policy is from the one that wrote."""
    if "old_log_probs" not in case.tensors:
        return
    logs = case.tokens("log_probs") - case.tokens("old_log_probs")
    count = logs.numel()
    if count < LEAST:
        return
    low, high = bounds(logs)
    most = max(-low, high)
    if most == 0:
        yield case.found(ON_POLICY_RATIOS, f"all {count} ratios are 1", "old_log_probs", tokens=count)
    elif math.log(EXPLODED) < most < math.inf:
        beyond = share(logs.abs() > math.log(EXPLODED))
        if beyond > 0.01 or most > 20:
            message = f"{beyond:.1%} of {count} ratios are beyond {EXPLODED:g} times, the furthest is exp({most:.3g})"
            yield case.found(RATIO_EXPLOSION, message, "old_log_probs", beyond=beyond, most=most, tokens=count)
    if case.name in _CLIPPED and most > 0:
        yield from _clipped(case, logs)


def _clipped(case: Case, logs: torch.Tensor) -> Iterator[Finding]:
    advantages = case.tensors["advantages"].detach()
    if advantages.shape != case.tensors["log_probs"].shape:
        if advantages.dim() != 1 or case.tensors["log_probs"].dim() != 2:
            return
        advantages = advantages[:, None].expand_as(case.tensors["log_probs"])
    both = dict(case.tensors) | {"advantages": advantages}
    signs = Case(case.name, case.arguments, both, case.level, case.value).tokens("advantages")
    if signs.shape != logs.shape:
        return
    given = case.arguments
    plain = float(given.get("clip_ratio") or 0.2)
    low, high = (
        float(plain if given.get(key) is None else given[key]) for key in ("clip_ratio_low", "clip_ratio_high")
    )
    ratio = logs.exp()
    clipped = share(((ratio > 1 + high) & (signs > 0)) | ((ratio < 1 - low) & (signs < 0)))
    if clipped > 0.5:
        message = f"{clipped:.0%} of {logs.numel()} tokens are clipped"
        yield case.found(MOST_RATIOS_CLIPPED, message, "log_probs", clipped=clipped, tokens=logs.numel())


def advantages(case: Case) -> Iterator[Finding]:
    """Advantages that are all 0, or of any scale."""
    given = case.tensors["advantages"]
    sample = case.tokens("advantages") if given.dim() == 2 else case.elements("advantages")
    count = sample.numel()
    if not count:
        return
    low, high = bounds(sample)
    if low == high == 0:
        if not bool(given.any()):
            yield case.found(ADVANTAGES_ZERO, f"all {count} advantages are 0", "advantages", advantages=count)
        return
    if count < LEAST:
        return
    mean, spread = moments(sample)
    if math.isfinite(spread) and (abs(mean) > 0.5 * spread or not 0.2 <= spread <= 5):
        message = f"{count} advantages have mean {mean:.3g} and spread {spread:.3g}"
        yield case.found(ADVANTAGES_NOT_NORMALISED, message, "advantages", mean=mean, spread=spread, advantages=count)


def alignments(case: Case) -> Iterator[Finding]:
    """Targets longer than their inputs allow."""
    steps = case.given("input_lengths")
    lengths, targets = case.given("target_lengths"), case.given("targets")
    if steps is None or lengths is None or targets is None or not lengths.numel():
        return
    steps, lengths = steps.reshape(-1).long(), lengths.reshape(-1).long()
    if len(steps) != len(lengths):
        return
    needed = lengths + _repeats(targets, lengths)
    bad = (steps < needed).nonzero().reshape(-1)
    if not len(bad):
        return
    first = int(bad[0])
    message = (
        f"{len(bad)} of {len(lengths)} targets do not fit; the first, number {first}, needs {int(needed[first])} "
        f"steps and "
        f"has {int(steps[first])}"
    )
    yield case.found(
        CTC_IMPOSSIBLE,
        message,
        "input_lengths",
        impossible=len(bad),
        first=first,
        pairs=len(lengths),
        steps=int(steps[first]),
        needed=int(needed[first]),
    )


def _repeats(targets: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Labels equal to the one before, of each target, (N,)."""
    if targets.dim() == 2:
        same = targets[:, 1:] == targets[:, :-1]
        inside = torch.arange(1, targets.shape[1], device=targets.device) < lengths[:, None]
        return (same & inside).sum(-1)
    flat = targets.reshape(-1)
    owner = torch.repeat_interleave(torch.arange(len(lengths), device=flat.device), lengths)
    flat = flat[: len(owner)]
    same = (flat[1:] == flat[:-1]) & (owner[1 : len(flat)] == owner[: max(len(flat) - 1, 0)])
    return torch.zeros_like(lengths).index_add_(0, owner[1 : len(flat)], same.long())


RULES = (
    (ratios, _RATIOS),
    (advantages, roles.POLICY),
    (alignments, ("ctc_loss",)),
)
"""Each rule with the losses whose evaluations it looks at."""
