"""One self-contained HTML page for a result: no network, no external font, readable without JavaScript and on paper."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from tenfold.io.results import plain
from tenfold.report import content
from tenfold.report.blocks import Block, Code, Facts, Formula, Grid, Lines, Para, Picture, Reasons, Section, Stamp
from tenfold.report.figures import Figure, figures_of
from tenfold.report.mathml import Unreadable, to_mathml
from tenfold.report.palette import DARK, LIGHT, css
from tenfold.report.powers import raised
from tenfold.report.text import filled

if TYPE_CHECKING:
    from tenfold.study import StudyResult


def study_html(result: StudyResult) -> bytes:
    """The page of a study, with every figure that its runs allow."""
    from tenfold.report.pictures import study_pictures

    saved = plain(result.to_dict())
    sections = content.study_sections(saved, result.best.fit.law)
    return page(result.title, sections, figures_of(study_pictures(result)))


def report_html(saved: Mapping[str, Any]) -> bytes:
    """The page of a saved JSON result: a fit, a forecast, a plan, isoFLOP profiles or a study.

    Raises:
        DataError: it is none that this version knows.
    """
    from tenfold.report.pictures import saved_pictures

    kind = content.kind_of(saved)
    sections = content.sections_of(saved)
    title = str(saved.get("title") or f"{saved.get('law', '')} {kind}".strip().capitalize())
    return page(title, sections, figures_of(saved_pictures(saved, kind)))


def page(title: str, sections: list[Section], figures: Mapping[str, Figure]) -> bytes:
    """Sections and figures as one HTML document."""
    shown = [(section, "".join(_block(block, figures) for block in section.blocks)) for section in sections]
    body = [
        {
            "key": section.key,
            "title": section.title,
            "body": markup,
            "kind": f"verdict {_slug(section.level)}".strip() if section.key == "verdict" else "",
        }
        for section, markup in shown
        if markup
    ]
    specs = {key: figure.spec for key, figure in figures.items()}
    text = _template().render(
        title=title,
        sections=body,
        specs=script_json(specs) if specs else "",
        plotly=_plotly() if specs else "",
        light=css(LIGHT),
        dark=css(DARK),
    )
    return str(text).encode("utf-8")


def script_json(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it can end the element."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


@cache
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("tenfold.report", "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.get_template("study.html.j2")


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")


# ---------------------------------------------------------------------------------------------------------------------
# blocks


def _block(block: Block, figures: Mapping[str, Figure]) -> str:
    match block:
        case Para(text, lead):
            return f"<p{' class=lead' if lead else ''}>{_text(text)}</p>\n"
        case Stamp(level, text):
            return f'<p class="lead {_slug(level)}"><strong class="stamp">{escape(level)}</strong> {_text(text)}</p>\n'
        case Reasons(items):
            return _reasons(items)
        case Lines(items, warn):
            inner = "".join(f"<li>{_text(item)}</li>\n" for item in items)
            return f"<ul{' class=warn' if warn else ''}>\n{inner}</ul>\n"
        case Facts(rows):
            inner = "".join(f"<div><dt>{_text(term)}</dt><dd>{_text(text)}</dd></div>\n" for term, text in rows)
            return f"<dl>\n{inner}</dl>\n"
        case Grid():
            return _grid(filled(block))
        case Formula(latex):
            return f'<div class="formula">{_formula(latex)}</div>\n'
        case Code(text, command):
            head = f"<p>Save it as <code>STUDY.toml</code> and run <code>{escape(command)}</code>.</p>\n"
            return f'{head if command else ""}<pre tabindex="0"><code>{escape(text)}</code></pre>\n'
        case Picture(key):
            return _figure(key, figures[key]) if key in figures else ""
    return ""


_LABELS = {"trust": "Note", "caution": "Caution", "do not use": "Do not use"}


def _reasons(items: tuple[tuple[str, str, str], ...]) -> str:
    """A list of reasons, each with its level in words and both sentences."""
    rows = "".join(
        f'<li class="{_slug(level)}"><span class="level">{_LABELS.get(level, escape(level))}</span>'
        f"<div><p>{_text(manager)}</p><p>{_text(engineer)}</p></div></li>\n"
        for level, manager, engineer in items
    )
    return f'<ul class="reasons">\n{rows}</ul>\n'


def _slug(level: str) -> str:
    """A level as a class of the style sheet."""
    return level.replace(" ", "-")


def _text(text: str) -> str:
    """Escaped text with raised powers; a number keeps its per cent sign on its line."""
    return raised(escape(text)).replace(" %", "\u00a0%")


def _formula(latex: str) -> str:
    try:
        return to_mathml(latex)
    except Unreadable:
        return f"<code>{escape(latex)}</code>"


def _grid(block: Grid) -> str:
    def cell(tag: str, text: str, align: str, extra: str = "") -> str:
        kind = ' class="number"' if align == "r" else ' class="long"' if len(text) > 40 else ""
        return f"<{tag}{extra}{kind}>{_text(text)}</{tag}>"

    head = "".join(cell("th", h, a, ' scope="col"') for h, a in zip(block.headers, block.align, strict=True))
    rows = []
    for row in block.rows:
        first = cell("th", row[0], block.align[0], ' scope="row"')
        rest = "".join(cell("td", text, a) for text, a in zip(row[1:], block.align[1:], strict=True))
        rows.append(f"<tr>{first}{rest}</tr>\n")
    caption = f"<caption><span>{_text(block.caption)}</span></caption>\n" if block.caption else ""
    return (
        f'<div class="table" tabindex="0"><table>\n{caption}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{''.join(rows)}</tbody></table></div>\n"
    )


def _figure(key: str, figure: Figure) -> str:
    return (
        f'<figure><div class="plot" id="plot-{key}" data-figure="{key}" role="img" '
        f'aria-label="{escape(figure.words, quote=True)}" style="--wide:{figure.wide}px;--narrow:{figure.narrow}px">'
        f"</div>\n<figcaption>{_text(figure.words)}</figcaption></figure>\n"
    )
