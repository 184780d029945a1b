r"""Fine-grained mixtures of experts: how finely the experts are cut is a third axis."""

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Published, Reduction, law

KRAJEWSKI = Cite(
    "Krajewski et al.", 2024, "Scaling Laws for Fine-Grained Mixture of Experts", "arXiv:2402.07871",
    "the joint law (eq.) and the table of its fitted coefficients",
)  # fmt: skip


@law(
    cite=KRAJEWSKI,
    published={
        "moe-64": Published(
            {"a": 18.1, "alpha": 0.115, "b": 30.8, "beta": 0.147, "g": 2.1, "gamma": 0.58, "c": 0.47},
            where="fitted coefficients, expansion rate 64",
            params="non-embedding",
            loss="nats/token",
            span={"G": (1.0, 16.0)},
            note="N counts all experts: (8 * 64 + 4) blocks width^2, neither embeddings nor router",
        )
    },
    checks=[
        Check(
            {"N": 1e8, "G": 16.0, "D": 1e12},
            {"a": 20.0, "alpha": 0.25, "b": 400.0, "beta": 0.5, "g": 8.0, "gamma": 0.75, "c": 1.5},
            1.7104,  # (20 + 8/8) / 100 + 400 / 1e6 + 1.5
        )
    ],
    reduces_to=[
        Reduction("chinchilla", when={"g": 0.0}, coef={"E": "c", "A": "a", "B": "b", "alpha": "alpha", "beta": "beta"}),
        Reduction(
            "chinchilla",
            when={"G": 1.0},
            coef={"E": "c", "A": "a + g", "B": "b", "alpha": "alpha", "beta": "beta"},
        ),
    ],
    falls_in=("N", "G", "D"),
    aliases=("krajewski",),
    meaning={
        "a": "size of the parameter term for endlessly fine experts, loss times parameters^alpha",
        "alpha": "exponent of parameters, no unit",
        "b": "size of the data term, loss times tokens^beta",
        "beta": "exponent of tokens, no unit",
        "g": "what experts as wide as the dense layer add to a, in its unit",
        "gamma": "exponent of granularity, no unit",
        "c": "irreducible loss, in the unit of the loss",
    },
)
def fine_grained(
    N, G, D, *, a: Positive, alpha: Exponent, b: Positive, beta: Exponent, g: Positive, gamma: Exponent, c: Floor
):
    r"""L(N, G, D) = c + \left( g G^{-\gamma} + a \right) N^{-\alpha} + b D^{-\beta}

    Use it for mixtures of experts at one expansion rate whose experts are cut G times finer than the dense
    feed-forward layer, G of them serving a token; N counts every expert. Not across expansion rates (moe_joint),
    and not with active parameters in the place of N. It never rises in G, so the cost of routing must bound a
    plan. Its authors' dense runs are the set krajewski-dense of chinchilla.
    """
    return c + (g * G**-gamma + a) * N**-alpha + b * D**-beta


# Published sets of chinchilla.
CHINCHILLA = {
    "krajewski-dense": Published(
        {"E": 0.47, "A": 16.3, "B": 26.7, "alpha": 0.126, "beta": 0.127},
        where="fitted coefficients of the dense models; the floor is shared with the mixtures",
        params="non-embedding",
        loss="nats/token",
        note="C4; the floor is far below that of other fits, as the exponents are",
        cite=KRAJEWSKI,
    )
}
