"""Kinds of models that a ladder can train, by name.

A family is a module with three functions: ``init(key, shape, parameterization=...)`` gives a tree of
weights whose last keys are the tensor kinds of the parameterization, ``window_losses(params, windows,
shape)`` gives nats a code, and ``count(shape)`` gives the number of weights.
"""

from importlib import import_module
from types import ModuleType

from tenfold.core.errors import ConfigError, did_you_mean

FAMILIES: dict[str, str] = {"transformer": "tenfold.ladder.transformer"}
"""Modules by the family's name; imported on first use, because they need JAX."""


def family(name: str, /) -> ModuleType:
    """The family's module."""
    if name not in FAMILIES:
        raise ConfigError(f"unknown family {name!r}", path="family", hint=did_you_mean(name, FAMILIES))
    return import_module(FAMILIES[name])
