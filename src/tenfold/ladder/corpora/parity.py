"""Multitask sparse parity with Zipf task frequencies: skills that are learned one after the other.

An example is a one-hot task code followed by random bits; its label is the parity of the few bits that belong to the
task. Tasks are as frequent as ``rank**-(1 + alpha)``. If a model learns them in the order of frequency, its loss falls as
``n**-alpha`` in the number n that it has room for, and as ``data**(-alpha / (1 + alpha))`` (Michaud et al. 2023,
arXiv:2303.13506).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from tenfold.core.errors import ConfigError
from tenfold.ladder.corpora._fits import check_spec, require_labels, require_size
from tenfold.ladder.corpora._streams import Generated


@dataclass(frozen=True)
class ParitySpec:
    """Parities of a model's ``tasks + bits`` inputs, two classes.

    Attributes:
        kind: ``parity``.
        tasks: number of tasks.
        bits: random bits of an example.
        parity_bits: bits that one task depends on.
        alpha: frequencies fall as ``rank**-(1 + alpha)``.
        subset: size of the training set; 0: fresh examples without end.
        task_seed: which bits belong to which task.
    """

    kinds: ClassVar[tuple[str, ...]] = ("parity",)
    can_give: ClassVar[tuple[str, ...]] = ("vectors",)

    kind: str = "parity"
    tasks: int = 100
    bits: int = 30
    parity_bits: int = 3
    alpha: float = 0.4
    subset: int = 0
    task_seed: int = 0

    def __post_init__(self) -> None:
        check_spec(self, positive=("tasks", "bits", "parity_bits", "alpha"))
        if self.parity_bits > self.bits:
            raise ConfigError(
                f"parity_bits = {self.parity_bits} is more than the {self.bits} bits",
                path="corpus.parity_bits",
                hint=f"use {self.bits} or less",
            )

    def load(self) -> Parity:
        """The task."""
        return Parity(self)


@dataclass(frozen=True)
class Parity(Generated):
    """Examples of sparse parities; see ``ParitySpec``.

    Example:
        >>> data = ParitySpec(tasks=4, bits=6).load()
        >>> [round(p, 3) for p in data.frequencies.tolist()]
        [0.576, 0.218, 0.124, 0.083]
        >>> round(data.loss_with(2), 4)  # the two most frequent tasks learned, the others guessed
        0.143
    """

    spec: ParitySpec

    @property
    def gives(self) -> str:
        """Vectors."""
        return "vectors"

    @property
    def frequencies(self) -> np.ndarray:
        """How often each task occurs, most frequent first."""
        weights = np.arange(1, self.spec.tasks + 1) ** -(1.0 + self.spec.alpha)
        return np.asarray(weights / weights.sum())

    def loss_with(self, learned: int, /) -> float:
        """Loss in nats of a model that knows the ``learned`` most frequent tasks and guesses the rest."""
        return float(self.frequencies[learned:].sum() * math.log(2))

    def floor(self, shape: Any, /) -> float:
        """Loss of a model that knows all: nothing is random."""
        return 0.0

    def require(self, shape: Any) -> None:
        """Raise unless the model takes as many inputs as an example has, and has two outputs or more."""
        super().require(shape)
        require_labels(self, shape, classes=2)
        require_size(self, shape, inputs=self.spec.tasks + self.spec.bits)

    def make(self, shape: Any, rng: np.random.Generator, *, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs of zeros and ones, shape (count, tasks + bits), and parities, shape (count,)."""
        spec = self.spec
        task = rng.choice(spec.tasks, size=count, p=self.frequencies)
        bits = rng.integers(0, 2, (count, spec.bits))
        parity = np.take_along_axis(bits, bits_of(spec)[task], axis=1).sum(axis=1) % 2
        codes = (task[:, None] == np.arange(spec.tasks)).astype(np.float32)
        return np.concatenate([codes, bits.astype(np.float32)], axis=1), parity.astype(np.int32)


@lru_cache(maxsize=8)
def bits_of(spec: ParitySpec, /) -> np.ndarray:
    """The bits that each task depends on, shape (tasks, parity_bits)."""
    rng = np.random.default_rng([spec.task_seed, 0])
    return np.array([rng.permutation(spec.bits)[: spec.parity_bits] for _ in range(spec.tasks)])
