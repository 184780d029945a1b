"""Images of any resolution whose class is a mixture of oriented gratings and blobs, in noise.

A class is a fixed set of parts: patches of a grating (place, size, orientation, frequency, colour), some of frequency
zero, which are blobs. Every example moves each part, gives it a random phase and strength, and adds noise to every pixel.
Phases leave a linear model with the blobs only; fine gratings need resolution; noise keeps classes from being separable.
Images are drawn at the model's own resolution, classes and channels follow it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from tenfold.core.errors import ConfigError
from tenfold.ladder.corpora._fits import check_spec, require_labels
from tenfold.ladder.corpora._streams import Generated

_RENDERED = 2**22
"""Numbers that rendering holds at once."""


@dataclass(frozen=True)
class PatternsSpec:
    """Gratings and blobs.

    Attributes:
        kind: ``patterns``.
        parts: parts of a class.
        finest: the highest frequency in cycles across the image; an image of r pixels shows up to r / 2.
        noise: standard deviation of every pixel's noise; a part is about 1 high.
        jitter: standard deviation of a part's place in widths of the image.
        subset: size of the training set; 0: fresh examples without end.
        task_seed: which classes.
    """

    kinds: ClassVar[tuple[str, ...]] = ("patterns",)
    can_give: ClassVar[tuple[str, ...]] = ("images",)

    kind: str = "patterns"
    parts: int = 3
    finest: float = 6.0
    noise: float = 0.5
    jitter: float = 0.05
    subset: int = 0
    task_seed: int = 0

    def __post_init__(self) -> None:
        check_spec(self, positive=("parts", "finest"))
        for name in ("noise", "jitter"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} = {getattr(self, name)} is negative", path=f"corpus.{name}")

    def load(self) -> Patterns:
        """The task."""
        return Patterns(self)


@dataclass(frozen=True)
class _Parts:
    """Parts of all classes: place, radius, frequency vector, each (classes, parts, ...), and colour."""

    place: np.ndarray
    radius: np.ndarray
    wave: np.ndarray
    colour: np.ndarray


@dataclass(frozen=True)
class Patterns(Generated):
    """Labelled images; see ``PatternsSpec``.

    Example:
        >>> from tenfold.ladder.families.vit import Shape
        >>> images, labels = PatternsSpec().load().held_out(Shape(width=8, resolution=12), count=4)
        >>> images.shape, labels.shape
        ((4, 12, 12, 1), (4,))
    """

    spec: PatternsSpec

    @property
    def gives(self) -> str:
        """Images."""
        return "images"

    def require(self, shape: Any) -> None:
        """Raise unless the model takes images and its loss is one of labels."""
        super().require(shape)
        require_labels(self, shape)

    def make(self, shape: Any, rng: np.random.Generator, *, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Images of shape (count, resolution, resolution, channels) in float32, and labels."""
        labels = rng.integers(0, shape.classes, count)
        parts, jitter = _parts(self.spec, shape.classes, shape.channels), self.spec.jitter
        moved = parts.place[labels] + jitter * rng.standard_normal((count, self.spec.parts, 2))
        phase = rng.uniform(0, 2 * np.pi, (count, self.spec.parts))
        strength = np.exp(0.2 * rng.standard_normal((count, self.spec.parts)))
        side, channels = shape.resolution, shape.channels
        images = self.spec.noise * rng.standard_normal((count, side, side, channels), dtype=np.float32)
        step = max(1, _RENDERED // (side * side * channels * self.spec.parts))
        for first in range(0, count, step):
            part = slice(first, first + step)
            images[part] += _rendered(parts, labels[part], moved[part], phase[part], strength[part], side)
        return images, labels.astype(np.int32)


@lru_cache(maxsize=8)
def _parts(spec: PatternsSpec, classes: int, channels: int) -> _Parts:
    """The classes: a third of the parts are blobs, frequencies of the others are log-uniform from 1 to ``finest``."""
    rng = np.random.default_rng([spec.task_seed, 0])
    size = (classes, spec.parts)
    angle = rng.uniform(0, np.pi, size)
    frequency = np.exp(rng.uniform(0, np.log(max(spec.finest, 1.0)), size)) * (rng.random(size) > 1 / 3)
    colour = rng.standard_normal((*size, channels))
    return _Parts(
        place=rng.uniform(0.2, 0.8, (*size, 2)),
        radius=rng.uniform(0.1, 0.25, size),
        wave=2 * np.pi * frequency[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1),
        colour=colour / np.sqrt(np.mean(colour**2, axis=-1, keepdims=True)),
    )


def _rendered(
    parts: _Parts, labels: np.ndarray, place: np.ndarray, phase: np.ndarray, strength: np.ndarray, side: int
) -> np.ndarray:
    """Sum of the parts at pixel centres; a part is the real part of a product of one function a direction."""
    pixels = (np.arange(side) + 0.5) / side
    away = pixels - place[..., None]  # (count, parts, direction, side)
    wave, radius = parts.wave[labels][..., None], parts.radius[labels][..., None, None]
    factors = np.exp(-0.5 * (away / radius) ** 2 + 1j * wave * away)
    blob = ~np.any(parts.wave[labels], axis=-1)
    turned = strength * np.where(blob, 1.0, np.exp(1j * phase))
    down, across = factors[:, :, 0] * turned[..., None], factors[:, :, 1]
    image = np.einsum("npy,npx,npc->nyxc", down, across, parts.colour[labels], optimize=True)
    return np.asarray(image.real, dtype=np.float32)
