"""JAX on first use, so that plans, counts and records start without it."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Lazy:
    """A module that is imported when something of it is first asked for.

    >>> Lazy("math").floor(2.5)
    2
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


jax: Any = Lazy("jax")
jnp: Any = Lazy("jax.numpy")
