r"""Zhai et al.: a power law that is cut off at both ends."""

from tenfold.core import Check, Cite, Exponent, Floor, Like, Positive, Published, Reduction, law

ZHAI = Cite(
    "Zhai et al.", 2021, "Scaling Vision Transformers", "arXiv:2106.04560", "section on the double-saturating law"
)


@law(
    cite=ZHAI,
    output="error",
    published={
        "vit-imagenet": Published(
            {"E": 0.09, "A": 0.26, "d": 0.01, "alpha": 0.35},
            where="ImageNet after fine-tuning, lower envelope, as quoted in a public plotting script",
            note="x is compute in TPUv3 core-days",
        )
    },
    checks=[
        Check({"x": 0.06}, {"E": 0.1, "A": 0.25, "d": 0.0025, "alpha": 0.5}, 1.1),  # .1 + .25 / .25
        Check({"x": 0.0075}, {"E": 0.1, "A": 0.25, "d": 0.0025, "alpha": 0.5}, 2.6),  # .1 + .25 / .1
    ],
    reduces_to=[Reduction("power_offset", when={"d": 0.0}, coef={"E": "E", "A": "A", "alpha": "alpha"})],
    falls_in=("x",),
    aliases=("scaling_vit", "zhai"),
    meaning={
        "E": "floor that x alone cannot pass, in the unit of the output",
        "A": "height above the floor where x + d = 1, in the unit of the output",
        "d": "shift, in the unit of x: where the curve leaves the level of an untrained model",
        "alpha": "exponent far above the shift, no unit",
    },
)
def power_shifted(x, *, E: Floor, A: Positive, d: Like("x", low=1e-3, high=3.0), alpha: Exponent):
    r"""E(x) = E + A (x + d)^{-\alpha}

    Use it for a bounded score, an error rate or any curve that begins flat, falls as a power and ends flat, on
    the lower envelope of compute. Points below and above the two bends determine d and E. Not without the
    first bend in the data (power_offset says as much with less), nor where the start is a known chance level
    (m4). For fine-tuning data there is rectified.
    """
    return E + A * (x + d) ** -alpha
