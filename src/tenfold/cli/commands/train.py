"""``tenfold train``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from tenfold.cli.shared import Json, emit


def register(app: App) -> None:
    """Add the command."""
    app.command(train, help_epilogue="Example: tenfold train bytes-8min --out ladder   (the same command resumes)")


def train(
    ladder: Annotated[str, Parameter(help="a ladder's TOML file, or the name of a preset")],
    /,
    *,
    out: Annotated[Path, Parameter(help="folder of the records; an existing one is resumed")],
    workers: Annotated[int | None, Parameter(help="processes of one thread; one a core by default")] = None,
    json: Json = False,
) -> int:
    """Train a ladder of small models; killed, it resumes and loses at most the runs in flight."""
    from tenfold.io.results import write_text
    from tenfold.ladder.config import load_ladder
    from tenfold.ladder.records import to_curve_rows, to_rows
    from tenfold.ladder.sweep import train as verb
    from tenfold.ladder.table import cell, to_csv

    planned = load_ladder(ladder)
    with _bar(quiet=json) as tell:
        records = verb(planned, out=out, workers=workers, on_event=tell)
    rows = [{**row, "cell": cell(row)} for row in to_rows(records)]
    write_text(out / "runs.csv", to_csv(rows))
    write_text(out / "curves.csv", to_csv(to_curve_rows(records)))
    counts = {status: sum(row["status"] == status for row in rows) for status in ("finished", "diverged", "failed")}
    done = sum(row["seconds"] or 0.0 for row in rows)
    result = {"out": str(out), "runs": len(rows), **counts, "core_seconds": done}
    words = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    line = f"{len(rows)} runs ({words}), {done:.0f} core seconds: {out / 'runs.csv'}, {out / 'curves.csv'}"
    emit(result, lambda: line, as_json=json)
    return 0 if counts["finished"] else 1


class _bar:
    """A progress bar for the whole ladder on standard error; one line a finished run when it is not a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.live = sys.stderr.isatty() and not quiet
        self.bar: Any = None
        self.task: Any = None

    def __enter__(self) -> Any:
        if self.live:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[left]}"),
                console=Console(stderr=True),
            )
            self.bar.__enter__()
            self.task = self.bar.add_task("training", total=1.0, left="")
        return self.tell

    def tell(self, event: Any) -> None:
        """Take note of one event."""
        if self.live:
            left = "" if event.eta_seconds is None else f"{event.eta_seconds / 60:.1f} min left"
            loss = "" if event.loss is None else f" loss {event.loss:.4f}"
            share = event.done_flops / max(event.total_flops, 1.0)
            self.bar.update(self.task, completed=share, description=f"{event.run}{loss}", left=left)
        elif not self.quiet and event.kind in ("finished", "diverged", "failed"):
            loss = event.message if event.loss is None else f"loss {event.loss:.4f}"
            print(f"{event.run} {event.kind} {loss}", file=sys.stderr)

    def __exit__(self, *problem: Any) -> None:
        if self.bar is not None:
            self.bar.__exit__(*problem)
