"""An explanation shows itself as text, JSON and one page, which needs nothing else and runs nothing of its callers'."""

from __future__ import annotations

import json
import math
import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import lossd
import pytest
from lossd import explained, outline
from lossd.v1 import diagnostic_pb2, explanation_pb2

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&\x1b[31m\u202e{{ 7 * 7 }}"
VOID = {"meta", "br", "img", "input", "link", "hr"}
LOADS = {"src", "href", "action", "formaction", "poster", "data", "srcset", "background", "ping", "xlink:href"}


def message(text: str = "plain") -> explanation_pb2.ExplainLossResponse:
    """An answer in which every string is `text`, and some numbers are none."""
    found = explanation_pb2.ExplainLossResponse(value=2.5, loss_sum=5.0, weight_sum=2.0, examples=7, unexplained=text)
    found.terms.add(label=text, value=4.0, weight=0.5, contribution=2.0)
    found.terms.add(label="other", value=math.nan, weight=0.5, contribution=math.nan)
    found.worst.add(index=3, loss=math.inf, prediction=text, target=text)
    found.worst.add(
        index=1, loss=2.0, contribution=1.0, share=0.4, gradient_norm=0.1, prediction="class 1, p 0.9", target=text
    )
    found.histograms.add(name="loss", title=text, edges=[0, 1, 2, 3], counts=[4, 0, 1], nonfinite=2)
    found.histograms.add(name="residual", title="residuals", edges=[-1, 1], counts=[900])
    found.histograms.add(name="gradient_norm", title="norms", edges=[], counts=[], nonfinite=3)
    found.curves.add(name="shift", title=text, x=[-1, 0, 1], loss=[3, 2.5, math.inf], at=0.0, examples=7)
    found.curves.add(name="residual", title="one", x=[-1, 0, 1], loss=[1, 0, 1])
    found.metrics["mae"] = math.nan
    found.metric_arrays[text].CopyFrom(explanation_pb2.ExplainLossResponse().metric_arrays["x"])
    found.metric_arrays[text].dtype = 1
    found.metric_arrays[text].shape.append(1)
    found.metric_arrays[text].raw = bytes(4)
    for severity in (diagnostic_pb2.SEVERITY_ERROR, diagnostic_pb2.SEVERITY_INFO):
        found.diagnostics.add(code=text, severity=severity, message=text, remedy=text, field=text, term=text)
    found.execution.device = "cpu:0"
    return found


def made(text: str = "plain", loss: str = "MSELoss()") -> lossd.Explanation:
    return lossd.Explanation(**explained.parts(loss, message(text), ()))


@cache
def page_of(text: str = "plain", loss: str = "MSELoss()") -> str:
    return made(text, loss).to_html()


class Page(HTMLParser):
    """Every tag in its place, all attributes, and the words between."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} is there twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_what_is_missing_is_none() -> None:
    explanation = made()
    first, second = explanation.worst
    assert (first.loss, first.share, first.contribution, first.gradient_norm) == (math.inf, None, None, None)
    assert (second.loss, second.share, second.gradient_norm) == (2.0, 0.4, 0.1)
    assert list(explanation.histograms) == ["loss", "residual", "gradient_norm"]
    assert explanation.curves["residual"].at is None
    assert [term.label for term in explanation.terms] == ["plain", "other"]
    with pytest.raises(AttributeError):
        explanation.value = 3.0  # type: ignore[misc]  # what the test is about


def test_text_fits_a_terminal() -> None:
    """80 columns, every section, nothing of None."""
    text = str(made())
    assert max(map(len, text.splitlines())) <= 80
    for words in ("MSELoss()", "2.5", "ERROR   plain", "→ plain", "Terms", "Highest losses, 2 of 7", "40.0 %", "900"):
        assert words in text, words
    assert "None" not in text
    assert "NaN or infinite" in text


def test_callers_cannot_steer_a_terminal() -> None:
    text = str(made(HOSTILE, HOSTILE))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>" in text, "words stay words"


def test_json_is_json() -> None:
    """Numbers that JSON lacks are strings."""
    facts = json.loads(made().to_json(), parse_constant=lambda name: pytest.fail(name))
    assert (facts["value"], facts["worst"][0]["loss"], facts["metrics"]["mae"]) == (2.5, "Infinity", "NaN")
    assert facts["worst"][0]["share"] is None
    assert facts["metric_arrays"]["plain"] == [0.0]
    assert facts["curves"]["shift"]["loss"] == [3, 2.5, "Infinity"]


@pytest.mark.parametrize("loss", ["MSELoss()", HOSTILE])
def test_the_page_needs_nothing_and_runs_nothing(loss: str) -> None:
    """It is well formed, names no other place, holds no script, and what callers wrote stays words."""
    html = page_of(HOSTILE, loss)
    page = Page(html)
    names = [tag for tag, _ in page.tags]
    assert not {"script", "link", "iframe", "object", "embed", "base", "form", "img", "image", "foreignobject"} & set(
        names
    )
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in LOADS & set(attributes):
            assert (attributes[name] or "").startswith("#"), (tag, name)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", html)
    assert "\x1b" not in html
    assert "49" not in "".join(page.words).replace("{{ 7 * 7 }}", ""), "a template in a label is no template"
    assert sum("<script>alert(1)</script>" in words for words in page.words) >= 6
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    named = {attributes[name] for _, attributes in page.tags for name in ("href",) if name in attributes}
    assert {name.removeprefix("#") for name in named if name} <= set(identifiers)


def test_pictures_are_told_in_words_and_follow_the_page() -> None:
    """Each has a label for those who do not see it, and colours that the page decides, light or dark."""
    html = page_of()
    figures = [attributes for tag, attributes in Page(html).tags if tag == "figure"]
    assert len(figures) == 4, "a histogram without a bin is no picture"
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in figures)
    assert "fullest from 0 to 1: 4; 2 are NaN or infinite" in html
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) <= {"#000000", "#ffffff"}
        assert "var(--accent)" in svg
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html


def test_a_page_is_written_the_same_again() -> None:
    """Nothing of the time or of chance is in it."""
    assert made().to_html() == page_of()


def test_a_notebook_gets_a_part_of_a_page() -> None:
    shown = made()._repr_html_()
    assert shown.lstrip().startswith('<div class="lossd">')
    assert "<html" not in shown
    Page(shown)


def test_files(tmp_path: Path) -> None:
    explanation = made()
    for suffix, starts in ((".html", "<!DOCTYPE html>"), (".json", "{"), (".txt", "MSELoss()")):
        path = tmp_path / f"report{suffix}"
        explanation.save(path)
        assert path.read_text(encoding="utf-8").lstrip().startswith(starts)
        assert path.read_text(encoding="utf-8").endswith("\n")
    with pytest.raises(ValueError, match=r"expected \.html, \.json, \.txt"):
        explanation.save(tmp_path / "report.pdf")


@pytest.mark.parametrize("missing", ["matplotlib", "jinja2"])
def test_what_is_missing_is_named(missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page says which extra it needs; a notebook gets the text instead."""
    from lossd import report

    report._template.cache_clear()
    monkeypatch.setitem(sys.modules, missing, None)
    explanation = made(HOSTILE)
    with pytest.raises(ImportError, match=r"lossd\[plot\]"):
        explanation.save(tmp_path / "report.html")
    assert not list(tmp_path.iterdir())
    shown = explanation._repr_html_()
    assert shown.startswith("<pre>")
    assert "<script>" not in shown


def test_long_losses_are_cut_short() -> None:
    many = lossd.CrossEntropyLoss(weight=[1.0] * 5000)
    assert len(explained.loss_text(many)) < 320
    assert explained.loss_text(lossd.Expression("mean(input)")) == "Expression(source='mean(input)')"


def test_bars_and_joined_bins() -> None:
    """Whatever is not nothing is seen; all values are in some bin."""
    assert outline._bar(1, 1_000_000, 8) == "▏"
    assert outline._bar(1, 1, 3) == "███"
    assert outline._bar(math.nan, 1, 3) == ""
    one = lossd.Histogram("loss", "", tuple(range(31)), tuple(range(30)), 0)
    edges, counts = outline.joined(one, 10)
    assert (len(edges), len(counts), sum(counts)) == (11, 10, sum(range(30)))
