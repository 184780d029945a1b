"""``tenfold transfer``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, Table, emit, number
from tenfold.core.errors import ConfigError

CHECKS = ("sweep", "coordinates", "movement", "sharpness")


def register(app: App) -> None:
    """Add the command."""
    app.command(
        transfer,
        help_epilogue="Example: tenfold transfer data:rates   "
        "(a check of a few steps: tenfold transfer ladder.toml --check coordinates --values 32,64,128)",
    )


def transfer(
    source: Annotated[str, Parameter(help="a table with a sweep of rates, or a ladder: TOML file or preset")],
    /,
    *,
    axis: Annotated[str, Parameter(show_default=True, help="the column, or the size, that varies")] = "width",
    rate: Annotated[str, Parameter(help="the column of the rate; lr_scale, lr or lr_peak by default")] = "",
    by: Annotated[str, Parameter(help="a column of groups, e.g. parameterization; found by default")] = "",
    target: Annotated[str, Parameter(show_default=True, help="the column to be small")] = "loss",
    check: Annotated[
        str, Parameter(show_default=True, help="sweep; or for a ladder, in seconds: coordinates, movement or sharpness")
    ] = "sweep",
    values: Annotated[str, Parameter(show_default=True, help="sizes to check at")] = "32,64,128,256",
    parameterization: Annotated[str, Parameter(help="for a check: another one than the ladder's")] = "",
    out: Annotated[Path | None, Parameter(help="for a ladder's sweep: folder of the records")] = None,
    workers: Annotated[int | None, Parameter(help="for a ladder's sweep: processes of one thread")] = None,
    picture: Annotated[Path | None, Parameter(help="draw loss against rate, a panel a group: .svg, .png or .pdf")] = None,
    table: Table = Table(),
    json: Json = False,
) -> int:
    """Say whether the best learning rate stays put as models grow, and what copying it costs."""
    from tenfold.ladder.parameterization import require

    require(check, CHECKS, "--check")
    if check != "sweep":
        return _check(check, source, axis, values, parameterization, as_json=json)
    from tenfold.report.transfer import draw, transfer_text
    from tenfold.transfer import transfer as verb

    runs = _runs(source, out, workers, table, quiet=json)
    groups = by or ("parameterization" if "parameterization" in runs.labels else "")
    found = verb(runs, axis=axis, rate=rate, target=target, by=groups)
    if picture is not None:
        draw(found, picture)
    emit({"transfer": [each.to_dict() for each in found]}, lambda: transfer_text(found), as_json=json)
    return 0


def _check(check: str, source: str, axis: str, values: str, parameterization: str, *, as_json: bool) -> int:
    """Train a few steps at every size and say how activations, or the sharpness, follow it."""
    from dataclasses import replace

    from tenfold.ladder.config import load_ladder
    from tenfold.ladder.corpora import load_corpus
    from tenfold.ladder.ladder import cells
    from tenfold.report import checks

    ladder = load_ladder(source)
    spec = cells(ladder)[0]
    sizes = [int(number(each, "--values")) for each in values.split(",") if each.strip()]
    optimizer = spec.optimizer if not parameterization else replace(spec.optimizer, parameterization=parameterization)
    given = {"values": sizes, "family": spec.family, "axis": axis, "data": load_corpus(spec.corpus)}
    if check == "coordinates":
        from tenfold.ladder.coordinates import coordinate_check

        found: Any = coordinate_check(spec.shape, optimizer, **given)
    elif check == "movement":
        from tenfold.ladder.movement import movement_check

        found = movement_check(spec.shape, optimizer, **given)
    else:
        from tenfold.ladder.sharpness import sharpness_course

        found = sharpness_course(spec.shape, optimizer, at=(1, 4, 16), **given)
    emit(found.to_dict(), lambda: checks.text(found), as_json=as_json)
    return 0 if getattr(found, "passed", True) else 1


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
