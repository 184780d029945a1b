"""Worker processes of one thread each, started as programs of their own.

They are not forked and not spawned from the caller's script, so a notebook, a script without a main
guard and a command line behave alike, and the caller's own JAX settings and environment stay as they
are.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import tenfold
from tenfold.ladder.records import RunRecord, from_json, to_json
from tenfold.ladder.spec import RunSpec

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NPROC": "1",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "0",
}


class WorkerDied(Exception):
    """A worker process ended in the middle of a run."""


class Worker:
    """One process that trains one run after the other; started with its first run.

    Args:
        core: number of the core to stay on; None for any.
        cache: folder of compiled programs.
    """

    def __init__(self, *, core: int | None, cache: Path) -> None:
        self._arguments = [f"cache={cache}"] + ([] if core is None else [f"core={core}"])
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._stopped = False

    def run(self, spec: RunSpec, /) -> Iterator[tuple[float, float] | RunRecord]:
        """Train one run: pairs of share done and training loss, then the record.

        Raises:
            WorkerDied: the process ended; the next call starts another.
        """
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        planned = RunRecord(spec=spec, status="failed")
        try:
            process.stdin.write((json.dumps(to_json(planned)) + "\n").encode())
            process.stdin.flush()
        except OSError:
            raise WorkerDied(self._last_words(process)) from None
        for line in process.stdout:
            answer = json.loads(line)
            if "record" in answer:
                yield from_json(answer["record"])
                return
            yield answer["fraction"], answer["loss"]
        raise WorkerDied(self._last_words(process))

    def kill(self) -> None:
        """End the process now, whatever it does."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            self._close()

    def _started(self) -> "subprocess.Popen[bytes]":
        """The running process, a new one when there is none."""
        if self._stopped:
            raise WorkerDied("stopped")
        if self._process is None:
            flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
            self._errors = tempfile.TemporaryFile()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tenfold.ladder.worker", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, **_ONE_THREAD, "XLA_FLAGS": flags, "PYTHONPATH": _import_path()},
                start_new_session=True,
            )
        return self._process

    def _last_words(self, process: "subprocess.Popen[bytes]") -> str:
        """How the process ended and the last line that it wrote; forgets the process."""
        code = process.wait()
        lines: list[str] = []
        if self._errors is not None and not self._errors.closed:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self._close()
        self._process = None
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the worker process ended with {how}" + (f": {lines[-1]}" if lines else "")

    def _close(self) -> None:
        """Close the files of a process that has ended."""
        process = self._process
        files = (self._errors, process.stdin if process else None, process.stdout if process else None)
        for file in files:
            if file is not None:
                try:
                    file.close()
                except OSError:
                    continue


def _import_path() -> str:
    """Where a new interpreter finds this very package, before the caller's own ``PYTHONPATH``."""
    package = str(Path(tenfold.__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))


def available_cores() -> list[int]:
    """Numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def default_cache() -> Path:
    """Folder of compiled programs: ``TENFOLD_CACHE``, or ``tenfold`` in the user's cache folder."""
    if "TENFOLD_CACHE" in os.environ:
        return Path(os.environ["TENFOLD_CACHE"]) / "programs"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "tenfold" / "programs"
