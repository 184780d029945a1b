"""Results on disk: JSON forms, atomic writes, lines that survive a crash."""

from __future__ import annotations

import json
import multiprocessing
import os
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.core import DataError, RunSpec, Status
from tenfold.io import append_line, plain, read_json, read_lines, to_json, write_bytes, write_json, write_text
from tenfold.io import results as module


class Colour(Enum):
    RED = "a sentence"


@dataclass(frozen=True)
class Point:
    x: float
    tags: tuple[str, ...]


class TestPlain:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (np.float64(1.5), 1.5),
            (np.float32(0.5), 0.5),
            (np.int64(3), 3),
            (np.uint8(3), 3),
            (np.bool_(True), True),
            (float("nan"), None),
            (float("inf"), None),
            (np.float64("-inf"), None),
            (np.str_("a"), "a"),
            ((1, (2.0, None)), [1, [2.0, None]]),
            ({"b", "a"}, ["a", "b"]),
            (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
            (np.array([1.0, np.nan, np.inf]), [1.0, None, None]),
            (np.array([True, False]), [True, False]),
            (np.array(["a", "b"]), ["a", "b"]),
            (np.array([1, None, "x"], dtype=object), [1, None, "x"]),
            (np.array(2.5), 2.5),
            (np.array(np.nan), None),
            (np.array([]), []),
            (Status.CONVERGED, "CONVERGED"),
            (Colour.RED, "RED"),
            (Path("a/b"), "a/b"),
            (date(2026, 1, 2), "2026-01-02"),
            (Point(np.float64(1.0), ("a",)), {"x": 1.0, "tags": ["a"]}),
            (RunSpec({"params": 1e9}, seed=2), {"params": 1e9, "seed": 2, "why": ""}),
            ({1: "a", 2.5: "b", Colour.RED: "d"}, {"1": "a", "2.5": "b", "RED": "d"}),
            (10**30, 10**30),
        ],
    )
    def test_forms(self, value: Any, expected: Any) -> None:
        assert plain(value) == expected
        json.loads(to_json(value))

    @pytest.mark.parametrize("value", [object(), 1j, b"bytes", {(1, 2): 3}, np.array([1j]), lambda: 1, RunSpec])
    def test_what_json_has_no_word_for(self, refused: Any, value: Any) -> None:
        assert "in.it[1]" in refused(DataError, plain, {"in": {"it": [0, value]}})

    def test_an_object_that_holds_itself(self, refused: Any) -> None:
        loop: list[Any] = []
        loop.append(loop)
        assert "does it hold itself?" in refused(DataError, to_json, loop)

    def test_jax_arrays(self) -> None:
        jnp = pytest.importorskip("jax.numpy")
        assert plain({"a": jnp.array([1.0, 2.0])}) == {"a": [1.0, 2.0]}


class TestWrite:
    def test_round_trip(self, tmp_path: Path) -> None:
        path = tmp_path / "fit.json"
        value = {"coef": {"α": 0.34}, "draws": [[1.0, None]], "text": "naïve \ud800"}
        write_json(path, {**value, "draws": np.array([[1.0, np.nan]])})
        assert read_json(path) == value
        assert path.read_bytes().endswith(b"}\n")
        write_json(path, [1], indent=None)
        assert path.read_text() == "[1]\n"
        assert os.listdir(tmp_path) == ["fit.json"]

    def test_numbers_keep_every_digit(self, tmp_path: Path) -> None:
        values = np.random.default_rng(0).normal(size=100) * 10.0 ** np.arange(-50, 50)
        write_json(tmp_path / "v.json", values)
        np.testing.assert_array_equal(read_json(tmp_path / "v.json"), values)

    def test_a_failed_write_leaves_the_old_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "r.json"
        write_json(path, 1)

        def fail(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(module.os, "replace", fail)
        with pytest.raises(DataError, match="No space left"):
            write_json(path, 2)
        assert read_json(path) == 1
        assert os.listdir(tmp_path) == ["r.json"]

    def test_nothing_is_written_when_the_value_is_bad(self, tmp_path: Path) -> None:
        with pytest.raises(DataError):
            write_json(tmp_path / "r.json", object())
        assert os.listdir(tmp_path) == []

    def test_modes_and_links(self, tmp_path: Path) -> None:
        path = tmp_path / "r.txt"
        write_text(path, "a")
        mask = os.umask(0)
        os.umask(mask)
        assert path.stat().st_mode & 0o777 == 0o666 & ~mask
        path.chmod(0o640)
        link = tmp_path / "link.txt"
        link.symlink_to(path)
        write_bytes(link, b"b")
        assert link.is_symlink()
        assert path.read_bytes() == b"b"
        assert path.stat().st_mode & 0o777 == 0o640

    def test_refused(self, refused: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "create the folder first" in refused(DataError, write_text, tmp_path / "no" / "r.txt", "")
        assert "it is a folder" in refused(DataError, write_text, tmp_path, "")
        assert "cannot write" in refused(DataError, write_text, tmp_path / ("x" * 300), "")
        assert "cannot write" in refused(DataError, write_text, "a\0b", "")
        (tmp_path / "file").write_text("")
        assert "cannot write" in refused(DataError, write_text, tmp_path / "file" / "r.txt", "")

        def deny(*_: Any, **__: Any) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(module.os, "open", deny)
        assert "no permission to write" in refused(DataError, write_text, tmp_path / "r.txt", "")

    def test_reading_json(self, refused: Any, tmp_path: Path) -> None:
        path = tmp_path / "fit.json"
        path.write_text('{"a": 1,\n "b": }')
        assert "line 2, column 7" in refused(DataError, read_json, path)
        path.write_bytes(b"\xff\x00")
        refused(DataError, read_json, path)
        path.write_text("[" * 100_000)
        refused(DataError, read_json, path)
        assert "did you mean 'fit.json'?" in refused(DataError, read_json, tmp_path / "fits.json")


class TestLines:
    def test_append_and_read(self, tmp_path: Path) -> None:
        path = tmp_path / "runs.jsonl"
        for index in range(3):
            append_line(path, {"run": index, "loss": np.float64(np.nan)}, sync=index == 0)
        assert read_lines(path) == [{"run": index, "loss": None} for index in range(3)]
        assert path.read_bytes().count(b"\n") == 3

    def test_one_write_a_line(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        written = []
        real = os.write
        monkeypatch.setattr(module.os, "write", lambda fd, data: written.append(data) or real(fd, data))
        append_line(tmp_path / "r.jsonl", {"text": "line\nbreak", "long": list(range(5000))})
        assert len(written) == 1
        assert written[0].count(b"\n") == 1

    @pytest.mark.parametrize("torn", ['{"run": 7, "lo', '{"run": 7}', '{"run": 7, "x": "' + "y" * 200_000, "\x00\x00"])
    def test_a_torn_last_line(self, tmp_path: Path, torn: str) -> None:
        path = tmp_path / "runs.jsonl"
        append_line(path, {"run": 0})
        with path.open("a") as stream:
            stream.write(torn)
        whole = torn == '{"run": 7}'
        before = [{"run": 0}, {"run": 7}] if whole else [{"run": 0}]
        assert read_lines(path) == before
        append_line(path, {"run": 1})
        assert read_lines(path) == [*before, {"run": 1}]

    def test_a_file_of_one_torn_line(self, tmp_path: Path) -> None:
        path = tmp_path / "runs.jsonl"
        path.write_text('{"ru')
        assert read_lines(path) == []
        append_line(path, {"run": 1})
        assert path.read_text() == '{"run": 1}\n'

    def test_damage_elsewhere_is_refused(self, refused: Any, tmp_path: Path) -> None:
        path = tmp_path / "runs.jsonl"
        path.write_text('{"run": 0}\n{"ru\n{"run": 1}\n')
        assert "line 2" in refused(DataError, read_lines, path)
        path.write_text('{"run": 0}\n[1]\n')
        assert "line 2" in refused(DataError, read_lines, path)

    def test_a_missing_file(self, refused: Any, tmp_path: Path) -> None:
        assert read_lines(tmp_path / "r.jsonl", missing_ok=True) == []
        assert "no file" in refused(DataError, read_lines, tmp_path / "r.jsonl")
        assert "create the folder" in refused(DataError, append_line, tmp_path / "no" / "r.jsonl", {})

    def test_a_short_write_is_taken_back(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "r.jsonl"
        append_line(path, {"run": 0})
        real = os.write
        monkeypatch.setattr(module.os, "write", lambda fd, data: real(fd, data[:4]))
        with pytest.raises(DataError, match="only 4 of 11 bytes"):
            append_line(path, {"run": 1})
        monkeypatch.undo()
        assert path.read_text() == '{"run": 0}\n'

    def test_several_processes_append_to_one_file(self, tmp_path: Path) -> None:
        path = tmp_path / "runs.jsonl"
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=_append_many, args=(str(path), worker)) for worker in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert [worker.exitcode for worker in workers] == [0, 0]
        records = read_lines(path)
        assert sorted((record["worker"], record["index"]) for record in records) == [
            (worker, index) for worker in range(2) for index in range(50)
        ]


def _append_many(path: str, worker: int) -> None:
    for index in range(50):
        append_line(path, {"worker": worker, "index": index, "pad": "x" * 3000}, sync=False)
