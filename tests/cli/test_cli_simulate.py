"""``tenfold simulate`` as a stranger uses it: list, settings, runs, the fit that it names, and wrong input."""

from __future__ import annotations

import json
import shlex

import pytest

from tenfold.cli import main
from tenfold.simulate import kinds

QUICK = ("task-mixture", "--set", "trained=16,rare=3", "--set", "largest=4096")


@pytest.fixture
def call(capsys):
    """Run a command in this process; gives exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return run


def test_without_a_kind_all_models_are_listed(call):
    code, out, err = call("simulate")
    assert (code, err) == (0, "")
    for name in kinds():
        assert f"  {name} " in out
    listed = json.loads(call("simulate", "--json")[1])["models"]
    assert [model["name"] for model in listed] == list(kinds())
    assert set(listed[0]) == {"name", "summary", "cite", "settings"}


def test_settings_of_a_model(call):
    code, out, _ = call("simulate", "task_mixture", "--settings")
    assert code == 0
    for text in ("alpha", "0.5", "how fast frequencies fall", "arXiv:2605.29548"):
        assert text in out


def test_theory_stands_beside_what_was_measured(call):
    code, out, err = call("simulate", *QUICK)
    assert (code, err) == (0, "")
    assert out.startswith("task-mixture: ")
    assert "all 4 exponents as theory says" in out
    assert "add --out runs.csv" in out


def test_json_has_the_stable_keys(call):
    value = json.loads(call("simulate", *QUICK, "--seed", "3", "--json")[1])
    assert set(value) == {"kind", "settings", "runs", "truth", "measured", "met", "out"}
    assert value["settings"]["trained"] == 16
    assert value["settings"]["seed"] == 3
    assert set(value["truth"]["exponents"]) == set(value["measured"]) == set(value["met"])
    assert value["out"] is None


def test_the_command_that_it_names_shows_the_exponent(call, tmp_path):
    path = tmp_path / "my runs.csv"
    out = call("simulate", *QUICK, "--out", path)[1]
    lines = out.replace("\n", " ").split("Next:")[1].split()
    command = shlex.split(" ".join(lines))
    assert command[:2] == ["tenfold", "fit"]
    code, fitted, _ = call(*command[1:], "--json")
    assert code == 0
    assert json.loads(fitted)["coef"]["b"] == pytest.approx(-0.5, abs=0.05)  # the widths end at 4096


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("task-mixtur",), "did you mean 'task-mixture'?"),
        (("task-mixture", "--set", "alfa=1"), "did you mean 'alpha'?"),
        (("task-mixture", "--set", "alpha=many"), "'many' is not a number"),
        (("task-mixture", "--set", "alpha"), "--set takes name=value"),
        (("task-mixture", "--set", "rare=2.5"), "rare must be a whole number"),
        (("task-mixture", "--set", "trained=1k"), "trained must be between 16 and 128, got 1000"),
        (("task-mixture", "--seed", "-1"), "seed must not be negative, got -1"),
        (("task-mixture", "--out", "runs.xls"), "end it in .csv, .jsonl, .parquet"),
        (("ladder", "--set", "law=chinchila"), "did you mean 'chinchilla'?"),
    ],
)
def test_wrong_input_is_one_line(call, arguments, words):
    code, out, err = call("simulate", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    code, out, _ = call("simulate", *arguments, "--json")
    assert code == 2
    assert set(json.loads(out)["error"]) == {"kind", "message", "hint"}
