"""One evaluation explained: what it holds, and how it shows itself; knows no call, and loads what draws only then."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from lossd.explained import Explained
from lossd.plain import plain

SUFFIXES = (".html", ".json", ".txt")
"""Of files that an explanation is saved in."""


@dataclass(frozen=True, slots=True)
class Explanation(Explained):
    """What one evaluation is made of. Printed it is a page for a terminal; a notebook shows it with pictures.

    Attributes:
        loss: the loss that was evaluated, as Python writes it.
        value: the reduced loss; of an unreduced one the mean of its elements.
        loss_sum: numerator of the mean; None where a mean means nothing.
        weight_sum: denominator of the mean.
        terms: `ExplainedTerm`s of a weighted sum, in its order.
        examples: how many there are.
        worst: `ExplainedExample`s with the highest losses, the worst first, NaN before all; where examples have no
            losses, those whose gradients are the longest.
        unexplained: why examples have no losses, or what these are if they do not add up to the loss; else "".
        histograms: `Histogram`s by name: of losses, gradient norms, and residuals or probabilities of what is true.
        curves: `Curve`s by name: the loss around the prediction.
        metrics: the metrics asked for that are one number.
        metric_arrays: those that are several.
        diagnostics: what was found wrong, the worst first.
        execution: where and how it was computed.

        explanation = client.explain(lossd.CrossEntropyLoss(), logits, target, metrics="accuracy")
        print(explanation)
        explanation.worst[0].index, explanation.histograms["true_class_probability"].counts
        explanation.save("report.html")
    """

    def to_json(self) -> str:
        """All of it as a JSON document; NaN and infinities are strings."""
        return json.dumps(plain(self), ensure_ascii=False, indent=2)

    def to_html(self) -> str:
        """One page with pictures that needs nothing else: no other file, no network, no script.

        Raises:
            ImportError: if matplotlib or jinja2 is not installed: pip install 'lossd[plot]'.
        """
        from lossd.report import page  # matplotlib takes half a second to import: only who looks waits for it

        return page(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a file: .html is `to_html`, .json is `to_json`, .txt what `print` shows.

        Raises:
            ImportError: for .html, if matplotlib or jinja2 is not installed: pip install 'lossd[plot]'.
            ValueError: if the path has another suffix.

            explanation.save("report.html")
        """
        suffix = check_path(path)
        text = {".html": self.to_html, ".json": self.to_json, ".txt": self.__str__}[suffix]()
        Path(path).write_text(text + "\n" * (not text.endswith("\n")), encoding="utf-8")

    def __str__(self) -> str:
        from lossd.outline import text

        return text(self)

    def _repr_html_(self) -> str:
        """What a notebook shows; what `print` does where nothing draws pictures."""
        from lossd.report import fragment

        return fragment(self)


def check_path(path: str | os.PathLike[str]) -> str:
    """The suffix of a file that an explanation can be saved in.

    Raises:
        ValueError: with those that there are.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{os.fspath(path)!r} is no file for an explanation; expected {', '.join(SUFFIXES)}")
    return suffix
