"""The annotations refuse what the SDK refuses: mypy finds exactly the errors that `misuse.py` marks."""

from __future__ import annotations

from pathlib import Path

from mypy import api


def test_mypy_finds_every_misuse_and_nothing_else(tmp_path: Path) -> None:
    misuse = Path(__file__).with_name("misuse.py")
    out, err, _ = api.run(["--strict", "--python-version", "3.11", "--cache-dir", str(tmp_path), str(misuse)])
    assert (out, err) == ("Success: no issues found in 1 source file\n", "")
