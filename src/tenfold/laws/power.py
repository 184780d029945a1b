r"""Power laws in one input, with and without a floor."""

from dataclasses import replace

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Published, Reduction, law
from tenfold.laws.kaplan import PF_DAY

REVISITING = "Revisiting Neural Scaling Laws in Language and Vision"
HENIGHAN = Cite(
    "Henighan et al.",
    2020,
    "Scaling Laws for Autoregressive Generative Modeling",
    "arXiv:2010.14701",
    "table 1",
)
PAIR = "; the table has one such row for the two modalities"


def _henighan(scale, alpha, *, floor=None):
    """A row of the table, floor + (x / scale)^-alpha; the size of the power is scale^alpha, exactly."""
    coef = {"A": scale**alpha, "alpha": alpha} if floor is None else {"E": floor, "A": scale**alpha, "alpha": alpha}
    return Published(
        coef,
        where="table 1, column L(N)",
        params="non-embedding",
        loss="nats/token",
        note="x is parameters without embeddings",
        cite=HENIGHAN,
    )


def _henighan_compute(days, alpha, *, floor=None, note=""):
    """The same for compute, printed in petaflop/s-days."""
    sized = _henighan(days * PF_DAY, alpha, floor=floor)
    text = f"x is compute on the lower envelope, FLOP{note}"
    return replace(sized, where="table 1, column L(C), from petaflop/s-days", flops="kaplan", note=text)


@law(
    cite=Cite("Alabdulmohsin et al.", 2022, REVISITING, "arXiv:2209.06640", "function class M1"),
    published={
        "henighan-language": _henighan(1.47e14, 0.070),
        "henighan-text-to-image-text": _henighan(5.6e8, 0.037),
        "henighan-image-to-text-text": _henighan(7.0e8, 0.039),
        "henighan-language-compute": _henighan_compute(3.47e8, 0.048),
    },
    checks=[Check({"x": 1e4}, {"A": 3.0, "alpha": 0.5}, 0.03)],
    falls_in=("x",),
    aliases=("m1", "powerlaw"),
    meaning={"A": "value at x = 1, in the unit of the output", "alpha": "exponent of x, no unit"},
)
def power(x, *, A: Positive, alpha: Exponent):
    r"""L(x) = A x^{-\alpha}

    Use it for a quantity that falls along a straight line in a log-log plot, and as the simplest rival of
    every other law. Not near a floor: it crosses any floor in the end, so its long forecasts are too low.
    When the line bends, try power_offset (bends to a floor) or bnsl1 (bends to another slope).
    """
    return A * x**-alpha


@law(
    cite=Cite("Alabdulmohsin et al.", 2022, REVISITING, "arXiv:2209.06640", "function class M2"),
    published={
        "henighan-image-8": _henighan(80.0, 0.24, floor=3.12),
        "henighan-image-16": _henighan(280.0, 0.22, floor=2.64),
        "henighan-image-32": _henighan(63.0, 0.13, floor=2.20),
        "henighan-vq-16": _henighan(2.7e4, 0.13, floor=3.99),
        "henighan-vq-32": _henighan(1.9e4, 0.14, floor=3.07),
        "henighan-text-to-image-image": _henighan(5.1e3, 0.16, floor=2.0),
        "henighan-image-to-text-image": _henighan(5.5e3, 0.15, floor=2.0),
        "henighan-video": _henighan(3.7e4, 0.24, floor=1.01),
        "henighan-math": _henighan(1.1e4, 0.16, floor=0.28),
        "henighan-image-8-compute": _henighan_compute(1.8e-8, 0.19, floor=3.13),
        "henighan-image-16-compute": _henighan_compute(1.6e-8, 0.16, floor=2.64),
        "henighan-image-32-compute": _henighan_compute(3.6e-9, 0.1, floor=2.21),
        "henighan-vq-16-compute": _henighan_compute(6.1e-7, 0.11, floor=4.09),
        "henighan-vq-32-compute": _henighan_compute(2.6e-6, 0.12, floor=3.17),
        "henighan-text-to-image-compute": _henighan_compute(1.5e-6, 0.15, floor=1.93, note=PAIR),
        "henighan-image-to-text-compute": _henighan_compute(1.5e-6, 0.16, floor=1.97, note=PAIR),
        "henighan-video-compute": _henighan_compute(2.2e-5, 0.14, floor=0.95),
        "henighan-math-compute": _henighan_compute(1.4e-5, 0.17, floor=0.14),
    },
    checks=[Check({"x": 1e4}, {"E": 1.5, "A": 2.0, "alpha": 0.5}, 1.52)],
    reduces_to=[Reduction("power", when={"E": 0.0}, coef={"A": "A", "alpha": "alpha"})],
    falls_in=("x",),
    aliases=("m2", "saturating"),
    meaning={
        "E": "floor that x alone cannot pass, in the unit of the output",
        "A": "height above the floor at x = 1, in the unit of the output",
        "alpha": "exponent of x, no unit",
    },
)
def power_offset(x, *, E: Floor, A: Positive, alpha: Exponent):
    r"""L(x) = E + A x^{-\alpha}

    Use it for one curve that flattens: loss against size, compute or data (with training samples it is the
    form of Hestness et al.). The floor is known only as well as the curve has visibly bent; with less, report
    it as an interval or compare with power. Not for curves that start on a plateau (m4, power_shifted), that
    end on one the data have not reached (m3), or that change slope (bnsl1).
    """
    return E + A * x**-alpha
