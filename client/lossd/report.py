"""An explanation as one HTML page that needs nothing else; what callers wrote is escaped; knows no call and no file.

No script, no other file and no address is in it: it works from a disk, in a mail, and under any content policy that
allows styles.
"""

from __future__ import annotations

import html
from functools import lru_cache
from importlib import resources
from typing import Any

from lossd.explained import Explained
from lossd.outline import facts, number, percent, printable, text


def page(explanation: Explained) -> str:
    """The whole page.

    Raises:
        ImportError: if matplotlib or jinja2 is not there.
    """
    return _render(explanation, whole=True)


def fragment(explanation: Explained) -> str:
    """The same to stand inside another page; the text alone where nothing draws pictures."""
    try:
        return _render(explanation, whole=False)
    except ImportError:
        return f"<pre>{html.escape(text(explanation))}</pre>"


def _render(explanation: Explained, whole: bool) -> str:
    from lossd.pictures import EXTRA, pictures

    drawn = pictures(explanation)
    try:
        template = _template()
    except ImportError as error:
        raise ImportError(EXTRA, name=error.name) from None
    shares = [example.share for example in explanation.worst if example.share is not None]
    sizes = [abs(term.contribution) for term in explanation.terms]
    return str(
        template.render(
            whole=whole,
            it=explanation,
            facts=[(name, value) for name, value in facts(explanation) if name != "value"],
            pictures=drawn,
            shared=bool(shares),
            chances=any(", p " in example.prediction for example in explanation.worst),
            most_share=max(shares, default=0.0) or 1.0,
            most_term=max(sizes, default=0.0) or 1.0,
            with_losses=any(example.loss is not None for example in explanation.worst),
        )
    )


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(number=number, percent=percent, printable=printable, width=_width)
    return environment.from_string(resources.files("lossd").joinpath("report.html").read_text(encoding="utf-8"))


def _width(value: float, most: float) -> str:
    """The length of a bar, in percent; nothing of what is no number."""
    share = abs(value) / most if most else 0.0
    return f"{100 * share:.1f}" if 0 <= share <= 1 else "0"
