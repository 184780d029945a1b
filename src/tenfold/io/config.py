"""Configuration: TOML in, a checked pydantic model out, with one clear line naming the key that is wrong."""

from __future__ import annotations

import os
import tomllib
import typing
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.io.files import decode, first_line, place, read_bytes, shown

if TYPE_CHECKING:
    from pydantic import BaseModel

    Model = TypeVar("Model", bound=BaseModel)
else:
    Model = TypeVar("Model")


def load_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        ConfigError: missing (with similar names), unreadable, not UTF-8, or not TOML (with line and column).
    """
    here = place(path)
    data = decode(read_bytes(path, error=ConfigError), here=here, error=ConfigError)
    try:
        return tomllib.loads(data.decode("utf-8"))
    except tomllib.TOMLDecodeError as cause:
        raise ConfigError(f"{here} is not TOML: {first_line(cause)}", hint="check that line") from None
    except (RecursionError, ValueError) as cause:
        raise ConfigError(f"{here} is not TOML: {first_line(cause)}", hint="check its nesting") from None


def load_config(path: str | os.PathLike[str], model: type[Model]) -> Model:
    """A TOML file as a checked model: :func:`load_toml`, then :func:`validate`.

    Raises:
        ConfigError: as these two.
    """
    return validate(model, load_toml(path), file=place(path))


def validate(model: type[Model], mapping: Mapping[str, Any], *, file: str = "the configuration") -> Model:
    """A mapping as a model.

    Args:
        model: a pydantic model; it should forbid extra keys (``extra="forbid"``), so that misspelt ones show.
        mapping: the values, as read from a file.
        file: what to call their origin in messages.

    Raises:
        ConfigError: the first thing that is wrong; ``path`` is its dotted key, such as ``runs.source``. An
            unknown key goes before others, for it is often the cause of a missing one.
    """
    from pydantic import ValidationError

    if not isinstance(mapping, Mapping):
        raise ConfigError(f"{file} is {shown(mapping)}", hint="give a table of keys and values")
    try:
        return model.model_validate(dict(mapping))
    except ValidationError as cause:
        errors = cause.errors(include_url=False)
    errors.sort(key=lambda error: error["type"] != "extra_forbidden")
    raise _problem(errors[0], len(errors), model, mapping, file) from None


def _problem(error: Any, count: int, model: Any, mapping: Mapping[str, Any], file: str) -> ConfigError:
    path = dotted(error["loc"], mapping, absent=error["type"] == "missing")
    where = f"{file}: {path}" if path else file
    kind, value = error["type"], error.get("input")
    context = error.get("ctx") or {}
    hint = ""
    if kind == "extra_forbidden":
        keys = [name for name in _keys(model, error["loc"][:-1]) if name not in _at(mapping, error["loc"][:-1])]
        text = "unknown key"
        hint = did_you_mean(str(error["loc"][-1]), keys or _keys(model, error["loc"][:-1]))
    elif kind == "missing":
        text = "this key is required"
        hint = f"add {path.rpartition('.')[2]} = …"
    elif kind in ("literal_error", "enum"):
        options = _options(context.get("expected", ""))
        text = f"{shown(value)} is not one of the choices"
        hint = did_you_mean(str(value), options)
    else:
        message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        text = message[:1].lower() + message[1:] + f", not {shown(value)}"
        if kind in ("value_error", "assertion_error"):
            text = message if isinstance(value, Mapping) else f"{message} (value {shown(value)})"
    more = f" (and {count - 1} more)" if count > 1 else ""
    return ConfigError(" ".join(f"{where}: {text}{more}".split()), path=path, hint=hint)


def _options(expected: str) -> list[str]:
    parts = expected.replace(" or ", ", ").split(", ")
    return [part.strip().strip("'") for part in parts if part.strip()]


def dotted(loc: tuple[Any, ...], mapping: Any, *, absent: bool = False) -> str:
    """The place of an error as a dotted key: list entries as ``forecast[0]``, the marks of unions left out.

    ``absent`` says that the last part is a key that should be there and is not.

    >>> dotted(("runs", "source"), {"runs": {"source": 1}})
    'runs.source'
    """
    out = ""
    here: Any = mapping
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if not _has(here, part) and not (absent and last and isinstance(here, Mapping)):
            continue
        out += f"[{part}]" if isinstance(here, (list, tuple)) else f".{part}" if out else str(part)
        here = here[part] if _has(here, part) else None
    return out


def _has(here: Any, part: Any) -> bool:
    """Whether a part of a location is a key of a table or an index of a list; marks of unions are neither."""
    if isinstance(here, Mapping):
        return part in here
    return isinstance(here, (list, tuple)) and isinstance(part, int) and part < len(here)


def _at(mapping: Any, loc: tuple[Any, ...]) -> Any:
    for part in loc:
        if _has(mapping, part):
            mapping = mapping[part]
    return mapping if isinstance(mapping, Mapping) else {}


def _keys(model: Any, loc: tuple[Any, ...]) -> list[str]:
    """The keys that the models at a place of a configuration know."""
    here = list(_models(model))
    for part in loc:
        if not isinstance(part, str):
            continue
        step = [
            found
            for candidate in here
            for name, info in candidate.model_fields.items()
            if part in (name, info.alias)
            for found in _models(info.annotation)
        ]
        here = step or here
    return [info.alias or name for candidate in here for name, info in candidate.model_fields.items()]


def _models(annotation: Any) -> Iterator[Any]:
    """The pydantic models within an annotation."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in typing.get_args(annotation):
        yield from _models(part)
