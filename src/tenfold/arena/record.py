"""The arena's results on disk: one JSON line for every contestant on every task, so that a stopped arena goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tenfold.arena.cards import Task
from tenfold.arena.contest import Contestant


def key_of(task: Task, contestant: Contestant, seed: int) -> str:
    """What decides a result: the rows, the contestant and the seed, and the code that judges."""
    text = repr((task.id, task.name, task.scale, task.inputs, task.paper, contestant, seed, code()))
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def code() -> str:
    """A hash of the source that fits, predicts and judges: a result is only taken up again from the same code."""
    global _CODE
    if not _CODE:
        digest = hashlib.blake2b(digest_size=8)
        root = Path(__file__).resolve().parent.parent
        for folder in ("core", "engine", "laws", "arena"):
            for path in sorted((root / folder).rglob("*.py")):
                if path.name != "summary.py":  # means of results, which change none
                    digest.update(path.read_bytes())
        for path in sorted(root.glob("*.py")):
            digest.update(path.read_bytes())
        _CODE = digest.hexdigest()
    return _CODE


_CODE = ""


def read(path: Path) -> dict[str, dict[str, Any]]:
    """Results by key; a torn last line, of a process that was killed while it wrote, is left out."""
    found: dict[str, dict[str, Any]] = {}
    for line in _lines(path):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and "key" in entry:
            found[entry["key"]] = entry
    return found


def _lines(path: Path) -> Iterator[str]:
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            yield from file
