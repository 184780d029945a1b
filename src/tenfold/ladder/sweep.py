"""Train a ladder: worker processes side by side, an append-only record, resumable at any moment.

``python -m tenfold.ladder.sweep PRESET_OR_TOML --out FOLDER`` does the same from a shell.

A folder holds ``runs.jsonl`` (one line a run, its curve included), ``ladder.json`` (what was asked for)
and a lock. Whatever ends the process, runs already recorded stay, and the same call trains the rest.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tenfold.core.errors import ConfigError, DataError, TenfoldError
from tenfold.io.results import to_json, write_json
from tenfold.ladder import checkpoints
from tenfold.ladder.config import load_ladder
from tenfold.ladder.corpora import Dataset, load_corpus
from tenfold.ladder.events import Board, Event, OnEvent
from tenfold.ladder.jobs import Job, plan_jobs
from tenfold.ladder.ladder import Ladder, cells, plan_run
from tenfold.ladder.pool import DEVICES, train_side_by_side
from tenfold.ladder.records import RunRecord, append_record, recover_records
from tenfold.ladder.spec import RunSpec

RUNS_FILE = "runs.jsonl"
"""Name of the file of records in a ladder's folder."""

LADDER_FILE = "ladder.json"
"""Name of the file that says what was asked for."""


def train(
    ladder: Ladder,
    /,
    *,
    out: str | Path,
    workers: int | None = None,
    on_event: OnEvent | None = None,
    cache: str | Path | None = None,
    device: str = "cpu",
    members: int = 1,
    on_warning: Callable[[str], None] | None = None,
) -> list[RunRecord]:
    """Train all runs of ``ladder`` that ``out`` does not hold yet.

    Args:
        ladder: what to train.
        out: folder of the records; made when absent.
        workers: processes of one thread, each on a core of its own; default one a core, or one a GPU.
        on_event: called in this thread.
        cache: folder of compiled programs; default the user's cache folder.
        device: ``cpu``: processes of one thread; ``gpu``: one process a GPU, or ``workers`` processes that share them.
        members: how many seeds and rates of one shape to train in one program; meant for a GPU, on a CPU it does not pay.
        on_warning: called with a sentence for every bad line that was moved out of the records.

    Returns:
        The ladder's records in the order of ``cells``; runs that failed before are tried again.

    Raises:
        DataError: the folder is in use, or holds runs of other data; or the data is too small.
        ConfigError: the folder holds another ladder, or a shape is impossible.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    planned = cells(ladder)
    with _locked(folder):
        path = folder / RUNS_FILE
        records, moved = recover_records(path)
        for sentence in moved:
            (on_warning or _warn)(sentence)
        known = {record.run: record for record in records}
        for spec in planned:
            load_corpus(spec.corpus).require(spec.shape)
        _require_same_data(list(known.values()), {spec.run: spec for spec in planned})
        _require_same_ladder(folder / LADDER_FILE, ladder, known)
        write_json(folder / LADDER_FILE, asdict(ladder))
        todo = [spec for spec in planned if spec.run not in known or known[spec.run].status == "failed"]
        flight = folder / "checkpoints"

        def keep(record: RunRecord) -> None:
            append_record(path, record)
            known[record.run] = record
            checkpoints.remove(flight, record.spec)

        jobs = plan_jobs(todo, members=members)
        board = Board(planned, todo)
        crew = {"workers": workers, "cache": cache, "folder": flight, "device": device}
        _train_all(jobs, board, keep=keep, on_event=on_event, **crew)
        with suppress(OSError):
            flight.rmdir()
    return [known[spec.run] for spec in planned]


def train_one(
    *,
    width: int,
    tokens: float | None = None,
    flops: float | None = None,
    seed: int = 0,
    corpus: Any = None,
    ladder: Ladder | None = None,
    on_progress: Callable[[float, float | None, float | None], None] | None = None,
    cache: str | Path | None = None,
) -> RunRecord:
    """Train one planned run now, in a process of one thread.

    Args:
        width: see ``counting.nearest_width`` for the width of a planned number of parameters.
        tokens: how long to train; or ``flops``, one of the two.
        flops: how much to spend.
        seed: decides weights and order of data.
        corpus: another text than the ladder's.
        ladder: settings of the run; its rows are ignored. Default: those of the ``bytes`` preset.
        on_progress: called with the share done, the latest loss and the seconds left (None when unknown).
        cache: folder of compiled programs; default the user's cache folder.
    """
    settings = ladder or Ladder(rows=())
    if corpus is not None:
        settings = replace(settings, corpus=corpus)
    spec = plan_run(settings, width, tokens=tokens, flops=flops, seed=seed)
    load_corpus(spec.corpus).require(spec.shape)
    records: list[RunRecord] = []

    def tell(event: Event) -> None:
        if on_progress is not None:
            on_progress(event.fraction, event.loss, event.eta_seconds)

    _train_all([(spec,)], Board([spec], [spec]), workers=1, cache=cache, keep=records.append, on_event=tell, pin=False)
    return records[0]


def _train_all(
    jobs: Sequence[Job],
    board: Board,
    *,
    workers: int | None,
    cache: str | Path | None,
    keep: Callable[[RunRecord], None],
    on_event: OnEvent | None,
    pin: bool = True,
    folder: Path | None = None,
    device: str = "cpu",
) -> None:
    """Train ``jobs``; keep each record before telling anybody of it."""
    programs = None if cache is None else Path(cache)
    crew = train_side_by_side(jobs, workers=workers, cache=programs, pin=pin, folder=folder, device=device)
    with closing(crew) as stream:
        for news in stream:
            if news.record is not None:
                keep(news.record)
            if on_event is not None:
                on_event(board.event(news))


def _require_same_data(records: Sequence[RunRecord], planned: Mapping[str, RunSpec]) -> None:
    """Raise when the folder holds planned runs that were trained on other data."""
    for record in records:
        spec = planned.get(record.run)
        if spec is None or not record.corpus_sha256:
            continue
        data: Dataset = load_corpus(spec.corpus)
        if record.corpus_sha256 != data.sha256:
            raise DataError(
                f"run {record.run} was trained on a text with hash {record.corpus_sha256[:12]}, "
                f"this one has {data.sha256[:12]} ({data.name})",
                hint="losses would not be comparable: use another --out folder, or the same Python version",
            )


def _require_same_ladder(path: Path, ladder: Ladder, known: Mapping[str, RunRecord]) -> None:
    """Raise when the folder was begun with other settings; more rows or seeds are no other settings."""
    if not path.is_file() or not known:
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    now = json.loads(to_json(asdict(ladder)))
    changes = [
        change
        for part in ("family", "model", "optimizer", "evaluation", "corpus", "batch")
        for change in _changes(part, before.get(part), now.get(part))
        if change[0] != "corpus.path"
    ]
    if changes:
        shown = ", ".join(f"{name}: {old!r} -> {new!r}" for name, old, new in changes[:4])
        more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
        raise ConfigError(
            f"{path.parent} was begun with another ladder ({shown}{more})",
            path=changes[0][0],
            hint="use another --out folder, or undo the change; rows and seeds may be added",
        )


def _changes(name: str, old: Any, new: Any) -> list[tuple[str, Any, Any]]:
    """Where two plain values differ; a key that the older one does not know is no difference."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [change for key in old if key in new for change in _changes(f"{name}.{key}", old[key], new[key])]
    return [] if old == new else [(name, old, new)]


def _warn(sentence: str) -> None:
    sys.stderr.write(f"tenfold: {sentence}\n")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second process out of ``folder``. The lock ends with the process, however it ends.

    Where the system has no ``fcntl`` (Windows) there is no lock.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DataError(
                f"another process is training into {folder}", hint="wait for it, stop it, or use another folder"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _tell(event: Event) -> None:
    """One line on standard error for everything but progress."""
    if event.kind != "progress":
        loss = "" if event.loss is None else f" loss {event.loss:.4f}"
        left = "" if event.eta_seconds is None else f" left {event.eta_seconds / 60:.1f} min"
        line = f"{time.strftime('%H:%M:%S')} {event.kind:9} {event.run}{loss}{left} {event.message}".rstrip()
        sys.stderr.write(f"{line} at {event.flops_per_second / 1e9:.0f} GFLOP/s\n")


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m tenfold.ladder.sweep LADDER --out FOLDER [--workers N] [--device gpu]``; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tenfold.ladder.sweep", description="Train a ladder.")
    parser.add_argument("ladder", help="name of a preset or path of a TOML file")
    parser.add_argument("--out", required=True, help="folder of the records; an existing one is resumed")
    parser.add_argument("--workers", type=int, default=None, help="processes of one thread (default: one a core)")
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to train (default: cpu)")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        crew = {"workers": options.workers, "device": options.device}
        train(load_ladder(options.ladder), out=options.out, on_event=_tell, **crew)
    except TenfoldError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("stopped; the same command trains the rest\n")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
