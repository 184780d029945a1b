r"""Links: a task's accuracy or error from a loss."""

from tenfold.core import Check, Cite, Exponent, Interval, Like, Positive, Published, Real, Unit, law, maths

BHAGIA = Cite(
    "Bhagia et al.", 2024, "Establishing Task Scaling Laws via Compute-Efficient Model Ladders", "arXiv:2412.04403",
    "step 2, sigmoid eq. of the released fitting functions",
)  # fmt: skip
GADRE = Cite(
    "Gadre et al.", 2024, "Language models scale reliably with over-training and on downstream tasks",
    "arXiv:2403.08540", "eq. of the error in the loss, err = eps - k exp(-gamma L)",
)  # fmt: skip
BRANDFONBRENER = Cite(
    "Brandfonbrener et al.", 2024, "Loss-to-Loss Prediction: Scaling Laws for All Datasets", "arXiv:2411.12925",
    "error eq. of the released notebooks, softmin10(e, b (L - c)^a + d)",
)  # fmt: skip
CHEN = Cite(
    "Chen et al.", 2024, "Scaling Laws for Predicting Downstream Performance in LLMs", "arXiv:2410.08527",
    "stage 2 of FLP, the linear eq. P = w0 + w1 L",
)  # fmt: skip
# chance, ceiling, k, L0 and the range of the task loss
LADDER = {
    "mmlu": (0.2577451, 1.0, 4.817303, 0.6149067, (0.984, 2.17)),
    "hellaswag": (0.2622335, 0.9921679, 12.75382, 0.7666757, (0.759, 1.38)),
    "arc-challenge": (0.2221737, 1.0, 5.894028, 0.7080774, (0.906, 1.99)),
    "arc-easy": (0.3492905, 1.0, 4.062341, 0.7436134, (0.684, 1.93)),
    "piqa": (0.542358, 1.0, 5.055779, 0.9623682, (0.998, 1.72)),
    "csqa": (0.167992, 0.9885896, 2.331637, 1.11893, (1.0, 2.42)),
    "socialiqa": (0.4003971, 0.9997206, 7.097034, 0.8923282, (1.07, 1.92)),
    "openbookqa": (0.2109223, 1.0, 4.369667, 1.083775, (1.38, 2.32)),
}
SIGMOID = {"chance": 0.25, "ceiling": 0.875, "k": 4.0, "L0": 1.0}
SOFTMIN = {"e": 0.75, "a": 1.5, "b": 0.3, "c": 1.0, "d": 0.0625}
SOFTPLUS = {"h": 0.2, "k": 3.0, "L0": 0.5}


def _ladder(chance, ceiling, k, L0, span):
    return Published(
        {"chance": chance, "ceiling": ceiling, "k": k, "L0": L0},
        where="the released checkpoints of 190M to 1.3B parameters, least squares, with the paper's ideal point (0, 1)",
        tag="refit",
        loss="bits/byte",
        span={"L": span},
        note="5-shot accuracy by ranking against bits per byte of the right answer; the ideal point sets the ceiling",
    )


@law(
    cite=BHAGIA,
    output="accuracy",
    published={f"olmo-{task}": _ladder(*row) for task, row in LADDER.items()},
    checks=[Check({"L": 1.25}, SIGMOID, 0.41808838835624695), Check({"L": 0.5}, SIGMOID, 0.80049817373617653)],
    falls_in=("L",),
    aliases=("task_sigmoid",),
    meaning={
        "chance": "accuracy at a large loss, fraction; a + b of the paper",
        "ceiling": "accuracy at a small loss, fraction; b of the paper",
        "k": "steepness, per unit of the loss",
        "L0": "loss at which half of the way is done, in the unit of the loss",
    },
)
def accuracy_link(L, *, chance: Unit, ceiling: Unit, k: Interval(0.0, 200.0, start=(1.0, 30.0)), L0: Like("L")):
    r"""\mathrm{acc}(L) = c_\infty - \frac{c_\infty - c_0}{1 + e^{-k (L - L_0)}}

    Use it as the second step of a task ladder: accuracy from the task's own loss (bits per byte of the right answer),
    with checkpoints of small models; the first step is chinchilla on that loss. Fix chance where the task says what it is
    (--fixed chance=0.25). Not from a general loss when the data differ, and not with data on one arm of the sigmoid
    only: then the other level is a guess (error_link has one level). The shipped sets owe their ceilings to an ideal
    point, accuracy 1 at loss 0.
    """
    return ceiling + (chance - ceiling) * maths.exp(-maths.softplus(k * (L0 - L)))


@law(
    cite=GADRE,
    output="error",
    checks=[
        Check({"L": 2.0}, {"eps": 0.875, "k": 4.0, "gamma": 1.5}, 0.6758517265285442),
        Check({"L": 3.0}, {"eps": 0.875, "k": 4.0, "gamma": 1.5}, 0.83056401384703077),
    ],
    meaning={
        "eps": "error at a large loss, fraction: chance",
        "k": "gain of the exponential at zero loss, fraction",
        "gamma": "how fast the gain fades with the loss, per unit of the loss",
    },
)
def error_link(L, *, eps: Unit, k: Positive, gamma: Interval(0.0, 20.0, start=(0.1, 8.0))):
    r"""\mathrm{err}(L) = \epsilon - k e^{-\gamma L}

    Use it for the average error over many tasks against the loss on general text, whatever the size and the data that
    led to that loss. Not for single tasks without a check: of 46 fewer than half followed it in a later study
    (arXiv:2507.00885). Where a task nears a ceiling use accuracy_link. No constants are shipped.
    """
    return eps - k * maths.exp(-gamma * L)


@law(
    cite=BRANDFONBRENER,
    output="error",
    checks=[Check({"L": 3.0}, SOFTMIN, 0.73178189707780073), Check({"L": 1.5}, SOFTMIN, 0.16826801664826339)],
    meaning={
        "e": "error at a large loss, fraction: chance",
        "a": "exponent of the loss above c, no unit",
        "b": "size of the power, fraction per (unit of the loss)^a",
        "c": "loss at which the error is least, in the unit of the loss",
        "d": "error that is left at that loss, fraction",
    },
)
def softmin_link(
    L, *, e: Unit, a: Exponent, b: Positive, c: Like("L", low=0.2, high=0.95), d: Interval(0.0, 1.0, start=(0.0, 0.4))
):
    r"""\mathrm{err}(L) = -\tfrac{1}{10} \log\left( e^{-10 e} + e^{-10 (b (L - c)_+^{a} + d)} \right)

    Use it for an error that leaves chance e at a loss and then falls by a power of the loss above its limit: the smooth
    minimum of the two. Not with fewer than about ten losses on both sides of the bend; error_link has three coefficients.
    No constants are shipped.
    """
    gap = L - c
    above = maths.where(gap > 0.0, maths.where(gap > 0.0, gap, 1.0) ** a, 0.0)
    return -0.1 * maths.logaddexp(-10.0 * e, -10.0 * (b * above + d))


@law(
    cite=BHAGIA,
    output="accuracy",
    checks=[Check({"L": 1.5}, SOFTPLUS, 0.39028252968525159), Check({"L": 0.6}, SOFTPLUS, 0.82912895110629458)],
    falls_in=("L",),
    meaning={
        "h": "accuracy lost per unit of k (L - L0) at a large loss, fraction; -a of the paper",
        "k": "sharpness of the bend, per unit of the loss",
        "L0": "loss at the bend, in the unit of the loss",
    },
)
def softplus_link(L, *, h: Positive, k: Interval(0.01, 200.0, start=(0.5, 30.0)), L0: Like("L")):
    r"""\mathrm{acc}(L) = 1 - h \log\left( 1 + e^{k (L - L_0)} \right)

    Use it in place of accuracy_link when the first step is the task's cross-entropy over its choices: accuracy 1 at a
    small loss, then a straight fall. Not near chance, which it runs through, and not where h and k cannot be told apart:
    far above L0 only their product counts. No constants are shipped.
    """
    return 1.0 - h * maths.softplus(k * (L - L0))


@law(
    cite=CHEN,
    output="score",
    checks=[
        Check({"L": 2.5}, {"w0": 1.5, "w1": -0.375}, 0.5625),
        Check({"L": 2.0}, {"w0": 1.5, "w1": -0.375}, 0.75),
    ],
    meaning={"w0": "score at zero loss, in the unit of the score", "w1": "change of the score per unit of the loss"},
)
def linear_link(L, *, w0: Real, w1: Real):
    r"""P(L) = w_0 + w_1 L

    Use it as the second step after a law of the loss in compute, on checkpoints that score clearly above chance. Not
    below that, where the score is flat, nor near a ceiling (accuracy_link). No constants are shipped.
    """
    return w0 + w1 * L
