"""Every diagnostic by code: those of evaluations and those of training; knows no tensor."""

from __future__ import annotations

from collections.abc import Mapping

from lossd_server.judge.diagnostics.evaluation import EVALUATION
from lossd_server.judge.diagnostics.findings import Diagnostic
from lossd_server.judge.diagnostics.training import TRAINING

DIAGNOSTICS: Mapping[str, Diagnostic] = {
    diagnostic.code: diagnostic for diagnostic in sorted((*EVALUATION, *TRAINING), key=lambda one: one.code)
}
"""Every diagnostic by code, in alphabetical order."""
