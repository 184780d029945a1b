"""Orders of examples and counts of distinct ones, for data that are not texts; and generated data in general."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tenfold.ladder.corpora._fits import require_fit
from tenfold.ladder.fields import identity

BLOCK = 256
"""Examples generated from one random stream, so that the first n of a set do not depend on its size."""

TRAIN, FRESH, HELD = 2, 3, 4
"""Parts of a generated task that must not share random numbers: finite training sets, endless streams, withheld."""


def shuffled(count: int, /, *, batch: int, seed: int, chunk: int) -> Iterator[np.ndarray]:
    """Endless chunks of ids below ``count``, shape (chunk, batch): every id once in every pass, in a new order.

    Example:
        >>> next(shuffled(6, batch=3, seed=0, chunk=2)).ravel().tolist()
        [1, 4, 3, 0, 2, 5]
    """
    rng = np.random.default_rng([seed, 1])
    left = np.zeros(0, dtype=np.int64)
    while True:
        while len(left) < chunk * batch:
            left = np.concatenate([left, rng.permutation(count)])
        yield left[: chunk * batch].reshape(chunk, batch)
        left = left[chunk * batch :]


class Seen:
    """Which of a finite set of examples were used.

    Args:
        count: size of the set.
    """

    def __init__(self, count: int) -> None:
        self.seen = np.zeros(count, dtype=bool)

    def add(self, ids: np.ndarray) -> None:
        """Take note of the examples with these ids."""
        self.seen[ids] = True

    @property
    def unique(self) -> int:
        """Distinct labels so far."""
        return int(self.seen.sum())


class Fresh:
    """Counts examples that never repeat.

    Args:
        labels: labels an example.
    """

    def __init__(self, labels: int = 1) -> None:
        self.labels, self.examples = labels, 0

    def add(self, ids: np.ndarray) -> None:
        """Take note of these examples."""
        self.examples += ids.size

    @property
    def unique(self) -> int:
        """Labels so far."""
        return self.examples * self.labels


def digest(*parts: Any) -> str:
    """Hexadecimal SHA-256 of nouns, plain values and arrays."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            total.update(np.ascontiguousarray(part).tobytes())
        else:
            total.update(json.dumps(identity(part), sort_keys=True).encode())
    return total.hexdigest()


@dataclass(frozen=True)
class Generated(ABC):
    """A generated task: pairs of inputs and answers, endless or a finite set of them.

    The finite set of n examples is the first n of any larger one; withheld examples are the same for all. Everything
    that the declaration leaves open, such as the resolution of an image, follows the model.

    Attributes:
        spec: the declaration, with ``kind``, ``subset`` and ``task_seed``.
    """

    spec: Any

    @property
    def name(self) -> str:
        """The kind, for people."""
        return str(self.spec.kind)

    @property
    def sha256(self) -> str:
        """Digest of the declaration, which decides every example of a model's sizes."""
        return digest(self.spec)

    @property
    @abstractmethod
    def gives(self) -> str:
        """What an example is."""

    @property
    def unit(self) -> str:
        """Unit of the loss."""
        return "nats/label"

    @abstractmethod
    def make(self, shape: Any, rng: np.random.Generator, *, count: int) -> tuple[np.ndarray, np.ndarray]:
        """``count`` inputs and answers from a random stream."""

    def require(self, shape: Any) -> None:
        """Raise unless a model of this shape can be trained on the task."""
        require_fit(self, shape)

    def size(self, shape: Any) -> int:
        """Labels in one pass; 0: fresh ones never end."""
        return int(self.spec.subset)

    def batches(self, shape: Any, *, batch: int, seed: int, chunk: int) -> Iterator[tuple[np.ndarray, Any]]:
        """Endless chunks: ids of shape (chunk, batch), inputs and answers that lead with (chunk, batch)."""
        if self.spec.subset:
            inputs, answers = training_set(self, shape)
            for ids in shuffled(self.spec.subset, batch=batch, seed=seed, chunk=chunk):
                yield ids, (inputs[ids], answers[ids])
        rng = np.random.default_rng([self.spec.task_seed, FRESH, seed])
        first = 0
        while True:
            pair = self.make(shape, rng, count=chunk * batch)
            ids = np.arange(first, first + chunk * batch).reshape(chunk, batch)
            first += chunk * batch
            yield ids, tuple(part.reshape(chunk, batch, *part.shape[1:]) for part in pair)

    def held_out(self, shape: Any, *, count: int) -> tuple[np.ndarray, np.ndarray]:
        """``count`` withheld examples, the same every time; a smaller number of them comes first in a larger one."""
        return _blocks(self, shape, HELD, count)

    def tracker(self, shape: Any) -> Seen | Fresh:
        """Counts distinct labels."""
        return Seen(self.spec.subset) if self.spec.subset else Fresh()


@lru_cache(maxsize=4)
def training_set(data: Generated, shape: Any, /) -> tuple[np.ndarray, np.ndarray]:
    """The finite training set of a task for models of a shape."""
    return _blocks(data, shape, TRAIN, data.spec.subset)


def _blocks(data: Generated, shape: Any, part: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first ``count`` examples of a part."""
    blocks = []
    for place in range(-(-count // BLOCK)):
        rng = np.random.default_rng([data.spec.task_seed, part, place])
        blocks.append(data.make(shape, rng, count=BLOCK))
    inputs, answers = (np.concatenate(parts)[:count] for parts in zip(*blocks, strict=True))
    return inputs, answers
