"""The fit verb: published optimum, certificate, invariances, refusals."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from shared_data import shared_table
from tenfold import ConfigError, DataError, FitError, Huber, Runs, fit, forecast, read_runs
from tenfold.core import LawError, Status
from tenfold.engine.solve import finished, solve
from tenfold.headline import Headline, evaluate
from tenfold.laws import get
from tenfold.prepare import prepare, problem_of

TRUTH = {"E": 1.8, "A": 400.0, "B": 1000.0, "alpha": 0.34, "beta": 0.36}


def grid(noise: float = 0.0, seed: int = 0, truth: dict[str, float] = TRUTH) -> Runs:
    """Six budgets by six sizes around their optimum."""
    budgets = np.repeat(10.0 ** np.arange(18, 21, 0.5), 6)
    n = np.tile(np.geomspace(0.25, 4.0, 6), 6) * 0.1 * (budgets / 6) ** 0.5
    d = budgets / (6 * n)
    loss = get("chinchilla")(coef=truth, N=n, D=d)
    loss = loss * np.exp(noise * np.random.default_rng(seed).standard_normal(len(n)))
    return Runs({"params": n, "tokens": d, "flops": budgets, "loss": loss}, source="grid")


def test_digitised_chinchilla_points_reach_the_known_optimum_from_every_start():
    # summed Huber 1e-3 of log residuals: 8.401e-4 at A 442.2, B 1271.8, E 1.7839, alpha .3426, beta .3420
    made = fit("chinchilla", read_runs(shared_table("chinchilla_svg.csv")), objective="huber:1e-3")
    assert made.value == pytest.approx(8.401e-4, rel=1e-4)
    expected = {"A": 442.2, "B": 1271.8, "E": 1.7839, "alpha": 0.3426, "beta": 0.3420}
    for name, value in expected.items():
        # the printed values carry four digits
        assert made.coef[name] == pytest.approx(value, rel=2e-4), name
    assert made.certificate.agree == 1.0
    assert made.certificate.basins == 1
    assert made.n == 234


def test_noiseless_data_return_the_truth():
    made = fit("chinchilla", grid())
    for name, value in TRUTH.items():
        assert made.coef[name] == pytest.approx(value, rel=1e-6), name  # bound: conditioning ~1e4 times rounding
    assert made.rms < 1e-10
    assert made.status.ok


def test_units_rows_and_weights_do_not_change_the_law():
    runs = grid(0.003)
    base = fit("chinchilla", runs)
    millions = runs.with_column("params", runs.column("params") / 1e6)
    scaled = fit("chinchilla", millions)
    assert scaled.value == pytest.approx(base.value, rel=1e-9)
    assert scaled.coef["A"] == pytest.approx(base.coef["A"] * 1e-6 ** base.coef["alpha"], rel=1e-6)
    order = np.random.default_rng(1).permutation(len(runs))
    assert fit("chinchilla", runs.take(order)).value == pytest.approx(base.value, rel=1e-10)
    double = runs.with_column("w", np.where(np.arange(len(runs)) == 3, 2.0, 1.0))
    repeated = Runs(
        {**{k: np.append(v, v[3]) for k, v in runs.columns.items()}, "run_no": np.append(np.arange(len(runs)), 99.0)}
    )
    weighted = fit("chinchilla", double, weights="w")
    assert fit("chinchilla", repeated).value == pytest.approx(weighted.value, rel=1e-9)


def test_certificate_names_what_it_must():
    made = fit("chinchilla", grid(0.003))
    certificate = made.certificate
    assert set(certificate.errors) == set(TRUTH)
    assert certificate.headline.key == "a"
    assert certificate.headline_error > 0
    assert certificate.span["N"].decades == pytest.approx(np.log10(16 * np.sqrt(10**2.5)), rel=1e-6)
    assert len(certificate.influence) == 5
    shifts = [abs(item.shift) for item in certificate.influence]
    assert shifts == sorted(shifts, reverse=True)
    assert {item.change for item in certificate.sensitivity} >= {"huber:0.01", "squared", "absolute"}
    assert [drift.coef for drift in certificate.drift] == list(TRUTH)
    keys = {"agree", "basins", "condition", "at_bound", "span", "influence", "sensitivity"}
    assert keys <= set(made.to_dict()["certificate"])
    assert {"law", "coef", "objective", "value", "n", "status", "certificate"} <= set(made.to_dict())


def test_an_outlier_is_named_as_the_most_influential_run():
    runs = grid(0.001)
    loss = runs.column("loss").copy()
    loss[5] *= 1.2
    made = fit("chinchilla", runs.with_column("loss", loss), objective="squared")
    assert made.certificate.influence[0].run.startswith("row 6 ")
    assert abs(made.certificate.influence[0].shift) > 0.8
    assert any("one run moves the headline" in line for line in made.certificate.warnings) or (
        abs(made.certificate.influence[0].shift) <= 1.0
    )


def test_a_floor_that_is_not_there_is_said():
    made = fit("power_offset", _power(floor=0.0, bend=0.02), axis="tokens")
    assert made.coef["E"] == 0.0
    assert any("E is not identified" in line for line in made.certificate.warnings)
    # a straight line may end at a floor that is tiny but not zero: then the certificate calls it hardly identified
    straight = fit("power_offset", _power(floor=0.0), axis="tokens")
    assert straight.coef["E"] == 0.0 or any("hardly identified" in line for line in straight.certificate.warnings)


def test_a_drifting_floor_is_said():
    # two floors, joined: small scales bend towards a higher one than large scales do
    d = np.geomspace(1e6, 1e12, 60)
    loss = 1.0 * d**-0.03 + 40 * d**-0.3
    runs = Runs({"tokens": d, "loss": loss * np.exp(1e-4 * np.random.default_rng(0).standard_normal(60))})
    made = fit("power_offset", runs, axis="tokens")
    assert any(line.startswith("E drifts") for line in made.certificate.warnings), made.certificate.warnings


def _power(floor: float, bend: float = 0.0) -> Runs:
    """A power law in tokens, bending downwards where a floor would bend it upwards."""
    d = np.geomspace(1e6, 1e10, 30)
    noise = np.exp(2e-3 * np.random.default_rng(0).standard_normal(30))
    return Runs({"tokens": d, "loss": (floor + 20 * d**-0.2) * noise * np.exp(-bend * np.log10(d / 1e6) ** 2)})


def test_fixed_bounds_and_objectives_are_honoured():
    runs = grid(0.003)
    held = fit("chinchilla", runs, fixed={"E": 1.8})
    assert held.coef["E"] == 1.8
    assert "E" not in held.certificate.errors
    tight = fit("chinchilla", runs, bounds={"alpha": (0.1, 0.3)})
    assert tight.coef["alpha"] == pytest.approx(0.3)
    assert tight.certificate.at_bound == ("alpha",)
    lad = fit("chinchilla", runs, objective="absolute")
    residual = np.abs(
        np.log(lad.predict(params=runs.column("params"), tokens=runs.column("tokens")) / runs.column("loss"))
    )
    # at a least-absolute-deviations optimum as many residuals vanish as there are coefficients
    assert np.sort(residual)[4] < 1e-6 < np.sort(residual)[5]
    assert lad.value == pytest.approx(residual.sum(), rel=1e-9)


def test_formula_and_file_laws_give_the_built_in_answer(tmp_path):
    runs = grid(0.003)
    base = fit("chinchilla", runs)
    text = fit("E + A*N**-alpha + B*D**-beta", runs)
    assert text.value == pytest.approx(base.value, rel=1e-9)
    path = tmp_path / "mine.py"
    path.write_text(
        "from tenfold.core import Exponent, Floor, Positive, law\n\n"
        "@law()\ndef mine(N, D, *, E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent):\n"
        '    r"""E + A N^{-a} + B D^{-b}"""\n    return E + A / N**alpha + B / D**beta\n'
    )
    assert fit(f"{path}:mine", runs).value == pytest.approx(base.value, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda r: r.take(slice(0, 3)), DataError, ("3 distinct points", "5 coefficients")),
        (lambda r: r.with_column("params", np.full(len(r), 1e9)), DataError, ("same params", "one scale")),
        (lambda r: Runs({k: v for k, v in r.columns.items() if k in ("params", "tokens")}), DataError, ("loss",)),
        (lambda r: r.take(np.zeros(len(r), dtype=bool)), DataError, ("",)),
    ],
)
def test_runs_that_cannot_carry_the_fit_are_refused(change, error, words):
    with pytest.raises(error) as caught:
        fit("chinchilla", change(grid()))
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_that_make_no_sense_are_refused():
    runs = grid()
    with pytest.raises(ConfigError, match="alpha"):
        fit("chinchilla", runs, fixed={"alfa": 0.3})
    with pytest.raises(ConfigError, match="outside its domain"):
        fit("chinchilla", runs, fixed={"alpha": -1.0})
    with pytest.raises(ConfigError, match="empty"):
        fit("chinchilla", runs, bounds={"alpha": (0.5, 0.2)})
    with pytest.raises(ConfigError, match="huber"):
        fit("chinchilla", runs, objective="hubber:1e-3")
    with pytest.raises(LawError, match="chinchilla"):
        fit("chinchila", runs)
    with pytest.raises(DataError, match="--axis"):
        fit("power", runs)
    with pytest.raises(DataError, match="positive"):
        fit("chinchilla", runs.with_column("loss", runs.column("loss") - 3.0))


def test_no_optimum_raises_and_keeps_the_end_point():
    # a law that is undefined everywhere on these runs
    runs = Runs({"tokens": np.geomspace(1e6, 1e9, 12), "loss": np.full(12, 2.0) + np.arange(12)})
    with pytest.raises(FitError, match="non-finite") as caught:
        fit("log(0 - D*A)", runs)
    assert caught.value.exit_code == 1
    kept = fit("log(0 - D*A)", runs, throw=False)
    assert kept.status is Status.NON_FINITE


def test_cells_and_checkpoints_count_as_one_cluster():
    from tenfold.core import Labels

    runs = grid(0.003)
    cells = Runs(runs.columns, {"cell": Labels.of([f"c{k // 2}" for k in range(len(runs))])})
    assert cells.clusters().max() + 1 == len(runs) // 2


def test_every_coefficient_may_be_held_and_the_fit_says_what_they_cost():
    runs = grid(0.003)
    made = fit("chinchilla", runs, fixed=TRUTH)
    assert made.coef == TRUTH
    assert made.rms == pytest.approx(0.003, rel=0.4)
    seen = forecast(made, runs, at=[{"params": 1e9, "tokens": 2e10}]).predictions[0]
    assert seen.parts["coefficients"] == 0.0


def test_an_amplitude_alone_in_one_term_and_again_in_another():
    x = np.geomspace(1, 100, 30)
    runs = Runs({"x": x, "loss": 2.0 + 2.0 * 3.0 / x})
    made = fit("A + A*b/x", runs)
    assert made.coef == pytest.approx({"A": 2.0, "b": 3.0}, rel=1e-8)


def test_a_value_of_zero_does_not_break_a_linear_fit():
    steps = np.geomspace(1.0, 100.0, 25)
    accuracy = 0.9 * steps / (steps + 12.0)
    accuracy[0] = 0.0
    made = fit("a*x/(x + b)", Runs({"x": steps, "accuracy": accuracy}), target="accuracy", objective="squared@linear")
    # one of 25 values is wrong by .07
    assert made.coef["a"] == pytest.approx(0.9, rel=0.05)


def test_starts_that_overflow_say_nothing_to_the_user():
    """Some exponents of farseer's grid make terms whose sums are not finite; those starts are left out without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = fit("farseer", read_runs("data:bytes", where="flops > 5e12"), certificate=False, throw=False)
        assert made.rms < 0.01


def test_a_headline_at_a_coefficient_that_is_zero_is_no_exception():
    """Where the data term vanishes the optimal size has no exponent; a rising metric under a falling law ends there."""
    law = get("chinchilla")
    coef = {"E": 0.4, "A": 0.0, "B": 0.0, "alpha": 0.3, "beta": 0.3}
    assert np.isnan(evaluate(Headline("a", "", {}, 1e20), law, coef))


def test_a_valley_that_runs_out_to_a_bound_is_followed_to_its_end(monkeypatch):
    """M4 on our ladder against compute: its exponent falls to its bound, which takes more steps than starts are given."""
    runs = read_runs("data:bytes")
    early = fit("m4", runs, axis="flops", certificate=False, throw=False)
    assert early.status is Status.OUT_OF_STEPS
    made = fit("m4", runs, axis="flops")
    assert made.status is Status.AT_BOUND
    assert made.value < early.value
    assert made.coef["alpha"] == pytest.approx(1e-3)
    assert made.certificate.gradient < 1e-6 < early.certificate.gradient
    assert made.certificate.agree > early.certificate.agree
    monkeypatch.setattr("tenfold.engine.solve.FURTHER", 3)
    with pytest.raises(FitError, match="maximum number of steps"):
        fit("m4", runs, axis="flops")


def test_a_fit_that_settled_is_left_as_it_is():
    problem = problem_of(prepare(get("chinchilla"), read_runs("data:bytes")), objective=Huber(1e-3))
    solved = solve(problem)
    assert finished(problem, solved) is solved
