"""Fields of the nouns that decide a run, and the content that a run's id is the hash of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, field, fields, is_dataclass
from typing import Any


def later(default: Any, /) -> Any:
    """A field added after tables were shipped: it is no part of a run's id while it has its default.

    Ids of shipped runs stay that way, and a run with another value is still another run.
    """
    return field(default=default, metadata={"later": True})


def place(default: Any = None, /) -> Any:
    """A field that says where something lies, not what it is: no part of a run's id."""
    return field(default=default, metadata={"place": True})


def identity(value: Any, /) -> Any:
    """Plain content of a noun without places and without later fields at their defaults.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Size:
    ...     width: int
    ...     gated: bool = later(False)
    >>> identity(Size(8)), identity(Size(8, gated=True))
    ({'width': 8}, {'width': 8, 'gated': True})
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: identity(getattr(value, each.name))
            for each in fields(value)
            if not each.metadata.get("place")
            and not (each.metadata.get("later") and getattr(value, each.name) == each.default is not MISSING)
        }
    if isinstance(value, Mapping):
        return {key: identity(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [identity(item) for item in value]
    return value
