"""The proving ground: solvable models whose exponents are known, as runs like any other.

A model is one file with one ``@simulator`` function; files are found by walking this folder, nothing is listed by hand.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from types import MappingProxyType

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.simulate.kinds import Exponent, Simulated, Simulator, Truth, simulator

__all__ = ["Exponent", "Simulated", "Simulator", "Truth", "get", "kinds", "simulate", "simulator"]


@functools.cache
def kinds() -> MappingProxyType[str, Simulator]:
    """Every solvable model, by name, in alphabetical order."""
    found: dict[str, Simulator] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for value in vars(module).values():
            if isinstance(value, Simulator) and value.source == module.__name__:
                found[value.name] = value
    return MappingProxyType(dict(sorted(found.items())))


def get(name: str) -> Simulator:
    """A solvable model by name; ``-`` and ``_`` are the same.

    Raises:
        ConfigError: nothing by that name, with the closest ones.
    """
    known = kinds()
    plain = name.replace("_", "-")
    if plain in known:
        return known[plain]
    hint = did_you_mean(plain, known)
    lists = "" if hint.startswith("choose") else " 'tenfold simulate' lists them."
    raise ConfigError(f"no model {name!r} to simulate", path="kind", hint=hint + lists)


def simulate(kind: str, *, seed: int = 0, **settings: object) -> Simulated:
    """Runs of a solvable model, and the truth about them.

    Args:
        kind: the model's name, as ``tenfold simulate`` lists it.
        seed: of everything that is drawn; the same seed gives the same runs.
        settings: of the model; its signature says which there are and what they mean.

    Raises:
        ConfigError: the model or a setting is unknown, or a value is not legal.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("quanta", alpha=0.5)
        >>> made.truth["params"].value
        -0.5
    """
    return get(kind)(seed=seed, **settings)
