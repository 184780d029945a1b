"""``tenfold critical-batch``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, Source, Table, emit


def register(app: App) -> None:
    """Add the command."""
    app.command(
        critical_batch,
        name="critical-batch",
        help_epilogue="Example: tenfold critical-batch data:batches_curves --target 1.8",
    )


def critical_batch(
    curves: Source,
    /,
    *,
    target: Annotated[float, Parameter(help="the loss to reach")],
    table: Table = Table(),
    json: Json = False,
) -> None:
    """The batch beyond which more of it saves few steps: from checkpoints of runs at several batches."""
    from tenfold.critical_batch import critical_batch as verb
    from tenfold.report.numbers import quantity

    found = verb(table.read(curves), target=target)
    least = found.fit.coef["S_min"]
    low, high = found.interval

    def text() -> str:
        lines = [
            f"critical batch {quantity(found.batch, 'batch_tokens')} [{quantity(low)}, {quantity(high)}] (90 %) "
            f"for a loss of {target:g}: there, twice the least steps ({quantity(least)}) "
            f"and twice the least tokens ({quantity(least * found.batch)})"
        ]
        lines += [f"  batch {quantity(size)}: {quantity(count)} steps" for size, count in found.steps]
        if found.missing:
            lines.append(f"  not reached at batch {', '.join(quantity(size) for size in found.missing)}")
        return "\n".join(lines)

    emit(found.to_dict(), text, as_json=json)
