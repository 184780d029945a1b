"""``tenfold fit``."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import LAW_HELP, Fitting, Json, Source, Table, by_group, emit, progress, words


def register(app: App) -> None:
    """Add the command."""
    app.command(
        fit,
        help_epilogue='Example: tenfold fit runs.csv --law chinchilla --columns params="Model Size"',
    )


def fit(
    runs: Source,
    /,
    *,
    law: Annotated[str, Parameter(name="--law", help=f"{LAW_HELP}, which is the default")] = "",
    table: Table = Table(),
    fitting: Fitting = Fitting(),
    group: Annotated[str, Parameter(help="fit each value of this column by itself")] = "",
    share: Annotated[
        tuple[str, ...], Parameter(help="coefficients with one value for all groups, e.g. alpha,beta", negative="")
    ] = (),
    partial: Annotated[
        tuple[str, ...],
        Parameter(help="coefficients whose values in the groups scatter around a common one", negative=""),
    ] = (),
    draws: Annotated[
        str,
        Parameter(
            show_default=True,
            help="intervals by auto, bootstrap:N, wild:N, residual:N, laplace:N, profile:N, nuts:N or none",
        ),
    ] = "auto",
    out: Annotated[str, Parameter(help="also write the result as JSON to this file")] = "",
    json: Json = False,
) -> None:
    """Fit a law to runs, with a certificate of how far to trust it; without --law, every law that the columns allow."""
    from tenfold.io.results import write_json

    with progress("fit", quiet=json) as tell:
        tell("reading runs", 0.0)
        read = table.read(runs, group=group)
        if share or partial:
            tell("fitting all groups together", 0.1)
            law = law or "chinchilla"
            pooled = fitting.pool(law, read, group=group, share=words(share), partial=words(partial))
            if out:
                write_json(out, pooled.to_dict())
            emit(pooled.to_dict(), lambda: _pooled_text(pooled), as_json=json)
            return
        parts = by_group(read, group)
        made = {}
        for done, (name, part) in enumerate(parts.items()):
            tell(f"fitting {law} {name}".strip(), 0.1 + 0.9 * done / len(parts))
            one = law not in ("", "auto")
            made[name] = _one(law, part, fitting, draws) if one else _chosen(part, fitting, draws, tell)
    values = {name: value for name, (_, _, value) in made.items()}
    result = {"groups": values} if group else values[""]
    if out:
        write_json(out, result)
    emit(result, lambda: _texts(made), as_json=json)


def _one(law: str, runs: Any, fitting: Fitting, draws: str) -> tuple[Any, Any, dict[str, Any]]:
    from tenfold.uncertainty import draw
    from tenfold.verdict import verdict

    fitted = fitting.fit(law, runs)
    drawn = None if draws == "none" else draw(fitted, runs, method=draws)
    value = fitted.to_dict()
    if drawn is not None:
        value |= {"draws": drawn.to_dict(), "verdict": verdict(fitted, draws=drawn).to_dict()}
    return fitted, drawn, value


def _chosen(part: Any, fitting: Fitting, draws: str, tell: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Every law that the columns allow, in order, the choice that stacks them and the first one's fit with its draws."""
    from tenfold.uncertainty import draw, parse_method
    from tenfold.verdict import verdict

    method = None if draws == "none" else parse_method(draws)
    made = fitting.choose(part, tell)
    drawn = None if method is None else draw(made.best, part, method=method)
    value = made.to_dict()
    judged = verdict(made.best, rehearsal=made.rehearsal, draws=drawn)
    return made, drawn, value | {"verdict": judged.to_dict()} | ({"draws": drawn.to_dict()} if drawn else {})


def _pooled_text(pooled: Any) -> Any:
    from tenfold.report.text import pooled_text

    return pooled_text(pooled)


def _texts(made: dict[str, tuple[Any, Any, dict[str, Any]]]) -> Any:
    from rich.console import Group

    from tenfold.report import text  # not wanted for JSON, and not quick to import

    parts: list[Any] = []
    for name, (fitted, drawn, _) in made.items():
        if name:
            parts.append(f"\n== {name} ==")
        parts.append(text.fit_text(fitted, drawn) if hasattr(fitted, "coef") else text.choice_text(fitted, drawn))
    return Group(*parts) if len(parts) > 1 else parts[0]
