r"""Parallel scaling: P streams through the same weights count as a larger model."""

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Like, Published, Reduction, law, maths

CHEN = Cite(
    "Chen et al.", 2025, "Parallel Scaling Law for Language Models", "arXiv:2505.10475",
    "section 'Scaling Law' of the authors' README and parametric_fit.py",
)  # fmt: skip
Gain = Domain("positive", lower=0.0, transform="log", start=(0.03, 3.0))


def _refit(corpus, E, A, alpha, k):
    return Published(
        {"E": E, "A": A, "alpha": alpha, "k": k},
        where=f"the 24 losses on {corpus} in parametric_fit.py, summed Huber 1e-3 of the log loss",
        tag="refit",
        params="non-embedding",
        loss="nats/token",
        span={"N": (5.3e8, 4.5e9), "P": (1.0, 8.0)},
        note="one number of tokens for all runs; N includes what each stream adds",
    )


@law(
    cite=CHEN,
    published={
        "stack-python": _refit("Stack-V2 Python", 0.691207, 1.130707e7, 0.1893583, 0.3934568),
        "pile": _refit("the Pile", 1.288588, 1.975166e8, 0.1962815, 0.3344424),
    },
    checks=[
        Check({"N": 2.5e9, "P": 7.38905609893065}, {"E": 1.5, "A": 1.6e8, "alpha": 0.5, "k": 0.25}, 1.7065591117977289)
    ],  # P = e^2: 1.5 + sqrt(1.6e8 / 3.75e9)
    reduces_to=[
        Reduction(
            "power_offset",
            when={"P": 1.0},
            coef={"E": "E", "A": "A**alpha", "alpha": "alpha"},
            inputs={"x": "N"},
        )
    ],
    falls_in=("N", "P"),
    aliases=("parscale",),
    meaning={
        "E": "irreducible loss, in the unit of the loss",
        "A": "size at which one stream is one nat above the floor, parameters",
        "alpha": "exponent of parameters, no unit",
        "k": "what a factor e of streams adds, as a share of the parameters",
    },
)
def parallel_streams(N, P, *, E: Floor, A: Like("N", low=1e-5, high=10.0), alpha: Exponent, k: Gain):
    r"""L(N, P) = E + \left( \frac{A}{N (1 + k \log P)} \right)^{\alpha}

    Use it to weigh parallel streams against parameters at a fixed number of tokens: P streams are worth the
    parameters that equivalent_params gives. Not for P beyond a few doublings of what was measured, as the
    logarithm never ends, and not where tokens vary: fit chinchilla at each P.
    """
    size = maths.log(A) - maths.log(N) - maths.log1p(k * maths.log(P))
    return E + maths.exp(alpha * size)


def equivalent_params(coef, N, P):
    r"""N (1 + k \log P): the size of the one-stream model with the loss of N parameters and P streams."""
    return N * (1.0 + coef["k"] * maths.log(P))
