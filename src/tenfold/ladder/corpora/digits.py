"""Handwritten digits, 8 x 8 pixels: the set that scikit-learn brings along (Alpaydin and Kaynak 1998, UCI, CC BY 4.0).

1,797 images of ten classes, split once into a training and a withheld part. Images are resized to the model's
resolution in NumPy; a model that takes vectors gets their pixels row by row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from tenfold.core.errors import ConfigError
from tenfold.ladder.corpora._fits import check_spec, require_fit, require_labels, require_size
from tenfold.ladder.corpora._streams import Seen, digest, shuffled

SIDE = 8
"""Pixels on the side of an image as it comes."""

CLASSES = 10

RESIZES = ("bilinear", "nearest")


@dataclass(frozen=True)
class DigitsSpec:
    """Which digits to use.

    Attributes:
        kind: ``digits``.
        flat: give vectors of pixels instead of images.
        resize: ``bilinear`` or ``nearest``, where the model's resolution is not 8.
        withhold: one image in this many is withheld.
        subset: train on the first ``subset`` images only; 0: all.
    """

    kinds: ClassVar[tuple[str, ...]] = ("digits",)
    can_give: ClassVar[tuple[str, ...]] = ("images", "vectors")

    kind: str = "digits"
    flat: bool = False
    resize: str = "bilinear"
    withhold: int = 6
    subset: int = 0

    def __post_init__(self) -> None:
        check_spec(self)
        if self.resize not in RESIZES:
            raise ConfigError(f"unknown resize {self.resize!r}", path="corpus.resize", hint=f"use {' or '.join(RESIZES)}")
        if self.withhold < 2:
            raise ConfigError(
                f"withhold = {self.withhold} leaves nothing to train on", path="corpus.withhold", hint="use 2 or more"
            )

    def load(self) -> Digits:
        """Read and split the images.

        Raises:
            ConfigError: scikit-learn is missing, or ``subset`` is more than there are.
        """
        images, labels = _bundled()
        order = np.random.default_rng(0).permutation(len(images))
        withheld = len(images) // self.withhold
        chosen = order[withheld:]
        if self.subset > len(chosen):
            raise ConfigError(
                f"subset = {self.subset} is more than the {len(chosen)} training images of 'digits'",
                path="corpus.subset",
                hint="use less, or 0 for all of them",
            )
        chosen = chosen[: self.subset] if self.subset else chosen
        return Digits(
            flat=self.flat,
            resize=self.resize,
            images=images[chosen],
            labels=labels[chosen],
            held_images=images[order[:withheld]],
            held_labels=labels[order[:withheld]],
            sha256=digest(self, images[chosen], labels[chosen]),
        )


@lru_cache(maxsize=1)
def _bundled() -> tuple[np.ndarray, np.ndarray]:
    """Pixels from 0 to 16, uint8 of shape (1797, 8, 8), and labels."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as cause:
        raise ConfigError(
            "the data 'digits' come with scikit-learn, which is not installed",
            path="corpus.kind",
            hint="pip install scikit-learn",
        ) from cause
    bunch = load_digits()
    return bunch.images.astype(np.uint8), bunch.target.astype(np.int32)


@dataclass(frozen=True)
class Digits:
    """Handwritten digits; see ``DigitsSpec``. Pixels are scaled from [0, 16] to [-1, 1].

    Attributes:
        flat: gives vectors.
        resize: how images are resized.
        images: training images, uint8, shape (count, 8, 8).
        labels: their labels, int32, shape (count,).
        held_images: withheld images.
        held_labels: their labels.
        sha256: hexadecimal digest of the training images and of how they are resized.
    """

    unit: ClassVar[str] = "nats/label"
    name: ClassVar[str] = "digits"

    flat: bool
    resize: str
    images: np.ndarray = field(repr=False, compare=False)
    labels: np.ndarray = field(repr=False, compare=False)
    held_images: np.ndarray = field(repr=False, compare=False)
    held_labels: np.ndarray = field(repr=False, compare=False)
    sha256: str

    @property
    def gives(self) -> str:
        """Images, or vectors where they are flat."""
        return "vectors" if self.flat else "images"

    def size(self, shape: Any) -> int:
        """Training images."""
        return len(self.images)

    def require(self, shape: Any) -> None:
        """Raise unless the model takes grey images, or vectors of a square number of pixels, of ten classes."""
        require_fit(self, shape)
        require_labels(self, shape, classes=CLASSES)
        if not self.flat:
            require_size(self, shape, channels=1)
        elif math.isqrt(shape.inputs) ** 2 != shape.inputs:
            raise ConfigError(
                f"inputs = {shape.inputs} is not the number of pixels of a square image",
                path="model.inputs",
                hint=f"use {SIDE**2}",
            )

    def batches(self, shape: Any, *, batch: int, seed: int, chunk: int) -> Iterator[tuple[np.ndarray, Any]]:
        """Endless chunks of images and labels; every image once in every pass."""
        inputs = self._inputs(self.images, shape)
        for ids in shuffled(len(self.images), batch=batch, seed=seed, chunk=chunk):
            yield ids, (inputs[ids], self.labels[ids])

    def held_out(self, shape: Any, *, count: int) -> tuple[np.ndarray, np.ndarray]:
        """At most ``count`` withheld images and their labels."""
        return self._inputs(self.held_images[:count], shape), self.held_labels[:count]

    def tracker(self, shape: Any) -> Seen:
        """Counts distinct images."""
        return Seen(len(self.images))

    def _inputs(self, images: np.ndarray, shape: Any) -> np.ndarray:
        """Images as the model takes them, float32."""
        scaled = images.astype(np.float32) / 8 - 1
        if self.flat:
            return resized(scaled, math.isqrt(shape.inputs), how=self.resize).reshape(len(images), -1)
        return resized(scaled, shape.resolution, how=self.resize)[..., None]


def resized(images: np.ndarray, side: int, /, *, how: str = "bilinear") -> np.ndarray:
    """Square images of another resolution; pixels are squares, so centres lie at half pixels.

    Args:
        images: shape (count, old side, old side).
        side: the new side.
        how: ``nearest``, or ``bilinear`` between the four nearest centres, edges repeated.

    Example:
        >>> resized(np.array([[[0.0, 1.0], [2.0, 3.0]]]), 4, how="nearest")[0, 0].tolist()
        [0.0, 0.0, 1.0, 1.0]
        >>> resized(np.array([[[0.0, 1.0], [2.0, 3.0]]]), 1)[0].tolist()
        [[1.5]]
    """
    old = images.shape[1]
    if side == old:
        return images
    at = (np.arange(side) + 0.5) * old / side
    mix = np.zeros((side, old), images.dtype)
    if how == "nearest":
        mix[np.arange(side), np.minimum(at.astype(int), old - 1)] = 1
    else:
        at = np.clip(at - 0.5, 0, old - 1)
        low = np.minimum(at.astype(int), old - 2) if old > 1 else np.zeros(side, dtype=int)
        np.add.at(mix, (np.arange(side), low), 1 - (at - low))
        np.add.at(mix, (np.arange(side), np.minimum(low + 1, old - 1)), at - low)
    return np.asarray(np.einsum("yi,nij,xj->nyx", mix, images, mix, optimize=True), dtype=images.dtype)
