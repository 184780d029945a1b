"""Files that cannot be read: each gives one line that says what, where, and what to do."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tenfold.core import DataError
from tenfold.io import read_runs

CSV = b"params,tokens,loss\n1e9,2e10,3\n2e9,4e10,2.9\n"
ZIPPED = gzip.compress(CSV * 50)


def parquet() -> bytes:
    import io

    stream = io.BytesIO()
    pl.DataFrame({"params": [1e9, 2e9], "run": ["a", "b"]}).write_parquet(stream)
    return stream.getvalue()


CASES = [
    # name, content, what the message or the hint must hold
    ("empty.csv", b"", "is empty"),
    ("blank.csv", b"\n \n\n", "is empty"),
    ("empty.json", b"", "is empty"),
    ("blank.jsonl", b"\n\n", "is empty"),
    ("empty.parquet", b"", "is empty"),
    ("blank.json", b"  ", "is empty"),
    ("header.csv", b"params,loss\n", "a header and no rows"),
    ("commas.csv", b"params,loss\n,,\n", "a header and no rows"),
    ("numbers.csv", b"1,2\n3,4\n", "holds numbers, not names"),
    ("twice.csv", b"loss,params,loss\n1,2,3\n", "two columns 'loss' (columns 1 and 3)"),
    ("long.csv", b"a,b\n1,2\n1,2,3\n", "row 2 (line 3)"),
    ("long2.csv", b"a,b\n1,2\n1,2,3\n", "has 3 fields, but the header names 2 columns"),
    ("short.csv", b"a,b,c\n1,2,3\n\n1,2\n", "row 2 (line 4)"),
    ("short2.csv", b"a,b,c\n1,2,\n1,2\n", "the line may be cut off"),
    ("quoted_short.csv", b'a,b,c\n"x\ny",2,3\n1,"2"\n', "row 2 (line 4)"),
    ("quote.csv", b'a,b\n1,"x\n2,3\n', "never closed"),
    ("latin.csv", b"run,loss\ncaf\xe9,3\n", "byte 0xe9 at offset 12 (line 2)"),
    ("latin2.csv", b"run,loss\ncaf\xe9,3\n", "iconv"),
    ("wide.csv", "run,loss\na,3\n".encode("utf-16"), "UTF-16"),
    ("zeros.csv", b"a,b\n1,\x002\n", "zero byte at offset 6"),
    ("junk.csv", bytes(range(256)), "not UTF-8"),
    ("hidden.csv", ZIPPED, "gzip-compressed, although its name does not say so"),
    ("plain.csv.gz", CSV, "is not gzip"),
    ("cut.csv.gz", ZIPPED[:-12], "its gzip stream is incomplete"),
    ("bad.csv.gz", ZIPPED[:30] + b"\xff\xff\xff" + ZIPPED[33:], "gzip"),
    ("sum.csv.gz", ZIPPED[:-8] + b"\0\0\0\0" + ZIPPED[-4:], "not sound gzip"),
    ("twofold.csv.gz", gzip.compress(ZIPPED), "not UTF-8"),
    ("text.parquet", CSV, "not a Parquet file: it starts with 'params,token'"),
    ("cut.parquet", parquet()[:-30], "is cut off"),
    ("cut2.parquet", parquet()[:100], "is cut off"),
    ("stub.parquet", b"PAR1", "is cut off"),
    ("hollow.parquet", b"PAR1" + bytes(40) + b"PAR1", "is damaged"),
    ("real.csv", parquet(), "a Parquet file, although its name does not say so"),
    ("lines.csv", b'{"loss": 1}\n', "holds JSON"),
    ("array.csv", b'[{"loss": 1}]', "holds JSON"),
    ("table.json", CSV, "name it .csv"),
    ("table.jsonl", CSV, "name it .csv"),
    ("lines.json", b'{"loss": 1}\n{"loss": 2}\n', "name it .jsonl"),
    ("array.jsonl", b'[{"loss": 1}]', "name it .json"),
    ("cut.json", b'[{"loss": 1}, {"lo', "at line 1, column 16"),
    ("numbers.json", b"[1, 2]", "holds [1, 2], not a table"),
    ("none.json", b"[]", "no rows"),
    ("hollow.json", b"[{}, {}]", "no columns"),
    ("index.json", b'{"loss": {"0": 1}}', "orient='records'"),
    ("uneven.json", b'{"a": [1], "b": [1, 2]}', "differ in length"),
    ("deep.json", b"[" * 100_000, "is not JSON"),
    ("bad.jsonl", b'{"loss": 1}\n{loss: 2}\n{"loss": 3}\n', "line 2"),
    ("values.jsonl", b'{"loss": 1}\n3\n', "line 2"),
    ("sheet.csv", b"PK\x03\x04" + bytes(50), "spreadsheet"),
    ("page.csv", b"<!DOCTYPE html><html></html>", "a web page"),
    ("pointer.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    ("zstd.csv", b"\x28\xb5\x2f\xfd" + bytes(9), "zstd"),
    ("pickle.csv", b"\x80\x04\x95" + bytes(9), "pickle, which is never opened"),
    ("model.pkl", b"\x80\x04\x95" + bytes(9), "pickle, which is never opened"),
    ("notes.txt", CSV, "the ending '.txt'"),
    ("noending", CSV, "does not name a format"),
    ("runs.cvs", CSV, "did you mean '.csv'"),
    ("runs.parquet.gz", gzip.compress(parquet()), "does not name a format"),
]


@pytest.mark.parametrize(("name", "content", "words"), CASES, ids=[case[0] for case in CASES])
def test_bad_file(refused: Any, tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    said = refused(DataError, read_runs, path)
    assert words in said
    assert name in said


def test_missing_file_names_its_neighbours(refused: Any, tmp_path: Path) -> None:
    (tmp_path / "ladder_runs.csv").write_bytes(CSV)
    (tmp_path / "other.txt").write_bytes(b"")
    assert "did you mean 'ladder_runs.csv'?" in refused(DataError, read_runs, tmp_path / "ladder_run.csv")
    assert "does not exist either" in refused(DataError, read_runs, tmp_path / "nowhere" / "r.csv")
    (tmp_path / "bare").mkdir()
    assert "holds no files" in refused(DataError, read_runs, tmp_path / "bare" / "r.csv")


def test_a_folder(refused: Any, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(CSV)
    said = refused(DataError, read_runs, tmp_path)
    assert "is a folder" in said
    assert "r.csv" in said
    (tmp_path / "bare").mkdir()
    assert "give the path of a file" in refused(DataError, read_runs, tmp_path / "bare")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "the path is empty"),
        ("a\0b.csv", "no file"),
        ("https://example.org/runs.csv", "download it"),
        ("s3://bucket/runs.csv", "download it"),
        ("x" * 5000 + ".csv", "runs"),
        (b"runs.csv", "cannot read a builtins.bytes"),
        ("/dev/null", "not a regular file"),
        ("~nobody-of-this-name/r.csv", "r.csv"),
    ],
)
def test_strange_paths(refused: Any, path: Any, words: str) -> None:
    said = refused(DataError, read_runs, path)
    assert words in said or "cannot read" in said


def test_no_permission(refused: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(CSV)

    def deny(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", deny)
    assert "no permission to read" in refused(DataError, read_runs, path)


def test_a_named_pipe_is_not_waited_for(refused: Any, tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    os.mkfifo(path)
    assert "not a regular file" in refused(DataError, read_runs, path)


def test_a_dangling_link(refused: Any, tmp_path: Path) -> None:
    (tmp_path / "r.csv").symlink_to(tmp_path / "gone.csv")
    assert "no file" in refused(DataError, read_runs, tmp_path / "r.csv")
