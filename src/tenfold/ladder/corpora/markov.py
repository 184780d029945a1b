"""Codes from a random sparse Markov chain whose entropy rate is known, so that the floor of a loss is.

Every context (the last ``order`` codes) has ``successors`` possible next codes, drawn at random with Zipfian popularity,
and takes the r-th of them with probability proportional to ``r**-zipf``. All contexts thus have the same entropy, which
is the chain's entropy rate exactly. What a model has to learn is one table of ``codes**order`` rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from tenfold.core.errors import ConfigError, DataError
from tenfold.ladder.corpora._fits import check_spec, require_fit
from tenfold.ladder.corpora._streams import FRESH, HELD, TRAIN, Fresh, digest
from tenfold.ladder.corpora.text import Covered

_LARGEST = 2**24
"""Largest number of contexts times codes; drawing the table needs that many random numbers."""


@dataclass(frozen=True)
class MarkovSpec:
    """A chain of codes.

    Attributes:
        kind: ``markov``.
        codes: number of codes, at most the model's ``vocab``.
        order: codes of a context: 1 (bigrams) or 2 (trigrams).
        successors: possible next codes of a context.
        zipf: exponent of their probabilities; 0: all the same.
        popularity: exponent of how often a code is among the successors.
        subset: train on one text of this many codes; 0: fresh windows without end.
        task_seed: which chain.
    """

    kinds: ClassVar[tuple[str, ...]] = ("markov",)
    can_give: ClassVar[tuple[str, ...]] = ("codes",)

    kind: str = "markov"
    codes: int = 64
    order: int = 1
    successors: int = 8
    zipf: float = 1.0
    popularity: float = 1.0
    subset: int = 0
    task_seed: int = 0

    def __post_init__(self) -> None:
        check_spec(self, positive=("codes", "successors"))
        if self.order not in (1, 2):
            raise ConfigError(f"order = {self.order} is neither 1 nor 2", path="corpus.order", hint="use 1 or 2")
        if self.successors > self.codes:
            raise ConfigError(
                f"successors = {self.successors} is more than the {self.codes} codes",
                path="corpus.successors",
                hint=f"use {self.codes} or less",
            )
        if self.codes ** (self.order + 1) > _LARGEST:
            raise ConfigError(
                f"{self.codes} codes of order {self.order} make a table of more than {_LARGEST} entries",
                path="corpus.codes",
                hint="use fewer codes, or order = 1",
            )
        for name in ("zipf", "popularity"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} = {getattr(self, name)} is negative", path=f"corpus.{name}")

    def load(self) -> Markov:
        """The chain."""
        return Markov(self)


@dataclass(frozen=True)
class Markov:
    """Codes of a chain; see ``MarkovSpec``. Withheld windows are fresh, whatever the training set.

    Example:
        >>> data = MarkovSpec(codes=16, successors=4, zipf=0.0).load()
        >>> bool(np.isclose(data.entropy_rate, np.log(4)))
        True
        >>> from tenfold.ladder.families.transformer import Shape
        >>> data.held_out(Shape(width=8, context=10), count=3).shape
        (3, 11)
    """

    unit: ClassVar[str] = "nats/code"
    gives: ClassVar[str] = "codes"
    name: ClassVar[str] = "markov"

    spec: MarkovSpec

    @property
    def sha256(self) -> str:
        """Digest of the declaration and of the chain's table."""
        return digest(self.spec, chain(self.spec).table)

    @property
    def entropy_rate(self) -> float:
        """Nats a code that nobody can predict, given all codes before."""
        weights = chain(self.spec).weights
        return float(-np.sum(weights * np.log(weights)))

    def floor(self, shape: Any, /) -> float:
        """Mean loss in nats a code of a window, predicted as well as it can be.

        Above ``entropy_rate`` for trigrams, since the first prediction of a window knows one code only.

        >>> from tenfold.ladder.families.transformer import Shape
        >>> trigram = MarkovSpec(codes=16, order=2).load()
        >>> trigram.floor(Shape(width=8, context=64)) > trigram.entropy_rate
        True
        """
        if self.spec.order == 1:
            return self.entropy_rate
        rest = (shape.context - 1) * self.entropy_rate
        return float((rest + self._first_entropy()) / shape.context)

    def _first_entropy(self) -> float:
        """Entropy of the next code given one code, in the stationary chain of order 2."""
        made, codes = chain(self.spec), self.spec.codes
        joint = np.zeros((codes, codes))
        last = np.arange(codes**2) % codes
        np.add.at(joint, (last[:, None], made.table), made.stationary[:, None] * made.weights)
        given = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300)
        return float(-np.sum(joint * np.log(np.where(given > 0, given, 1.0))))

    def size(self, shape: Any) -> int:
        """Codes in one pass; 0: fresh ones never end."""
        return max(0, self.spec.subset - 1)

    def require(self, shape: Any) -> None:
        """Raise unless the model takes codes, has room for all, and the text holds one window."""
        require_fit(self, shape)
        if shape.vocab < self.spec.codes:
            raise ConfigError(
                f"vocab = {shape.vocab} is less than the {self.spec.codes} codes of 'markov'",
                path="model.vocab",
                hint=f"use {self.spec.codes}",
            )
        if 0 < self.spec.subset < shape.context + 1:
            raise DataError(
                f"the training part of 'markov' has {self.spec.subset} codes, too few for one window of "
                f"{shape.context} and its target",
                hint="use a larger subset, or 0",
            )

    def batches(self, shape: Any, *, batch: int, seed: int, chunk: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Endless chunks of windows: ids of shape (chunk, batch), codes of shape (chunk, batch, context + 1)."""
        length = shape.context + 1
        if self.spec.subset:
            rng = np.random.default_rng([seed, 1])
            windows = np.lib.stride_tricks.sliding_window_view(text(self.spec), length)
            while True:
                starts = rng.integers(0, len(windows), size=(chunk, batch))
                yield starts, windows[starts]
        rng = np.random.default_rng([self.spec.task_seed, FRESH, seed])
        first = 0
        while True:
            ids = np.arange(first, first + chunk * batch).reshape(chunk, batch)
            first += chunk * batch
            yield ids, walks(self.spec, rng, count=chunk * batch, length=length).reshape(chunk, batch, length)

    def held_out(self, shape: Any, *, count: int) -> np.ndarray:
        """``count`` withheld windows, shape (count, context + 1)."""
        rng = np.random.default_rng([self.spec.task_seed, HELD])
        return walks(self.spec, rng, count=count, length=shape.context + 1)

    def tracker(self, shape: Any) -> Covered | Fresh:
        """Counts distinct codes that were predicted."""
        if self.spec.subset:
            return Covered(self.spec.subset - shape.context, shape.context)
        return Fresh(shape.context)


@dataclass(frozen=True)
class Chain:
    """The table of a chain.

    Attributes:
        table: next codes of every context, most probable first, shape (codes**order, successors).
        weights: their probabilities, shape (successors,).
        stationary: how often every context occurs, shape (codes**order,).
    """

    table: np.ndarray
    weights: np.ndarray
    stationary: np.ndarray


@lru_cache(maxsize=4)
def chain(spec: MarkovSpec, /) -> Chain:
    """Draw the chain of a declaration: successors without replacement, by the Gumbel trick."""
    rng = np.random.default_rng([spec.task_seed, 0])
    contexts = spec.codes**spec.order
    popular = -spec.popularity * np.log(np.arange(1, spec.codes + 1))
    keys = popular + rng.gumbel(size=(contexts, spec.codes))
    table = np.argsort(-keys, axis=1)[:, : spec.successors]
    weights = np.arange(1, spec.successors + 1) ** -float(spec.zipf)
    weights = weights / weights.sum()
    return Chain(table, weights, _stationary(spec, table, weights))


def _stationary(spec: MarkovSpec, table: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Frequencies of contexts in the long run, from uniform ones; half a step at a time, so that cycles settle."""
    contexts = len(table)
    after = ((np.arange(contexts) * spec.codes)[:, None] + table) % contexts
    held = np.full(contexts, 1.0 / contexts)
    for _ in range(10_000):
        flow = np.bincount(after.ravel(), (held[:, None] * weights).ravel(), minlength=contexts)
        moved = 0.5 * (held + flow)
        if np.abs(moved - held).sum() < 1e-12:
            break
        held = moved
    return np.asarray(held / held.sum())


def walks(spec: MarkovSpec, rng: np.random.Generator, /, *, count: int, length: int) -> np.ndarray:
    """Windows of the stationary chain, shape (count, length), in the smallest unsigned type."""
    made = chain(spec)
    contexts = len(made.table)
    context = _ranks(rng, made.stationary, (count,))
    ranks = _ranks(rng, made.weights, (length - 1, count))
    codes = np.zeros((count, length), dtype=np.min_scalar_type(spec.codes - 1))
    codes[:, 0] = context % spec.codes
    for place in range(1, length):
        code = made.table[context, ranks[place - 1]]
        codes[:, place] = code
        context = (context * spec.codes + code) % contexts
    return codes


def _ranks(rng: np.random.Generator, weights: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Random places with these probabilities."""
    ends = np.cumsum(weights)
    found: np.ndarray = np.searchsorted(ends, rng.random(size) * ends[-1], side="right")
    return found.clip(max=len(weights) - 1)


@lru_cache(maxsize=2)
def text(spec: MarkovSpec, /) -> np.ndarray:
    """One text of ``spec.subset`` codes; a shorter one is the beginning of a longer one."""
    made = chain(spec)
    first = int(_ranks(np.random.default_rng([spec.task_seed, TRAIN, 0]), made.stationary, (1,))[0])
    ranks = _ranks(np.random.default_rng([spec.task_seed, TRAIN, 1]), made.weights, (spec.subset - 1,)).tolist()
    table, contexts = made.table.tolist(), len(made.table)
    codes, context = [first % spec.codes], first
    for rank in ranks:
        code = table[context][rank]
        codes.append(code)
        context = (context * spec.codes + code) % contexts
    return np.array(codes, dtype=np.min_scalar_type(spec.codes - 1))
