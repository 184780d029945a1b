"""``tenfold arena``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, emit, progress, words


def register(app: App) -> None:
    """Add the command."""
    app.command(
        arena,
        help_epilogue="Example: tenfold arena ../tables --laws auto,chinchilla,m4 --out arena   "
        "(a table needs a card, NAME.card.toml beside NAME.csv: docs/arena.md)",
    )


def arena(
    *tables: Annotated[
        str, Parameter(help="folders of tables with cards; without them the tables of tenfold alone play")
    ],
    laws: Annotated[
        tuple[str, ...],
        Parameter(help="laws, auto for the choice of laws, paper for the best law of each table's paper", negative=""),
    ] = (),
    objectives: Annotated[
        tuple[str, ...], Parameter(help="what fits minimise; huber:1e-3 by default, several compete", negative="")
    ] = (),
    only: Annotated[tuple[str, ...], Parameter(help="tables that play, by name; repeatable", negative="")] = (),
    full: Annotated[bool, Parameter(negative="", help="every task, where cards choose some of many alike")] = False,
    own: Annotated[bool, Parameter(show_default=True, help="the tables that come with tenfold play too")] = True,
    resamples: Annotated[int, Parameter(show_default=True, help="bootstrap draws behind intervals; 0 for none")] = 200,
    seed: Annotated[int, Parameter(show_default=True, help="of the draws")] = 0,
    out: Annotated[Path | None, Parameter(help="folder of the results; a stopped arena goes on there")] = None,
    workers: Annotated[int, Parameter(help="processes; as many as cores by default")] = 0,
    json: Json = False,
) -> None:
    """Let laws predict withheld scales of many tables, and judge them."""
    from tenfold.arena.arena import LAWS, OBJECTIVES
    from tenfold.arena.arena import arena as verb
    from tenfold.io.results import plain
    from tenfold.report.text import arena_text

    with progress("arena", quiet=json) as tell:
        made = verb(
            tables,
            laws=words(laws) or LAWS,
            objectives=words(objectives) or OBJECTIVES,
            only=words(only),
            own=own,
            full=full,
            resamples=resamples,
            seed=seed,
            out=out or "",
            workers=workers,
            tell=tell,
        )
    saved = plain(made.to_dict())
    written = [] if out is None else _written(saved, out)
    emit(saved, lambda: _text(arena_text(saved), written, alone=not tables), as_json=json)


def _written(saved: Any, out: Path) -> list[Path]:
    """Results as JSON, as one table and as one page."""
    from tenfold.io.results import write_bytes, write_json
    from tenfold.report.arena import entries_csv
    from tenfold.report.html import report_html

    write_json(out / "arena.json", saved)
    write_bytes(out / "table.csv", entries_csv(saved))
    write_bytes(out / "arena.html", report_html(saved))
    return [out / name for name in ("arena.json", "table.csv", "arena.html")]


def _text(body: Any, written: list[Path], *, alone: bool) -> Any:
    from rich.console import Group

    more = "Only the tables of tenfold played. For yours: tenfold arena FOLDER, with a card beside each (docs/arena.md)."
    return Group(body, *([f"\n{more}"] if alone else []), *(f"wrote {path}" for path in written))
