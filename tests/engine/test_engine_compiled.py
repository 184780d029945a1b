"""The compiled path gives what the NumPy path gives, and its exp and log are as good as the library's."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from cases import SHARED_EXPONENT, measured, synthetic
from tenfold.engine import fast, stored
from tenfold.engine.objective import Absolute, Binomial, Huber, SmoothAbsolute, Squared, Student
from tenfold.engine.problem import build
from tenfold.engine.solve import refit, solve

pytest.importorskip("numba", reason="the compiled path needs numba: pip install tenfold[fast]")
OBJECTIVES = [Huber(1e-3), Huber(1e-2, "linear"), Squared(), Squared("linear"), Student(4.0, 5e-3)]


@pytest.fixture
def both(monkeypatch):
    """Run something on the NumPy path and on the compiled one."""

    def run(job):
        out = []
        for switch in ("0", "1"):
            monkeypatch.setenv("TENFOLD_NUMBA", switch)
            out.append(job())
        return out

    return run


def same(numpy_path, compiled_path, *, value=1e-10, theta=1e-8):
    np.testing.assert_allclose(compiled_path.value, numpy_path.value, rtol=value)
    np.testing.assert_allclose(compiled_path.theta, numpy_path.theta, rtol=theta, atol=theta)
    np.testing.assert_array_equal(compiled_path.status, numpy_path.status)


@pytest.mark.parametrize("objective", [*OBJECTIVES, SmoothAbsolute(1e-3)], ids=repr)
def test_global_fits_agree(both, objective):
    problem = measured(objective)
    slow, quick = both(lambda: solve(problem))
    assert quick.value == pytest.approx(slow.value, rel=1e-10)
    np.testing.assert_allclose(quick.theta, slow.theta, rtol=1e-8)
    assert (quick.agree, quick.basins, quick.status) == (slow.agree, slow.basins, slow.status)


@pytest.mark.parametrize("objective", OBJECTIVES, ids=repr)
def test_refits_with_own_weights_agree(both, objective):
    problem = measured(objective)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(234, np.full(234, 1 / 234), size=40).astype(float)
    start = np.repeat(solve(problem).theta[None], 40, axis=0)
    same(*both(lambda: refit(problem, start, weights=weights)))


@pytest.mark.parametrize("zeros", [True, False], ids=["rows left out", "every row has weight"])
def test_refits_of_more_rows_than_a_tile_agree(both, zeros):
    law, inputs, y = synthetic(1300)
    problem = build(law, inputs, y, objective=Huber(1e-2))
    rng = np.random.default_rng(0)
    weights = rng.poisson(1.0, (6, 1300)).astype(float) if zeros else rng.standard_exponential((6, 1300))
    start = np.repeat(solve(problem).theta[None], 6, axis=0)
    start[3:, 0] += 1e-3  # neither do all lanes start at one point
    same(*both(lambda: refit(problem, start, weights=weights)))


def test_refits_with_own_targets_agree(both):
    problem = measured()
    rng = np.random.default_rng(0)
    target = problem.target + 0.01 * rng.standard_normal((40, 234))
    start = np.repeat(solve(problem).theta[None], 40, axis=0)
    same(*both(lambda: refit(problem, start, target=target)))


def test_absolute_deviations_agree(both):
    problem = measured(Absolute())
    slow, quick = both(lambda: solve(problem))
    # a vertex is approached through ever sharper corners; what is compared is the last of them
    assert quick.value == pytest.approx(slow.value, rel=1e-10)
    np.testing.assert_allclose(quick.theta, slow.theta, rtol=1e-6)


def test_bounds_and_held_coefficients_agree(both):
    law, inputs, y = synthetic()
    boxed = build(law, inputs, y, objective=Huber(1e-3), bounds={"alpha": (0.4, 0.6), "E": (2.0, 3.0)})
    slow, quick = both(lambda: solve(boxed))
    assert quick.status is slow.status
    np.testing.assert_allclose(quick.theta, slow.theta, rtol=1e-8)
    problem = build(law, inputs, y, objective=Huber(1e-3)).holding("A")
    theta = np.repeat(solve(problem).theta[None], 5, axis=0)
    j = problem.names.index("A")
    theta[:, j] += np.linspace(-1, 1, 5)
    low, high = np.full_like(theta, -np.inf), np.full_like(theta, np.inf)
    low[:, j] = high[:, j] = theta[:, j]
    same(*both(lambda: refit(problem, theta, lower=low, upper=high)))


def test_shared_coefficients_and_many_rows_agree(both):
    _, inputs, y = synthetic(1300)
    problem = build(SHARED_EXPONENT, inputs, y, objective=Huber(1e-2))
    slow, quick = both(lambda: solve(problem))
    assert quick.value == pytest.approx(slow.value, rel=1e-10)


def test_who_uses_it(monkeypatch):
    additive, general = measured().kernel, object()
    monkeypatch.setenv("TENFOLD_NUMBA", "1")
    assert fast.wanted(additive, Huber(1e-3), 16, 234)
    assert not fast.wanted(additive, Binomial(), 16, 234)
    assert not fast.wanted(general, Huber(1e-3), 10**6, 10**6)
    monkeypatch.setenv("TENFOLD_NUMBA", "0")
    assert not fast.wanted(additive, Huber(1e-3), 10**6, 10**6)
    monkeypatch.delenv("TENFOLD_NUMBA")
    monkeypatch.setattr(fast, "_MODULE", "tenfold.engine.not_loaded")
    assert not fast.wanted(additive, Huber(1e-3), 16, 234)
    assert fast.wanted(additive, Huber(1e-3), 10**5, 10**5)


def grid():
    rng = np.random.default_rng(0)
    return np.concatenate(
        [
            rng.uniform(-708.39, 709.78, 3000),
            rng.uniform(-2, 2, 2000),
            10.0 ** rng.uniform(-300, 0, 500),
            [0.0, -0.0, 1.0],
        ]
    )


def test_exponentials_are_within_an_ulp():
    from tenfold.engine.elementary import exp_rows

    x = grid()
    got = x.copy()
    exp_rows(got)
    with mpmath.workdps(40):
        exact = [mpmath.exp(mpmath.mpf(float(value))) for value in x]
        error = max(float(abs(mpmath.mpf(float(g)) - e) / e) for g, e in zip(got, exact, strict=True))
    assert error <= 4e-16
    ends = np.array([800.0, 709.79, np.inf, -708.5, -800.0, -np.inf, np.nan])
    exp_rows(ends)
    np.testing.assert_array_equal(ends, [np.inf, np.inf, np.inf, 0.0, 0.0, 0.0, np.nan])


def test_logarithms_are_within_an_ulp():
    from tenfold.engine.elementary import log_rows

    rng = np.random.default_rng(1)
    x = np.concatenate(
        [np.exp(rng.uniform(-708, 709, 3000)), rng.uniform(0.5, 2, 3000), 1 + rng.uniform(-1e-9, 1e-9, 300)]
    )
    x = np.concatenate([x, [np.finfo(float).max, np.finfo(float).tiny, 5e-324, 1e-310, 2.0, np.sqrt(2), np.sqrt(0.5)]])
    got = np.empty_like(x)
    log_rows(x, got)
    with mpmath.workdps(40):
        exact = [mpmath.log(mpmath.mpf(float(value))) for value in x]
        error = max(float(abs(mpmath.mpf(float(g)) - e) / abs(e)) for g, e in zip(got, exact, strict=True))
    assert error <= 4e-16
    out = np.empty(5)
    log_rows(np.array([0.0, -1.0, np.inf, np.nan, 1.0]), out)
    np.testing.assert_array_equal(out, [-np.inf, np.nan, np.inf, np.nan, 0.0])


def test_many_small_jobs_pay_like_a_large_one(monkeypatch):
    monkeypatch.delenv("TENFOLD_NUMBA", raising=False)
    monkeypatch.setattr(fast, "_SPENT", {})
    for on_disk, size, after in ((True, fast.LARGE, 4), (False, fast.HUGE, 4)):
        monkeypatch.setattr(fast, "on_disk", lambda function, on_disk=on_disk: on_disk)
        monkeypatch.setattr(fast, "_installed", lambda: True)
        name = f"not loaded, {on_disk}"
        answers = [fast._pays(name, "chunk", size / 4, size / 4) for _ in range(after)]
        assert answers == [False] * (after - 1) + [True]
        assert fast._pays(f"another, {on_disk}", "chunk", size, 1.0)
    monkeypatch.setattr(fast, "_installed", lambda: False)
    assert not fast._pays("absent", "chunk", fast.HUGE, fast.HUGE)


def test_code_compiled_from_other_sources_is_forgotten(monkeypatch, tmp_path):
    """Numba tells staleness by a function's own file, and not by the files of what is compiled into it."""
    here = tmp_path / "engine"
    here.mkdir()
    (tmp_path / "core").mkdir()
    for name in stored.SOURCES:
        (here / name).write_text(name)
    elsewhere, cache = tmp_path / "elsewhere" / "engine_1", here / "__pycache__"
    monkeypatch.setattr(stored, "_HERE", here)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(elsewhere.parent))
    stored.stamp.cache_clear()
    for folder in (cache, elsewhere):
        folder.mkdir(parents=True)
        for name in ("descent.chunk-1.py311.nbi", "another.chunk-1.py311.nbi"):
            (folder / name).write_text("")
    try:
        stored.forget_stale()
        left = [path.name for path in tmp_path.rglob("*.nbi")]
        assert left == ["another.chunk-1.py311.nbi"] * 2, "without a stamp nothing is known of what was compiled"
        (cache / "descent.chunk-1.py311.nbi").write_text("")
        stored.forget_stale()
        assert (cache / "descent.chunk-1.py311.nbi").is_file(), "this source's own code stays"
        (here / "compiled.py").write_text("changed")
        stored.stamp.cache_clear()
        stored.forget_stale()
        assert not (cache / "descent.chunk-1.py311.nbi").exists()
    finally:
        stored.stamp.cache_clear()
