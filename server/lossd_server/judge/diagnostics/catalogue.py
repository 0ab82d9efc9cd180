"""Every diagnostic by code: those of evaluations and those of training; knows no tensor."""

from __future__ import annotations

from collections.abc import Mapping

from lossd_server.judge.diagnostics.findings import Diagnostic

DIAGNOSTICS: Mapping[str, Diagnostic] = {}
"""Every diagnostic by code, in alphabetical order."""
