r"""Objectives: what is summed over the rows.

An objective compares the model's value ``u`` with the target ``t``, both in the objective's space (the logarithm of the
loss, or the loss itself), and is always a **sum** over rows, weighted; never a mean. Each gives its value and, for the
Newton solver, its first and second derivative in ``u`` and a majorising curvature ``m`` (the weight of iteratively
reweighted least squares), which is never negative.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError, did_you_mean

Array = NDArray[np.float64]
Derivatives = tuple[Array, Array, Array, Array]


def _parameters(kind: Any) -> list[str]:
    """Names of the numbers of an objective or of its class."""
    return [field.name for field in fields(kind) if field.name != "space"]


class Objective(ABC):
    """What is minimised. Subclasses are final frozen dataclasses with a ``space`` of ``log`` or ``linear``."""

    kind: ClassVar[str]
    space: str

    @abstractmethod
    def value(self, u: Any, t: Any, xp: Any = np) -> Any:
        """Loss of each row; ``xp`` is numpy or jax.numpy."""

    @abstractmethod
    def derivatives(self, u: Array, t: Array) -> Derivatives:
        """Value, first derivative, second derivative and majorising curvature in ``u``, each of the shape of ``u``."""

    def damped(self, u: Array, t: Array, mu: Array | None) -> tuple[Array, Array, Array]:
        """Value, first derivative, and second derivative plus ``mu`` times the majorising curvature; new arrays."""
        v, d1, d2, m = self.derivatives(u, t)
        return v, d1, d2.copy() if mu is None else d2 + mu * m

    @abstractmethod
    def weight(self, u: Any, t: Any, xp: Any = np) -> Any:
        """The majorising curvature, never negative."""

    @property
    def numbers(self) -> tuple[float, ...]:
        """Its parameters, in order of declaration."""
        return tuple(getattr(self, name) for name in _parameters(self))

    def renumbered(self, numbers: Sequence[Any]) -> Objective:
        """The same kind with other parameters, unchecked: they may be traced, so that one compilation serves them all."""
        made = object.__new__(type(self))
        for name, value in zip((*_parameters(self), "space"), (*numbers, self.space), strict=True):
            object.__setattr__(made, name, value)
        return made

    def target(self, y: Array) -> Array:
        """Observations in the objective's space."""
        return np.log(y) if self.space == "log" else y

    def scale(self, u: Array, t: Array) -> float:
        r"""Dispersion of the score, mean(psi^2) / mean(psi'), which calibrates likelihood ratios of M-estimators."""
        _, d1, d2, m = self.derivatives(u, t)
        slope = float(np.mean(d2))
        return float(np.mean(d1**2)) / (slope if slope > 0 else float(np.mean(m)))

    def spec(self) -> str:
        """The text form, as ``--objective`` takes it."""
        tail = "" if self.space == _DEFAULT_SPACE[self.kind] else f"@{self.space}"
        return ":".join([self.kind, *(f"{number:g}" for number in self.numbers)]) + tail


def _check_space(space: str) -> None:
    if space not in ("log", "linear"):
        raise ConfigError(f"objective space {space!r} is neither 'log' nor 'linear'", path="objective")


def _check_positive(value: float, name: str) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ConfigError(f"objective {name} must be positive, got {value!r}", path=f"objective.{name}")


@dataclass(frozen=True, slots=True)
class Huber(Objective):
    r"""Quadratic within ``delta``, linear beyond: r^2/2 or delta (|r| - delta/2), r = u - t.

    ``Huber(1e-3)`` on log loss is the objective of Hoffmann et al. (2022) and its replication.
    """

    delta: float = 1e-3
    space: str = "log"
    kind: ClassVar[str] = "huber"

    def __post_init__(self) -> None:
        _check_positive(self.delta, "delta")
        _check_space(self.space)

    def value(self, u: Any, t: Any, xp: Any = np) -> Any:
        size = xp.abs(u - t)
        inside = xp.minimum(size, self.delta)
        return inside * (size - 0.5 * inside)

    def weight(self, u: Any, t: Any, xp: Any = np) -> Any:
        return self.delta / xp.maximum(xp.abs(u - t), self.delta)

    def derivatives(self, u: Array, t: Array) -> Derivatives:
        r = u - t
        size = np.abs(r)
        inside = np.minimum(size, self.delta)
        d2 = (size <= self.delta).astype(np.float64)
        return inside * (size - 0.5 * inside), np.copysign(inside, r), d2, self.delta / np.maximum(size, self.delta)

    def damped(self, u: Array, t: Array, mu: Array | None) -> tuple[Array, Array, Array]:
        v = u - t
        inside = np.clip(v, -self.delta, self.delta)
        size = np.abs(v)
        c = (size <= self.delta).astype(np.float64)
        if mu is not None:
            m = np.divide(self.delta, np.maximum(size, self.delta, out=size), out=size)
            m *= mu
            c += m
        v -= 0.5 * inside
        v *= inside
        return v, inside, c


@dataclass(frozen=True, slots=True)
class Squared(Objective):
    """Squared residuals, r^2."""

    space: str = "log"
    kind: ClassVar[str] = "squared"

    def __post_init__(self) -> None:
        _check_space(self.space)

    def value(self, u: Any, t: Any, xp: Any = np) -> Any:
        return (u - t) ** 2

    def weight(self, u: Any, t: Any, xp: Any = np) -> Any:
        return xp.full_like(u - t, 2.0)

    def derivatives(self, u: Array, t: Array) -> Derivatives:
        r = u - t
        two = np.full_like(r, 2.0)
        return r * r, 2.0 * r, two, two

    def damped(self, u: Array, t: Array, mu: Array | None) -> tuple[Array, Array, Array]:
        r = u - t
        return r * r, 2.0 * r, np.broadcast_to(2.0 if mu is None else 2.0 + 2.0 * mu, r.shape).copy()


class Kinked(Objective):
    """An objective with a kink at zero: the limit of :meth:`smoothed` forms whose ``delta`` shrinks to nothing."""

    @abstractmethod
    def smoothed(self, delta: float) -> SmoothAbsolute | SmoothQuantile:
        """The objective rounded off within ``delta`` of zero."""

    def weight(self, u: Any, t: Any, xp: Any = np) -> Any:
        return self.smoothed(1e-9).weight(u, t, xp)

    def derivatives(self, u: Array, t: Array) -> Derivatives:
        return self.smoothed(1e-9).derivatives(u, t)


@dataclass(frozen=True, slots=True)
class Absolute(Kinked):
    """Absolute residuals, |r|: least absolute deviations, the median."""

    space: str = "log"
    kind: ClassVar[str] = "absolute"

    def __post_init__(self) -> None:
        _check_space(self.space)

    def value(self, u: Any, t: Any, xp: Any = np) -> Any:
        return xp.abs(u - t)

    def smoothed(self, delta: float) -> SmoothAbsolute:
        """The absolute value rounded off within ``delta`` of zero."""
        return SmoothAbsolute(delta, self.space)


@dataclass(frozen=True, slots=True)
class SmoothAbsolute(Objective):
    """Huber's loss divided by its threshold, so that it tends to the absolute value."""

    delta: float
    space: str = "log"
    kind: ClassVar[str] = "smooth-absolute"

    def value(self, u: Any, t: Any, xp: Any = np) -> Any:
        size = xp.abs(u - t)  # not through Huber: inside a compiled law the threshold is a tracer
        inside = xp.minimum(size, self.delta)
        return inside * (size - 0.5 * inside) / self.delta

    def weight(self, u: Any, t: Any, xp: Any = np) -> Any:
        return 1.0 / xp.maximum(xp.abs(u - t), self.delta)

    def derivatives(self, u: Array, t: Array) -> Derivatives:
        v, d1, d2, m = Huber(self.delta, self.space).derivatives(u, t)
        return v / self.delta, d1 / self.delta, d2 / self.delta, m / self.delta

    def damped(self, u: Array, t: Array, mu: Array | None) -> tuple[Array, Array, Array]:
        v, d1, c = Huber(self.delta, self.space).damped(u, t, mu)
        return v / self.delta, d1 / self.delta, c / self.delta


@dataclass(frozen=True, slots=True)
class Quantile(Kinked):
    r"""The pinball loss, q (t - u) where the run lies above the law and (1 - q) (u - t) where below (Koenker and
    Bassett, 1978): a share ``q`` of the runs end below the fitted law.

    ``quantile:0.1`` follows the best runs of a sweep, ``quantile:0.5`` is half of :class:`Absolute`.
    """

    q: float = 0.5
    space: str = "log"
    kind: ClassVar[str] = "quantile"

    def __post_init__(self) -> None:
        if not 0 < self.q < 1:
            raise ConfigError(
                f"a quantile lies between 0 and 1, got {self.q:g}", path="objective.q", hint="write quantile:0.1"
            )
        _check_space(self.space)

    def value(self, u: Any, t: Any, xp: Any = np) -> Any:
        r = u - t
        return 0.5 * xp.abs(r) + (0.5 - self.q) * r

    def smoothed(self, delta: float) -> SmoothQuantile:
        """The pinball loss, its kink rounded off within ``delta`` of zero."""
        return SmoothQuantile(self.q, delta, self.space)


@dataclass(frozen=True, slots=True)
class SmoothQuantile(Objective):
    r"""The pinball loss averaged over kinks spread evenly within ``delta`` of zero (Fernandes, Guerre and Horta, 2021).

    That is |r| / 2, rounded off as in :class:`SmoothAbsolute`, and a slope (1/2 - q) r; beyond ``delta`` it equals the
    pinball loss, and it is convex with a continuous slope everywhere.
    """

    q: float
    delta: float
    space: str = "log"
    kind: ClassVar[str] = "smooth-quantile"

    def value(self, u: Any, t: Any, xp: Any = np) -> Any:
        r = u - t
        size = xp.abs(r)
        inside = xp.minimum(size, self.delta)
        return 0.5 * (inside * (size - 0.5 * inside) / self.delta + 0.5 * self.delta) + (0.5 - self.q) * r

    def weight(self, u: Any, t: Any, xp: Any = np) -> Any:
        return 0.5 / xp.maximum(xp.abs(u - t), self.delta)

    def derivatives(self, u: Array, t: Array) -> Derivatives:
        r = u - t
        size = np.abs(r)
        d1 = 0.5 * np.clip(r / self.delta, -1.0, 1.0) + (0.5 - self.q)
        d2 = np.where(size <= self.delta, 0.5 / self.delta, 0.0)
        return np.asarray(self.value(u, t)), d1, d2, np.asarray(self.weight(u, t))


@dataclass(frozen=True, slots=True)
class Student(Objective):
    r"""Negative log-likelihood of Student's t, (nu + 1)/2 log(1 + (r/s)^2 / nu), without constants."""

    nu: float = 4.0
    s: float = 5e-3
    space: str = "log"
    kind: ClassVar[str] = "student"

    def __post_init__(self) -> None:
        _check_positive(self.nu, "nu")
        _check_positive(self.s, "s")
        _check_space(self.space)

    def value(self, u: Any, t: Any, xp: Any = np) -> Any:
        return 0.5 * (self.nu + 1.0) * xp.log1p(((u - t) / self.s) ** 2 / self.nu)

    def weight(self, u: Any, t: Any, xp: Any = np) -> Any:
        return (self.nu + 1.0) / (self.nu * self.s**2 + (u - t) ** 2)

    def derivatives(self, u: Array, t: Array) -> Derivatives:
        r = u - t
        q = self.nu * self.s**2 + r * r
        m = (self.nu + 1.0) / q
        v = 0.5 * (self.nu + 1.0) * np.log1p((r / self.s) ** 2 / self.nu)
        return v, m * r, m * (1.0 - 2.0 * r * r / q), m


@dataclass(frozen=True, slots=True)
class Binomial(Objective):
    r"""Half the binomial deviance per trial, for pass counts: the law predicts a probability.

    ``y`` is the share of successes and the row's weight the number of trials. The saturated term is subtracted, so a
    perfect prediction costs zero.
    """

    space: str = "linear"
    kind: ClassVar[str] = "binomial"

    def __post_init__(self) -> None:
        if self.space != "linear":
            raise ConfigError("the binomial objective compares probabilities; its space is linear", path="objective")

    def value(self, u: Any, t: Any, xp: Any = np) -> Any:
        p = xp.clip(u, 1e-12, 1.0 - 1e-12)
        safe_t, safe_c = xp.where(t > 0, t, 1.0), xp.where(t < 1, 1.0 - t, 1.0)
        return t * (xp.log(safe_t) - xp.log(p)) + (1.0 - t) * (xp.log(safe_c) - xp.log1p(-p))

    def weight(self, u: Any, t: Any, xp: Any = np) -> Any:
        p = xp.clip(u, 1e-12, 1.0 - 1e-12)
        return t / p**2 + (1.0 - t) / (1.0 - p) ** 2

    def derivatives(self, u: Array, t: Array) -> Derivatives:
        p = np.clip(u, 1e-12, 1.0 - 1e-12)
        d1 = (p - t) / (p * (1.0 - p))
        d2 = t / p**2 + (1.0 - t) / (1.0 - p) ** 2
        return np.asarray(self.value(u, t)), d1, d2, d2


_KINDS: dict[str, type[Objective]] = {cls.kind: cls for cls in (Huber, Squared, Absolute, Quantile, Student, Binomial)}
_ALIASES = {
    **dict.fromkeys(("lad", "mae", "l1"), "absolute"),
    **dict.fromkeys(("mse", "l2"), "squared"),
    "t": "student",
    "pinball": "quantile",
}
_DEFAULT_SPACE = {**dict.fromkeys((*_KINDS, "smooth-absolute", "smooth-quantile"), "log"), "binomial": "linear"}


def parse_objective(text: str) -> Objective:
    """Read ``huber:1e-3``, ``squared``, ``absolute``, ``quantile:0.1``, ``student:4:0.005``, ``binomial``, each
    with ``@linear`` or ``@log``.

    >>> parse_objective("huber:1e-3")
    Huber(delta=0.001, space='log')
    >>> parse_objective("squared@linear")
    Squared(space='linear')
    """
    body, at, space = text.strip().partition("@")
    name, *numbers = body.split(":")
    name = _ALIASES.get(name.lower(), name.lower())
    if name not in _KINDS:
        raise ConfigError(f"unknown objective {text!r}", path="objective", hint=did_you_mean(name, [*_KINDS, *_ALIASES]))
    cls = _KINDS[name]
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        raise ConfigError(
            f"cannot read the numbers of objective {text!r}", path="objective", hint="write it like huber:1e-3"
        ) from None
    allowed = _parameters(cls)
    if len(values) > len(allowed):
        raise ConfigError(f"objective {text!r} takes {len(allowed)} numbers ({', '.join(allowed)})", path="objective")
    extra = {"space": space} if at else {}
    return cls(**dict(zip(allowed, values, strict=False)), **extra)
