"""``tenfold arena`` as a stranger uses it: its own tables, a folder of tables, files, interruption and wrong input."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tenfold.cli import main

CARD = 'title = "t"\nsource = "s"\n[[task]]\nname = "curve"\nscale = "flops"\nfit = "flops < 1e19"\ninputs = ["flops"]\n'
QUICK = ("--laws", "power_offset,power", "--resamples", "20", "--workers", "1")


@pytest.fixture
def call(capsys):
    """Run a command in this process; gives exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    x = np.geomspace(1e16, 1e20, 17)
    for name, floor in (("one", 1.5), ("two", 3.0)):
        y = (floor + 40.0 * x**-0.1) * np.exp(0.003 * rng.standard_normal(len(x)))
        rows = [f"{a!r},{b!r}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        (path / f"{name}.csv").write_text("\n".join(["flops,loss", *rows]) + "\n")
        (path / f"{name}.card.toml").write_text(CARD)
    return path


def test_without_a_folder_the_tables_of_tenfold_play(call):
    code, out, err = call("arena", "--laws", "chinchilla", "--resamples", "0", "--workers", "1")
    assert (code, err) == (0, "")
    assert out.startswith("chinchilla errs least")
    for text in ("log-linear", "1 task from 1 table", "tenfold arena FOLDER", "docs/arena.md"):
        assert text in out


def test_a_folder_of_tables_gives_a_table_and_a_page(call, folder, tmp_path):
    out = tmp_path / "out"
    code, text, err = call("arena", folder, *QUICK, "--no-own", "--out", out)
    assert (code, err) == (0, "")
    assert sorted(os.listdir(out)) == ["arena.html", "arena.json", "entries.jsonl", "table.csv"]
    saved = json.loads((out / "arena.json").read_text())
    assert set(saved) == {"settings", "without", "summary", "entries"}
    assert len(saved["entries"]) == 2 * 5
    assert set(saved["summary"]) == {"contestants", "duels", "coverage", "tables"}
    rows = list(csv.DictReader(io.StringIO((out / "table.csv").read_text())))
    assert [(row["table"], row["contestant"]) for row in rows] == [
        (entry["table"], entry["contestant"]) for entry in saved["entries"]
    ]
    first, entry = rows[0], saved["entries"][0]
    assert float(first["log_error"]) == entry["log_error"]
    assert float(first["inside_0.9"]) == entry["inside"]["0.9"]
    page = (out / "arena.html").read_text()
    assert '<section id="verdict"' in page
    assert 'id="plot-errors"' in page
    assert f"wrote {out / 'arena.html'}" in text.replace("\n", "")
    again = json.loads(call("arena", folder, *QUICK, "--no-own", "--out", out, "--json")[1])
    assert again == saved, "the second call plays nothing and finds the same"
    code, text, _ = call("report", out / "arena.json", "--html", tmp_path / "again.html")
    assert (code, (tmp_path / "again.html").read_text()) == (0, page)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--laws", "chinchila"), "did you mean 'chinchilla'?"),
        (("--laws", "atuo"), "did you mean 'auto'?"),
        (("--objectives", "hubre"), "did you mean 'huber'?"),
        (("--only", "bites"), "did you mean 'bytes'?"),
        (("nowhere",), "no folder 'nowhere'"),
        (("--resamples", "-1"), "resamples = -1 is negative"),
        (("--no-own",), "the arena has no task"),
        (("--lwas", "m4"), "--lwas"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(call, arguments, words):
    code, out, err = call("arena", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_an_interrupted_arena_keeps_what_it_finished_and_goes_on(folder, tmp_path):
    command = [sys.executable, "-m", "tenfold", "arena", str(folder), "--no-own", "--out", str(tmp_path)]
    command += ["--laws", "power_offset", "--resamples", "1500", "--workers", "1"]
    path = tmp_path / "entries.jsonl"
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while process.poll() is None and not (path.exists() and path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    done = [json.loads(line) for line in path.read_text().splitlines()]
    assert done, "the first task was finished before the signal"
    if process.returncode == 130:
        assert "interrupted; finished work is kept" in err
        assert os.listdir(tmp_path) == ["entries.jsonl"]
    else:  # it was done before the signal came
        assert process.returncode == 0
    kept = path.read_text()
    again = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert "2 tasks from 2 tables" in again.stdout
    assert path.read_text().startswith(kept)
    assert len(path.read_text().splitlines()) == 2 * 4
