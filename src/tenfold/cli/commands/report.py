"""``tenfold report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, emit


def register(app: App) -> None:
    """Add the command."""
    app.command(
        report,
        help_epilogue="Example: tenfold fit runs.csv --out fit.json && tenfold report fit.json --html fit.html",
    )


def report(
    result: Annotated[Path, Parameter(help="a result written by --out: a fit, forecast, plan or study")],
    /,
    *,
    html: Annotated[Path, Parameter(help="the page to write")],
    json: Json = False,
) -> None:
    """Turn a saved result into one self-contained page."""
    from tenfold.io.results import read_json, write_bytes
    from tenfold.report import html as page

    write_bytes(html, page.report_html(read_json(result)))
    emit({"html": str(html)}, lambda: f"wrote {html}", as_json=json)
