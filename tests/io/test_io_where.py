"""Filters: what they keep, what they refuse, and that nothing in them is ever evaluated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tenfold.core import DataError, Runs
from tenfold.io import filter_runs, read_runs

RUNS = read_runs(
    {
        "run": [1, 2, 3, 10],
        "params": [1e9, 2e9, None, 8e9],
        "loss": [3.0, float("nan"), 2.0, float("inf")],
        "status": ["finished", "failed", None, "finished"],
        "group": ["a", "b", "c", "a"],
        "Model Size": [1.0, 2.0, 3.0, 4.0],
        "a.b": [1.0, 0.0, 1.0, 0.0],
        "date": ["2024-01-05", "2024-02-01", "2024-03-01", "2025-01-01"],
    }
)


def kept(where: str) -> list[int]:
    return [int(str(name)) for name in filter_runs(RUNS, where).labels["run"].values()]


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("loss < 2.5", [3]),
        ("not loss < 2.5", [1, 10]),
        ("2.5 > loss", [3]),
        ("loss == 3", [1]),
        ("loss != 3", [3, 10]),
        ("status == 'finished'", [1, 10]),
        ("'finished' == status", [1, 10]),
        ("status != 'finished'", [2]),
        ("not status == 'finished'", [2]),
        ("status is None", [3]),
        ("status is not None and loss is not None", [1, 10]),
        ("params == None", [3]),
        ("params != None", [1, 2, 10]),
        ("run == 2", [2]),
        ("run == '2'", [2]),
        ("run < 10", [1, 2, 3]),
        ("run in (1, 3)", [1, 3]),
        ("run not in ['1', '3']", [2, 10]),
        ("group in ('a', 'b')", [1, 2, 10]),
        ("group not in ('a',)", [2, 3]),
        ("run in ()", None),
        ("1e9 <= params < 8e9", [1, 2]),
        ("1 < run <= 3 and not group == 'b'", [3]),
        ("`Model Size` > 2", [3, 10]),
        ("`a.b` == 1 and 'x`y' != group", [1, 3]),
        ("params / 1e9 == run", [1, 2]),
        ("-loss < -2.5", [1, 10]),
        ("params * 2 - 1e9 >= +1e9 or loss == 2", [1, 2, 3, 10]),
        ("run % 2 == 0", [2, 10]),
        ("run // 2 == 1", [2, 3]),
        ("loss ** 2 == 4", [3]),
        ("'fin' in status", [1, 10]),
        ("'fin' not in status", [2]),
        ("date < '2024-02-15'", [1, 2]),
        ("'2024-02-15' <= date", [3, 10]),
        ("group <= status", [1, 2, 10]),
        ("group == group and loss < 10", [1, 3]),
        ("True", [1, 2, 3, 10]),
        ("`a.b` == True", [1, 3]),
        ("False or loss < 2.5", [3]),
        ("loss < 1e400", [1, 3]),
        ("10**400 > params", [1, 2, 10]),
        ("params < 1e9 ** 1e9", [1, 2, 10]),
        ("(\n loss < 2.5\n or status == 'failed'\n)", [2, 3]),
        ("loss\t<\n2.5", [3]),
        ("loss < 2.5 # a remark", [3]),
        ("1 < 2", [1, 2, 3, 10]),
        ("'a' < 'b'", [1, 2, 3, 10]),
        ("loss in [3, None]", [1, 2]),
    ],
)
def test_what_is_kept(refused: Any, where: str, rows: list[int] | None) -> None:
    if rows is None:
        assert "keeps none of the 4 rows" in refused(DataError, filter_runs, RUNS, where)
    else:
        assert kept(where) == rows


def test_a_missing_value_satisfies_neither_side() -> None:
    for condition in ("params > 1.5e9", "status == 'finished'", "loss < 2.5", "`Model Size` > 2"):
        yes, no = set(kept(condition)), set(kept(f"not ({condition})"))
        assert not yes & no
    assert kept("params > 0 or run == 3") == [1, 2, 3, 10]
    assert kept("not (params > 0 and run == 3)") == [1, 2, 10]


def test_the_note_counts() -> None:
    note = filter_runs(RUNS, "status ==\n 'finished'").notes[-1]
    assert note == "where status == 'finished': left out 2 of 4 rows, 1 of them for a missing value"
    assert filter_runs(RUNS, "run > 0") is RUNS


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("", "the filter is ''"),
        (" \n", "write a condition"),
        (None, "the filter is None"),
        (3, "the filter is 3"),
        ("stat == 'x'", "did you mean 'status'?"),
        ("status == finished", "text goes in quotes"),
        ("`model size` > 1", "did you mean 'Model Size'?"),
        ("Model Size > 1", "cannot read the filter"),
        ("loss <", "cannot read the filter 'loss <'"),
        ("status == 'x", "cannot read the filter"),
        ("loss = 3", "equality is written =="),
        ("params < 7B", "7e9, not 7B"),
        ("`x", "never closed"),
        ("`` == 1", "no column ''"),
        ("a.b == 1", "in `backticks`"),
        ("loss.__class__ == 1", "an attribute"),
        ("__import__('os').system('true')", "a call"),
        ("abs(loss) < 1", "a call: 'abs(loss)'"),
        ("loss[0] < 1", "indexing"),
        ("lambda: 1", "lambda"),
        ("(loss := 3)", "namedexpr"),
        ("f'{loss}' == 'a'", "joinedstr"),
        ("[x for x in loss]", "listcomp"),
        ("loss if loss > 1 else 2", "if and else"),
        ("loss < 3 & params > 1", "write and, or, not"),
        ("~loss", "write not"),
        ("loss @ 3 > 1", "that sign"),
        ("loss", "'loss' is a value"),
        ("loss and True", "'loss' is a value"),
        ("3", "'3' is a value"),
        ("'text'", "is a value"),
        ("loss + 1", "needs a condition"),
        ("(1, 2)", "a list outside of in"),
        ("loss == (1, 2)", "a list outside of in"),
        ("loss < 'x'", "compares text with numbers"),
        ("status < 3", "compares text with numbers"),
        ("status + 1 > 2", "is text where the filter needs a number"),
        ("(loss < 1) + 1 > 2", "is a condition where"),
        ("(loss < 1) == 1", "compares text with numbers"),
        ("None + 1 > 2", "is nothing where"),
        ("group in 'abc'", "after in stands"),
        ("1 in loss", "after in stands"),
        ("loss is 3", "write == or !="),
        ("None == None", "stands for a missing value"),
        ("loss < None", "stands for a missing value"),
        ("b'a' == status", "b'a'"),
        ("1j < loss", "1j"),
        ("... < loss", "Ellipsis"),
        ("1" + "0" * 5000 + " > loss", "cannot read the filter"),
        ("x" * 30_000, "30000 characters"),
        ("not " * 4000 + "True", "filter"),
        ("loss < " + "-" * 9000 + "1", "filter"),
        ("(" * 800 + "loss" + ")" * 800, "filter"),
        ("loss < 3\0", "cannot read the filter"),
        ("loss < 3; loss", "cannot read the filter"),
        ("import os", "cannot read the filter"),
        ("loss > 1e9", "keeps none"),
    ],
)
def test_what_is_refused(refused: Any, where: Any, words: str) -> None:
    assert words in refused(DataError, filter_runs, Runs({"loss": [1.0]}) if where == "loss > 1e9" else RUNS, where)


def test_names_of_the_file_have_the_values_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("Params (B),Val Loss,Model,run_id\n1.4,3.0,x,1\n7,2.5,y,2\n13,2.25,x,3\n")
    for where in ("`Params (B)` == 1.4", "params < 2e9", "`Val Loss` == 3", "loss > 2.9", "run_id == 1"):
        runs = read_runs(path, where=where)
        np.testing.assert_array_equal(runs.columns["params"], [1.4e9])
    assert len(read_runs(path, where="Model == 'x' and `Params (B)` > 2")) == 1


def test_the_exact_name_means_canonical_units() -> None:
    runs = read_runs({"params": [1, 7]}, units={"params": "B"}, where="params > 2e9")
    assert runs.columns["params"].tolist() == [7e9]
