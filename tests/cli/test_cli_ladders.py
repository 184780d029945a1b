"""``tenfold train``, ``transfer`` and ``critical-batch`` as a stranger uses them: plans, verdicts, and wrong input."""

from __future__ import annotations

import json

import pytest

from tenfold.cli import main


@pytest.fixture
def call(capsys):
    """Run a command in this process; gives exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return run


@pytest.fixture
def ladder(tmp_path):
    """Write a ladder file."""

    def write(text: str) -> str:
        path = tmp_path / "ladder.toml"
        path.write_text(text)
        return str(path)

    return write


def test_a_dry_run_prints_the_bill_and_trains_nothing(call, tmp_path):
    code, out, _ = call("train", "rates", "--dry-run", "--json")
    plan = json.loads(out)
    assert code == 0
    assert len(plan["runs"]) == 288
    assert plan["flops"] == pytest.approx(sum(run["flops"] for run in plan["runs"]))
    code, out, _ = call("train", "demo", "--dry-run", "--steps", "3")
    assert code == 0
    assert out.strip().endswith("FLOP in all; nothing was trained")
    assert list(tmp_path.iterdir()) == []


def test_our_own_sweeps_agree_with_theory(call):
    """data:rates: under one rate for all sizes the best falls about as 1 / width; under the others it stays put."""
    code, out, _ = call("transfer", "data:rates", "--json")
    found = {each["group"]: each for each in json.loads(out)["transfer"]}
    assert code == 0
    assert {name: each["verdict"] for name, each in found.items()} == {
        "standard": "does not transfer", "mup-table8": "transfers", "spectral": "transfers", "completep": "transfers",
    }  # fmt: skip
    assert found["standard"]["interval"][0] < -1 < -0.5 < found["standard"]["slope"] + 0.5
    assert found["standard"]["best"][-1]["price"] > 0.05
    for name in ("mup-table8", "spectral", "completep"):
        assert found[name]["interval"][0] < 0 < found[name]["interval"][1]
        assert found[name]["best"][-1]["price"] < 0.005
    code, out, _ = call("transfer", "data:rates", "--where", "parameterization == 'standard'", "--by", "parameterization")
    assert code == 0
    assert out.startswith("standard: DOES NOT TRANSFER. The best rate moves as width^-0.9")


def test_a_ladder_is_checked_in_coordinates(call, ladder):
    path = ladder("[optimizer]\nbase_width = 16\n[model]\ndepth = 1\ncontext = 8\n[[row]]\nflops = 1e10\nwidths = [16]\n")
    code, out, _ = call("transfer", path, "--check", "coordinates", "--values", "16,32,64", "--json")
    found = json.loads(out)
    assert (code, found["passed"], found["axis"]) == (0, True, "width")
    assert {slope["activation"] for slope in found["slopes"]} >= {"embed", "blocks.0", "logits"}
    assert all(abs(slope["change"]) < 0.1 for slope in found["slopes"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[row]]\nflops = 1e9\naxes = { witdh = [8] }\n", "unknown axis 'witdh'; did you mean 'width'"),
        ("[[row]]\naxes = { width = [8] }\n", "a row needs one budget, got none"),
        ("[[row]]\nflops = 1e9\ntokens = 1e9\nwidths = [8]\n", "got flops and tokens"),
        ("[[row]]\nflops = 1e5\nwidths = [8]\n", "less than one step of 128"),
        ("[[row]]\nflops = 1e9\naxes = { width = [12] }\n", "not a multiple of head_dim = 8; use 16"),
        ("[[row]]\nflops = 1e9\naxes = { width = ['a'] }\n", "width = 'a' is not a whole number"),
        ("[[row]]\nflops = 1e9\naxes = { width = [8.5] }\n", "width = 8.5 is not a whole number"),
        ("[[row]]\nflops = 1e9\naxes = { width = [16], heads = [3] }\n", "3 heads do not divide width 16"),
        ("[[row]]\nflops = 1e9\nwidths = [16]\nstrategy = 'isoparm'\n", "did you mean 'isoparam'"),
        ("[[row]]\ntokens = 1e6\nstrategy = 'isoparam'\n", "the strategy 'isoparam' needs params"),
        ("[model]\ntied = true\n[[row]]\nflops = 1e9\nwidths = [16]\n", "use parameterization = 'mup-table8'"),
        ("[optimizer]\nweight_decay = 0.1\n[[row]]\nflops = 1e9\nwidths = [16]\n", "weight decay needs a rule"),
        ("[optimizer]\nname = 'adm'\n[[row]]\nflops = 1e9\nwidths = [16]\n", "did you mean 'adam'"),
        ("[corpus]\nkind = 'digit'\n[[row]]\nflops = 1e9\nwidths = [16]\n", "did you mean 'digits'"),
        ("family = 'vti'\n[[row]]\nflops = 1e9\nwidths = [16]\n", "did you mean 'vit'"),
        ("family = 'mine.py'\n[[row]]\nflops = 1e9\nwidths = [16]\n", "no family file"),
    ],
)
def test_wrong_ladders_are_refused_in_one_line(call, ladder, text, words):
    code, out, err = call("train", ladder(text), "--dry-run")
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_wrong_use_is_refused_in_one_line(call, ladder, tmp_path):
    for arguments, words in (
        (("train", "demo"), "add --out FOLDER, or --dry-run"),
        (("train", "demo", "--out", tmp_path / "a", "--device", "tpu"), "unknown device 'tpu'"),
        (("train", "demo", "--dry-run", "--steps", "0"), "steps = 0 trains nothing"),
        (("transfer", "demo"), "add --out FOLDER"),
        (("transfer", "data:rates", "--axis", "widht"), "no column 'widht'"),
        (("transfer", "data:rates", "--check", "coordnates"), "did you mean 'coordinates'"),
        (("transfer", "data:bytes"), "1 rates at width 16, needs 3"),
        (("transfer", "demo", "--check", "coordinates", "--values", "8,x"), "'x' is not a number"),
        (("critical-batch", "data:bytes_curves", "--target", "0.1"), "reach a loss of 0.1, needs 3"),
    ):
        code, _, err = call(*arguments)
        assert code == 2, arguments
        assert words in err, err
        assert len(err.strip().splitlines()) == 1
