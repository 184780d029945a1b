"""Compiled code on disk: where numba keeps it, and that it is of this very source.

Numba tells by the file of a function whether its compiled code is stale, and not by the files of the functions that are
compiled into it. A stamp beside the code covers all of them; where it differs, what is there is forgotten.
"""

from __future__ import annotations

import functools
import hashlib
import os
from contextlib import suppress
from pathlib import Path

SOURCES = ("elementary.py", "compiled.py", "machine.py", "descent.py", "newton.py", "../core/status.py")
STAMP = "tenfold-engine.stamp"
_HERE = Path(__file__).parent


def folders() -> list[Path]:
    """Where compiled code may lie: beside the source, or where numba is told to keep it."""
    known = [_HERE / "__pycache__", Path(os.environ.get("NUMBA_CACHE_DIR") or os.devnull)]
    return [folder for folder in known if folder.is_dir()]


@functools.cache
def on_disk(function: str) -> bool:
    """Whether an earlier process has left compiled code of this source."""
    forget_stale()
    return any(any(folder.rglob(f"{function}-*.nbi")) for folder in folders())


@functools.cache
def stamp() -> str:
    """Digest of everything that is compiled into the cached functions."""
    total = hashlib.sha256()
    for name in SOURCES:
        total.update((_HERE / name).read_bytes())
    return total.hexdigest()


def forget_stale() -> None:
    """Remove what was compiled from other sources; a folder that cannot be written is left alone."""
    for folder in folders():
        with suppress(OSError):
            kept = folder / STAMP
            if kept.is_file() and kept.read_text(encoding="utf-8") == stamp():
                continue
            for module in ("compiled", "machine", "descent"):
                for index in folder.rglob(f"{module}.*.nbi"):
                    index.unlink(missing_ok=True)
            kept.write_text(stamp(), encoding="utf-8")
