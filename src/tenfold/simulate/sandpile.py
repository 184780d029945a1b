"""The Abelian sandpile: how often a site topples when every site is disturbed in turn, for finite-size collapse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tenfold.core.law import Cite
from tenfold.core.runs import Runs
from tenfold.simulate.kinds import Exponent, Truth, simulator
from tenfold.simulate.parts import between, runs_of, whole_grid

Array = NDArray[np.float64]
Grains = NDArray[np.int16]

FULL = 4  # grains at which a site topples, one to each neighbour
CELLS = 2_000_000  # sites of all piles that are disturbed side by side
REPEATS = 8  # runs a size, the unit of the bootstrap
BINS, FEWEST = 14, 10  # of the histogram; a bin with fewer sites in a run is left out of it
LEAST, MOST = 4, 0.4  # activities of the histogram: from LEAST to MOST times the square of the size


def stabilise(piles: Grains) -> Grains:
    """Piles after every site with four or more grains has toppled; grains that leave over the edge are lost.

    The order of topplings does not matter (Dhar 1990), so that all sites topple at once, several times where they can.

    Args:
        piles: grains, an array of piles by rows by columns, the outermost rows and columns outside the table.
    """
    out = piles.astype(np.int32)
    inner = out[:, 1:-1, 1:-1]
    while True:
        times = inner // FULL
        if not times.any():
            return out.astype(np.int16)
        inner -= FULL * times
        out[:, :-2, 1:-1] += times
        out[:, 2:, 1:-1] += times
        out[:, 1:-1, :-2] += times
        out[:, 1:-1, 2:] += times
        out[:, [0, -1]] = 0
        out[:, :, [0, -1]] = 0


def recurrent(count: int, side: int, rng: np.random.Generator) -> Grains:
    """Piles drawn from the stationary distribution, which is uniform over recurrent piles.

    From the fullest stable pile, which is recurrent, by a Poisson number of grains on every site, of mean ln(side): about
    three times what mixes a pile on a torus (Hough, Jerison and Levine 2019).
    """
    piles = np.zeros((count, side + 2, side + 2), dtype=np.int16)
    piles[:, 1:-1, 1:-1] = FULL - 1 + rng.poisson(np.log(side), (count, side, side))
    return stabilise(piles)


def activity(piles: Grains) -> NDArray[np.int64]:
    """How often each site topples, summed over avalanches from every site of the same pile in turn.

    Copies of a pile, one for each place of a grain that starts an avalanche, topple side by side; only sites that are
    about to topple are touched.
    """
    count, side = len(piles), piles.shape[1]
    cells = side * side
    ready = piles.copy()
    ready[:, [0, -1]] = np.iinfo(np.int16).min  # outside the table nothing topples
    ready[:, :, [0, -1]] = np.iinfo(np.int16).min
    ready = ready.reshape(count, cells)
    pile, start = np.nonzero(ready == FULL - 1)
    total = np.zeros(count * cells, dtype=np.int64)
    for first in range(0, len(pile), max(1, CELLS // cells)):
        which = pile[first : first + max(1, CELLS // cells)]
        grains = ready[which].ravel()
        copies = np.arange(len(which))
        back = (which - copies) * cells  # from a site of a copy to the site of its pile
        front = copies * cells + start[first : first + len(which)]
        grains[front] += 1
        while len(front):
            np.add.at(total, front + back[front // cells], 1)
            grains[front] -= FULL
            filled = []
            for step in (1, -1, side, -side):
                near = front + step
                after = grains[near] + 1
                grains[near] = after
                filled.append(near[after == FULL])
            front = np.concatenate(filled)
    return total.reshape(piles.shape)[:, 1:-1, 1:-1]


def mean_activity(side: int) -> Array:
    """The exact mean of the activity of every site: the solution of Poisson's equation on the table.

    A grain on R' topples R on average as often as the inverse of the toppling matrix says (Dhar 1990); summed over R' it
    is the solution of that matrix with ones on the right, here by sines.

    Example:
        >>> from tenfold.simulate.sandpile import mean_activity
        >>> mean_activity(2).tolist()  # 4 a - 2 a = 1
        [[0.5, 0.5], [0.5, 0.5]]
    """
    k = np.arange(1, side + 1)
    modes = np.sin(np.pi * np.outer(k, k) / (side + 1)) * np.sqrt(2 / (side + 1))
    rates = 2 - 2 * np.cos(np.pi * k / (side + 1))
    ones = np.outer(modes.sum(axis=1), modes.sum(axis=1))
    return np.asarray(np.round(modes @ (ones / (rates[:, None] + rates)) @ modes, 12))


@simulator(
    Cite("Ganguly", 2025, "Scaling Properties of Avalanche Activity in the Two-Dimensional Abelian Sandpile Model",
         "arXiv:2510.09631", "abstract; exact means by Dhar (1990), Phys. Rev. Lett. 64, 1613")
)  # fmt: skip
def sandpile(
    *, smallest: int = 12, largest: int = 32, piles: int = 1200, quantile: float = 0.9, seed: int = 0
) -> tuple[Runs, Truth]:
    r"""Abelian sandpile of Bak, Tang and Wiesenfeld: site activities of piles of several sizes, for finite-size collapse.

    A table of L x L sites loses grains over its edge. A pile is drawn from the stationary distribution. The activity A(R)
    counts the topplings of site R in the avalanches from a grain on every site of that pile in turn, added up.
    ``system_size`` S is L + 1, the distance between the two edges where grains are lost.

    Theory. The mean activity is exact: E A solves Poisson's equation, so that the topplings of a pile,
    :math:`\sum_R A(R)`, go as :math:`S^4`, and E A at the distance x from the edge is :math:`S^2 F(x/S)`: two finite-size
    relations with exact exponents. For the distribution the paper finds :math:`P(A, L) = L^{-2} F(A/L^2)` with
    :math:`F(u) \propto u^{-1/2}` up to :math:`u \approx 0.1`; both exponents 2 follow from the normalisation and the mean
    if there is one scaling function. At these sizes they are approached slowly: 46 % of the sites of L = 12 never
    topple, 27 % of L = 32.

    Parts of the table (label ``part``):

    * ``profile``: ``score`` is the mean activity at the distance ``x`` from the nearest edge, ``expected`` its exact
      mean. ``collapse`` of this part finds y S^-2 against x / S: a = -2, b = 1.
    * ``activity``: ``score`` is the density of the activity ``x`` over the sites that topple. ``collapse`` finds a and b
      near 2 from below.
    * ``size``: ``topplings`` of a pile, with the exact mean in ``expected``, and the ``quantile`` of the activity.

    ``run`` counts the 8 independent runs of each size, the unit of the bootstrap.

    Args:
        smallest, largest: sites along an edge, 8 to 128. The work at a size goes as the square of the sites of all piles.
        piles: of the smallest size, at least 64; larger sizes have as many sites in all.
        quantile: of the activity in ``size``, 0.75 to 0.99.

    Example:
        >>> from tenfold.simulate import simulate
        >>> made = simulate("sandpile", smallest=8, largest=16, piles=64)
        >>> made.truth["topplings"].value
        4.0

    Raises:
        ConfigError: a setting outside its range.
    """
    for name, value, low, high in (
        ("smallest", smallest, 8, 64), ("largest", largest, 2 * smallest, 128), ("piles", piles, 64, 1e6),
        ("quantile", quantile, 0.75, 0.99),
    ):  # fmt: skip
        between(name, value, low=low, high=high, why="largest is at least twice smallest" if name == "largest" else "")
    rng = np.random.default_rng(seed)
    parts: dict[str, list[tuple[float, ...]]] = {"profile": [], "activity": [], "size": []}
    run = 0
    for side in whole_grid(smallest, largest, ratio=1.4):
        count = max(4, round(piles * (smallest / side) ** 2 / REPEATS))
        for _ in range(REPEATS):
            found = np.concatenate([activity(recurrent(part, int(side), rng)) for part in _parts(count, int(side))])
            parts["profile"] += _profile(found, run)
            parts["activity"] += _histogram(found, run)
            parts["size"].append((
                side + 1, run, found.sum(axis=(1, 2)).mean(), mean_activity(int(side)).sum(), np.quantile(found, quantile)
            ))  # fmt: skip
            run += 1
    names = {
        "profile": ("system_size", "run", "x", "score", "expected"),
        "activity": ("system_size", "run", "x", "score"),
        "size": ("system_size", "run", "topplings", "expected", "quantile"),
    }
    table = {
        name: dict(zip(names[name], np.array(rows, dtype=np.float64).T, strict=True)) for name, rows in parts.items()
    }
    drawn = np.sqrt(max(1.0, 1200 / piles))
    few = "few piles: a pile's activities rise and fall together"
    slow = "sites that never topple, 46 % at 12 and 27 % at 32 sites along an edge, vanish slowly"
    truth = {
        "topplings": Exponent("system_size", 4.0, quantity="topplings", part="size", tolerance=0.2 * drawn, reason=few),
        "quantile": Exponent(
            "system_size",
            2.0,
            quantity="quantile",
            part="size",
            tolerance=0.2 * max(1.0, 24 / largest) + 0.1 * drawn,
            reason=slow,
        ),
    }
    return runs_of(table, source="sandpile"), Truth(truth)


def _parts(count: int, side: int) -> list[int]:
    """Piles to hold at a time: as many as have CELLS / 8 sites."""
    most = max(1, CELLS // 8 // side**2)
    return [min(most, count - start) for start in range(0, count, most)]


def _profile(found: NDArray[np.int64], run: int) -> list[tuple[float, ...]]:
    side = found.shape[1]
    along = np.minimum(np.arange(side), np.arange(side)[::-1]) + 1
    distance = np.minimum(along[:, None], along)
    mean, exact = found.mean(axis=0), mean_activity(side)
    return [
        (side + 1, run, x, mean[distance == x].mean(), exact[distance == x].mean()) for x in range(1, (side + 1) // 2 + 1)
    ]


def _histogram(found: NDArray[np.int64], run: int) -> list[tuple[float, ...]]:
    size = found.shape[1] + 1
    values = found[found > 0]
    edges = np.unique(np.ceil(np.geomspace(LEAST, MOST * size**2, BINS)))
    counts, _ = np.histogram(values, edges - 0.5)
    middle = np.sqrt((edges[1:] - 1) * edges[:-1])
    share = counts / len(values) / np.diff(edges)
    return [(size, run, x, y) for x, y, n in zip(middle, share, counts, strict=True) if n >= FEWEST]
