"""The catalogue of laws. Files in this folder are found by walking it; nothing is listed by hand."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import MappingProxyType, ModuleType

from tenfold.core.derive import split_tied, tied
from tenfold.core.errors import LawError, did_you_mean
from tenfold.core.law import Law, Published, law_from_text


@functools.cache
def laws() -> MappingProxyType[str, Law]:
    """Every law in the catalogue, by name, in alphabetical order of file and order of declaration within it."""
    found: dict[str, Law] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for law in laws_in(module):
            if law.name in found:
                raise LawError(f"two laws are named {law.name!r}: in {found[law.name].source} and {law.source}")
            found[law.name] = law
    return MappingProxyType(found)


def laws_in(module: ModuleType) -> list[Law]:
    """The laws declared in a module, in order."""
    return [value for value in vars(module).values() if isinstance(value, Law) and value.source == module.__name__]


def get(name: str) -> Law:
    """A law by name, alias, ``file.py:name``, one-line formula, or with ties like ``chinchilla[beta=alpha]``.

    Raises:
        LawError: nothing by that name, with the closest ones; or the file or formula cannot be read.
    """
    known = laws()
    if name in known:
        return known[name]
    for law in known.values():
        if name in law.aliases:
            return law
    bound = split_tied(name)
    if bound is not None:
        return tied(get(bound[0]), bound[1])
    path, colon, attribute = name.rpartition(":")
    if colon and path.endswith(".py"):
        return law_from_file(path, attribute)
    if any(mark in name for mark in "+*/()^= ") or "-" in name.strip("-"):
        return law_from_text(name.replace("^", "**"))
    words = [*known, *(alias for law in known.values() for alias in law.aliases)]
    raise LawError(f"no law {name!r}", hint=did_you_mean(name, words) + " 'tenfold laws' lists them all.")


def resolve(name: str) -> tuple[Law, str | None]:
    """A law and, for ``law:set``, the name of one of its published sets (``chinchilla:besiroglu``)."""
    base, colon, chosen = name.partition(":")
    if colon and not base.endswith(".py") and base in {*laws(), *(a for law in laws().values() for a in law.aliases)}:
        law = get(base)
        if chosen not in law.published:
            raise LawError(f"law {base!r} has no published set {chosen!r}", hint=did_you_mean(chosen, law.published))
        return law, chosen
    return get(name), None


def published(law: Law, name: str | None = None) -> tuple[str, Published]:
    """A published set of a law, the first when no name is given."""
    if not law.published:
        raise LawError(f"law {law.name!r} has no published coefficients", hint="fit it on runs of your own")
    name = name or next(iter(law.published))
    return name, law.published[name]


def law_from_file(path: str, attribute: str) -> Law:
    """A user's own law from a Python file, declared with ``@law`` exactly like a built-in one."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise LawError(f"no file {path!r}", hint="give --law FILE.py:NAME")
    module_name = f"tenfold_user_{file.stem}_{abs(hash(str(file.resolve())))}"
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise LawError(f"cannot import {path!r}", hint="it must be a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except LawError:
        raise
    except BaseException as error:  # a user's file may fail in any way; the reason goes into the message
        if isinstance(error, KeyboardInterrupt):
            raise
        raise LawError(f"{path} failed to import: {type(error).__name__}: {error}") from None
    found = {law.name: law for law in laws_in(module)}
    if attribute in found:
        return found[attribute]
    raise LawError(f"no law {attribute!r} in {path}", hint=did_you_mean(attribute, found))
