"""The page: self-contained, well formed, safe, and honest about what was not rehearsed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import made
import pytest

from tenfold.core.errors import DataError
from tenfold.io.results import plain
from tenfold.report.html import report_html, script_json, study_html
from tenfold.report.palette import DARK, LIGHT, contrast
from tenfold.report.words import covered_words

VOID = {"meta", "link", "br", "img", "hr", "input"}
SECTIONS = (
    "verdict", "numbers", "picture", "law", "certificate", "rehearsal", "forecast", "isoflop", "plan", "live",
    "residuals", "provenance", "notes", "study-file",
)  # fmt: skip


class Reader(HTMLParser):
    """Checks nesting; collects attributes, scripts and the text outside them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] not in ("style", "annotation"):
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def without_plotly(page: str) -> str:
    return re.sub(r'<script id="plotly">.*?</script>', "", page, flags=re.S)


def test_sections_in_order_each_with_a_heading(page):
    reader = read(page)
    assert [attrs["id"] for tag, attrs in reader.tags if tag == "section"] == list(SECTIONS)
    assert sum(tag == "h2" for tag, _ in reader.tags) == len(SECTIONS)
    ids = [attrs["id"] for _, attrs in reader.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))


def test_plotly_stands_in_the_page_once_and_nothing_is_fetched(page):
    reader = read(page)
    assert sum("plotly.js v" in script for script in reader.scripts) == 1
    for tag, attrs in reader.tags:
        for name in ("src", "href", "data", "srcset", "action", "poster"):
            value = attrs.get(name)
            assert value is None or value.startswith(("#", "data:")), f"<{tag} {name}={value}>"
    own = without_plotly(page)
    assert not re.search(r"@import|url\(|https?://|//cdn|fetch\(|XMLHttpRequest|import\(", own)


def test_every_figure_says_in_words_what_it_shows(page):
    reader = read(page)
    figures = [attrs for tag, attrs in reader.tags if tag == "div" and attrs.get("data-figure")]
    assert [f["data-figure"] for f in figures] == ["loss", "rehearsal", "isoflop", "sizes", "residuals", "curves"]
    specs = json.loads(next(s for s in reader.scripts if s.startswith("{")))
    for figure in figures:
        assert figure["role"] == "img"
        assert len(figure["aria-label"]) > 30
        assert figure["data-figure"] in specs
    assert sum(tag == "figcaption" for tag, _ in reader.tags) == len(figures)


def test_hostile_text_stays_text():
    title = made.HOSTILE + "{{ 7 * 7 }}</title>"
    page = study_html(made.study(title=title)).decode()
    own = without_plotly(page)
    assert "<script>alert" not in own
    assert "<img" not in own
    assert "{{ 7 * 7 }}" in own
    read(page)
    assert "</" not in script_json({"x": "</script><!--\u2028"})
    assert json.loads(script_json({"x": "</script>\u2028"})) == {"x": "</script>\u2028"}


def test_an_unrehearsed_forecast_says_so_beside_its_number(study):
    bare = replace(study, forecast=made.forecast(rehearsed=False))
    reader = read(study_html(bare).decode().replace("<sup>", "^").replace("</sup>", ""))
    lines = [line for line in reader.text if "1.132 [" in line and len(line) > 20]
    assert lines
    assert all("unrehearsed" in line for line in lines)
    assert any("unrehearsed: the runs hold 3 scales" in line for line in lines)


def test_numbers_that_are_none_are_dashes(study):
    saved = plain(study.to_dict())
    saved["plan"]["params"]["interval"] = [None, None]
    saved["plan"]["loss"]["value"] = None
    saved["laws"][0]["certificate"]["headline"]["error"] = None
    saved["laws"][0]["rehearsal"]["folds"][0]["error"] = None
    saved["forecast"]["predictions"][0]["center"] = None
    saved["live"]["loss"] = None
    page = report_html(saved).decode()
    shown = " ".join(read(page).text)
    assert not re.search(r"\b(nan|None|inf)\b", shown)
    assert "measured nothing" in shown


def test_a_study_without_its_optional_parts(study):
    bare = replace(study, isoflop=None, forecast=None, plan=None, live=None, curves=None)
    reader = read(study_html(bare).decode())
    found = [attrs["id"] for tag, attrs in reader.tags if tag == "section"]
    assert found == [name for name in SECTIONS if name not in ("forecast", "isoflop", "plan", "live")]


def test_laws_stand_in_order_with_ties_and_nulls(study):
    nulls = {"last value": 0.2, "log-linear": 0.08}
    folds = tuple(replace(fold, nulls=nulls) for fold in study.best.rehearsal.folds)
    best = replace(study.best, rehearsal=replace(study.best.rehearsal, folds=folds))

    def scaled(fold, factor):
        return replace(fold, rms=factor * fold.rms, errors=tuple(factor * error for error in fold.errors))

    tie = tuple(scaled(fold, 1.02 if k else 0.99) for k, fold in enumerate(folds))
    worse = tuple(scaled(fold, 3.0) for fold in folds)
    others = [
        replace(
            best,
            fit=replace(best.fit, law=replace(best.fit.law, name=name)),
            rehearsal=replace(best.rehearsal, folds=found),
        )
        for name, found in (("near", tie), ("far", worse))
    ]
    page = study_html(replace(study, laws=(best, *others))).decode()
    assert 'data-figure="ranking"' in page
    table = page[page.index('<section id="laws"') :]
    rows = [row.partition("</th>")[0] for row in table.split('<th scope="row">')[1:6]]
    assert rows == ["chinchilla", "near", "far", "log-linear (null)", "last value (null)"]
    assert table.count("<td>tied with the first</td>") == 1
    assert "tied with near" in page


def test_the_share_of_withheld_runs_inside_their_intervals_is_said():
    folds = [{"n": 4, "inside": {"0.5": 0.5, "0.9": 1.0}}, {"n": 12, "inside": {"0.5": 0.25, "0.9": 0.75}}]
    said = covered_words({"folds": folds})
    assert said.startswith("Of 16 withheld runs")
    assert "31 % inside their 50 % intervals and 81 % inside their 90 % intervals" in said
    assert covered_words({"folds": [{"n": 4}]}) == ""


def test_the_level_is_a_word_and_not_a_colour_alone(study, page):
    level = study.verdict.level
    assert f'class="verdict {level.replace(" ", "-")}"' in page
    assert f'<strong class="stamp">{level}</strong>' in page
    for reason in study.verdict.reasons:
        assert reason.manager[:40] in page


@pytest.mark.parametrize("kind", ["study", "fit", "law", "forecast", "plan", "isoflop"])
def test_saved_results(study, kind):
    parts = {
        "study": study,
        "fit": study.best.fit,
        "law": study.best,
        "forecast": study.forecast,
        "plan": study.plan,
        "isoflop": study.isoflop,
    }
    saved = json.loads(json.dumps(plain(parts[kind].to_dict())))
    reader = read(report_html(saved).decode())
    figures = {attrs["data-figure"] for _, attrs in reader.tags if attrs.get("data-figure")}
    expected = {
        "study": {"loss", "rehearsal", "isoflop", "sizes"},
        "law": {"rehearsal"},
        "forecast": {"rehearsal"},
        "isoflop": {"isoflop", "sizes"},
    }
    assert figures == expected.get(kind, set())
    assert any("plotly.js v" in script for script in reader.scripts) is bool(figures)


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        ([], "no saved result"),
        ({}, "not a result of tenfold"),
        ({"hello": 1}, "not a result of tenfold"),
        ({"law": "chinchilla", "coef": {}, "n": 3, "status": "converged"}, "looks like a fit but lacks certificate"),
        ({"error": {"kind": "data", "message": "no column", "hint": ""}}, "holds an error"),
        ({"title": "x", "laws": [], "provenance": {}}, "holds no fitted law"),
        ({"title": "x", "laws": [{}], "provenance": {}}, "this study lacks something"),
        ({"law": "x", "target": "loss", "predictions": [{}]}, "this forecast lacks something"),
    ],
)
def test_what_is_no_result_is_refused_with_the_reason(saved, words):
    with pytest.raises(DataError, match=words) as caught:
        report_html(saved)
    assert caught.value.hint


def test_colours_can_be_read():
    for theme in (LIGHT, DARK):
        for name in ("ink", "soft", "blue", "orange", "green", "pink", "warn", "stop", *(f"s{k}" for k in range(8))):
            assert contrast(theme[name], theme["page"]) >= 4.5, name
        assert contrast(theme["ink"], theme["page"]) >= 12
        assert contrast(theme["soft"], theme["page"]) >= 4.5
        assert contrast(theme["warn"], theme["panel"]) >= 4.5


def test_the_same_study_gives_the_same_page(study, page):
    assert study_html(study).decode() == page
