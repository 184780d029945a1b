"""What runs are trained on: texts, images and generated tasks, none of which needs a download.

A kind of data is a file in this folder. It declares a frozen dataclass whose ``kinds`` are the names that a ladder
file uses and whose ``load()`` gives a ``Dataset``. Nothing is listed by hand.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.ladder.corpora.text import VOCABULARY, Corpus, CorpusSpec, folder_corpus, require_windows, stdlib_corpus

__all__ = [
    "VOCABULARY",
    "Corpus",
    "CorpusSpec",
    "Dataset",
    "Tracker",
    "folder_corpus",
    "kinds",
    "load_corpus",
    "require_windows",
    "stdlib_corpus",
]


class Tracker(Protocol):
    """Counts how much distinct data a run has used."""

    @property
    def unique(self) -> int:
        """Distinct codes or labels so far."""

    def add(self, ids: np.ndarray) -> None:
        """Take note of the examples with these ids."""


class Dataset(Protocol):
    """Data to train on and withheld data to measure on.

    Attributes:
        name: what it is, for people.
        sha256: hexadecimal digest of what decides the training examples.
        unit: unit of the loss, such as ``nats/byte``.
        gives: what an example is: ``codes``, ``images`` or ``vectors``. A family says what it takes.
    """

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def gives(self) -> str: ...

    def size(self, shape: Any) -> int:
        """Codes or labels in one pass over the training data; 0 where fresh data never ends."""

    def require(self, shape: Any) -> None:
        """Raise a ConfigError or DataError unless a model of this shape can be trained on the data."""

    def batches(self, shape: Any, *, batch: int, seed: int, chunk: int) -> Iterator[tuple[np.ndarray, Any]]:
        """Endless chunks: ids of shape (chunk, batch), and examples, arrays that lead with (chunk, batch)."""

    def held_out(self, shape: Any, *, count: int) -> Any:
        """At most ``count`` withheld examples, the same every time: arrays that lead with their number."""

    def tracker(self, shape: Any) -> Tracker:
        """A fresh count of distinct data."""


@lru_cache(maxsize=1)
def kinds() -> dict[str, type[Any]]:
    """Declarations by the name of the kind, found by walking this folder."""
    found: dict[str, type[Any]] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        module = import_module(f"{__name__}.{info.name}")
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "kinds"):
                found.update(dict.fromkeys(value.kinds, value))
    return found


@lru_cache(maxsize=4)
def load_corpus(spec: Any, /) -> Any:
    """The data that ``spec`` names; read once a process."""
    if spec.kind not in kinds():
        raise ConfigError(f"unknown corpus kind {spec.kind!r}", path="corpus.kind", hint=did_you_mean(spec.kind, kinds()))
    return spec.load()
