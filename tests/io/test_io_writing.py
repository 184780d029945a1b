"""Writing runs: what is written is read back the same, atomically, and a wrong name says which are right."""

import numpy as np
import pytest

from tenfold import ConfigError, DataError, Runs
from tenfold.core.axes import Conventions
from tenfold.core.runs import Labels
from tenfold.io import read_runs
from tenfold.io.writing import FORMATS, write_runs


def table():
    return Runs(
        {"params": [1e6, 2.5e7, np.nan], "loss": [3.1234567890123456, np.nan, 1e-300], "width": [8, 16, 32]},
        {"part": Labels.of(["a, b", None, 'say "c"'])},
        Conventions(params="non-embedding", loss="bits/byte"),
    )


@pytest.mark.parametrize("suffix", FORMATS)
def test_round_trip(tmp_path, suffix):
    path = tmp_path / f"runs{suffix}"
    write_runs(path, table())
    back = read_runs(path)
    for name, values in table().columns.items():
        assert np.array_equal(back.columns[name], values, equal_nan=True), name
    assert back.labels["part"].values() == table().labels["part"].values()
    assert back.conventions == table().conventions
    assert [each.name for each in tmp_path.iterdir()] == [path.name]  # no temporary file is left


def test_infinity_is_kept_where_the_format_has_it(tmp_path):
    runs = Runs({"x": [1.0, np.inf], "loss": [2.0, 3.0]})
    write_runs(tmp_path / "runs.parquet", runs)
    assert read_runs(tmp_path / "runs.parquet").column("x")[1] == np.inf
    write_runs(tmp_path / "runs.csv", runs)
    assert np.isnan(read_runs(tmp_path / "runs.csv").column("x")[1])


def test_wrong_names(tmp_path):
    with pytest.raises(ConfigError, match=r"end it in \.csv, \.jsonl, \.parquet"):
        write_runs(tmp_path / "runs.xlsx", table())
    with pytest.raises(DataError, match="create the folder first"):
        write_runs(tmp_path / "none" / "runs.csv", table())
