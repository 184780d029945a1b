r"""Task ladder: a task's accuracy in size and data, in one step."""

from tenfold.core import Check, Cite, Exponent, Positive, Real, Reduction, Unit, law, maths

BHAGIA = Cite(
    "Bhagia et al.", 2024, "Establishing Task Scaling Laws via Compute-Efficient Model Ladders", "arXiv:2412.04403",
    "single-step eq. of the released fitting functions",
)  # fmt: skip
STEP = {"chance": 0.2, "ceiling": 0.875, "E": -1.5, "A": 300.0, "B": 3000.0, "alpha": 0.3, "beta": 0.35}
DIRECT = {"E": 0.875, "A": 20.0, "B": 30.0, "alpha": 0.25, "beta": 0.3}
POWERS = {"alpha": "exponent of parameters, no unit", "beta": "exponent of tokens, no unit"}


@law(
    cite=BHAGIA,
    output="accuracy",
    checks=[
        Check({"N": 1e8, "D": 1e10}, STEP, 0.43258313963012259),
        Check({"N": 1e9, "D": 1e9}, STEP, 0.35357029663290352),
    ],
    reduces_to=[
        Reduction(
            "accuracy_link",
            when={},
            coef={"chance": "chance", "ceiling": "ceiling", "k": "1", "L0": "0"},
            inputs={"L": "E + A * N**-alpha + B * D**-beta"},
        )
    ],
    meaning={
        "chance": "accuracy of small models on little data, fraction",
        "ceiling": "accuracy far below the middle of the sigmoid, fraction",
        "E": "k (E - L0) of the two steps: how far below the middle the best model gets, no unit",
        "A": "k A of the two steps: size of the parameter term, parameters^alpha",
        "B": "k B of the two steps: size of the data term, tokens^beta",
        **POWERS,
    },
)
def accuracy_ladder(
    N, D, *, chance: Unit, ceiling: Unit, E: Real, A: Positive, B: Positive, alpha: Exponent, beta: Exponent
):
    r"""\mathrm{acc}(N, D) = c_\infty - \frac{c_\infty - c_0}{1 + \exp(-E - A N^{-\alpha} - B D^{-\beta})}

    Use it when only accuracies were recorded. It is accuracy_link of chinchilla with the steepness absorbed: accuracies
    alone cannot tell k from A, B and E - L0. Not when the task's loss is at hand: two fits, chinchilla on that loss and
    accuracy_link on checkpoints, predicted better in the paper. No constants are shipped.
    """
    loss = E + A * N**-alpha + B * D**-beta
    return ceiling + (chance - ceiling) * maths.exp(-maths.softplus(-loss))


@law(
    cite=BHAGIA,
    output="accuracy",
    checks=[Check({"N": 1e8, "D": 1e10}, DIRECT, 0.645), Check({"N": 1e9, "D": 1e9}, DIRECT, 0.7026738655128638)],
    meaning={
        "E": "accuracy of an infinite model on infinite data, fraction; the released code lets it pass 1",
        "A": "size of the parameter term, fraction times parameters^alpha",
        "B": "size of the data term, fraction times tokens^beta",
        **POWERS,
    },
)
def accuracy_nd(N, D, *, E: Unit, A: Positive, B: Positive, alpha: Exponent, beta: Exponent):
    r"""\mathrm{acc}(N, D) = E - A N^{-\alpha} - B D^{-\beta}

    Use it as the simplest rival of the two-step ladder, for tasks well above chance. Not for accuracies near chance,
    below which it falls, or near their ceiling (accuracy_ladder). No constants are shipped.
    """
    return E - A * N**-alpha - B * D**-beta
