"""Train a ladder: worker processes side by side, an append-only record, resumable at any moment.

``python -m tenfold.ladder.sweep PRESET_OR_TOML --out FOLDER`` does the same from a shell.

A folder holds ``runs.jsonl`` (one line a run, its curve included), ``ladder.json`` (what was asked for)
and a lock. Whatever ends the process, runs already recorded stay, and the same call trains the rest.
"""

import json
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tenfold.core.errors import ConfigError, DataError, TenfoldError
from tenfold.ladder.corpus import CorpusSpec, load_corpus, require_windows
from tenfold.ladder.ladder import Ladder, cells, flops_of, plan_run
from tenfold.ladder.pool import Worker, WorkerDied, available_cores, default_cache
from tenfold.ladder.records import RunRecord, append_record, read_records
from tenfold.ladder.spec import RunSpec

RUNS_FILE = "runs.jsonl"


@dataclass(frozen=True)
class Event:
    """News of one run, with the state of the whole ladder.

    Attributes:
        kind: ``started``, ``progress``, ``finished``, ``diverged`` or ``failed``.
        run: id of the run.
        group: its row.
        fraction: share of the run that is done.
        loss: latest training loss, then the final evaluation; None when there is none.
        done_flops: FLOPs of the ladder that are done, resumed ones included.
        total_flops: FLOPs of the whole ladder.
        flops_per_second: measured since this call began, over all workers; 0 before the first news.
        eta_seconds: what is left at that speed; None before it is measured.
        message: why a run failed or diverged.
    """

    kind: str
    run: str
    group: str
    fraction: float
    loss: float | None
    done_flops: float
    total_flops: float
    flops_per_second: float
    eta_seconds: float | None
    message: str = ""


OnEvent = Callable[[Event], None]


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
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    planned = cells(ladder)
    with _locked(folder):
        path = folder / RUNS_FILE
        known = {record.run: record for record in read_records(path)}
        _require_same_corpus(list(known.values()), ladder)
        (folder / "ladder.json").write_text(json.dumps(asdict(ladder), indent=2) + "\n")
        todo = [spec for spec in planned if spec.run not in known or known[spec.run].status == "failed"]

        def keep(record: RunRecord) -> None:
            append_record(path, record)
            known[record.run] = record

        _run_all(todo, planned, workers=workers, cache=cache, keep=keep, on_event=on_event)
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
    spec = plan_run(settings, width, tokens=tokens, flops=flops, seed=seed)
    if corpus is not None:
        spec = replace(spec, corpus=corpus)
    require_windows(load_corpus(spec.corpus), context=spec.shape.context)
    records: list[RunRecord] = []

    def tell(event: Event) -> None:
        if on_progress is not None:
            on_progress(event.fraction, event.loss, event.eta_seconds)

    _run_all([spec], [spec], workers=1, cache=cache, keep=records.append, on_event=tell, pin=False)
    return records[0]


@dataclass
class _Board:
    """What is known of the ladder's state while it trains; used by one thread."""

    total: float
    before: float
    began: float = field(default_factory=time.perf_counter)
    finished: float = 0.0
    running: dict[str, float] = field(default_factory=dict)

    def event(
        self, kind: str, spec: RunSpec, fraction: float, loss: float | None, message: str = ""
    ) -> Event:
        """Take note of one piece of news and phrase it."""
        if kind in ("started", "progress"):
            self.running[spec.run] = fraction * flops_of(spec)
        else:
            self.running.pop(spec.run, None)
            self.finished += flops_of(spec)
        gained = self.finished + sum(self.running.values())
        speed = gained / max(time.perf_counter() - self.began, 1e-9)
        left = self.total - self.before - gained
        return Event(
            kind=kind,
            run=spec.run,
            group=spec.group,
            fraction=fraction,
            loss=loss,
            done_flops=self.before + gained,
            total_flops=self.total,
            flops_per_second=speed,
            eta_seconds=left / speed if gained > 0 else None,
            message=message,
        )


def _run_all(
    todo: Sequence[RunSpec],
    planned: Sequence[RunSpec],
    *,
    workers: int | None,
    cache: str | Path | None,
    keep: Callable[[RunRecord], None],
    on_event: OnEvent | None,
    pin: bool = True,
) -> None:
    """Feed ``todo`` to workers; keep and tell what they answer, in this thread."""
    cores = available_cores()
    count = min(len(cores) if workers is None else workers, len(todo))
    if workers is not None and workers < 1:
        raise ConfigError(f"workers = {workers} trains nothing", path="workers", hint="use 1 or more")
    total, left = (sum(map(flops_of, specs)) for specs in (planned, todo))
    board = _Board(total=total, before=total - left)
    waiting = deque(todo)
    news: queue.SimpleQueue[tuple[str, RunSpec, object]] = queue.SimpleQueue()
    folder = Path(cache) if cache is not None else default_cache()
    crew = [Worker(core=cores[k % len(cores)] if pin else None, cache=folder) for k in range(count)]
    threads = [threading.Thread(target=_serve, args=(w, waiting, news), daemon=True) for w in crew]
    try:
        for thread in threads:
            thread.start()
        missing = len(todo)
        while missing:
            kind, spec, content = news.get()
            if kind == "broken":
                raise content  # type: ignore[misc]
            event = _digest(board, kind, spec, content, keep)
            missing -= kind == "record"
            if on_event is not None:
                on_event(event)
    finally:
        waiting.clear()
        for worker in crew:
            worker.kill()


def _digest(
    board: _Board, kind: str, spec: RunSpec, content: object, keep: Callable[[RunRecord], None]
) -> Event:
    """Keep a record if there is one; the event that tells the news."""
    if isinstance(content, RunRecord):
        keep(content)
        return board.event(content.status, spec, 1.0, content.loss, content.message)
    fraction, loss = content if isinstance(content, tuple) else (0.0, None)
    return board.event(kind, spec, fraction, loss)


def _serve(
    worker: Worker, waiting: "deque[RunSpec]", news: "queue.SimpleQueue[tuple[str, RunSpec, object]]"
) -> None:
    """One thread a worker: hand it runs until none is left; a worker that dies fails its run only."""
    while True:
        try:
            spec = waiting.popleft()
        except IndexError:
            return
        try:
            news.put(("started", spec, None))
            for answer in worker.run(spec):
                news.put(("record" if isinstance(answer, RunRecord) else "progress", spec, answer))
        except WorkerDied as died:
            news.put(("record", spec, RunRecord(spec=spec, status="failed", message=str(died))))
        except Exception as error:
            news.put(("broken", spec, error))
            return


def _require_same_corpus(records: list[RunRecord], ladder: Ladder) -> None:
    """Raise when the folder holds runs of another text, or the text is too small."""
    corpus = load_corpus(ladder.corpus)
    require_windows(corpus, context=ladder.model.context)
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
                f"another process is training into {folder}",
                hint="wait for it, stop it, or use another folder",
            ) from None
        yield
    finally:
        with suppress(OSError):
            os.close(descriptor)


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m tenfold.ladder.sweep PRESET_OR_TOML --out FOLDER [--workers N]``."""
    import argparse
    import signal
    import sys

    from tenfold.ladder.config import load_ladder

    parser = argparse.ArgumentParser(prog="python -m tenfold.ladder.sweep", description="Train a ladder.")
    parser.add_argument("ladder", help="name of a preset or path of a TOML file")
    parser.add_argument("--out", required=True, help="folder of the records; an existing one is resumed")
    parser.add_argument(
        "--workers", type=int, default=None, help="processes of one thread (default: one a core)"
    )
    options = parser.parse_args(arguments)

    def tell(event: Event) -> None:
        if event.kind != "progress":
            loss = "" if event.loss is None else f" loss {event.loss:.4f}"
            left = "" if event.eta_seconds is None else f" left {event.eta_seconds / 60:.1f} min"
            stamp = time.strftime("%H:%M:%S")
            line = f"{stamp} {event.kind:9} {event.run}{loss}{left} {event.message}".rstrip()
            sys.stderr.write(f"{line} at {event.flops_per_second / 1e9:.0f} GFLOP/s\n")

    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, stop)
    try:
        train(load_ladder(options.ladder), out=options.out, workers=options.workers, on_event=tell)
    except TenfoldError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("stopped; the same command trains the rest\n")
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
