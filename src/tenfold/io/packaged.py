"""Tables that come with tenfold: measured data of our own, found by looking into ``tenfold/data``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tenfold.core.errors import DataError, did_you_mean

FOLDER = Path(__file__).resolve().parent.parent / "data"
_SUFFIXES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class PackagedTable:
    """One table: the name it is asked for by (``data:NAME``), its file, and what its sidecar says.

    ``sidecar`` holds the parsed ``NAME.toml``: ``title`` and whatever else describes it, and optionally the
    tables ``[conventions]``, ``[columns]`` and ``[units]`` that :func:`tenfold.io.read_runs` applies.
    """

    name: str
    path: Path
    sidecar: Mapping[str, Any] = field(default_factory=dict)


def packaged_tables(folder: Path | None = None) -> dict[str, PackagedTable]:
    """Every packaged table by name, in alphabetical order.

    Raises:
        ConfigError: a sidecar is not sound TOML.
    """
    from tenfold.io.config import load_toml

    folder = FOLDER if folder is None else Path(folder)
    found: dict[str, PackagedTable] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        suffix = next((end for end in _SUFFIXES if path.name.endswith(end)), None)
        if suffix is None:
            continue
        name = path.name.removesuffix(suffix)
        sidecar = folder / f"{name}.toml"
        found.setdefault(name, PackagedTable(name, path, load_toml(sidecar) if sidecar.is_file() else {}))
    return found


def packaged_table(name: str, folder: Path | None = None) -> PackagedTable:
    """The packaged table of this name.

    Raises:
        DataError: there is none; the hint names the closest, or all.
    """
    tables = packaged_tables(folder)
    if name not in tables:
        hint = did_you_mean(name, tables) or "no table comes with this installation; give the path of a file"
        raise DataError(f"no packaged table {name!r}", hint=hint)
    return tables[name]
