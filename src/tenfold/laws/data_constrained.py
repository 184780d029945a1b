r"""Data-constrained training: repeated tokens and excess parameters are worth less and less."""

from math import exp

from tenfold.core import Check, Cite, Domain, Floor, Interval, Positive, Published, Reduction, law, maths

MUENNIGHOFF = Cite(
    "Muennighoff et al.", 2023, "Scaling Data-Constrained Language Models", "arXiv:2305.16264", "eq. 4 to 6"
)
Steep = Interval(0.01, 3.0, start=(0.02, 1.5))
Repeats = Domain("positive", lower=0.0, transform="log", start=(1.0, 50.0))
C4 = {
    "E": exp(0.6254804),
    "A": exp(6.255414),
    "B": exp(7.3049974),
    "alpha": 0.3526596,
    "beta": 0.3526596,
    "Rd": 15.387756,
    "Rn": 5.309743,
}
OWN = {"E": 1.5, "A": 300.0, "B": 1000.0, "alpha": 0.3, "beta": 0.4, "Rd": 12.0, "Rn": 4.0}
# The largest model that U fresh tokens can feed, as in chinchilla at its optimum.
BEST_SIZE = "(alpha * A / (beta * B))**(1 / alpha) * D**(beta / alpha)"


@law(
    cite=MUENNIGHOFF,
    published={
        "muennighoff": Published(
            C4,
            where="the authors' repository, fit on C4; alpha and beta tied",
            params="total",
            flops="6ND",
            loss="nats/token",
            span={"N": (7.0e6, 8.7e9), "D": (1e8, 9e11), "U": (1e8, 1.78e11)},
            note="weight decay moves Rd; the base law is not the one of Chinchilla's own data",
        )
    },
    checks=[
        Check({"N": 6.34e9, "D": 242e9, "U": 25e9}, C4, 2.2256440889984477),  # printed by the authors' code
        Check({"N": 8.67e9, "D": 178e9, "U": 25e9}, C4, 2.2269634075087867),
        Check({"N": 3e11, "D": 4e10, "U": 5e9}, OWN, 1.6834630087459813),
    ],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={"U": "D", "N": f"minimum(N, {BEST_SIZE})"},
            coef={"E": "E", "A": "A", "B": "B", "alpha": "alpha", "beta": "beta"},
        )
    ],
    falls_in=("N", "D", "U"),
    aliases=("muennighoff", "repeated"),
    meaning={
        "E": "irreducible loss, in the unit of the loss",
        "A": "size of the parameter term, loss times parameters^alpha",
        "B": "size of the data term, loss times tokens^beta",
        "alpha": "exponent of parameters, no unit",
        "beta": "exponent of tokens, no unit",
        "Rd": "repetitions after which repeated tokens have lost 1 - 1/e of their worth, epochs",
        "Rn": "the same for parameters beyond the best size for the unique tokens, multiples of that size",
    },
)
def data_constrained(N, D, U, *, E: Floor, A: Positive, B: Positive, alpha: Steep, beta: Steep, Rd: Repeats, Rn: Repeats):
    r"""L = E + A N'^{-\alpha} + B D'^{-\beta}, D' = U + U R_D^* (1 - e^{-(D/U - 1)/R_D^*}), N' \text{ alike}

    Use it when D tokens are drawn from only U unique ones, up to a few dozen epochs. Runs with repeats
    determine Rd, and runs larger than the unique tokens can feed determine Rn; without them fit chinchilla,
    which it equals at U = D up to that size. It never rises: not for runs that overfit, where loss grows with
    epochs.
    """
    used = maths.minimum(U, D)
    fresh = used * (1.0 - Rd * maths.expm1(-(D / used - 1.0) / Rd))
    best = (maths.log(alpha * A / (beta * B)) + beta * maths.log(used)) / alpha
    excess = maths.maximum(maths.log(N) - best, 0.0)
    copies = maths.expm1(maths.minimum(excess, 60.0))  # beyond e^60 nothing is left to lose, and nothing may overflow
    size = maths.log(N) - excess + maths.log1p(-Rn * maths.expm1(-copies / Rn))
    return E + A * maths.exp(-alpha * size) + B * fresh**-beta
