"""``tenfold forecast``."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import Fitting, Json, LawName, Table, emit, progress, targets


def register(app: App) -> None:
    """Add the command."""
    app.command(
        forecast,
        help_epilogue="Example: tenfold forecast runs.csv --law chinchilla --at params=7e10,tokens=1.4e12",
    )


def forecast(
    runs: Annotated[
        str, Parameter(help="the table; leave out to use published constants (--law chinchilla:besiroglu)")
    ] = "",
    /,
    *,
    at: Annotated[
        tuple[str, ...], Parameter(help="a target, e.g. params=7e10,tokens=1.4e12; repeatable", negative="")
    ] = (),
    law: LawName = "chinchilla",
    table: Table = Table(),
    fitting: Fitting = Fitting(),
    withhold: Annotated[
        int | None, Parameter(help="largest scales to withhold in rehearsal; all that can be by default")
    ] = None,
    draws: Annotated[
        str, Parameter(show_default=True, help="auto, bootstrap:N, wild:N, residual:N, laplace:N, profile:N or nuts:N")
    ] = "auto",
    seed: Annotated[int, Parameter(show_default=True, help="of the random numbers")] = 0,
    out: Annotated[str, Parameter(help="also write the result as JSON to this file")] = "",
    json: Json = False,
) -> None:
    """Predict at given scales, with intervals that rehearsal on withheld scales has earned."""
    from tenfold.core.errors import ConfigError
    from tenfold.io.results import write_json
    from tenfold.laws import published, resolve

    points = targets(at)
    found, chosen = (None, None) if law == "auto" else resolve(law)
    if found is None and not runs:
        raise ConfigError(
            "--law auto needs runs to choose by", path="--law", hint="give a table, or name a law and its set"
        )
    if found is not None and (chosen is not None or not runs):
        if runs:
            raise ConfigError(
                f"--law {law} names published constants, and a table was given too",
                path="--law",
                hint=f"fit the table with --law {found.name}, or leave the table out",
            )
        from tenfold.forecast import forecast_evidence

        name, evidence = published(found, chosen)
        result = forecast_evidence(found, name, evidence, at=points)
    else:
        from tenfold.forecast import forecast as verb

        with progress("forecast", quiet=json) as tell:
            tell("reading runs", 0.0)
            read = table.read(runs)
            tell("fitting", 0.2)
            fitted = fitting.choose(read, tell, given=[*points[0]]) if found is None else fitting.fit(law, read)
            tell("drawing and rehearsing", 0.4)
            result = verb(fitted, read, at=points, method=draws, withhold=withhold, seed=seed)
    if out:
        write_json(out, result.to_dict())

    def shown() -> Any:
        from tenfold.report.text import forecast_text  # not wanted for JSON, and not quick to import

        return forecast_text(result)

    emit(result.to_dict(), shown, as_json=json)
