r"""How long a task a model can carry through, when its steps succeed independently."""

from tenfold.core import Check, Cite, Interval, Like, law, maths

SINHA = Cite(
    "Sinha et al.", 2025, "The Illusion of Diminishing Returns: Measuring Long Horizon Execution in LLMs",
    "arXiv:2509.09677", "section on step accuracy and horizon",
)  # fmt: skip
HALF = 0.6931471805599453  # log 2
WORST = 0.999  # an error of a step that leaves something to take the logarithm of


@law(
    cite=SINHA,
    output="horizon",
    checks=[Check({"N": 1e8}, {"Nc": 1e6, "alpha": 0.5}, 6.578813478960585)],  # log .5 / log .9
    meaning={
        "Nc": "size at which every step would fail, parameters",
        "alpha": "exponent with which the error of a step falls in parameters, no unit",
    },
)
def horizon(N, *, Nc: Like("N", low=1e-8, high=0.5), alpha: Interval(0.02, 3.0, start=(0.05, 1.5))):
    r"""H_{.5}(N) = \frac{\log .5}{\log(1 - \epsilon)}, \; \epsilon = (N_c / N)^{\alpha}

    Use it for the number of steps that models of several sizes complete half of the time: once a step fails
    rarely the horizon is log 2 / epsilon, a power of size, though accuracy saturates. At another success
    rate s it is log s / log .5 times as long. Not where errors breed errors (accuracy falls along the task);
    there measure the accuracy at each step. No constants are shipped.
    """
    error = maths.minimum(maths.exp(alpha * (maths.log(Nc) - maths.log(N))), WORST)
    return -HALF / maths.log1p(-error)
