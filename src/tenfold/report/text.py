"""Results as text to read in a terminal and to paste into a message: no colour is needed to understand it.

Each function returns a :class:`Page`, which rich prints at the width of the terminal and ``str()`` at 80 columns.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tenfold.core.law import Law, Published
from tenfold.io.results import plain
from tenfold.report import arena, catalogue, comparisons, content, verdicts, words
from tenfold.report.blocks import Block, Code, Facts, Formula, Grid, Lines, Para, Picture, Reasons, Section, Stamp
from tenfold.report.mathml import to_text
from tenfold.verdict import verdict

if TYPE_CHECKING:
    from tenfold.choose import Choice
    from tenfold.fit import Fit
    from tenfold.forecast import Forecast
    from tenfold.isoflop import Isoflop
    from tenfold.plan import Plan
    from tenfold.pooling import Pooled
    from tenfold.rank import Ranking
    from tenfold.rehearse import Rehearsal
    from tenfold.study import StudyResult
    from tenfold.uncertainty import Draws


@dataclass(frozen=True, slots=True)
class Page:
    """Sections to print. The first section's title is left out: what it says comes first."""

    sections: tuple[Section, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for index, section in enumerate(self.sections):
            parts = [block for block in section.blocks if not isinstance(block, Picture)]
            if not parts:
                continue
            if index:
                yield Text("")
                yield Text(section.title, style="bold")
            before: Block | None = None
            for block in parts:
                if before is not None and (isinstance(block, Grid) or isinstance(before, Grid)):
                    yield Text("")
                yield from _block(block, options.max_width)
                before = block

    def __str__(self) -> str:
        return self.at_width(80)

    def at_width(self, width: int) -> str:
        """The page as plain text, no line longer than ``width`` where words allow it."""
        stream = io.StringIO()
        console = Console(file=stream, width=width, color_system=None, force_terminal=False, legacy_windows=False)
        console.print(self, end="")
        return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def fit_text(fit: Fit, draws: Draws | None = None) -> Page:
    """A fit: verdict with its reasons, coefficients, certificate and what was dropped."""
    return Page(tuple(content.fit_sections(_fit_facts(fit, draws), fit.law)))


def _fit_facts(fit: Fit, draws: Draws | None) -> dict[str, Any]:
    """The JSON form of a fit with its draws, which the verdict counts too."""
    if draws is None:
        return dict(plain(fit.to_dict()))
    judged = verdict(fit, draws=draws).to_dict()
    return {**plain(fit.to_dict()), "verdict": plain(judged), "draws": plain(draws.to_dict())}


def pooled_text(pooled: Pooled) -> Page:
    """A law on groups of runs: what they have in common and what is each one's own."""
    return Page(tuple(comparisons.pooled_sections(plain(pooled.to_dict()))))


def ranking_text(ranking: Ranking, draws: Draws | None = None) -> Page:
    """Laws in order of their error on withheld scales, then the first one's fit."""
    facts = {**plain(ranking.to_dict()), **_fit_facts(ranking.best, draws)}
    return Page((*comparisons.ranking_sections(facts), *content.fit_sections(facts, ranking.best.law)))


def choice_text(choice: Choice, draws: Draws | None = None) -> Page:
    """Laws in order with their shares in the choice, then the first one's fit, judged with the choice's rehearsal."""
    judged = verdict(choice.best, rehearsal=choice.rehearsal, draws=draws).to_dict()
    drawn = {} if draws is None else {"draws": plain(draws.to_dict())}
    facts = {**plain(choice.to_dict()), **drawn, "verdict": plain(judged)}
    return Page((*comparisons.ranking_sections(facts), *content.fit_sections(facts, choice.best.law)))


def rehearsal_text(rehearsal: Rehearsal) -> Page:
    """A rehearsal: every withheld scale and how it was predicted."""
    return Page((content.rehearsal_section(plain(rehearsal.to_dict())),))


def forecast_text(forecast: Forecast) -> Page:
    """A forecast: one line a target, each with its rehearsal."""
    return Page(tuple(content.forecast_sections(plain(forecast.to_dict()))))


def forecast_lines(forecast: Forecast) -> list[str]:
    """One line a target and nothing else."""
    facts = plain(forecast.to_dict())
    return [words.forecast_line(facts["target"], p, facts["rehearsal"]) for p in facts["predictions"]]


def plan_text(plan: Plan, isoflop: Isoflop | None = None, forecast: Forecast | None = None) -> Page:
    """A plan, with a forecast at its point and the three approaches side by side when they are given."""
    profiles = plain(isoflop.to_dict()) if isoflop is not None else None
    seen = plain(forecast.to_dict()) if forecast is not None else None
    return Page(tuple(content.plan_sections(plain(plan.to_dict()), profiles, forecast=seen)))


def isoflop_text(isoflop: Isoflop) -> Page:
    """Budgets and routes."""
    return Page(tuple(content.isoflop_sections(plain(isoflop.to_dict()))))


def study_text(result: StudyResult) -> Page:
    """A whole study."""
    return Page(tuple(content.study_sections(plain(result.to_dict()), result.best.fit.law)))


def arena_text(saved: Mapping[str, Any]) -> Page:
    """An arena, from its JSON form: contestants, duels and coverage by reach."""
    return Page(tuple(arena.arena_sections(saved, whole=False)))


def report_text(saved: Mapping[str, Any]) -> Page:
    """A saved JSON result, whichever it is.

    Raises:
        DataError: it is none that this version knows.
    """
    return Page(tuple(content.sections_of(saved)))


def law_text(law: Law) -> Page:
    """A law of the catalogue."""
    return Page(tuple(catalogue.law_sections(law)))


def evidence_text(found: Iterable[tuple[Law, str, Published]]) -> Page:
    """Published sets: a table of many, everything about one."""
    return Page(tuple(catalogue.evidence_sections(list(found))))


def laws_table(laws: Iterable[Law] | Mapping[str, Law]) -> Page:
    """The catalogue, one row a law."""
    listed = laws.values() if isinstance(laws, Mapping) else laws
    rows = tuple((law.name, ", ".join(law.inputs), str(len(law.coefs)), to_text(law.formula)) for law in listed)
    return Page((Section("laws", "Laws", (Grid(("law", "inputs", "coefs", "formula"), rows, "llrl"),)),))


# ---------------------------------------------------------------------------------------------------------------------
# blocks


def _block(block: Block, width: int) -> RenderResult:
    match block:
        case Para(text, lead):
            yield Text(text, style="bold" if lead else "")
        case Stamp(level, text):
            yield Text(f"{level[0].upper()}{level[1:]}: {text}", style="bold")
        case Reasons(items):
            for level, manager, engineer in items:
                yield Padding(_hanging(verdicts.mark(level), manager), (0, 0, 0, 2))
                yield Padding(Text(engineer, style="dim"), (0, 0, 0, 6))
        case Lines(items, warn):
            for item in items:
                yield Padding(_hanging("! " if warn else "- ", item), (0, 0, 0, 2))
        case Facts(rows):
            yield _facts(rows, width)
        case Grid():
            yield from _grid(block, width)
        case Formula(latex):
            yield Padding(Text(to_text(latex)), (0, 0, 0, 2))
        case Code(text, command):
            if command:
                yield Padding(Text(command), (0, 0, 0, 2))
        case _:
            pass


def _hanging(mark: str, text: str) -> Table:
    table = Table.grid(padding=0)
    table.add_column(width=len(mark))
    table.add_column()
    table.add_row(Text(mark.strip()), Text(text))
    return table


def _facts(rows: tuple[tuple[str, str], ...], width: int) -> Padding:
    room = min(max((len(term) for term, _ in rows), default=0), max(width // 3, 12))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=room)
    table.add_column(ratio=1)
    for term, text in rows:
        table.add_row(Text(term), Text(text))
    return Padding(table, (0, 0, 0, 2))


def _grid(block: Grid, width: int) -> RenderResult:
    block = filled(block)
    room = width - 2
    widths = _widths(block, room)
    if widths is None:
        yield from _stacked(block, width)
    else:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for header, align, size in zip(block.headers, block.align, widths, strict=True):
            side = "right" if align == "r" else "left"
            table.add_column(Text(header), justify=side, width=size, overflow="fold", vertical="top")
        for row in block.rows:
            table.add_row(*(Text(cell) for cell in row))
        yield Padding(table, (0, 0, 0, 2))
    if block.caption:
        yield Padding(Text(block.caption, style="dim"), (0, 0, 0, 2))


def _widths(block: Grid, room: int) -> list[int] | None:
    """Widths that show every number whole: headers wrap between words, then the columns of words do; None if none fit."""
    cells = [max((len(row[k]) for row in block.rows), default=0) for k in range(len(block.headers))]
    least = [max(map(len, header.split()), default=0) for header in block.headers]
    full = [max(cell, len(header)) for cell, header in zip(cells, block.headers, strict=True)]
    gaps = 2 * (len(full) - 1)
    if sum(full) + gaps <= room:
        return full
    tight = [max(cell, word) for cell, word in zip(cells, least, strict=True)]
    spare = room - gaps - sum(tight)
    if spare < 0:
        wordy = [k for k, align in enumerate(block.align) if align == "l" and tight[k] > 16]
        for k in sorted(wordy, key=lambda k: -tight[k]):
            give = min(tight[k] - 16, -spare)
            tight[k] -= give
            spare += give
            if spare >= 0:
                break
        return tight if spare >= 0 else None
    for k in range(len(tight)):
        more = min(full[k] - tight[k], spare)
        tight[k] += more
        spare -= more
    return tight


def _stacked(block: Grid, width: int) -> RenderResult:
    """A table too wide for the terminal: each row as a small list."""
    for index, row in enumerate(block.rows):
        if index:
            yield Text("")
        yield _facts(tuple(zip(block.headers, row, strict=True)), width)


def filled(block: Grid) -> Grid:
    """The table without columns in which nothing stands."""
    kept = [k for k in range(len(block.headers)) if not block.rows or any(row[k] for row in block.rows)]
    return Grid(
        tuple(block.headers[k] for k in kept),
        tuple(tuple(row[k] for k in kept) for row in block.rows),
        "".join(block.align[k] for k in kept),
        block.caption,
    )
