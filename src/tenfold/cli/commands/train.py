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
    out: Annotated[Path | None, Parameter(help="folder of the records; an existing one is resumed")] = None,
    workers: Annotated[int | None, Parameter(help="processes; one a core or one a GPU by default")] = None,
    device: Annotated[str, Parameter(show_default=True, help="cpu, or gpu: one process a GPU")] = "cpu",
    members: Annotated[int, Parameter(show_default=True, help="seeds and rates of one shape in one program")] = 1,
    steps: Annotated[int | None, Parameter(help="stop every run after this many steps: to try a ladder out")] = None,
    dry_run: Annotated[bool, Parameter(negative="", help="print the runs and what they cost, train nothing")] = False,
    json: Json = False,
) -> int:
    """Train a ladder of small models; killed, it resumes and loses at most the runs in flight."""
    from tenfold.core.errors import ConfigError
    from tenfold.ladder.config import load_ladder
    from tenfold.ladder.ladder import shortened

    planned = load_ladder(ladder)
    if steps is not None:
        planned = shortened(planned, steps)
    if dry_run:
        return _plan(planned, as_json=json)
    if out is None:
        raise ConfigError("runs are recorded in a folder", path="--out", hint="add --out FOLDER, or --dry-run")
    return _train(planned, out, as_json=json, workers=workers, device=device, members=members)


def _plan(planned: Any, *, as_json: bool) -> int:
    """Print what would be trained."""
    from tenfold.ladder.ladder import cells, flops_of
    from tenfold.ladder.models import count
    from tenfold.report.numbers import quantity

    specs = cells(planned)
    rows = [
        {
            "run": spec.run,
            "params": count(spec.family, spec.shape).total,
            "tokens": spec.tokens,
            "steps": spec.steps,
            "batch_tokens": spec.batch_tokens,
            "flops": flops_of(spec),
        }
        for spec in specs
    ]
    total = sum(row["flops"] for row in rows)

    def table() -> Any:
        from rich.console import Group
        from rich.table import Table

        shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for head in ("run", "parameters", "tokens", "steps", "batch", "FLOP"):
            shown.add_column(head, justify="left" if head == "run" else "right")
        for row in rows:
            shown.add_row(
                row["run"], quantity(row["params"]), quantity(row["tokens"]), str(row["steps"]),
                str(row["batch_tokens"]), f"{row['flops']:.2e}",
            )  # fmt: skip
        return Group(shown, f"{len(rows)} runs, {total:.2e} FLOP in all; nothing was trained")

    emit({"runs": rows, "flops": total}, table, as_json=as_json)
    return 0


def _train(planned: Any, out: Path, *, as_json: bool, **crew: Any) -> int:
    """Train, and write the tables beside the records."""
    from tenfold.io.results import write_text
    from tenfold.ladder.records import to_curve_rows, to_layer_rows, to_rows
    from tenfold.ladder.sweep import train as verb
    from tenfold.ladder.table import cell, to_csv

    with bar(quiet=as_json) as tell:
        records = verb(planned, out=out, on_event=tell, **crew)
    rows = [{**row, "cell": cell(row)} for row in to_rows(records)]
    write_text(out / "runs.csv", to_csv(rows))
    write_text(out / "curves.csv", to_csv(to_curve_rows(records)))
    layers = to_layer_rows(records)
    if layers:
        write_text(out / "layers.csv", to_csv(layers))
    counts = {status: sum(row["status"] == status for row in rows) for status in ("finished", "diverged", "failed")}
    done = sum(row["seconds"] or 0.0 for row in rows)
    result = {"out": str(out), "runs": len(rows), **counts, "core_seconds": done}
    words = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    line = f"{len(rows)} runs ({words}), {done:.0f} core seconds: {out / 'runs.csv'}, {out / 'curves.csv'}"
    failed = next((record.message for record in records if record.status == "failed"), "")
    if failed:
        line += f"\nthe first failure: {failed}; the same command tries failed runs again"
    emit(result, lambda: line, as_json=as_json)
    return 0 if counts["finished"] else 1


class bar:
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
