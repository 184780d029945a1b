r"""Joint law of mixtures of experts: active size, experts and tokens, in which experts change both exponents."""

from tenfold.core import Check, Cite, Floor, Interval, Positive, Published, Reduction, law, maths
from tenfold.laws.experts import EXPERTS, FewExperts, ManyExperts, saturating

LUDZIEJEWSKI = Cite(
    "Ludziejewski et al.", 2025, "Joint MoE Scaling Laws: Mixture of Experts Can Be Memory Efficient",
    "arXiv:2502.05172", "table 3",
)  # fmt: skip
# Table 4: m, mu, n, nu of m N^mu + n D^nu + c for each number of experts.
REDUCED = {
    1: (30.364, -0.1817, 53.984, -0.1965),
    2: (27.798, -0.1780, 66.840, -0.2065),
    4: (24.846, -0.1731, 87.702, -0.2192),
    8: (21.833, -0.1676, 119.91, -0.2338),
    16: (19.016, -0.1617, 167.51, -0.2494),
    32: (16.542, -0.1557, 234.67, -0.2652),
}
FLOOR = 1.3637
OWN = {
    "a": 30.0, "delta": -0.25, "alpha": -0.2, "gamma": 0.01, "b": 40.0, "omega": 0.5, "beta": -0.18, "zeta": -0.02,
    "c": 1.5, "E_start": 2.5, "E_max": 200.0,
}  # fmt: skip


@law(
    cite=LUDZIEJEWSKI,
    published={
        "ludziejewski": Published(
            {
                "a": 35.91,
                "delta": -0.2285,
                "alpha": -0.1889,
                "gamma": 0.0098,
                "b": 35.98,
                "omega": 0.5529,
                "beta": -0.1775,
                "zeta": -0.0259,
                "c": FLOOR,
                "E_start": 2.0732,
                "E_max": 290.4521,
            },
            where="table 3, signs as printed",
            params="active",
            flops="6ND",
            loss="nats/token",
            span={"K": (1.0, 32.0)},
            note="active and total parameters include both embedding matrices; FineWeb-Edu",
        )
    },
    checks=[Check({"N": 1e9, "K": 33.0, "D": 1e11}, OWN, 2.3210756489535563)],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={"K": 1.0},
            coef={
                "E": "c",
                "A": "a * E_start**delta",
                "B": "b * E_start**omega",
                "alpha": "-alpha - gamma * log(E_start)",
                "beta": "-beta - zeta * log(E_start)",
            },
        )
    ],
    falls_in=("N", "D", "K"),
    aliases=("ludziejewski",),
    meaning={
        "a": "size of the parameter term at one counted expert, loss times parameters^-alpha",
        "delta": "power of counted experts in the size of the parameter term, no unit",
        "alpha": "power of active parameters at one counted expert, negative, no unit",
        "gamma": "change of that power per factor e of counted experts, no unit",
        "b": "size of the data term at one counted expert, loss times tokens^-beta",
        "omega": "power of counted experts in the size of the data term, no unit",
        "beta": "power of tokens at one counted expert, negative, no unit",
        "zeta": "change of that power per factor e of counted experts, no unit",
        "c": "irreducible loss, in the unit of the loss",
        **EXPERTS,
    },
)
def moe_joint(
    N, K, D, *,
    a: Positive, delta: Interval(-3.0, 3.0, start=(-0.6, 0.4)),
    alpha: Interval(-3.0, 0.0, start=(-0.8, -0.05)), gamma: Interval(-0.5, 0.5, start=(-0.03, 0.03)),
    b: Positive, omega: Interval(-3.0, 3.0, start=(-0.4, 1.0)),
    beta: Interval(-3.0, 0.0, start=(-0.8, -0.05)), zeta: Interval(-0.5, 0.5, start=(-0.05, 0.05)),
    c: Floor, E_start: FewExperts, E_max: ManyExperts,
):  # fmt: skip
    r"""L = a K'^{\delta} N^{\alpha + \gamma \log K'} + b K'^{\omega} D^{\beta + \zeta \log K'} + c

    Use it for mixtures of K experts, one expert a token, when active size N, tokens and experts all vary. At a
    fixed number of experts it is chinchilla, with the coefficients that at_experts(coef, K) gives, and plans go
    through that. Not for fine-grained experts (fine_grained), nor for one training length (routed). Powers carry
    their own sign. Hold E_max where the runs do not reach it: it is the least determined.
    """
    count = maths.log(saturating(K, E_start, E_max))
    size = maths.exp(delta * count + (alpha + gamma * count) * maths.log(N))
    data = maths.exp(omega * count + (beta + zeta * count) * maths.log(D))
    return a * size + b * data + c


def at_experts(coef, experts):
    r"""m N^{\mu} + n D^{\nu} + c: the coefficients of ``chinchilla`` that ``moe_joint`` is at a number of experts.

    Its closed-form optimum, with N the active parameters and 6 N D the compute, is then that of the mixture.
    """
    count = maths.log(saturating(experts, coef["E_start"], coef["E_max"]))
    return {
        "E": coef["c"],
        "A": coef["a"] * maths.exp(coef["delta"] * count),
        "B": coef["b"] * maths.exp(coef["omega"] * count),
        "alpha": -coef["alpha"] - coef["gamma"] * count,
        "beta": -coef["beta"] - coef["zeta"] * count,
    }


def _reduced(experts, m, mu, n, nu):
    return Published(
        {"E": FLOOR, "A": m, "B": n, "alpha": -mu, "beta": -nu},
        where=f"table 4, {experts} expert{'s' if experts > 1 else ''}: m, |mu|, n, |nu|, and c of table 3",
        params="active",
        flops="6ND",
        loss="nats/token",
        note="active parameters, both embedding matrices included; FineWeb-Edu",
        cite=Cite(LUDZIEJEWSKI.authors, 2025, LUDZIEJEWSKI.title, LUDZIEJEWSKI.id, "table 4"),
    )


# Published sets of chinchilla.
CHINCHILLA = {f"moe-joint-{experts}": _reduced(experts, *row) for experts, row in REDUCED.items()}
