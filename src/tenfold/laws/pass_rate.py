r"""Pass rates: a success rate far below what a benchmark resolves, in the size of the model."""

from tenfold.core import Check, Cite, Exponent, Positive, law, maths

HU = Cite(
    "Hu et al.", 2023, "Predicting Emergent Abilities with Infinite Resolution Evaluation", "arXiv:2310.03262", "eq. 4"
)


@law(
    cite=HU,
    output="accuracy",
    checks=[
        Check({"N": 1e8}, {"c": 500.0, "alpha": 0.25}, 0.0067379469990854671),  # e^-5
        Check({"N": 1e12}, {"c": 500.0, "alpha": 0.25}, 0.60653065971263342),  # e^-1/2
    ],
    aliases=("pass_until",),
    meaning={"c": "size of the power, parameters^alpha", "alpha": "exponent of parameters, no unit"},
)
def passuntil(N, *, c: Positive, alpha: Exponent):
    r"""P(N) = e^{-c N^{-\alpha}}

    Use it for success rates too small for an ordinary benchmark, measured by sampling until a pass: log(-log P) is a
    straight line in log N. Not where guessing can pass, and not when that line bends: downwards the ability grows faster
    than the law (what the paper calls emergence), upwards slower. No constants are shipped.
    """
    return maths.exp(-c * N**-alpha)
