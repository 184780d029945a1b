"""Small tables of plain numbers: read without polars, to the same bits, and everything else left to it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold import DataError, read_runs
from tenfold.io import plain_tables, text_tables
from tenfold.io.plain_tables import plain_table

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(1e-3, 1e12).map(lambda value: f"{value:.17e}"),
    st.integers(-(10**22), 10**22).map(str),
    st.from_regex(r"-?[0-9]{1,30}\.[0-9]{1,30}([eE][-+]?[0-9]{1,2})?", fullmatch=True),
)
ODD = st.sampled_from(
    ["", " 1", "1 ", "nan", "NaN", "inf", "+1", "1_0", "1.", ".5", "1e999", '"1"', "x", "true", "0x1", "1,5"]
)


@st.composite
def tables(draw, cells):
    width = draw(st.integers(1, 3))
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = [",".join(["loss", "params", "seed"][:width]), *(",".join(row) for row in rows)]
    return (end.join(lines) + draw(st.sampled_from(["", end]))).encode()


def both(data: bytes, folder) -> list:
    """What is read by the short way, where it is taken, and by the long one; or the error's words."""
    path = folder / "runs.csv"
    path.write_bytes(data)
    out = []
    with pytest.MonkeyPatch.context() as patch:
        for way in (plain_table, lambda *_: None):
            patch.setattr(text_tables, "plain_table", way)
            try:
                out.append(read_runs(path))
            except DataError as error:
                out.append(str(error))
    return out


def alike(one, two) -> bool:
    if isinstance(one, str) or isinstance(two, str):
        return one == two
    assert [*one.columns] == [*two.columns]
    assert [*one.labels] == [*two.labels]
    assert (one.notes, one.source, one.conventions) == (two.notes, two.source, two.conventions)
    return all(one.columns[name].tobytes() == two.columns[name].tobytes() for name in one.columns)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("plain")


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(data=tables(NUMBERS))
def test_plain_numbers_are_read_to_the_same_bits(data, folder):
    assert alike(*both(data, folder))


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(data=tables(st.one_of(NUMBERS, ODD)))
def test_anything_odd_is_read_as_before(data, folder):
    assert alike(*both(data, folder))


@pytest.mark.parametrize("cell", ["", " 1", "nan", "inf", "+1", "1_0", "1.", ".5", "1e999", '"1"', "x", "1,2", "٣"])
def test_what_is_not_a_plain_number_is_left_to_the_library(cell):
    assert plain_table(f"loss,params\n1.5,2\n{cell},3\n".encode(), ("loss", "params"), ",") is None


@pytest.mark.parametrize("text", ["a,b\n1,2\n\n3,4\n", "a,b\n1,2\n3\n", "a,b", "\na,b\n1,2\n", "a,b\n1,2\n\n", ""])
def test_blank_lines_and_missing_fields_too(text):
    assert plain_table(text.encode(), ("a", "b"), ",") is None


def test_a_long_table_and_an_unnamed_column_too(monkeypatch):
    assert plain_table(b"a,b\n1,2\n", ("a", ""), ",") is None
    monkeypatch.setattr(plain_tables, "LARGEST", 7)
    assert plain_table(b"a,b\n1,2\n", ("a", "b"), ",") is None


def test_filters_units_and_other_names_work_on_it(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("Model Size (B);D;loss\n1;2e10;3.5\n7;1.4e11;2.75\n")
    runs = read_runs(path, columns={"tokens": "D"}, where="loss < 3 and D > 1e11")
    assert runs.columns["params"].tolist() == [7e9]
    assert runs.columns["tokens"].tolist() == [1.4e11]
    assert read_runs(path, group="D").labels["group"].names == ("1.4e11", "2e10")


def test_a_fit_of_such_a_table_does_not_import_the_library(tmp_path):
    path = tmp_path / "runs.csv"
    rows = [
        f"{n:.6g},{d:.6g},{1.7 + 400 * n**-0.34 + 400 * d**-0.28:.8g}"
        for n in np.geomspace(1e7, 1e9, 4)
        for d in (1e9, 1e10, 1e11)
    ]
    path.write_text("\n".join(["params,tokens,loss", *rows]))
    code = (
        "import sys; from tenfold.cli import main\n"
        f"code = main(['fit', {str(path)!r}, '--law', 'chinchilla', '--draws', 'none', '--json'])\n"
        "sys.exit(code or 7 * ('polars' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
