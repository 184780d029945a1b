"""Vectors from a Gaussian, answered by a random ReLU network: labels or targets, with a known floor.

Online teacher data are the usual task on which the transfer of learning rates is shown (Yang et al. 2022,
arXiv:2203.03466); with a finite set and targets, losses fall as ``data**(-4 / inputs)`` while the student is
large (Sharma and Kaplan 2020, arXiv:2004.10802; Bahri et al. 2021, arXiv:2102.06701).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from tenfold.core.errors import ConfigError
from tenfold.ladder.corpora._fits import check_spec, require_labels
from tenfold.ladder.corpora._streams import Generated

TARGETS = ("labels", "values")

_SAMPLE = 4096
"""Inputs on which the teacher's outputs are brought to zero mean and unit variance."""


@dataclass(frozen=True)
class TeacherSpec:
    """A random teacher with as many inputs and outputs as the model.

    Attributes:
        kind: ``teacher``.
        targets: ``labels``: the largest output; ``values``: all outputs, each with unit variance.
        hidden: width of the teacher's hidden layers.
        layers: its hidden layers.
        noise: share of labels that are replaced by uniformly drawn ones; or standard deviation added to values.
        subset: size of the training set; 0: fresh examples without end.
        task_seed: which teacher.
    """

    kinds: ClassVar[tuple[str, ...]] = ("teacher",)
    can_give: ClassVar[tuple[str, ...]] = ("vectors",)

    kind: str = "teacher"
    targets: str = "labels"
    hidden: int = 32
    layers: int = 2
    noise: float = 0.0
    subset: int = 0
    task_seed: int = 0

    def __post_init__(self) -> None:
        check_spec(self, positive=("hidden", "layers"), shares=("noise",) if self.targets == "labels" else ())
        if self.targets not in TARGETS:
            raise ConfigError(
                f"targets = {self.targets!r} is neither labels nor values", path="corpus.targets", hint="use 'labels'"
            )
        if not self.noise >= 0:
            raise ConfigError(f"noise = {self.noise} is negative", path="corpus.noise")

    def load(self) -> Teacher:
        """The task."""
        return Teacher(self)


@dataclass(frozen=True)
class Teacher(Generated):
    """Examples of a random teacher; see ``TeacherSpec``.

    Example:
        >>> from tenfold.ladder.families.mlp import Shape
        >>> x, y = TeacherSpec(noise=0.1).load().held_out(Shape(width=8), count=5)
        >>> x.shape, y.shape
        ((5, 16), (5,))
    """

    spec: TeacherSpec

    @property
    def gives(self) -> str:
        """Vectors."""
        return "vectors"

    @property
    def unit(self) -> str:
        """Unit of the loss."""
        return "nats/label" if self.spec.targets == "labels" else "squared error"

    def require(self, shape: Any) -> None:
        """Raise unless the model takes vectors and its loss is that of the targets."""
        super().require(shape)
        if self.spec.targets == "labels":
            require_labels(self, shape)
        elif shape.loss != "squared":
            raise ConfigError(
                f"{self.name!r} gives values, but the loss is {shape.loss!r}",
                path="model.loss",
                hint="use loss = 'squared', or targets = 'labels'",
            )

    def make(self, shape: Any, rng: np.random.Generator, *, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Inputs of shape (count, inputs), and labels (count,) or values (count, outputs)."""
        x = rng.standard_normal((count, shape.inputs)).astype(np.float32)
        y = _answers(self.spec, x, shape.outputs)
        if self.spec.targets == "values":
            noisy = y + self.spec.noise * rng.standard_normal(y.shape)
            return x, noisy.astype(np.float32)
        labels = np.argmax(y, axis=1)
        drawn = rng.integers(0, shape.outputs, count)
        return x, np.where(rng.random(count) < self.spec.noise, drawn, labels).astype(np.int32)

    def floor(self, shape: Any, /) -> float:
        """Loss of the teacher itself: the noise that nobody can predict.

        >>> from tenfold.ladder.families.mlp import Shape
        >>> round(TeacherSpec(noise=0.1).load().floor(Shape(width=8, outputs=10)), 4)
        0.5003
        """
        noise, classes = self.spec.noise, int(shape.outputs)
        if self.spec.targets == "values":
            return float(noise**2)
        if not noise:
            return 0.0
        wrong = noise / classes
        right = 1 - noise + wrong
        return -right * math.log(right) - (classes - 1) * wrong * math.log(wrong)


@lru_cache(maxsize=4)
def _network(spec: TeacherSpec, inputs: int, outputs: int) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """Matrices of the teacher, and the mean and deviation of its outputs; He's initial scale throughout."""
    rng = np.random.default_rng([spec.task_seed, 0])
    widths = [inputs, *[spec.hidden] * spec.layers, outputs]
    matrices = tuple(
        rng.standard_normal((after, before)) * (1.0 if place == 0 else 2.0) ** 0.5 * before**-0.5
        for place, (before, after) in enumerate(pairwise(widths))
    )
    values = _through(matrices, rng.standard_normal((_SAMPLE, inputs)))
    return matrices, values.mean(axis=0), values.std(axis=0)


def _through(matrices: tuple[np.ndarray, ...], x: np.ndarray) -> np.ndarray:
    for matrix in matrices[:-1]:
        x = np.maximum(x @ matrix.T, 0.0)
    return np.asarray(x @ matrices[-1].T)


def _answers(spec: TeacherSpec, x: np.ndarray, outputs: int) -> np.ndarray:
    """The teacher's outputs with zero mean and unit variance."""
    matrices, mean, deviation = _network(spec, x.shape[1], outputs)
    return np.asarray((_through(matrices, x.astype(np.float64)) - mean) / np.maximum(deviation, 1e-9))
