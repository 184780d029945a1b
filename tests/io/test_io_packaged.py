"""Packaged tables: found by looking into a folder, read with what their sidecars say."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from tenfold.core import ConfigError, DataError
from tenfold.io import packaged, packaged_table, packaged_tables, read_runs

SIDECAR = """
title = "A test"
[conventions]
params = "non-embedding"
loss = "nats/token"
[columns]
params = "Size"
[units]
params = "M"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "ladder.csv").write_text("Size,loss\n1,3.5\n2,3.25\n")
    (tmp_path / "ladder.toml").write_text(SIDECAR)
    (tmp_path / "bare.csv.gz").write_bytes(gzip.compress(b"params,loss\n1e6,3.5\n"))
    (tmp_path / "README.md").write_text("")
    monkeypatch.setattr(packaged, "FOLDER", tmp_path)
    return tmp_path


def test_found(folder: Path) -> None:
    tables = packaged_tables()
    assert list(tables) == ["bare", "ladder"]
    assert tables["ladder"].sidecar["title"] == "A test"
    assert tables["bare"].sidecar == {}
    assert packaged_table("bare").path == folder / "bare.csv.gz"
    assert packaged_tables(folder / "nowhere") == {}


@pytest.mark.usefixtures("folder")
def test_read_with_the_sidecar() -> None:
    runs = read_runs("data:ladder")
    assert runs.source == "data:ladder"
    assert runs.columns["params"].tolist() == [1e6, 2e6]
    assert runs.conventions.stated() == {"params": "non-embedding", "loss": "nats/token"}
    assert len(read_runs("data:ladder", where="loss < 3.3")) == 1
    assert read_runs("data:bare").conventions.stated() == {}


@pytest.mark.usefixtures("folder")
def test_options_go_over_the_sidecar() -> None:
    runs = read_runs("data:ladder", columns={"params": "loss"}, units={"params": "k"})
    assert runs.columns["params"].tolist() == [3500.0, 3250.0]


def test_refused(refused: Any, folder: Path) -> None:
    assert "did you mean 'ladder'?" in refused(DataError, read_runs, "data:laddr")
    assert "mixed conventions" in refused(DataError, read_runs, "data:ladder", conventions={"params": "total"})
    (folder / "ladder.toml").write_text("conventions = 3\n")
    assert "gives conventions as 3" in refused(ConfigError, read_runs, "data:ladder")
    (folder / "ladder.toml").write_text("conventions = \n")
    assert "not TOML" in refused(ConfigError, read_runs, "data:ladder")


def test_an_empty_installation(refused: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged, "FOLDER", tmp_path)
    assert "give the path of a file" in refused(DataError, read_runs, "data:ladder")


def test_what_comes_with_this_installation_can_be_read() -> None:
    for name in packaged_tables():
        assert len(read_runs(f"data:{name}")) > 0
