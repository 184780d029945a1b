"""Bytes in: opening files with one clear line when something is wrong, and telling what a file holds."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import Any

from tenfold.core.errors import DataError, TenfoldError, did_you_mean

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"

# How a file starts, what that means, and what to do about it.
_FOREIGN: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive (or a spreadsheet)", "unpack it, or save the sheet as CSV"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "decompress it first, or use gzip"),
    (b"\xfd7zXZ", "compressed with xz", "decompress it first, or use gzip"),
    (b"BZh", "compressed with bzip2", "decompress it first, or use gzip"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet", "save the sheet as CSV"),
    (b"version https://git-lfs", "a Git LFS pointer, not the data", "run 'git lfs pull' first"),
    (b"<!doctype", "a web page", "download the raw file instead of its page"),
    (b"<html", "a web page", "download the raw file instead of its page"),
    (b"\x89HDF", "an HDF5 file", "save the table as Parquet or CSV"),
    (b"SQLite format 3", "a SQLite database", "export the table as CSV"),
    (b"\x80\x04\x95", "a Python pickle, which is never opened", "save the table as Parquet or CSV"),
    (b"\x80\x05\x95", "a Python pickle, which is never opened", "save the table as Parquet or CSV"),
)


def shown(value: Any, *, limit: int = 60) -> str:
    """A value for a message: its ``repr`` on one line, cut when long.

    >>> shown("a\\nb")
    "'a\\\\nb'"
    """
    try:
        text = repr(value)
    except Exception:
        text = f"<{type(value).__name__}>"
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def place(path: Any) -> str:
    """A path for a message: as given when it prints on one line, else its ``repr``."""
    text = os.fspath(path) if isinstance(path, os.PathLike) else str(path)
    return text if isinstance(text, str) and text.isprintable() and len(text) < 300 else shown(text, limit=120)


def first_line(error: BaseException) -> str:
    """The first line of another library's message, for use inside one of ours."""
    text = str(error).strip()
    line = " ".join(text.splitlines()[0].split()) if text else type(error).__name__
    return line if len(line) <= 160 else line[:159] + "…"


def neighbours(path: Path) -> str:
    """A hint for a missing file: files of the same folder with a similar name."""
    folder = path.parent
    try:
        if not folder.is_dir():
            return f"the folder {place(folder)} does not exist either; check the path"
        names = sorted(" ".join(entry.name.split()) for entry in folder.iterdir() if entry.is_file())
    except OSError:
        return "check the path"
    close = did_you_mean(path.name, names[:2000])
    return close or f"the folder {place(folder)} holds no files; check the path"


def read_bytes(path: str | os.PathLike[str], *, error: type[TenfoldError] = DataError) -> bytes:
    """The content of a regular file.

    Args:
        path: the file.
        error: the class to raise: DataError for data, ConfigError for configuration.

    Raises:
        TenfoldError: missing (with similar names of the folder), a folder, not a regular file, not readable.
    """
    here = place(path)
    try:
        target = Path(path).expanduser()
        if target.is_dir():
            raise error(f"{here} is a folder, not a file", hint=_inside(target))
        if not target.exists():
            raise error(f"no file {here}", hint=neighbours(target))
        if not target.is_file():
            raise error(f"{here} is not a regular file", hint="save the data in a file and give its path")
        return target.read_bytes()
    except PermissionError:
        raise error(f"no permission to read {here}", hint="change its mode, or copy it where you may read") from None
    except (OSError, ValueError, RuntimeError) as cause:
        raise error(f"cannot read {here}: {first_line(cause)}", hint="check the path") from None


def _inside(folder: Path) -> str:
    names = sorted(
        " ".join(entry.name.split())
        for entry in folder.iterdir()
        if entry.is_file()
        and entry.name.lower().endswith((".csv", ".tsv", ".gz", ".parquet", ".jsonl", ".json", ".toml"))
    )
    if not names:
        return "give the path of a file"
    return "give the path of a file in it, such as " + ", ".join(names[:3])


def gunzip(data: bytes, *, here: str) -> bytes:
    """Decompressed content.

    Raises:
        DataError: truncated, damaged or too large.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            return stream.read()
    except EOFError:
        raise DataError(f"{here} ends in the middle: its gzip stream is incomplete", hint="copy it again") from None
    except (OSError, zlib.error) as cause:
        raise DataError(f"{here} is not sound gzip: {first_line(cause)}", hint="copy it again") from None
    except MemoryError:
        raise DataError(f"{here} is too large to decompress in memory", hint="split it") from None


def refuse_foreign(data: bytes, *, here: str) -> None:
    """Refuse content that is plainly of another kind, saying which.

    Raises:
        DataError: archives, spreadsheets, web pages, pickles and the like.
    """
    start = data[:32].lstrip()
    for magic, what, fix in _FOREIGN:
        if start.startswith(magic) or start.lower().startswith(magic):
            raise DataError(f"{here} is {what}", hint=fix)


def decode(data: bytes, *, here: str, error: type[TenfoldError] = DataError) -> bytes:
    """Text content as checked UTF-8 bytes without a byte order mark, lines ended by a line feed.

    Raises:
        TenfoldError: another encoding (with the offset of the first wrong byte) or binary content.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise error(f"{here} is UTF-16, not UTF-8", hint="save it as UTF-8: iconv -f UTF-16 -t UTF-8")
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as cause:
            line = data.count(b"\n", 0, cause.start) + 1
            raise error(
                f"{here} is not UTF-8: byte 0x{data[cause.start]:02x} at offset {cause.start} (line {line})",
                hint="save it as UTF-8, for example: iconv -f LATIN1 -t UTF-8",
            ) from None
    if b"\0" in data:
        raise error(f"{here} is binary, not text: a zero byte at offset {data.index(0)}", hint="check the file")
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data
