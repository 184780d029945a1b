"""The state of a run in flight on disk, so that a killed run goes on at the exact step. Needs no JAX."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.ladder.records import Checkpoint
from tenfold.ladder.spec import RunSpec

SECONDS = 30.0
"""Least time between two saves of one run."""


@dataclass(frozen=True)
class Saved:
    """What was saved: the leaves of the state's tree, and how far the run was."""

    leaves: list[np.ndarray]
    step: int
    initial: float
    curve: list[dict[str, Any]]
    seconds: float


def path_of(folder: Path, spec: RunSpec) -> Path:
    """The file of a run's checkpoint."""
    return folder / f"{spec.run}.npz"


def save(
    folder: Path,
    spec: RunSpec,
    sha256: str,
    *,
    leaves: Sequence[Any],
    step: int,
    initial: float | None,
    curve: Sequence[Checkpoint],
    seconds: float,
) -> None:
    """Write the state whole or not at all; a full disk costs the checkpoint, not the run."""
    head = {"step": step, "initial": initial, "curve": [asdict(point) for point in curve], "seconds": seconds}
    path = path_of(folder, spec)
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            arrays = {f"leaf{place}": np.asarray(leaf) for place, leaf in enumerate(leaves)}
            np.savez(file, head=np.array(json.dumps({**head, "sha256": sha256})), **arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink()


def load(folder: Path | None, spec: RunSpec, sha256: str) -> Saved | None:
    """What was saved of this run on this data; None when there is nothing, or nothing that can be read."""
    if folder is None or not path_of(folder, spec).is_file():
        return None
    try:
        with path_of(folder, spec).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            head = json.loads(str(file["head"]))
            if head["sha256"] != sha256:
                return None
            leaves = [file[f"leaf{place}"] for place in range(len(file.files) - 1)]
        return Saved(leaves, head["step"], head["initial"], head["curve"], head["seconds"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None


def remove(folder: Path, spec: RunSpec) -> None:
    """Forget the checkpoint of a run that has its record."""
    with suppress(OSError):
        path_of(folder, spec).unlink()
