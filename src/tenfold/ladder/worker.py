"""A worker process: reads planned runs as JSON lines from stdin, answers with events on stdout.

Started by ``tenfold.ladder.sweep`` as ``python -m tenfold.ladder.worker``; the threads that its
libraries may use are limited by its environment. It ends when stdin closes, and in the middle of a run
when nobody reads its answers any more.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from tenfold.ladder.corpora import load_corpus
from tenfold.ladder.records import RunRecord, spec_from_json, to_json


def main() -> None:
    """Answer jobs until stdin closes.

    Arguments: ``core=K`` to stay on one core, ``cache=FOLDER``, ``checkpoints=FOLDER``.
    """
    options = dict(argument.split("=", 1) for argument in sys.argv[1:])
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    if "core" in options and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(options["core"])})
    if "cache" in options:
        _use_cache(Path(options["cache"]))
    folder = Path(options["checkpoints"]) if "checkpoints" in options else None
    try:
        for line in sys.stdin:
            _answer(json.loads(line), answers, folder)
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(1)


def _answer(planned: dict[str, Any], answers: BinaryIO, folder: Path | None) -> None:
    """Train the runs of one job and write their progress and their records."""
    from tenfold.ladder.train import train_runs

    specs = [spec_from_json(each) for each in planned["job"]]
    missing = {spec.run: spec for spec in specs}

    def tell(fraction: float, loss: float) -> None:
        _write(answers, {"fraction": fraction, "loss": loss})

    try:
        for record in train_runs(specs, load_corpus(specs[0].corpus), on_progress=tell, folder=folder):
            del missing[record.run]
            _write(answers, {"record": to_json(record)})
    except BrokenPipeError:
        raise
    except Exception as error:
        traceback.print_exc()
        for spec in missing.values():
            record = RunRecord(spec=spec, status="failed", message=f"{type(error).__name__}: {error}")
            _write(answers, {"record": to_json(record)})


def _write(answers: BinaryIO, message: dict[str, Any]) -> None:
    """One JSON line, whole."""
    data = (json.dumps(message) + "\n").encode()
    while data:
        data = data[answers.write(data) :]


def _use_cache(folder: Path) -> None:
    """Keep compiled programs in ``folder`` for the next process."""
    import jax

    folder.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


if __name__ == "__main__":
    main()
