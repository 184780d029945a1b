"""Generic relations: certified problems, printed power laws, and exponents that theory gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reproduce.record import Target, reproduction
from tenfold import Runs, collapse, fit
from tenfold.laws import laws

NIST = "NIST Statistical Reference Datasets, {}, certified values"
CERTIFIED = Path(__file__).resolve().parents[1] / "engine" / "certified"
ALL_DIGITS = "certified to eleven digits; our Newton method stops at a relative decrease of 1e-14 of the sum of squares"


def _certified(name, law, *, sign=1.0, **fixed):
    """A certified problem fitted globally by a law of the catalogue, least squares of the values themselves."""
    rows = (CERTIFIED / f"{name}.txt").read_text().partition("data: y x\n")[2].split()
    y, x = np.array(rows, dtype=float).reshape(-1, 2).T
    law = laws()[law]
    runs = Runs({"x": x, "y": sign * y})  # no share of anything, whatever the law predicts elsewhere
    fitted = fit(law, runs, target="y", axis="x", objective="squared@linear", fixed=fixed, certificate=False)
    return {**{key: value for key, value in fitted.coef.items() if key not in fixed}, "sum of squares": fitted.value}


@reproduction(
    law="allometric",
    source=NIST.format("DanWood"),
    reason=ALL_DIGITS,
    targets={
        "A": Target(7.6886226176e-1, rel=1e-8),
        "b": Target(3.8604055871, rel=1e-8),
        "sum of squares": Target(4.3173084083e-3, rel=1e-9),
    },
)
def certified_allometric():
    return _certified("danwood", "allometric")


@reproduction(
    law="exp_approach",
    source=NIST.format("Misra1a, b1 (1 - exp(-b2 x)); d is 1 / b2"),
    reason=ALL_DIGITS,
    targets={
        "top": Target(2.3894212918e2, rel=1e-7),
        "d": Target(1 / 5.5015643181e-4, rel=1e-7),
        "sum of squares": Target(1.2455138894e-1, rel=1e-9),
    },
)
def certified_exp_approach():
    return _certified("misra1a", "exp_approach", start=0.0)


@reproduction(
    law="michaelis_menten",
    source=NIST.format("Misra1d, b1 b2 x / (1 + b2 x); half is 1 / b2"),
    reason=ALL_DIGITS,
    targets={
        "top": Target(4.3736970754e2, rel=1e-7),
        "half": Target(1 / 3.0227324449e-4, rel=1e-7),
        "sum of squares": Target(5.6419295283e-2, rel=1e-9),
    },
)
def certified_michaelis_menten():
    return _certified("misra1d", "michaelis_menten")


@reproduction(
    law="power_shifted",
    source=NIST.format("Bennett5, b1 (b2 + x)^(-1 / b3), which is negative; without a floor"),
    reason=f"{ALL_DIGITS}; the valley is narrow, so the coefficients are known to five digits less than their sum of squares",
    targets={
        "A": Target(2.5235058043e3, rel=1e-4),
        "d": Target(4.6736564644e1, rel=1e-5),
        "alpha": Target(1 / 9.3218483193e-1, rel=1e-5),
        "sum of squares": Target(5.2404744073e-4, rel=1e-9),
    },
)
def certified_shifted_power():
    return _certified("bennett5", "power_shifted", sign=-1.0, E=0.0)


@reproduction(
    law="error_power",
    source="Cherti et al. (2022), predicted ImageNet error of ViT-H/14 after 68B samples (190.97 GMAC a sample, arch_info.csv)",
    reason="our coefficients have three digits: half a unit in the last of the exponent is 1.5 % at 10^13 GMAC",
    targets={"error": Target(0.203, rel=0.015)},
)
def openclip_h14():
    law = laws()["error_power"]
    return {"error": float(law(coef=law.published["openclip-imagenet"].coef, x=190.97 * 68e9))}


@reproduction(
    law="allometric",
    source="Li et al. (2024), fits of the TIFA score, plotted between .82 and .84 at the ends of compute and of data",
    reason="read off the plots; the coefficients are printed with two digits, half a unit of the exponent of compute is 14 %",
    targets={"compute": Target(0.83, abs=0.02), "data": Target(0.83, abs=0.02)},
)
def tifa_scores():
    law = laws()["allometric"]
    ends = {"compute": 1e12, "data": 6e3}
    return {name: float(law(coef=law.published[f"tifa-{name}"].coef, x=x)) for name, x in ends.items()}


@reproduction(
    law="collapse",
    source="theory of diffusion: the exit time t from an interval of width S has the density S^-2 F(t / S^2)",
    reason="straight lines between 40 points on each exact curve; halving the distance of the points quarters the difference",
    targets={"a": Target(2.0, abs=0.005), "b": Target(2.0, abs=0.005)},
)
def collapse_of_exit_times():
    rng = np.random.default_rng(0)
    size = np.repeat([10.0, 20.0, 40.0, 80.0], 40)
    u = np.tile(np.geomspace(0.03, 0.8, 40), 4) * np.exp(0.03 * rng.standard_normal(160))
    k = np.arange(200)[:, None]
    density = np.pi * np.sum((-1.0) ** k * (2 * k + 1) * np.exp(-((2 * k + 1) ** 2) * np.pi**2 * u / 2), axis=0)
    found = collapse(Runs({"x": u * size**2, "system_size": size, "score": density / size**2}), draws=0)
    return {"a": found.a, "b": found.b}
