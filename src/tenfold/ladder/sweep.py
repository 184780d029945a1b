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
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from tenfold.core.errors import DataError, TenfoldError
from tenfold.ladder.config import load_ladder
from tenfold.ladder.corpus import Corpus, CorpusSpec, load_corpus, require_windows
from tenfold.ladder.events import Board, Event, OnEvent
from tenfold.ladder.ladder import Ladder, cells, plan_run
from tenfold.ladder.pool import train_side_by_side
from tenfold.ladder.records import RunRecord, append_record, read_records
from tenfold.ladder.spec import RunSpec

RUNS_FILE = "runs.jsonl"
"""Name of the file of records in a ladder's folder."""


def train(
    ladder: Ladder,
    /,
    *,
    out: str | Path,
    workers: int | None = None,
    on_event: OnEvent | None = None,
    cache: str | Path | None = None,
) -> list[RunRecord]:
    """Train all runs of ``ladder`` that ``out`` does not hold yet.

    Args:
        ladder: what to train.
        out: folder of the records; made when absent.
        workers: processes of one thread, each on a core of its own; default one a core.
        on_event: called in this thread.
        cache: folder of compiled programs; default the user's cache folder.

    Returns:
        The ladder's records in the order of ``cells``; runs that failed before are tried again.

    Raises:
        DataError: the folder is in use, or holds runs of another text; or the text is too small.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    planned = cells(ladder)
    with _locked(folder):
        path = folder / RUNS_FILE
        known = {record.run: record for record in read_records(path)}
        corpus = load_corpus(ladder.corpus)
        require_windows(corpus, context=ladder.model.context)
        _require_same_corpus(list(known.values()), corpus)
        (folder / "ladder.json").write_text(json.dumps(asdict(ladder), indent=2) + "\n")
        todo = [spec for spec in planned if spec.run not in known or known[spec.run].status == "failed"]

        def keep(record: RunRecord) -> None:
            append_record(path, record)
            known[record.run] = record

        _train_all(todo, Board(planned, todo), workers=workers, cache=cache, keep=keep, on_event=on_event)
    return [known[spec.run] for spec in planned]


def train_one(
    *,
    width: int,
    tokens: float | None = None,
    flops: float | None = None,
    seed: int = 0,
    corpus: CorpusSpec | None = None,
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
    require_windows(load_corpus(spec.corpus), context=spec.shape.context)
    records: list[RunRecord] = []

    def tell(event: Event) -> None:
        if on_progress is not None:
            on_progress(event.fraction, event.loss, event.eta_seconds)

    _train_all([spec], Board([spec], [spec]), workers=1, cache=cache, keep=records.append, on_event=tell, pin=False)
    return records[0]


def _train_all(
    todo: Sequence[RunSpec],
    board: Board,
    *,
    workers: int | None,
    cache: str | Path | None,
    keep: Callable[[RunRecord], None],
    on_event: OnEvent | None,
    pin: bool = True,
) -> None:
    """Train ``todo``; keep each record before telling anybody of it."""
    folder = None if cache is None else Path(cache)
    with closing(train_side_by_side(todo, workers=workers, cache=folder, pin=pin)) as stream:
        for news in stream:
            if news.record is not None:
                keep(news.record)
            if on_event is not None:
                on_event(board.event(news))


def _require_same_corpus(records: Sequence[RunRecord], corpus: Corpus) -> None:
    """Raise when the folder holds runs of another text."""
    for record in records:
        if record.corpus_sha256 and record.corpus_sha256 != corpus.sha256:
            raise DataError(
                f"run {record.run} was trained on a text with hash {record.corpus_sha256[:12]}, "
                f"this one has {corpus.sha256[:12]} ({corpus.name})",
                hint="losses would not be comparable: use another --out folder, or the same Python version",
            )


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
    """``python -m tenfold.ladder.sweep PRESET_OR_TOML --out FOLDER [--workers N]``; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tenfold.ladder.sweep", description="Train a ladder.")
    parser.add_argument("ladder", help="name of a preset or path of a TOML file")
    parser.add_argument("--out", required=True, help="folder of the records; an existing one is resumed")
    parser.add_argument("--workers", type=int, default=None, help="processes of one thread (default: one a core)")
    options = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    try:
        train(load_ladder(options.ladder), out=options.out, workers=options.workers, on_event=_tell)
    except TenfoldError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("stopped; the same command trains the rest\n")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
