"""The verb on a small folder of tables: what is played, what is resumed, nulls and means by hand."""

from __future__ import annotations

import importlib
import json
import math

import numpy as np
import pytest

from tenfold.arena import arena, contest, gather, summarise
from tenfold.arena.arena import LAWS
from tenfold.arena.scores import CAP
from tenfold.core.errors import ConfigError, LawError
from tenfold.io.results import plain

CARD = """title = "A table of the tests"
source = "made up"

[[task]]
name = "curve"
scale = "flops"
fit = "flops < 1e19"
inputs = ["flops"]
paper = "power"
"""


def values(floor: float, x: np.ndarray) -> np.ndarray:
    return floor + 40.0 * x**-0.1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two tables of one law each, noiseless: what a right law predicts is right."""
    path = tmp_path_factory.mktemp("tables")
    x = np.geomspace(1e16, 1e20, 13)
    for name, floor in (("one", 1.5), ("two", 3.0)):
        rows = [f"{a!r},{b!r}" for a, b in zip(x.tolist(), values(floor, x).tolist(), strict=True)]
        (path / f"{name}.csv").write_text("\n".join(["flops,loss", *rows]) + "\n")
        (path / f"{name}.card.toml").write_text(CARD)
    (path / "three.csv").write_text("flops,loss\n1e18,2\n")
    (path / "three.card.toml").write_text('title = "t"\nsource = "s"\nnone = "one row"\n')
    return path


def play(folder, **options):
    given = {"laws": ["power_offset", "paper"], "own": False, "resamples": 0, "workers": 1}
    return arena([folder], **{**given, **options})


@pytest.fixture(scope="module")
def made(folder):
    return play(folder)


def of(entries, contestant: str):
    return [entry for entry in entries if entry["contestant"] == contestant]


def test_every_contestant_plays_every_table(made):
    names = {"power_offset", "paper", "last value", "log-linear", "nearest size"}
    assert {(e["table"], e["contestant"]) for e in made.entries} == {(t, n) for t in ("one", "two") for n in names}
    assert made.without == {"three": "one row"}
    assert (made.settings["tasks"], made.settings["tables"]) == (2, 2)
    assert {e["fitted"] for e in made.entries} == {9}  # 1e19 itself is withheld
    assert {e["withheld"] for e in made.entries} == {4}
    assert {e["made_of"] for e in of(made.entries, "paper")} == {"power"}


def test_the_true_law_is_right_and_without_resamples_no_interval_is_claimed(made):
    for entry in of(made.entries, "power_offset"):
        assert entry["log_error"] < 1e-6  # noiseless: what is left is the solver's tolerance
        assert entry["r2"] > 1 - 1e-6
        assert entry["inside"] == {}
    assert all(entry["log_error"] > 1e-3 for entry in of(made.entries, "paper"))  # a power law without a floor


def test_nulls_by_hand(folder, made):
    x = np.geomspace(1e16, 1e20, 13)
    small, large = x[:9], x[9:]
    for table, floor in (("one", 1.5), ("two", 3.0)):
        y, truth = values(floor, small), values(floor, large)
        slope, start = np.polyfit(np.log(small), np.log(y), 1)
        expected = {
            "last value": np.abs(np.log(y[-1] / truth)).mean(),
            "nearest size": np.abs(np.log(y[-1] / truth)).mean(),  # along one axis the nearest run is the last
            "log-linear": np.abs(start + slope * np.log(large) - np.log(truth)).mean(),
        }
        for name, error in expected.items():
            (entry,) = [e for e in of(made.entries, name) if e["table"] == table]
            assert entry["log_error"] == pytest.approx(error, rel=1e-9), (table, name)
    tasks, _ = gather([folder])
    assert tasks[0].reach == pytest.approx(math.log10(1e20 / small[-1]))


def test_laws_of_other_axes_stay_silent(folder):
    made = play(folder, laws=["chinchilla"], nulls=False)
    assert made.entries == ()
    assert made.to_dict()["summary"]["contestants"] == {}


def test_several_objectives_are_several_contestants(folder):
    made = play(folder, laws=["power"], objectives=["huber:1e-3", "squared"], nulls=False, only=["one"])
    assert [e["contestant"] for e in made.entries] == ["power", "power (squared)"]
    assert made.entries[0]["log_error"] != made.entries[1]["log_error"]


def test_a_stopped_arena_goes_on(folder, tmp_path, monkeypatch):
    whole = play(folder, out=tmp_path)
    path = tmp_path / "entries.jsonl"
    lines = path.read_text().splitlines()
    assert len(lines) == len(whole.entries) == 10
    path.write_text("\n".join(lines[::2]) + '\n{"key": "torn')  # half of it, and a line that a killed process left
    module = importlib.import_module("tenfold.arena.arena")
    played = []

    def watched(task, contestant, **options):
        played.append((task.table, contestant.name))
        return contest.play(task, contestant, **options)

    monkeypatch.setattr(module, "play", watched)
    again = play(folder, out=tmp_path)
    missing = [json.loads(line) for line in lines[1::2]]
    assert played == [(entry["table"], entry["contestant"]) for entry in missing]
    timeless = [{k: v for k, v in plain(e).items() if k != "seconds"} for e in again.entries]
    assert timeless == [{k: v for k, v in plain(e).items() if k != "seconds"} for e in whole.entries]
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()]  # every line is whole again
    played.clear()
    play(folder, out=tmp_path)
    assert played == []
    play(folder, out=tmp_path, seed=1)
    assert len(played) == 10, "another seed is another arena"


def entry(table: str, task: str, contestant: str, error: float | None, reach: float = 0.5, **more):
    base = {"table": table, "task": task, "contestant": contestant, "seconds": 1.0, "reach": reach, "withheld": 4}
    if error is None:
        return {**base, "reason": "did not fit"}
    held = {key: {"0.5": 0.5, "0.9": value} for key, value in more.items()}
    return {
        **base,
        "log_error": error,
        "relative": error,
        "r2": 0.5,
        "inside": {},
        "width": {},
        "interval_score": {},
        **held,
    }


def test_means_count_every_table_once():
    entries = [
        entry("a", "1", "auto", 0.1, inside=1.0, interval_score=0.4),
        entry("a", "2", "auto", 0.3, inside=0.5, interval_score=0.8),
        entry("b", "1", "auto", 0.4, reach=1.0, inside=0.0, interval_score=1.0),
        entry("a", "1", "m4", 0.2, interval_score=0.6),
        entry("a", "2", "m4", None),
        entry("b", "1", "m4", 0.1, interval_score=0.5),
    ]
    made = summarise(entries)
    ours = made["contestants"]["auto"]
    assert ours["log_error"] == pytest.approx((0.2 + 0.4) / 2)  # not the mean over three tasks
    assert ours["inside_0.9"] == pytest.approx((0.75 + 0.0) / 2)
    assert (ours["tasks"], ours["tables"], ours["failed"], ours["seconds"]) == (3, 2, 0, 3.0)
    other = made["contestants"]["m4"]
    assert (other["failed"], other["tables"]) == (1, 2)
    assert other["log_error"] == pytest.approx(((0.2 + CAP) / 2 + 0.1) / 2)  # a failure counts as a factor of ten
    assert other["relative"] == pytest.approx((0.2 + 0.1) / 2)  # of what was predicted
    duel = made["duels"]["m4"]
    theirs = (0.2 + CAP) / 2  # a failure counts as a factor of ten
    assert duel["log_error"] == pytest.approx([0.3, (theirs + 0.1) / 2])
    assert duel["by_table"] == {"a": pytest.approx([0.2, theirs]), "b": pytest.approx([0.4, 0.1])}
    assert duel["ratio"] == pytest.approx(math.sqrt(0.2 / theirs * 0.4 / 0.1))
    assert (duel["tables_won"], duel["tasks_won"], duel["tables"], duel["tasks"]) == (1, 2, 2, 3)
    assert duel["interval_score"] == pytest.approx([(0.4 + 1.0) / 2, (0.6 + 0.5) / 2])  # where both have one
    rows = made["coverage"]["auto"]
    assert [(row["from"], row["tables"], row["tasks"], row["points"]) for row in rows] == [(0.4, 1, 2, 8), (0.8, 1, 1, 4)]
    assert rows[0]["inside_0.9"] == pytest.approx(0.75)
    assert made["tables"]["a"] == {"auto": pytest.approx(0.2), "m4": pytest.approx(theirs)}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"laws": ["atuo"]}, LawError, "did you mean 'auto'?"),
        ({"laws": ["chinchila"]}, LawError, "did you mean 'chinchilla'?"),
        ({"objectives": ["hubr"]}, ConfigError, "did you mean 'huber'?"),
        ({"only": ["oen"]}, ConfigError, "did you mean 'one'?"),
        ({"only": ["three"]}, ConfigError, "no task (three: one row)"),
        ({"seed": -1}, ConfigError, "seed = -1 is negative"),
        ({"resamples": -5}, ConfigError, "resamples = -5 is negative"),
        ({"workers": -1}, ConfigError, "workers = -1 is negative"),
    ],
)
def test_bad_input_is_refused_before_anything_is_played(folder, options, error, words):
    with pytest.raises(error) as caught:
        play(folder, **options)
    assert words in str(caught.value)


def test_out_must_be_a_folder(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot make the folder"):
        play(folder, out=tmp_path / "file")


def test_laws_by_default_are_the_choice_the_papers_and_single_laws():
    assert LAWS[:2] == ("auto", "paper")
