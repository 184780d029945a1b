"""Worker processes of one thread each, started as programs of their own.

They are not forked and not spawned from the caller's script, so a notebook, a script without a main
guard and a command line behave alike, and the caller's own JAX settings and environment stay as they
are.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import tenfold
from tenfold.core.errors import ConfigError
from tenfold.ladder.jobs import Job
from tenfold.ladder.records import RunRecord, from_json
from tenfold.ladder.spec import RunSpec

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NPROC": "1",
    "JAX_ENABLE_X64": "0",
}

DEVICES = ("cpu", "gpu")
"""``cpu``: processes of one thread, one a core. ``gpu``: one process a GPU, or several that share its memory and time."""


@dataclass(frozen=True)
class News:
    """What a worker has to say about a run: it started, how far it is, or what came of it.

    Attributes:
        spec: the run.
        fraction: share of the run that is done.
        loss: latest training loss; None at the start.
        record: what came of the run, once.
        job: all runs that are trained together with this one.
    """

    spec: RunSpec
    fraction: float = 0.0
    loss: float | None = None
    record: RunRecord | None = None
    job: Job = ()


def train_side_by_side(
    jobs: Sequence[Job],
    *,
    workers: int | None = None,
    cache: Path | None = None,
    pin: bool = True,
    folder: Path | None = None,
    device: str = "cpu",
) -> Iterator[News]:
    """Train jobs in processes side by side, in the given order; closing the iterator stops them at once.

    Args:
        jobs: runs, those that are trained together in one tuple.
        workers: number of processes; default one a core, or one a GPU. Small models leave a GPU idle between their
            steps, so more processes than GPUs pay there; they then take memory as they need it, not most of it at once.
        cache: folder of compiled programs; default ``default_cache()``.
        pin: keep each process on a core of its own.
        folder: where runs in flight leave checkpoints.
        device: one of ``DEVICES``.

    Yields:
        News in the order in which they arrive; one record for every run. A process that dies fails its
        run only.
    """
    if device not in DEVICES:
        raise ConfigError(f"unknown device {device!r}", path="device", hint=f"one of {', '.join(DEVICES)}")
    cores = available_cores()
    if workers is not None and workers < 1:
        raise ConfigError(f"workers = {workers} trains nothing", path="workers", hint="use 1 or more")
    for package in ("jax", "optax"):
        if find_spec(package) is None:
            raise ConfigError(f"training needs {package}, which is not installed", hint="pip install 'tenfold[train]'")
    places = cores if device == "cpu" else available_gpus()
    count = min(len(places) if workers is None else workers, len(jobs))
    specs = [spec for job in jobs for spec in job]
    shared = device == "gpu" and count > len(places)
    crew = [
        _Worker(
            core=cores[k % len(cores)] if pin and device == "cpu" else None,
            gpu=places[k % len(places)] if device == "gpu" else None,
            shared=shared,
            cache=cache or default_cache(),
            folder=folder,
        )
        for k in range(count)
    ]
    waiting = deque(jobs)
    news: queue.SimpleQueue[News | Exception] = queue.SimpleQueue()
    threads = [threading.Thread(target=_serve, args=(worker, waiting, news), daemon=True) for worker in crew]
    try:
        for thread in threads:
            thread.start()
        missing = len(specs)
        while missing:
            item = news.get()
            if isinstance(item, Exception):
                raise item
            missing -= item.record is not None
            yield item
    finally:
        waiting.clear()
        for worker in crew:
            worker.stop()
        for thread in threads:
            thread.join()
        for worker in crew:
            worker.close()


def available_cores() -> list[int]:
    """Numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def available_gpus() -> list[int]:
    """Numbers of the GPUs that this process may use.

    Raises:
        ConfigError: there is none.
    """
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named:
        found = [int(each) for each in named.split(",") if each.strip().isdigit()]
    else:
        try:
            listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=20)
            found = list(range(sum(line.startswith("GPU") for line in listed.stdout.splitlines())))
        except (OSError, subprocess.TimeoutExpired):
            found = []
    if not found:
        raise ConfigError("there is no GPU here", path="device", hint="use --device cpu")
    return found


def default_cache() -> Path:
    """Folder of compiled programs: ``TENFOLD_CACHE``, or ``tenfold`` in the user's cache folder."""
    if "TENFOLD_CACHE" in os.environ:
        return Path(os.environ["TENFOLD_CACHE"]) / "programs"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "tenfold" / "programs"


def _serve(worker: "_Worker", waiting: deque[Job], news: "queue.SimpleQueue[News | Exception]") -> None:
    """One thread a worker: hand it jobs until none is left. Errors of our own go to the caller."""
    while True:
        try:
            job = waiting.popleft()
        except IndexError:
            return
        missing = {spec.run: spec for spec in job}
        news.put(News(job[-1], job=job))
        try:
            for item in worker.run(job):
                if item.record is not None:
                    missing.pop(item.spec.run)
                news.put(item)
        except _WorkerDied as died:
            for spec in missing.values():
                news.put(News(spec, 1.0, record=RunRecord(spec=spec, status="failed", message=str(died))))
        except Exception as error:
            news.put(error)
            return


class _WorkerDied(Exception):
    """A worker process ended in the middle of a run."""


class _Worker:
    """One process that trains one run after the other; started with its first run, used by one thread."""

    def __init__(self, *, core: int | None, gpu: int | None, shared: bool, cache: Path, folder: Path | None) -> None:
        self._arguments = [f"cache={cache}"] + ([] if core is None else [f"core={core}"])
        self._arguments += [] if folder is None else [f"checkpoints={folder}"]
        self._device = {"JAX_PLATFORMS": "cpu"} if gpu is None else {"CUDA_VISIBLE_DEVICES": str(gpu)}
        if shared:
            self._device["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the worker
        self._starting = threading.Lock()
        self._stopped = False

    def run(self, job: Job, /) -> Iterator[News]:
        """Train the runs of one job; every run's last news holds its record.

        Raises:
            _WorkerDied: the process ended; the next call starts another.
        """
        process = self._started()
        specs = {spec.run: spec for spec in job}
        planned = {"job": [asdict(spec) for spec in job]}
        with suppress(BrokenPipeError):
            process.stdin.write((json.dumps(planned) + "\n").encode())
            process.stdin.flush()
        left = len(specs)
        for line in process.stdout:
            if not line.endswith(b"\n"):
                break
            answer = json.loads(line)
            if "record" not in answer:
                yield News(job[-1], answer["fraction"], answer["loss"], job=job)
                continue
            record = from_json(answer["record"])
            left -= 1
            yield News(specs[record.run], 1.0, record=record, job=job)
            if not left:
                return
        raise _WorkerDied(self._last_words(process))

    def stop(self) -> None:
        """End the process now, from any thread, and let no other start."""
        with self._starting:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        """Free what the stopped worker held; after its thread has ended."""
        if self._process is not None:
            self._forget(self._process)
        self._errors.close()

    def _started(self) -> "subprocess.Popen[bytes]":
        """The running process, a new one when there is none."""
        with self._starting:
            if self._stopped:
                raise _WorkerDied("stopped before it began")
            if self._process is None:
                flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tenfold.ladder.worker", *self._arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    env={**os.environ, **_ONE_THREAD, **self._device, "XLA_FLAGS": flags, "PYTHONPATH": _import_path()},
                    start_new_session=True,
                )
            return self._process

    def _last_words(self, process: "subprocess.Popen[bytes]") -> str:
        """How the process ended and the last line that it wrote."""
        code = self._forget(process)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the worker process ended with {how}" + (f": {lines[-1]}" if lines else "")

    def _forget(self, process: "subprocess.Popen[bytes]") -> int:
        """Wait for the end of the process, close its pipes; its exit code."""
        code = process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                pipe.close()
        with self._starting:
            self._process = None
        return code


def _import_path() -> str:
    """Where a new interpreter finds this very package, before the caller's own ``PYTHONPATH``."""
    package = str(Path(tenfold.__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
