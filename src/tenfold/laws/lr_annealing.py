r"""A learning curve under any schedule: how far the rate has carried, and how much of it was annealed."""

from collections.abc import Iterable
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Positive, Published, Reduction, law

TISSUE = Cite(
    "Tissue et al.",
    2024,
    "Scaling Law with Learning Rate Annealing",
    "arXiv:2408.11029",
    "eq. of the full curve, with the two areas",
)
DECAY = 0.999  # how much of an annealing step is left one step later
Gain = Domain("positive", lower=0.0, transform="log", start=(1e-3, 1e2))


def lr_areas(
    rates: Iterable[float], *, decay: float = DECAY, warmup: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two areas of a schedule after every step: columns ``lr_area`` and ``lr_annealed`` of a table of checkpoints.

    The first is the sum of the rates so far. The second is the sum, so far, of a momentum that takes up every drop of
    the rate (a rise counts as a negative one) and forgets: a share ``decay`` of it is left one step later.

    Args:
        rates: the learning rate of every step, from the first on.
        decay: the coefficient C belongs to its value.
        warmup: how many steps the rate rises at first; this rise is not counted. Fit checkpoints after it only.

    Example:
        >>> area, annealed = lr_areas([0.25, 0.5, 0.5, 0.25, 0.25], decay=0.5, warmup=1)
        >>> area.tolist(), annealed.tolist()
        ([0.25, 0.75, 1.25, 1.5, 1.75], [0.0, 0.0, 0.0, 0.25, 0.375])
    """
    given = np.fromiter(rates, dtype=np.float64)
    drops = -np.diff(given, prepend=given[:1])
    drops[: warmup + 1] = np.maximum(drops[: warmup + 1], 0.0)
    momentum = accumulate(drops.tolist(), lambda left, drop: decay * left + drop)
    return np.cumsum(given), np.cumsum(np.fromiter(momentum, dtype=np.float64, count=len(given)))


def _refit(size, L0, A, alpha, C):
    return Published(
        {"L0": L0, "A": A, "alpha": alpha, "C": C},
        where=f"our fit of the {size} curves of Luo et al. (arXiv:2503.12811): one cosine and one constant, 24,000 steps",
        tag="refit",
        loss="nats/token",
        span={"S1": (0.33, 6.8), "S2": (1e-3, 0.23)},
        note=f"areas at a decay of {DECAY:g} a step; peak 3e-4 after a linear warm-up of 2160 steps; training loss",
    )


@law(
    cite=TISSUE,
    published={
        "25m": _refit("25 M", 3.1639, 0.5094, 0.5236, 0.4062),
        "100m": _refit("100 M", 2.7896, 0.5917, 0.4556, 0.4802),
        "400m": _refit("400 M", 2.5370, 0.6395, 0.4299, 0.5729),
    },
    checks=[Check({"S1": 16.0, "S2": 0.25}, {"L0": 2.5, "A": 0.8, "alpha": 0.5, "C": 0.4}, 2.6)],
    reduces_to=[
        Reduction("power_offset", when={"C": 0.0}, coef={"E": "L0", "A": "A", "alpha": "alpha"}, inputs={"x": "S1"})
    ],
    falls_in=("S1", "S2"),
    aliases=("tissue",),
    meaning={
        "L0": "floor of the curve at a constant rate, in the unit of the loss",
        "A": "height above it at an area of one, loss times area^alpha",
        "alpha": "exponent of the area, no unit",
        "C": "fall of the loss per unit of annealed area; it belongs to the decay of the areas",
    },
)
def lr_annealing(S1, S2, *, L0: Floor, A: Positive, alpha: Exponent, C: Gain):
    r"""L(S_1, S_2) = L_0 + A S_1^{-\alpha} - C S_2

    Use it to predict whole curves of one model under schedules it has not seen, from one constant and one
    decaying curve: S1 and S2 come from the schedule (tenfold.laws.lr_annealing.lr_areas). Leave out the
    warm-up. Not for optimising the schedule: in this law a rate of zero goes on lowering the loss and a
    larger rate always helps. Not across sizes (one fit each).
    """
    return L0 + A * S1**-alpha - C * S2
