"""Texts as arrays of bytes: the running interpreter's own sources, or any folder.

A corpus is two arrays of 7-bit codes, one to train on and one withheld, split by *file* so that no
window of the withheld part was seen in training. Which files exist differs between Python versions,
so every corpus carries the SHA-256 of its training array, and every run records it.
"""

import hashlib
import os
import platform
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tenfold.core.errors import ConfigError, DataError
from tenfold.ladder.corpora._fits import require_fit
from tenfold.ladder.fields import later, place

VOCABULARY = 128
"""Codes of a corpus lie in ``[0, VOCABULARY)``: bytes of 128 and more are mapped to 127."""

_SKIPPED_FOLDERS = frozenset({"site-packages", "dist-packages", "__pycache__"})


@dataclass(frozen=True)
class Corpus:
    """A tokenised text, split by file into a training and a withheld part.

    Attributes:
        name: what the text is, for people.
        train: codes to train on, uint8, shape (bytes,).
        withheld: codes to evaluate on, uint8, shape (bytes,).
        sha256: hexadecimal digest of ``train``.
        n_files: number of files in both parts together.
        python: version of the interpreter whose sources these are; empty for other texts.
        unit: unit of the loss.
        gives: what one example is: a window of codes.
    """

    unit: ClassVar[str] = "nats/byte"
    gives: ClassVar[str] = "codes"

    name: str
    train: np.ndarray = field(repr=False, compare=False)
    withheld: np.ndarray = field(repr=False, compare=False)
    sha256: str
    n_files: int
    python: str = ""

    def size(self, shape: Any) -> int:
        """Codes in one pass over the training part."""
        return len(self.train) - 1

    def require(self, shape: Any) -> None:
        """Raise unless both parts hold at least one window of the shape's context."""
        require_fit(self, shape)
        require_windows(self, context=shape.context)
        if shape.vocab < VOCABULARY:
            raise ConfigError(
                f"vocab = {shape.vocab} is less than the {VOCABULARY} codes of a text",
                path="model.vocab",
                hint=f"use {VOCABULARY}",
            )

    def batches(self, shape: Any, *, batch: int, seed: int, chunk: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Endless chunks of windows at uniformly random offsets.

        Yields:
            Offsets of shape (chunk, batch), and codes of shape (chunk, batch, context + 1), uint8.
        """
        rng = np.random.default_rng([seed, 1])
        windows = sliding_window_view(self.train, shape.context + 1)
        while True:
            starts = rng.integers(0, len(windows), size=(chunk, batch))
            yield starts, windows[starts]

    def held_out(self, shape: Any, *, count: int) -> np.ndarray:
        """At most ``count`` evenly spaced withheld windows, shape (windows, context + 1), uint8."""
        starts = np.unique(np.linspace(0, len(self.withheld) - shape.context - 1, count).astype(np.int64))
        windows: np.ndarray = sliding_window_view(self.withheld, shape.context + 1)[starts]
        return windows

    def tracker(self, shape: Any) -> "Covered":
        """Counts the positions that were predicted at least once."""
        return Covered(len(self.train) - shape.context, shape.context)


class Covered:
    """Which positions of a text were a target in at least one window.

    Args:
        starts: number of possible window starts.
        context: targets a window.
    """

    def __init__(self, starts: int, context: int) -> None:
        self.seen = np.zeros(starts, dtype=bool)
        self.context = context

    def add(self, ids: np.ndarray) -> None:
        """Take note of windows that start at ``ids``."""
        self.seen[ids] = True

    @property
    def unique(self) -> int:
        """Distinct positions so far."""
        starts = np.flatnonzero(self.seen)
        if len(starts) == 0:
            return 0
        return int(np.minimum(np.diff(starts), self.context).sum()) + self.context


@dataclass(frozen=True)
class CorpusSpec:
    """Which text to use: ``kind="stdlib"``, or ``kind="folder"`` with a ``path``.

    Attributes:
        kind: ``stdlib`` or ``folder``.
        path: the folder, for ``kind="folder"``.
        pattern: which files of a folder count as text.
        withhold: one file in this many is withheld.
        max_file_bytes: files at least this large are left out (generated tables, mostly).
        subset: train on the first ``subset`` bytes only, so that longer runs repeat them; 0: all.
    """

    kinds: ClassVar[tuple[str, ...]] = ("stdlib", "folder")

    kind: str = "stdlib"
    path: str | None = place(None)
    pattern: str = "*"
    withhold: int = 16
    max_file_bytes: int = 400_000
    subset: int = later(0)

    def load(self) -> Corpus:
        """Read the text."""
        if self.kind == "stdlib":
            whole = stdlib_corpus(withhold=self.withhold, max_file_bytes=self.max_file_bytes)
        elif self.path is None:
            raise ConfigError("a corpus of kind 'folder' needs a path", path="corpus.path", hint='path = "texts"')
        else:
            whole = folder_corpus(
                self.path, pattern=self.pattern, withhold=self.withhold, max_file_bytes=self.max_file_bytes
            )
        return _first(whole, self.subset) if self.subset else whole


def stdlib_corpus(*, withhold: int = 16, max_file_bytes: int = 400_000) -> Corpus:
    """Python sources of the running interpreter's standard library, its tests included.

    Installations without the test folder work too; their hash and their size differ.
    """
    root = Path(sysconfig.get_paths()["stdlib"])
    version = platform.python_version()
    files = _text_files(root, pattern="*.py", max_file_bytes=max_file_bytes)
    return _build(
        files,
        name=f"standard library of Python {version}",
        where=str(root),
        withhold=withhold,
        python=version,
    )


def folder_corpus(path: str | Path, *, pattern: str = "*", withhold: int = 16, max_file_bytes: int = 400_000) -> Corpus:
    """All files below ``path`` that match ``pattern`` and are not empty and not larger than the limit."""
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder", hint="name a folder that holds text files")
    files = _text_files(root, pattern=pattern, max_file_bytes=max_file_bytes)
    return _build(files, name=root.name or str(root), where=str(root), withhold=withhold)


def require_windows(corpus: Corpus, *, context: int) -> None:
    """Raise unless both parts of ``corpus`` hold at least one window of ``context + 1`` codes."""
    for part, codes in (("training", corpus.train), ("withheld", corpus.withheld)):
        if len(codes) < context + 1:
            raise DataError(
                f"the {part} part of {corpus.name!r} has {len(codes)} bytes, "
                f"too few for one window of {context} and its target",
                hint="use more text, a shorter context, or withhold another share of the files",
            )


def _text_files(root: Path, *, pattern: str, max_file_bytes: int) -> list[Path]:
    """Matching files below ``root``, without installed packages and caches.

    A folder's own files come before those of its subfolders, both in sorted order, so that the order
    depends neither on the file system nor on the locale.
    """
    found: list[Path] = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(set(subfolders) - _SKIPPED_FOLDERS)
        for name in sorted(names):
            path = Path(folder, name)
            if fnmatch(name, pattern) and path.is_file() and 0 < path.stat().st_size < max_file_bytes:
                found.append(path)
    return found


def _build(files: list[Path], *, name: str, where: str, withhold: int, python: str = "") -> Corpus:
    """Permute with a fixed seed, withhold the first ``1/withhold`` of the files, join, map to 7 bits."""
    if withhold < 2:
        raise ConfigError(
            f"withhold = {withhold} leaves nothing to train on", path="corpus.withhold", hint="use 2 or more"
        )
    if len(files) < 2:
        raise DataError(
            f"found {len(files)} text files below {where}, need at least 2",
            hint="one file is withheld for evaluation; check the folder, the pattern and the size limit",
        )
    order = np.random.default_rng(0).permutation(len(files))
    n_withheld = max(1, len(files) // withhold)
    train = _join(files[i] for i in order[n_withheld:])
    withheld = _join(files[i] for i in order[:n_withheld])
    return Corpus(
        name=name,
        train=train,
        withheld=withheld,
        sha256=hashlib.sha256(train.tobytes()).hexdigest(),
        n_files=len(files),
        python=python,
    )


def _first(corpus: Corpus, subset: int) -> Corpus:
    """``corpus`` with the first ``subset`` bytes of its training part only."""
    if subset > len(corpus.train):
        raise ConfigError(
            f"subset = {subset} is more than the {len(corpus.train)} training bytes of {corpus.name!r}",
            path="corpus.subset",
            hint="use less, or 0 for all of it",
        )
    train = corpus.train[:subset]
    return replace(corpus, train=train, sha256=hashlib.sha256(train.tobytes()).hexdigest())


def _join(files: Iterable[Path]) -> np.ndarray:
    """File contents joined by NUL, bytes of 128 and more mapped to 127; uint8, shape (bytes,)."""
    joined = np.frombuffer(b"\0".join(path.read_bytes() for path in files), dtype=np.uint8)
    codes = np.minimum(joined, VOCABULARY - 1)
    codes.setflags(write=False)
    return codes
