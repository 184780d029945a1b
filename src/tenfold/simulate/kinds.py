"""What a solvable model declares, and what it returns: runs, and the truth about them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.core.law import Cite
from tenfold.core.runs import Runs

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Exponent:
    """One exponent that theory gives: ``quantity`` goes as ``axis`` to the power of ``value``.

    ``part`` is the value of the label ``part`` of the rows that show it (all rows when empty); ``floor`` is what the
    quantity tends to and is taken off before the slope is measured. ``tolerance`` is how far a slope measured on these
    runs may lie from theory, with its ``reason``.
    """

    axis: str
    value: float
    quantity: str = "loss"
    part: str = ""
    floor: float = 0.0
    tolerance: float = 0.03
    reason: str = "finite range and few draws"

    def measured(self, runs: Runs) -> float:
        """The slope of the logarithms by least squares over the rows that show it."""
        rows = np.ones(len(runs), dtype=bool)
        if self.part:
            rows = np.array([text == self.part for text in runs.labels["part"].values()])
        x, y = np.log(runs.column(self.axis)[rows]), np.log(runs.column(self.quantity)[rows] - self.floor)
        keep = np.isfinite(x) & np.isfinite(y)
        return float(np.polyfit(x[keep], y[keep], 1)[0])

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of simulated runs beforehand: exponents by name, and, where a law holds exactly, its coefficients.

    ``value`` gives the true value at inputs by symbol or canonical column, ``optimum`` the compute-optimal parameters for
    a compute, where the model can tell; they are not part of the JSON form.
    """

    exponents: Mapping[str, Exponent] = field(default_factory=dict)
    law: str = ""
    coef: Mapping[str, float] = field(default_factory=dict)
    value: Callable[[Mapping[str, Any]], Array] | None = field(default=None, repr=False)
    optimum: Callable[[float], float] | None = field(default=None, repr=False)

    def __getitem__(self, name: str) -> Exponent:
        return self.exponents[name]

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "exponents": {name: exponent.to_dict() for name, exponent in self.exponents.items()},
            "law": self.law,
            "coef": dict(self.coef),
        }


@dataclass(frozen=True, eq=False)
class Simulated:
    """Runs of a solvable model and the truth about them."""

    kind: str
    runs: Runs
    truth: Truth
    settings: Mapping[str, Any]

    def measured(self) -> dict[str, float]:
        """The exponents as these runs show them, by the names of ``truth``."""
        return {name: exponent.measured(self.runs) for name, exponent in self.truth.exponents.items()}

    def met(self) -> dict[str, bool]:
        """Whether each exponent lies within its tolerance of theory."""
        theory = self.truth.exponents
        return {
            name: bool(abs(value - theory[name].value) <= theory[name].tolerance)
            for name, value in self.measured().items()
        }

    def to_dict(self) -> dict[str, Any]:
        """The stable JSON form, without the runs."""
        return {
            "kind": self.kind,
            "settings": dict(self.settings),
            "runs": len(self.runs),
            "truth": self.truth.to_dict(),
            "measured": self.measured(),
            "met": self.met(),
        }


@dataclass(frozen=True, eq=False)
class Simulator:
    """A solvable model: called with its settings by keyword, it gives runs and the truth."""

    name: str
    make: Callable[..., tuple[Runs, Truth]]
    cite: Cite
    summary: str
    source: str

    @property
    def settings(self) -> dict[str, Any]:
        """The model's settings and their defaults; every model takes ``seed`` beside them."""
        parameters = inspect.signature(self.make).parameters.values()
        return {p.name: p.default for p in parameters if p.name != "seed"}

    def __call__(self, *, seed: int = 0, **settings: Any) -> Simulated:
        """Simulate.

        Raises:
            ConfigError: a setting is unknown or its value not legal.
        """
        if seed < 0:
            raise ConfigError(f"seed must not be negative, got {seed}", path="seed")
        known = self.settings
        types = get_type_hints(self.make)
        for name in settings:
            if name not in known:
                raise ConfigError(
                    f"{self.name} has no setting {name!r}", path=f"set.{name}", hint=did_you_mean(name, known)
                )
        chosen = {**known, **{name: _as(types[name], value, name) for name, value in settings.items()}}
        runs, truth = self.make(seed=seed, **chosen)
        return Simulated(self.name, runs, truth, {**chosen, "seed": seed})


def _as(kind: type, value: Any, name: str) -> Any:
    """A setting's value as its declared type: numbers that are whole where they must be."""
    if kind is str:
        return str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} must be a number, got {value!r}", path=f"set.{name}") from None
    if not np.isfinite(number):
        raise ConfigError(f"{name} must be a finite number, got {value!r}", path=f"set.{name}")
    if kind is int and number != round(number):
        raise ConfigError(f"{name} must be a whole number, got {value!r}", path=f"set.{name}")
    return kind(number)


def simulator(cite: Cite) -> Callable[[Callable[..., tuple[Runs, Truth]]], Simulator]:
    """Declare a solvable model: a function of keyword-only settings (float, int or str) and ``seed``."""

    def declare(make: Callable[..., tuple[Runs, Truth]]) -> Simulator:
        summary = (make.__doc__ or "").strip().splitlines()[0]
        return Simulator(make.__name__.replace("_", "-"), make, cite, summary, make.__module__)

    return declare
