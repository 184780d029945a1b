"""``tenfold transfer``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, Table, emit
from tenfold.core.errors import ConfigError


def register(app: App) -> None:
    """Add the command."""
    app.command(transfer, help_epilogue="Example: tenfold transfer data:rates --by parameterization")


def transfer(
    source: Annotated[str, Parameter(help="a table with a sweep of rates, or a ladder to train: TOML file or preset")],
    /,
    *,
    axis: Annotated[str, Parameter(show_default=True, help="the column along which size varies")] = "width",
    rate: Annotated[str, Parameter(help="the column of the rate; lr_scale, lr or lr_peak by default")] = "",
    by: Annotated[str, Parameter(help="a column of groups, e.g. parameterization; found by default")] = "",
    target: Annotated[str, Parameter(show_default=True, help="the column to be small")] = "loss",
    out: Annotated[Path | None, Parameter(help="for a ladder: folder of the records")] = None,
    workers: Annotated[int | None, Parameter(help="for a ladder: processes of one thread")] = None,
    picture: Annotated[
        Path | None, Parameter(help="also draw loss against rate, one panel a group: .svg, .png or .pdf")
    ] = None,
    table: Table = Table(),
    json: Json = False,
) -> int:
    """Say whether the best learning rate stays put as models grow, and what copying it costs."""
    from tenfold.report.transfer import draw, transfer_text
    from tenfold.transfer import transfer as verb

    runs = _runs(source, out, workers, table, quiet=json)
    groups = by or ("parameterization" if "parameterization" in runs.labels else "")
    found = verb(runs, axis=axis, rate=rate, target=target, by=groups)
    if picture is not None:
        draw(found, picture)
    emit({"transfer": [each.to_dict() for each in found]}, lambda: transfer_text(found), as_json=json)
    return 0


def _runs(source: str, out: Path | None, workers: int | None, table: Table, *, quiet: bool) -> Any:
    """The table, or the runs of a ladder trained now."""
    from tenfold.ladder.config import load_ladder, presets

    if not (source.endswith(".toml") or source in presets()):
        return table.read(source)
    if out is None:
        raise ConfigError("a ladder is trained into a folder", path="--out", hint="add --out FOLDER")
    from tenfold.cli.commands.train import bar
    from tenfold.ladder.sweep import train
    from tenfold.ladder.table import to_runs

    with bar(quiet=quiet) as tell:
        records = train(load_ladder(source), out=out, workers=workers, on_event=tell)
    return to_runs(records, source=source)
