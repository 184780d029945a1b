"""``tenfold plan``."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import Fitting, Json, LawName, Source, Table, emit, number, progress


def register(app: App) -> None:
    """Add the command."""
    app.command(plan, help_epilogue="Example: tenfold plan runs.csv --law chinchilla --flops 1e24 --serve-tokens 2e12")


def plan(
    runs: Source,
    /,
    *,
    flops: Annotated[str, Parameter(help="the training (and serving) budget in FLOP, e.g. 1e24")],
    law: LawName = "chinchilla",
    table: Table = Table(),
    fitting: Fitting = Fitting(),
    serve_tokens: Annotated[str, Parameter(help="tokens to be served from the same budget, e.g. 2T")] = "0",
    unique_tokens: Annotated[str, Parameter(help="fresh tokens that exist, e.g. 1T")] = "",
    max_params: Annotated[str, Parameter(help="the largest size allowed, e.g. 70B")] = "",
    cost: Annotated[float, Parameter(show_default=True, help="training FLOP per parameter and token")] = 6.0,
    level: Annotated[float, Parameter(show_default=True, help="coverage of the intervals")] = 0.9,
    draws: Annotated[
        str, Parameter(show_default=True, help="auto, bootstrap:N, wild:N, residual:N, laplace:N, profile:N or nuts:N")
    ] = "auto",
    budgets: Annotated[str, Parameter(help="a column that names each run's isoFLOP budget")] = "",
    out: Annotated[str, Parameter(help="also write the result as JSON to this file")] = "",
    json: Json = False,
) -> None:
    """The compute-optimal size and tokens for a budget, with intervals, regret and the three classic approaches."""
    from dataclasses import replace

    from tenfold.core.errors import ConfigError, DataError
    from tenfold.forecast import forecast
    from tenfold.io.results import write_json
    from tenfold.isoflop import isoflop
    from tenfold.plan import Budget
    from tenfold.plan import plan as verb
    from tenfold.uncertainty import draw

    if not 0 < level < 1:
        raise ConfigError(f"--level lies between 0 and 1, got {level:g}", path="--level")
    budget = Budget(
        flops=number(flops, "--flops"),
        cost=cost,
        serve_tokens=number(serve_tokens, "--serve-tokens"),
        unique_tokens=number(unique_tokens, "--unique-tokens") if unique_tokens else None,
        max_params=number(max_params, "--max-params") if max_params else None,
    )
    with progress("plan", quiet=json) as tell:
        tell("reading runs", 0.0)
        read = table.read(runs)
        tell("fitting", 0.2)
        if law == "auto":  # a plan needs one law of size and tokens: the first in order
            law = fitting.choose(read, tell, given=("params", "tokens")).ranking.first_of(("N", "D"))
        fitted = fitting.fit(law, read)
        tell("drawing", 0.4)
        drawn = draw(fitted, read, method=draws)
        tell("planning", 0.7)
        result = verb(fitted, drawn, budget=budget, level=level)
        tell("rehearsing", 0.8)
        point = {"params": result.params.value, "tokens": result.tokens.value}
        seen = forecast(fitted, read, at=[point], draws=drawn, levels=sorted({0.5, 0.9, level}))
        result = replace(result, verdict=seen.verdict)
        try:
            profiles = isoflop(read, fit=fitted, draws=drawn, budgets=budgets)
        except DataError:
            if budgets:
                raise
            profiles = None  # a table without budgets has no isoFLOP profiles; the plan stands without them
    value = {
        **result.to_dict(),
        "isoflop": None if profiles is None else profiles.to_dict(),
        "forecast": seen.to_dict(),
    }
    if out:
        write_json(out, value)

    def shown() -> Any:
        from tenfold.report.text import plan_text  # not wanted for JSON, and not quick to import

        return plan_text(result, profiles, seen)

    emit(value, shown, as_json=json)
