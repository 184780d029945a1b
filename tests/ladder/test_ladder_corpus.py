"""Texts: deterministic, split by file, hashed, and refused with a reason when they do not serve."""

from __future__ import annotations

import hashlib
import platform

import numpy as np
import pytest
from ladder_texts import write_text

from tenfold.core.errors import ConfigError, DataError
from tenfold.ladder.corpora import CorpusSpec, folder_corpus, load_corpus, require_windows, stdlib_corpus
from tenfold.ladder.corpora import text as module


def test_a_folder_is_split_by_file_and_joined(tmp_path):
    write_text(tmp_path / "a", files=32)
    made = folder_corpus(tmp_path / "a")
    parts = [made.train.tobytes().split(b"\0"), made.withheld.tobytes().split(b"\0")]
    files = {path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert [len(part) for part in parts] == [30, 2]
    assert set(parts[0]) | set(parts[1]) == files
    assert made.n_files == 32
    assert made.sha256 == hashlib.sha256(made.train.tobytes()).hexdigest()


def test_the_same_text_gives_the_same_arrays(tmp_path):
    for name in ("a", "b"):
        write_text(tmp_path / name)
    first, second = (folder_corpus(tmp_path / name) for name in ("a", "b"))
    assert first.sha256 == second.sha256
    assert np.array_equal(first.withheld, second.withheld)
    (tmp_path / "b" / "text03.txt").write_text("one more")
    assert folder_corpus(tmp_path / "b").sha256 != first.sha256


def test_codes_have_seven_bits(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.txt").write_bytes(bytes(range(256)) * 2)
    made = folder_corpus(tmp_path)
    expected = list(range(128)) + [127] * 128
    assert made.withheld.tolist() == expected * 2
    assert not made.train.flags.writeable


def test_what_is_left_out(tmp_path):
    write_text(tmp_path, files=4)
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "huge.txt").write_text("x" * 5000)
    (tmp_path / "notes.md").write_text("not this")
    for folder in ("site-packages", "__pycache__"):
        write_text(tmp_path / "sub" / folder, files=1)
    assert folder_corpus(tmp_path, pattern="*.txt", max_file_bytes=5000).n_files == 4
    assert folder_corpus(tmp_path, pattern="*.txt", max_file_bytes=5001).n_files == 5


def test_the_interpreter_s_sources(monkeypatch, tmp_path):
    """An installation without its test folder serves as well; it has another hash."""
    library = write_text(tmp_path / "lib", files=20)
    for path in library.iterdir():
        path.rename(path.with_suffix(".py"))
    monkeypatch.setattr(module.sysconfig, "get_paths", lambda: {"stdlib": str(library)})
    bare = stdlib_corpus()
    assert bare.python == platform.python_version()
    assert bare.python in bare.name
    write_text(library / "test", files=3)
    for path in (library / "test").iterdir():
        path.rename(path.with_suffix(".py"))
    full = stdlib_corpus()
    assert (bare.n_files, full.n_files) == (20, 23)
    assert bare.sha256 != full.sha256


def test_texts_that_do_not_serve(tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        folder_corpus(tmp_path / "absent")
    with pytest.raises(DataError, match="found 0 text files"):
        folder_corpus(tmp_path)
    write_text(tmp_path, files=1)
    with pytest.raises(DataError, match="found 1 text files"):
        folder_corpus(tmp_path)
    write_text(tmp_path, files=3, words=2)
    with pytest.raises(DataError, match="too few for one window of 64"):
        require_windows(folder_corpus(tmp_path), context=64)
    with pytest.raises(ConfigError, match="nothing to train on"):
        folder_corpus(tmp_path, withhold=1)
    for wrong, path in ((CorpusSpec(kind="folder"), "corpus.path"), (CorpusSpec(kind="web"), "corpus.kind")):
        with pytest.raises(ConfigError) as caught:
            load_corpus(wrong)
        assert caught.value.path == path
