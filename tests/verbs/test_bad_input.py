"""Runs that cannot carry the question: a sentence says what cannot be known and what to run to know it."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold import DataError, Runs, TenfoldError, draw, fit, forecast, pool, rank
from tenfold.cli import main
from tenfold.core import Labels
from tenfold.laws import get

TRUTH = {"E": 1.8, "A": 400.0, "B": 1000.0, "alpha": 0.34, "beta": 0.36}


def grid(**changed) -> Runs:
    n, d = (v.ravel() for v in np.meshgrid(np.geomspace(1e7, 1e9, 5), np.geomspace(1e9, 1e11, 5)))
    noise = np.exp(0.003 * np.random.default_rng(0).standard_normal(25))
    columns = {"params": n, "tokens": d, "loss": get("chinchilla")(coef=TRUTH, N=n, D=d) * noise}
    labels = {name: Labels.of(values) for name, values in changed.items() if isinstance(values[0], str)}
    numbers = {name: np.asarray(values) for name, values in changed.items() if name not in labels}
    return Runs({**columns, **numbers}, labels, source="grid")


BAD = {
    "one scale": (
        grid(params=np.full(25, 1e8)),
        "every run has the same params",
        "train the same at params 33 M and 300 M",
    ),
    "constant metric": (grid(loss=np.full(25, 2.5)), "loss is 2.5 in all 25 rows", "name the measured column"),
    "negative loss": (grid(loss=np.full(25, -1.0)), "loss = -1 in row 1", "leave such rows out"),
    "all failed": (grid(status=["failed"] * 25), "none of the 25 rows", "train the smallest again at a third"),
    "all diverged": (grid(loss=np.full(25, np.inf)), "none of the 25 rows", "train the smallest again at a third"),
    "no loss": (grid(loss=np.full(25, np.nan)), "holds no value in any row", "wait until a run is evaluated"),
    "too few": (grid().take(np.arange(4)), "4 distinct points cannot determine 5", "train 2 more points, such as params"),
}


@pytest.mark.parametrize(("runs", "wrong", "way"), BAD.values(), ids=BAD)
def test_fit_says_what_is_wrong_and_what_to_run(runs, wrong, way):
    with pytest.raises(DataError) as seen:
        fit("chinchilla", runs)
    assert wrong in seen.value.message
    assert way in seen.value.hint


@pytest.mark.parametrize("runs", [case[0] for name, case in BAD.items() if name not in ("one scale", "too few")])
def test_rank_ends_in_an_error_of_ours(runs):
    with pytest.raises(TenfoldError):
        rank(runs, candidates=["chinchilla", "kaplan_nd"])


def test_a_percentage_is_recognised():
    runs = Runs({"flops": np.geomspace(1e18, 1e21, 12), "error": np.linspace(80, 20, 12)})
    with pytest.raises(DataError, match="error is 80 in row 1") as seen:
        fit("error_power", runs, axis="flops")
    assert "--units error=%" in seen.value.hint
    with pytest.raises(DataError, match="fraction lies between 0 and 1") as seen:
        fit("error_power", runs.with_column("error", np.linspace(-0.1, 0.5, 12)), axis="flops")
    assert "--units" not in seen.value.hint


def test_checkpoints_of_one_run_alone():
    d = np.geomspace(1e9, 1e11, 25)
    loss = (2 + 1e3 * d**-0.36) * np.exp(1e-3 * np.random.default_rng(0).standard_normal(25))
    runs = Runs({"tokens": d, "loss": loss}, {"run": Labels.of(["a"] * 25)})
    made = fit("power_offset", runs, axis="tokens")
    assert any("train it with 2 more seeds, and runs at tokens 333 M and 300 B" in note for note in made.notes)
    with pytest.raises(DataError, match="nothing to resample"):
        draw(made, runs)
    with pytest.raises(DataError, match="nothing to resample"):
        forecast(made, runs, at=[{"tokens": 1e12}])


def test_one_seed_is_said_and_two_are_enough():
    said = "train one point (params 10 M, tokens 1 B) with 2 more seeds"
    assert any(said in note for note in fit("chinchilla", grid(seed=np.zeros(25)), certificate=False).notes)
    two = grid(seed=np.arange(25) % 2)
    assert not any("seed" in note for note in fit("chinchilla", two, certificate=False).notes)
    assert not any("seed" in note for note in fit("chinchilla", grid(), certificate=False).notes)


def test_two_values_of_an_axis_cannot_tell_its_exponent_from_the_floor():
    runs = grid().take(np.isin(grid().column("params"), [1e7, 1e9]))
    made = fit("chinchilla", runs, certificate=False, throw=False)
    assert any("runs at params 3.3 M and 3 B would" in note for note in made.notes)


def test_groups_of_one_run():
    alone = grid(group=[f"g{k}" for k in range(25)])
    with pytest.raises(DataError, match="group 'g0' holds 1 point and has 4 coefficients of its own") as seen:
        pool("chinchilla", alone, share=["alpha"])
    assert "train 3 more of it" in seen.value.hint
    with pytest.raises(DataError, match="25 groups of 'group' hold one run each") as seen:
        pool("chinchilla", alone, partial=list(TRUTH))
    assert "such as g0 at params" in seen.value.hint


def test_a_new_group_with_one_run_borrows_from_the_others():
    rng = np.random.default_rng(1)
    parts, names = [], []
    truths = [{**TRUTH, "E": 1.8 + 0.05 * k, "alpha": 0.34 + 0.01 * (k % 3 - 1)} for k in range(5)]
    for k, truth in enumerate(truths):
        rows = 14 if k < 4 else 1
        n, d = (np.exp(rng.uniform(np.log(low), np.log(1e3 * low), rows)) for low in (1e7, 1e9))
        loss = get("chinchilla")(coef=truth, N=n, D=d) * np.exp(0.004 * rng.standard_normal(rows))
        parts.append({"params": n, "tokens": d, "loss": loss})
        names += [f"family {k}"] * rows
    runs = Runs({c: np.concatenate([p[c] for p in parts]) for c in parts[0]}, {"group": Labels.of(names)})
    made = pool("chinchilla", runs, partial=list(TRUTH), draws=200)
    assert all(found.status.ok for found in made.fits.values())
    new = made.fits["family 4"]
    seen = forecast(
        new, runs.groups("group")["family 4"], at=[{"params": 1e10, "tokens": 1e12}], draws=made.draws["family 4"]
    ).predictions[0]
    low, high = seen.intervals[0.9]
    assert low < get("chinchilla")(coef=truths[4], N=1e10, D=1e12) < high
    # the others know the law: without them one run could not give a factor of two
    assert high / low < 1.3
    # and the common values carry their own uncertainty, also where groups look alike
    for name, value in TRUTH.items():
        centre = np.mean([truth[name] for truth in truths])
        assert abs(made.common[name].value - centre) < 4 * made.common[name].error + 1e-9, (name, value)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The bad tables on disk."""
    folder = tmp_path_factory.mktemp("bad")
    out = {}
    for name, (runs, wrong, way) in BAD.items():
        header = [*runs.columns, *runs.labels]
        rows = zip(
            *([f"{v!r}" for v in values.tolist()] for values in runs.columns.values()),
            *(labels.values() for labels in runs.labels.values()),
            strict=True,
        )
        path = folder / f"{name}.csv"
        path.write_text("\n".join([",".join(header), *(",".join(row) for row in rows)]).replace("nan", "") + "\n")
        out[name] = (path, wrong, way)
    return out


@pytest.mark.parametrize("command", ["fit", "forecast", "plan"])
@pytest.mark.parametrize("name", ["one scale", "constant metric", "all failed", "too few"])
def test_the_command_line_ends_with_code_two_and_the_sentence(files, capsys, command, name):
    path, wrong, way = files[name]
    more = {"fit": [], "forecast": ["--at", "params=1e10,tokens=1e12"], "plan": ["--flops", "1e22"]}[command]
    assert main([command, str(path), "--law", "chinchilla", *more]) == 2
    seen = capsys.readouterr().err
    assert wrong.split(" rows")[0] in seen
    assert way[:20] in " ".join(seen.split())
    assert "Traceback" not in seen


def test_options_of_rows_reach_every_command(files, tmp_path, capsys):
    runs = grid()
    path = tmp_path / "grid.csv"
    lines = [
        "params,tokens,loss",
        *(f"{n!r},{d!r},{y!r}" for n, d, y in zip(*(v.tolist() for v in runs.columns.values()), strict=True)),
    ]
    path.write_text("\n".join(lines))
    wrong = (
        ["--near", "flops"],
        ["--outliers", "dorp"],
        ["--errors", "params=7"],
        ["--warmup", "2"],
        ["--objective", "quantile:2"],
    )
    for option in wrong:
        for command in (["fit"], ["forecast", "--at", "params=1e10,tokens=1e12"], ["plan", "--flops", "1e22"]):
            assert main([command[0], str(path), "--law", "chinchilla", *command[1:], *option]) == 2
            assert capsys.readouterr().err.startswith("tenfold: ")
    assert main(["fit", str(path), "--law", "chinchilla", "--near", "flops=1e21", "--draws", "none"]) == 0
    assert "half every 1 decades" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("given", "hint"), [("runs.csv", "read_runs('runs.csv')"), ({"params": [1e9]}, "read_runs(table)")]
)
def test_what_has_not_been_read_is_not_runs(given, hint):
    for verb in (lambda: fit("chinchilla", given), lambda: rank(given)):
        with pytest.raises(DataError, match="expected runs, got") as caught:
            verb()
        assert hint in str(caught.value)
