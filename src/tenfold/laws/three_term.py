r"""Three terms: size, batch and steps apart."""

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Reduction, law

SCHAIPP = Cite(
    "Schaipp", 2026, "How to Allocate Your Tokens? Scaling Laws with Training Steps and Batch Size",
    "arXiv:2607.01487", "eq. of the three-term law",
)  # fmt: skip


@law(
    cite=SCHAIPP,
    checks=[
        Check(
            {"N": 1e8, "batch": 1e6, "S": 1e4},
            {"E": 1.5, "A": 2e3, "Q": 40.0, "P": 3.0, "alpha": 0.5, "gamma": 1.0 / 3.0, "beta": 0.25},
            2.4,  # 1.5 + .2 + .4 + .3
        )
    ],
    reduces_to=[
        Reduction(
            "chinchilla",
            when={"Q": 0.0, "batch": 1.0},
            coef={"E": "E", "A": "A", "B": "P", "alpha": "alpha", "beta": "beta"},
            inputs={"D": "batch * S"},
        )
    ],
    falls_in=("N", "batch", "S"),
    meaning={
        "E": "irreducible loss, in the unit of the loss",
        "A": "size of the parameter term, loss times parameters^alpha",
        "Q": "size of the batch term, the noise of the gradient, loss times tokens^gamma",
        "P": "size of the step term, loss times steps^beta",
        "alpha": "exponent of parameters, no unit",
        "gamma": "exponent of the batch, no unit",
        "beta": "exponent of steps, no unit",
    },
)
def three_term(
    N, batch, S, *, E: Floor, A: Positive, Q: Positive, P: Positive, alpha: Exponent, gamma: Exponent, beta: Exponent
):
    r"""L(N, B, S) = E + A N^{-\alpha} + Q B^{-\gamma} + P S^{-\beta}

    Use it for runs whose batches were not the best ones: it needs no search for the best batch and still
    gives it (best_batch). Tokens are batch times steps. Not for one fixed batch, which it cannot tell from the
    floor (chinchilla), nor at batches so small or large that runs become unstable. No constants are shipped;
    the paper's best batch is batch_d:schaipp.
    """
    return E + A * N**-alpha + Q * batch**-gamma + P * S**-beta


def best_batch(coef, tokens):
    """The batch with the least loss when batch times steps is ``tokens``; the same for every size.

    >>> round(best_batch({"Q": 40.0, "P": 3.0, "gamma": 0.5, "beta": 0.5}, 3e8))
    4000000000
    """
    ratio = coef["gamma"] * coef["Q"] / (coef["beta"] * coef["P"])
    return (ratio * tokens ** coef["beta"]) ** (1.0 / (coef["beta"] + coef["gamma"]))
