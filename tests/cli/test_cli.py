"""The command line as a stranger uses it: right input, wrong input, pipes, JSON, interruption."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tenfold.cli import main
from tenfold.cli.app import COMMANDS

TOOL = [sys.executable, "-m", "tenfold"]


@pytest.fixture
def call(capsys):
    """Run a command in this process; gives exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return run


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """A CSV with names of its own."""
    from test_fit import grid

    runs = grid(0.003)
    path = tmp_path_factory.mktemp("cli") / "runs.csv"
    rows = zip(runs.column("params") / 1e9, runs.column("tokens") / 1e9, runs.column("loss"), strict=True)
    lines = ["Model Size (B),tokens (B),loss,status,recipe"]
    lines += [f"{n},{d},{y},finished,{'ab'[k % 2]}" for k, (n, d, y) in enumerate(rows)]
    lines += ["1.0,20.0,,failed,a"]
    path.write_text("\n".join(lines) + "\n")
    return path


SIZE = "params=Model Size (B)"


def test_fit_prints_verdict_first_and_what_was_left_out(call, table):
    code, out, err = call("fit", table, "--law", "chinchilla", "--columns", SIZE, "--draws", "bootstrap:50")
    assert code == 0
    assert err == ""
    first, second, *_ = out.splitlines()
    assert first.startswith("Trust: ")
    assert second.startswith("chinchilla describes 36 runs")
    assert "Certificate" in out
    assert "status" in out
    assert re.search(r"[Ll]eft out 1 row", out), out


def test_fit_json_has_the_stable_keys(call, table):
    code, out, _ = call("fit", table, "--law", "chinchilla", "--columns", SIZE, "--json", "--draws", "none")
    value = json.loads(out)
    assert code == 0
    assert {"law", "coef", "objective", "value", "n", "status", "certificate"} <= set(value)
    assert {"agree", "basins", "condition", "at_bound", "span", "influence", "sensitivity"} <= set(value["certificate"])
    assert value["n"] == 36
    assert 0 <= value["certificate"]["agree"] <= 1


def test_groups_where_units_and_fixed(call, table):
    code, out, _ = call(
        "fit", table, "--law", "chinchilla", "--columns", SIZE, "--group", "recipe", "--where", "loss < 10", "--fixed", "E=1.8", "--json",
        "--draws", "none",
    )  # fmt: skip
    value = json.loads(out)
    assert code == 0
    assert set(value["groups"]) == {"a", "b"}
    assert value["groups"]["a"]["coef"]["E"] == 1.8
    assert value["groups"]["a"]["n"] == 18


def test_forecast_says_rehearsal_in_the_line_of_the_number(call, table):
    code, out, _ = call("forecast", table, "--columns", SIZE, "--at", "params=3B,tokens=60B", "--draws", "bootstrap:50")
    assert code == 0
    flat = " ".join(out.split())
    assert re.search(r"loss \d\.\d+ \[\d\.\d+, \d\.\d+\] \(90 %\).*rehearsed on", flat), flat
    code, out, _ = call(
        "forecast", table, "--columns", SIZE, "--at", "params=3B,tokens=60B", "--where", "params < 0.2B", "--json"
    )
    assert code in (0, 2)


def test_forecast_from_published_constants(call):
    code, out, _ = call("forecast", "--law", "chinchilla:hoffmann", "--at", "params=70B,tokens=1.4T", "--json")
    value = json.loads(out)
    assert code == 0
    assert value["source"] == "evidence:hoffmann"
    assert value["rehearsal"]["status"] == "unrehearsed"
    assert value["intervals"] == {}


def test_plan_json(call, table):
    code, out, _ = call(
        "plan", table, "--columns", SIZE, "--flops", "1e22", "--serve-tokens", "0.1T", "--json", "--draws", "bootstrap:50"
    )
    value = json.loads(out)
    assert code == 0
    for key in ("params", "tokens", "loss"):
        assert set(value[key]) == {"value", "interval"}
    assert value["binding"] == "flops"
    assert [route["name"] for route in value["isoflop"]["routes"]] == [
        "approach 1",
        "approach 2",
        "approach 3 (chinchilla)",
    ]


def test_laws_list_search_and_show(call):
    from tenfold.laws import laws

    _, out, _ = call("laws", "--json")
    assert [law["name"] for law in json.loads(out)["laws"]] == list(laws())
    _, out, _ = call("laws")
    assert all(name in out for name in laws())
    _, out, _ = call("laws", "--search", "Muennighoff", "--json")
    assert [law["name"] for law in json.loads(out)["laws"]] == ["data_constrained"]
    _, out, _ = call("laws", "show", "chinchilla")
    assert "2203.15556" in out
    code, _, err = call("laws", "show", "chinchila")
    assert code == 2
    assert "did you mean 'chinchilla'" in err


def test_results_become_pages(call, table, tmp_path):
    saved, page = tmp_path / "fit.json", tmp_path / "fit.html"
    assert call("fit", table, "--law", "chinchilla", "--columns", SIZE, "--out", saved, "--draws", "none")[0] == 0
    assert call("report", saved, "--html", page)[0] == 0
    text = page.read_text()
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert "chinchilla" in text
    (tmp_path / "other.json").write_text("[1, 2]")
    code, _, err = call("report", tmp_path / "other.json", "--html", page)
    assert code == 2
    assert "other.json" in err or "result" in err


BAD = [
    (["fit", "nothing.csv"], "nothing.csv"),
    (["fit", "{table}", "--columns", "params=Model Sise"], "did you mean"),
    (["fit", "{folder}/bare.csv"], "params"),
    (["fit", "{table}", "--columns", SIZE, "--law", "chinchila"], "did you mean 'chinchilla'"),
    (["fit", "{table}", "--columns", SIZE, "--law", "E + __import__('os')"], "may not call"),
    (["fit", "{table}", "--columns", SIZE, "--law", "E + N.real"], "may not contain"),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--objective", "hubr:1"], "huber"),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--fixed", "alpha"], "name=value"),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--fixed", "alpha=x"], "not a number"),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--bounds", "alpha=1"], "low:high"),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--where", "losss < 3"], "did you mean"),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--where", "__import__('os')"], ""),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--where", "loss < 0"], ""),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--units", "loss=furlongs"], "furlongs"),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--convention", "params=all"], "all"),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--draws", "bootstrap:zero"], "2 or more"),
    (["forecast", "{table}", "--columns", SIZE], "--at"),
    (["forecast", "{table}", "--columns", SIZE, "--at", "params=7e10"], "tokens"),
    (["forecast", "{table}", "--columns", SIZE, "--at", "params=-1,tokens=1"], "positive"),
    (["forecast", "{table}", "--law", "chinchilla:besiroglu", "--at", "params=1,tokens=1"], "published"),
    (["forecast", "--law", "chinchilla:nobody", "--at", "params=1,tokens=1"], "nobody"),
    (["plan", "{table}", "--columns", SIZE], "--flops"),
    (["plan", "{table}", "--columns", SIZE, "--flops", "lots"], "not a number"),
    (["plan", "{table}", "--columns", SIZE, "--flops", "1e22", "--level", "2"], "between 0 and 1"),
    (["study", "run", "nothing.toml"], "nothing.toml"),
    (["report", "nothing.json", "--html", "x.html"], "nothing.json"),
    (["train", "nothing", "--out", "{folder}"], "nothing"),
    (["fits", "x"], "did you mean 'fit'"),
    (["fit", "{table}", "--columns", SIZE, "--fixed", "alpha=0.3"], "say which with --law"),
    (["fit", "{table}", "--columns", SIZE, "--draws", "bootstrap:zero"], "2 or more"),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--share", "alpha"], "add --group"),
    (
        ["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--group", "recipe", "--partial", "alpha"],
        "3 are needed",
    ),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--prior", "alpha=nobody"], "no published set"),
    (["fit", "{table}", "--law", "chinchilla", "--columns", SIZE, "--tie", "beta=gamma+alpha-N"], "which is an input"),
    (["fit", "{table}", "--law", "mix_exp2", "--columns", SIZE], "share_1"),
    (["laws", "--axis", "expert"], "did you mean 'experts'"),
    (["laws", "--paper", "nobody 1850"], "no law cites"),
    (["evidence", "chinchila"], "did you mean 'chinchilla'"),
    (["evidence", "chinchilla:nobody"], "no published set 'nobody'"),
    (["evidence", "m4"], "ships no published coefficients"),
    (["forecast", "--law", "sparse:t5-c4", "--at", "sparsity=1.5,params=1e9,tokens=1e10"], "between 0 and 1"),
    (["forecast", "--law", "routed:hash", "--at", "params=1e9,experts=8.5"], "whole number"),
    (["fit", "{table}", "--nonsense", "1"], "nonsense"),
    (["fit", "{folder}"], "folder"),
]


@pytest.mark.parametrize(
    ("arguments", "words"), BAD, ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else ""
)
def test_bad_input_is_one_line_and_exit_code_two(call, table, tmp_path, arguments, words):
    (tmp_path / "bare.csv").write_text("loss\n" + "\n".join(f"{3 - k / 10}" for k in range(9)) + "\n")
    filled = [argument.format(table=table, folder=tmp_path) for argument in arguments]
    code, out, err = call(*filled)
    assert code == 2, (out, err)
    assert out == ""
    assert err.startswith("tenfold: ")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    assert "defect" not in err
    assert words in err, err
    code, out, err = call(*filled, "--json")
    if filled[0] != "report" and filled[0] != "fits":
        assert set(json.loads(out)["error"]) == {"kind", "message", "hint"}
    assert code == 2


def test_plan_errors_exit_with_one(call, table):
    code, _, err = call("plan", table, "--columns", SIZE, "--law", "power_offset", "--axis", "tokens", "--flops", "1e22")
    assert code == 1
    assert "size and data" in err


def test_every_command_has_help_with_an_example(call):
    for path in COMMANDS.glob("[a-z]*.py"):
        code, out, _ = call(path.stem.replace("_", "-"), "--help")
        assert code == 0
        assert "Example:" in out, path.stem


def test_output_is_quiet_when_piped(table):
    done = subprocess.run(
        [*TOOL, "fit", str(table), "--law", "chinchilla", "--columns", SIZE, "--json", "--draws", "none"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    json.loads(done.stdout)


def test_a_reader_that_goes_away_is_no_error(table):
    done = subprocess.run(
        f"{sys.executable} -m tenfold laws | head -1", shell=True, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_an_interrupted_command_leaves_no_half_written_result(table, tmp_path):
    out = tmp_path / "result.json"
    # a signal that comes before Python listens kills it whatever the command does, so wait until it does
    begin = "print('listening', flush=True); from tenfold.cli import main; main()"
    arguments = ["forecast", str(table), "--columns", SIZE, "--at", "params=1B,tokens=20B", "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-c", begin, *arguments, "--draws", "bootstrap:200000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "listening\n"
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in (0, 130)
    leftovers = [name for name in os.listdir(tmp_path) if name != "result.json"]
    assert leftovers == []
    if out.exists():
        json.loads(out.read_text())
    else:
        assert process.returncode == 130


def test_an_interruption_while_commands_are_imported_is_one_line_too():
    begin = "import builtins\nfrom tenfold.cli import main\n"
    begin += "keep = builtins.__import__\n"
    begin += "def stop(name, *rest):\n"
    begin += "    if name == 'tenfold.cli.app':\n        raise KeyboardInterrupt\n"
    begin += "    return keep(name, *rest)\n"
    begin += "builtins.__import__ = stop\nmain()"
    done = subprocess.run([sys.executable, "-c", begin, "laws"], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "tenfold: interrupted before anything was done\n"


def test_evidence_says_where_a_number_stands(call):
    code, out, _ = call("evidence", "chinchilla:besiroglu", "--json")
    assert code == 0
    (found,) = json.loads(out)["evidence"]
    assert found["law"] == "chinchilla"
    assert found["coef"]["alpha"] == pytest.approx(0.3478, abs=1e-3)
    assert found["conventions"] == {"params": "total", "flops": "6ND", "loss": "nats/token"}
    assert found["span"]["N"][0] > 1e7
    code, out, _ = call("evidence", "chinchilla")
    assert code == 0
    assert "chinchilla:hoffmann" in out


def test_laws_are_found_by_axis_paper_and_output(call):
    names = {}
    for option, value in (
        ("--axis", "experts"),
        ("--paper", "clark 2022"),
        ("--output", "lr_peak"),
        ("--search", "kaplan"),
    ):
        code, out, _ = call("laws", option, value, "--json")
        assert code == 0
        names[option] = {law["name"] for law in json.loads(out)["laws"]}
    assert "routed" in names["--axis"] & names["--paper"]
    assert "lr_nd" in names["--output"]
    assert "chinchilla" not in names["--output"]
    assert {"kaplan_n", "kaplan_nd"} <= names["--search"]


def test_beyond_its_span_evidence_warns(call):
    code, out, _ = call("forecast", "--law", "chinchilla:besiroglu", "--at", "params=70B,tokens=140T")
    assert code == 0
    assert "evidence, not a fit" in " ".join(out.split())
    assert "decades beyond the published data" in " ".join(out.split())


def test_groups_share_and_ties_hold(call, table):
    arguments = ["fit", table, "--columns", SIZE, "--law", "chinchilla", "--group", "recipe", "--share", "alpha,beta"]
    code, out, _ = call(*arguments, "--json")
    assert code == 0
    saved = json.loads(out)
    assert set(saved["pooled"]) == {"alpha", "beta"}
    assert saved["groups"]["a"]["coef"]["alpha"] == saved["groups"]["b"]["coef"]["alpha"]
    code, out, _ = call(
        "fit", table, "--columns", SIZE, "--law", "chinchilla", "--tie", "beta=alpha", "--json", "--draws", "none"
    )
    assert json.loads(out)["law"] == "chinchilla[beta=alpha]"
