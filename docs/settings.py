"""Writes docs/settings.md from the settings themselves: `python docs/settings.py`. A test holds the page to it."""

from __future__ import annotations

from pathlib import Path

from lossd_server.settings import Settings

PAGE = Path(__file__).with_name("settings.md")

HEAD = """# Settings

Every setting is a flag of `lossd serve`, an environment variable and a key of the TOML file that `--config` names.
Flags win over the environment, the environment over the file.

| flag | environment | default | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [
        f"| `--{name.replace('_', '-')}` | `LOSSD_{name.upper()}` | {_default(field.default)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return HEAD + "".join(rows)


def _default(value: object) -> str:
    return "–" if value in (None, "") else f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    PAGE.write_text(page())
