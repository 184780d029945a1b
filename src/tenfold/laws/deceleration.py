r"""Loss deceleration: a learning curve with two slopes."""

from tenfold.core import Check, Cite, Exponent, Interval, Like, Published, Reduction, law, maths

MIRCEA = Cite(
    "Mircea et al.",
    2025,
    "Training Dynamics Underlying Language Model Scaling Laws: Loss Deceleration and Zero-Sum Learning",
    "arXiv:2506.05447",
    "eq. of the one-break law; table of fits in the authors' repository",
)
Early = Interval(0.0, 3.0, start=(0.05, 1.0))
Width = Interval(1e-3, 10.0, start=(0.05, 2.0))


def _fit(size, b, c0, c1, log_d1, f1, last):
    """A row of their fits, which write b S^-c0 (1 + (S/d1)^(1/f1))^(-c1 f1)."""
    t_d = maths.exp(log_d1)
    return Published(
        {"L_d": float(b * t_d**-c0), "t_d": float(t_d), "early": c0, "late": c0 + c1, "width": f1},
        where=f"the authors' notebook, {size} model on Dolma, unrounded",
        loss="nats/token",
        span={"S": (110.0, last)},
        note="training loss, averaged over the last sixth of the steps",
    )


@law(
    cite=MIRCEA,
    published={
        "14m": _fit("14 M", 18.42228123, 0.1745419821, -0.1620250625, 8.678862922, 0.2030215782, 262153.0),
        "37m": _fit("37 M", 19.63524562, 0.1952969906, -0.1789559309, 8.683969133, 0.2353734922, 262153.0),
        "78m": _fit("78 M", 20.65978344, 0.2083602577, -0.1886199848, 8.687549110, 0.2925257950, 262153.0),
        "144m": _fit("144 M", 20.30558552, 0.2104610142, -0.1874456832, 8.711803494, 0.3440160162, 262209.0),
        "285m": _fit("285 M", 20.84651961, 0.2207558306, -0.1957130858, 8.568732847, 0.4449654999, 262451.0),
        "472m": _fit("472 M", 21.15564006, 0.2253307582, -0.1904723638, 8.443335436, 0.3928849425, 188556.0),
        "olmo-1b": _fit("OLMo 1 B", 25.96848854, 0.2682366329, -0.2343838722, 8.220891375, 0.7587727799, 738016.0),
        "olmo-7b": _fit("OLMo 7 B", 27.48750199, 0.2778061088, -0.2248378556, 8.439793644, 0.7639836928, 557000.0),
    },
    checks=[
        # 3 u^-.5 (1 + u^4)^.1 in 30 digits, at u = 2 and 1/2
        Check({"S": 8000.0}, {"L_d": 3.0, "t_d": 4000.0, "early": 0.5, "late": 0.1, "width": 0.25}, 2.816119948660821),
        Check({"S": 2000.0}, {"L_d": 3.0, "t_d": 4000.0, "early": 0.5, "late": 0.1, "width": 0.25}, 4.268439659464562),
    ],
    reduces_to=[
        Reduction(
            "bnsl1",
            when={},
            coef={
                "E": "0",
                "b": "L_d * t_d**early",
                "c0": "early",
                "c1": "late - early",
                "d1": "t_d",
                "f1": "width",
            },
            inputs={"x": "S"},
        )
    ],
    falls_in=("S",),
    aliases=("loss_deceleration",),
    meaning={
        "L_d": "loss where the two straight lines of the log-log plot meet, in the unit of the loss",
        "t_d": "step at which they meet, optimiser steps",
        "early": "exponent of steps before, no unit",
        "late": "exponent of steps after, no unit; larger for larger models",
        "width": "width of the bend in factors e of steps, no unit; small is sharp",
    },
)
def deceleration(
    S, *, L_d: Like("output"), t_d: Like("S", low=0.5, high=1.0), early: Early, late: Exponent, width: Width
):
    r"""L(S) = L_d \, u^{-r_0} \left( 1 + u^{1/f} \right)^{(r_0 - r_d) f}, \; u = S / t_d

    Use it for one smoothed learning curve that falls fast, bends once and then falls slowly: L_d, t_d and the
    late exponent are what larger models improve, and the loss at the end is near L_d (S / t_d)^-late. Leave
    out the first hundred steps. Not across runs (kaplan_ns), nor through a decay of the rate (lr_annealing),
    nor to the floor: it has none (bnsl1 has).
    """
    u = maths.log(S) - maths.log(t_d)
    return L_d * maths.exp(-early * u + (early - late) * width * maths.softplus(u / width))
