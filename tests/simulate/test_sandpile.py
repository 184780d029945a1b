"""The sandpile: topplings one by one, exact means by linear algebra, and the exponents that collapse() finds."""

import numpy as np
import pytest

from tenfold import ConfigError, collapse
from tenfold.simulate import simulate
from tenfold.simulate.sandpile import activity, mean_activity, recurrent, stabilise


@pytest.fixture(scope="module")
def made():
    return simulate("sandpile", largest=24, piles=800, seed=0)


def topple(pile):
    """A pile made stable one site after the other, and how often each site toppled."""
    pile, times = pile.copy(), np.zeros_like(pile)
    while (pile[1:-1, 1:-1] >= 4).any():
        i, j = np.argwhere(pile[1:-1, 1:-1] >= 4)[0] + 1
        pile[i, j] -= 4
        times[i, j] += 1
        for at in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            pile[at] += 1
        pile[0] = pile[-1] = 0
        pile[:, 0] = pile[:, -1] = 0
    return pile, times


def test_side_by_side_is_one_by_one():
    piles = recurrent(3, 6, np.random.default_rng(0))
    for pile, found in zip(piles, activity(piles), strict=True):
        slow = np.zeros((8, 8), dtype=int)
        for i, j in np.ndindex(6, 6):
            fuller = pile.copy()
            fuller[i + 1, j + 1] += 1
            slow += topple(fuller)[1]
        assert np.array_equal(found, slow[1:-1, 1:-1])


def test_stable_piles_do_not_depend_on_the_order():
    pile = np.zeros((8, 8), dtype=np.int16)
    pile[1:-1, 1:-1] = np.random.default_rng(2).integers(0, 12, (6, 6))
    assert np.array_equal(stabilise(pile[None])[0], topple(pile)[0])


def test_piles_are_recurrent():
    """Dhar's burning test: a grain from every edge makes every site topple once and leaves the pile as it was."""
    for pile in recurrent(4, 7, np.random.default_rng(3)):
        fed = pile.copy()
        fed[1, 1:-1] += 1
        fed[-2, 1:-1] += 1
        fed[1:-1, 1] += 1
        fed[1:-1, -2] += 1
        after, times = topple(fed)
        assert np.array_equal(after, pile)
        assert (times[1:-1, 1:-1] == 1).all()


def test_exact_means_by_linear_algebra():
    side = 5
    matrix = 4 * np.eye(side * side)
    for i, j in np.ndindex(side, side):
        for k, m in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
            if 0 <= k < side and 0 <= m < side:
                matrix[i * side + j, k * side + m] = -1
    solved = np.linalg.solve(matrix, np.ones(side * side)).reshape(side, side)
    assert mean_activity(side) == pytest.approx(solved, rel=1e-10)
    assert mean_activity(200).sum() / 201**4 == pytest.approx(0.0351443, rel=1e-4)  # torsion of the unit square


def test_drawn_piles_have_the_exact_mean(made):
    rows = made.runs.groups("part")["size"]
    for size, each in rows.groups("system_size").items():
        total = each.column("topplings")
        assert total.mean() == pytest.approx(each.column("expected")[0], abs=4 * total.std() / np.sqrt(8)), size


def test_collapse_finds_the_exact_exponents_of_the_mean(made):
    found = collapse(made.runs.groups("part")["profile"], draws=60, level=0.98)
    assert found.a_interval[0] <= -2 <= found.a_interval[1]
    assert found.b_interval[0] <= 1 <= found.b_interval[1]
    assert found.a == pytest.approx(-2, abs=0.25)  # 800 piles
    assert found.b == pytest.approx(1, abs=0.25)


def test_collapse_of_the_distribution(made):
    found = collapse(made.runs.groups("part")["activity"], draws=30)
    assert found.quality < 0.1 * found.before
    # both tend to 2 from below: sites that never topple are 46 % at 12 and 33 % at 24 sites along an edge
    assert 1.5 < found.a < 2.2
    assert 1.5 < found.b < 2.2


def test_runs_show_the_exponents(made):
    assert all(made.met().values()), made.measured()


def test_settings_outside_their_range():
    with pytest.raises(ConfigError, match="at least twice smallest"):
        simulate("sandpile", smallest=16, largest=20)
