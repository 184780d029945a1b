r"""Power scale: a power law written by the place where it is one."""

from tenfold.core import Check, Cite, Exponent, Like, Published, Reduction, law

YAO = Cite(
    "Yao et al.", 2024, "Towards Neural Scaling Laws for Time Series Foundation Models", "arXiv:2410.12360",
    "legends of the figures, L(X) = (X0 / X)^alpha",
)  # fmt: skip
PF_DAY = 8.64e19  # FLOP in one petaflop/s-day
SPANS = {"params": (872.0, 1.016e9), "data": (1e7, 15.7e9)}
DATA = {"lotsa": "in distribution (LOTSA)", "lsf": "out of distribution (LSF)", "monash": "out of distribution (Monash)"}
FITS = {
    ("encoder", "params"): ((3.7e16, 0.029), (1.4e31, 0.026), (6.7e36, 0.023)),
    ("encoder", "data"): ((5.3e12, 0.094), (9.6e30, 0.029), (1.0e39, 0.023)),
    ("encoder", "compute"): ((1.5e7, 0.024), (3.9e26, 0.020), (2.8e29, 0.020)),
    ("decoder", "params"): ((2.0e34, 0.015), (2.9e47, 0.016), (1.5e48, 0.017)),
    ("decoder", "data"): ((9.9e13, 0.090), (1.1e44, 0.019), (4.4e31, 0.030)),
    ("decoder", "compute"): ((6.0e23, 0.014), (1.9e33, 0.017), (1.4e47, 0.013)),
}
UNITS = {
    "params": "x is parameters",
    "data": "x is time points",
    "compute": "x is training compute in FLOP, printed in PF-days",
}


def _published():
    out = {}
    for (model, axis), fits in FITS.items():
        for (name, what), (scale, alpha) in zip(DATA.items(), fits, strict=True):
            out[f"{model}-{axis}-{name}"] = Published(
                {"x0": scale * (PF_DAY if axis == "compute" else 1.0), "alpha": alpha},
                where=f"{model}, {what}, legend in the notebooks of the repository",
                span={"x": SPANS[axis]} if axis in SPANS else {},
                note=f"negative log-likelihood of time series; {UNITS[axis]}",
            )
    return out


@law(
    cite=YAO,
    published=_published(),
    checks=[Check({"x": 1e4}, {"x0": 1e8, "alpha": 0.25}, 10.0)],
    reduces_to=[Reduction("power", when={}, coef={"A": "x0**alpha", "alpha": "alpha"})],
    falls_in=("x",),
    meaning={
        "x0": "where the output is one by the line, in the unit of x; with a small exponent it is only a prefactor",
        "alpha": "exponent of x, no unit",
    },
)
def power_scale(x, *, x0: Like("x", low=1e-3, high=1e12), alpha: Exponent):
    r"""L(x) = (x_0 / x)^{\alpha}

    Use it to read constants printed in this form, as of time-series models, and for one axis of any name; it is power
    with A = x_0^alpha. Not to interpret x_0 when the exponent is small: it lies far outside any data and moves by decades
    with the third digit of the exponent. It has no floor (power_offset). For language models in N, D or C there are
    kaplan_n, kaplan_d and kaplan_c.
    """
    return (x0 / x) ** alpha
