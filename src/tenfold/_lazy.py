"""Packages whose public names are imported on first use, so that ``tenfold --help`` costs no NumPy."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any


class _Lazy(ModuleType):
    """A package that finds its public names by ``_HOME``.

    A verb lives in a module of its own name (``tenfold.fit.fit``); the package's attribute is the verb, whichever
    was imported first, so the import system's habit of setting it to the module is overruled.
    """

    _HOME: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        home = self.__dict__.get("_HOME", {}).get(name)
        if home is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(home), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in self.__dict__.get("_HOME", {}) and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.__dict__.get("_HOME", {})})


def lazy(package: str, home: Mapping[str, str]) -> None:
    """Make a package resolve the names of ``home`` (name -> module) on first use."""
    module = sys.modules[package]
    module.__dict__["_HOME"] = home
    module.__class__ = _Lazy
