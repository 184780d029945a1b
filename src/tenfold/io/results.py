"""Results on disk: JSON written whole or not at all, append-only lines that survive a crash; no pickles."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from tenfold.core.errors import DataError
from tenfold.io.files import decode, first_line, place, read_bytes, shown

try:
    import fcntl
except ImportError:  # pragma: no cover - not on Windows
    fcntl = None  # type: ignore[assignment]  # the module is absent there, and callers ask for None


def plain(value: Any, *, at: str = "") -> Any:
    """A value as JSON knows them: NumPy to Python, NaN and infinities to None, tuples to lists.

    A dataclass with ``to_dict`` gives that; another one its fields; an enumeration its name; a path its text.

    Raises:
        DataError: something JSON has no word for, naming where it stands.

    >>> plain({"a": np.float64("nan"), "b": (1, np.int64(2))})
    {'a': None, 'b': [1, 2]}
    """
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, Mapping):
        return {_key(key, at): plain(part, at=f"{at}.{key}" if at else str(key)) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part, at=f"{at}[{index}]") for index, part in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(part, at=at) for part in value), key=repr)
    return _plain_object(value, at)


def _plain_object(value: Any, at: str) -> Any:
    if hasattr(value, "to_dict") and not isinstance(value, type):
        return plain(value.to_dict(), at=at)
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: plain(getattr(value, part.name), at=f"{at}.{part.name}") for part in fields(value)}
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            boxed = array.astype(object)
            boxed[~np.isfinite(array)] = None
            return boxed.tolist()
        if array.dtype.kind in "biufU":
            return array.tolist()
        if array.dtype.kind == "O":
            return plain(array.tolist(), at=at)
    raise DataError(f"cannot write {shown(value)} as JSON" + (f" at {at}" if at else ""), hint="give plain values")


def _key(key: Any, at: str) -> str:
    if isinstance(key, Enum):
        return key.name
    if isinstance(key, (str, bool, int, float, np.generic)):
        return str(key)
    raise DataError(f"a key of {at or 'the object'} is {shown(key)}", hint="JSON keys are text")


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """A value as JSON text (see :func:`plain`).

    Raises:
        DataError: something JSON has no word for, or nested without end.
    """
    try:
        return json.dumps(plain(value), indent=indent, allow_nan=False, ensure_ascii=False)
    except RecursionError:
        raise DataError("cannot write an object nested so deeply as JSON", hint="does it hold itself?") from None


def write_json(path: str | os.PathLike[str], value: Any, *, indent: int | None = 2) -> None:
    """Write JSON atomically: readers see the old file or the new one, never half of it.

    Raises:
        DataError: the value has no JSON form, or the file cannot be written.
    """
    write_text(path, to_json(value, indent=indent) + "\n")


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text atomically.

    Raises:
        DataError: the file cannot be written.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write bytes atomically: a temporary file in the same folder, synced, then renamed over the target.

    Raises:
        DataError: the folder is missing, there is no permission or no space.
    """
    with _writing(path):
        target = Path(os.path.realpath(Path(path).expanduser()))
        if target.is_dir():
            raise IsADirectoryError(f"{place(path)} is a folder")
        temporary = target.with_name(f".{target.name[:80]}.{secrets.token_hex(6)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            if target.exists():
                os.chmod(temporary, target.stat().st_mode & 0o7777)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(target.parent)


@contextlib.contextmanager
def _writing(path: Any) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        folder = place(Path(path).expanduser().parent)
        raise DataError(f"cannot write {place(path)}: no folder {folder}", hint="create the folder first") from None
    except PermissionError:
        raise DataError(f"no permission to write {place(path)}", hint="choose another place") from None
    except IsADirectoryError:
        raise DataError(f"cannot write {place(path)}: it is a folder", hint="give the name of a file") from None
    except (OSError, ValueError, RuntimeError) as cause:
        raise DataError(f"cannot write {place(path)}: {first_line(cause)}", hint="check the path and the space") from None


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; file systems that cannot are left alone."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_json(path: str | os.PathLike[str]) -> Any:
    """The content of a JSON file.

    Raises:
        DataError: missing (with similar names), unreadable, or not JSON (with line and column).
    """
    here = place(path)
    data = decode(read_bytes(path), here=here)
    try:
        return json.loads(data)
    except json.JSONDecodeError as cause:
        raise DataError(
            f"{here} is not JSON: {cause.msg} at line {cause.lineno}, column {cause.colno}",
            hint="write it again",
        ) from None
    except (ValueError, RecursionError) as cause:
        raise DataError(f"{here} is not JSON: {first_line(cause)}", hint="write it again") from None


# ----------------------------------------------------------------------------------------------------
# lines


def append_line(path: str | os.PathLike[str], record: Any, *, sync: bool = True) -> None:
    """Append a record as one JSON line, by one write under a lock; several processes may append to one file.

    A line that a killed process left half written at the end is removed first, lest it spoil this one.

    Args:
        path: the file; created when missing.
        record: what to write (see :func:`plain`).
        sync: wait until the line is on disk.

    Raises:
        DataError: the record has no JSON form, or the file cannot be written whole.
    """
    line = (to_json(record, indent=None) + "\n").encode("utf-8", "backslashreplace")
    with _writing(path):
        target = Path(path).expanduser()
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            if fcntl is not None:
                with contextlib.suppress(OSError):
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            before = _mend(descriptor)
            written = os.write(descriptor, line)
            if written != len(line):
                os.ftruncate(descriptor, before)
                raise OSError(f"only {written} of {len(line)} bytes were written")
            if sync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _mend(descriptor: int) -> int:
    """Cut off a torn last line, or end a whole one that lacks its line feed; the size of the file then."""
    size = os.fstat(descriptor).st_size
    tail = b""
    start = size
    while start > 0 and b"\n" not in tail:
        step = min(start, 1 << 16)
        start -= step
        tail = os.pread(descriptor, step, start) + tail
    tail = tail.rpartition(b"\n")[2]
    if not tail:
        return size
    if _parse(tail) is not None:
        os.write(descriptor, b"\n")
        return size + 1
    os.ftruncate(descriptor, size - len(tail))
    return size - len(tail)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def read_lines(path: str | os.PathLike[str], *, missing_ok: bool = False) -> list[dict[str, Any]]:
    """The records of a file of JSON lines. One torn last line, without its line feed, is left out.

    Args:
        path: the file.
        missing_ok: give no records when there is no file.

    Raises:
        DataError: missing, unreadable, or another line that is no JSON object, by number.
    """
    here = place(path)
    if missing_ok and not Path(path).expanduser().exists():
        return []
    data = read_bytes(path)
    lines = data.split(b"\n")
    records = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        record = _parse(line)
        if record is None:
            if number == len(lines):
                break
            raise DataError(
                f"line {number} of {here} is not a JSON object: {shown(_text(line))}", hint="remove that line"
            )
        records.append(record)
    return records


def _text(line: bytes) -> str:
    return line[:80].decode("utf-8", "replace")
