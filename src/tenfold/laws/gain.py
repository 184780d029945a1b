r"""Scores that rise with the logarithm of a scale, or nearly so."""

from tenfold.core import Check, Cite, Domain, Positive, Published, Real, Reduction, law, maths

EMBEDDING = Cite(
    "He et al.", 2025, "Understanding Embedding Scaling in Collaborative Filtering", "arXiv:2509.15709",
    "abstract: the logarithmic pattern",
)  # fmt: skip
WUKONG = Cite(
    "Zhang et al.", 2024, "Wukong: Towards a Scaling Law for Large-Scale Recommendation", "arXiv:2403.02545",
    "the figure of quality against GFLOP per example",
)  # fmt: skip
Small = Domain("small exponent", lower=1e-6, upper=1.0, transform="log", start=(1e-4, 0.3))


@law(
    cite=EMBEDDING,
    output="score",
    checks=[Check({"dim": 64.0}, {"a": 0.125, "b": 0.25}, 1.1647207708399179)],  # 1/8 + 1.5 log 2
    reduces_to=[Reduction("log_law", when={}, coef={"a": "a", "b": "-b"}, inputs={"x": "dim"})],
    meaning={
        "a": "score of a one-dimensional embedding, in the unit of the score",
        "b": "gain per factor e of dimensions, in the unit of the score",
    },
)
def embedding_dimension(dim, *, a: Real, b: Real):
    r"""s(d) = a + b \log d

    Use it for the score of a recommender against the dimension of its embeddings where the model withstands
    noise. No constants were published. Not for models that peak: simple ones rise, fall, rise and fall again as
    dimensions grow, for which no formula was given; look for the peaks in the runs themselves.
    """
    return a + b * maths.log(dim)


@law(
    cite=WUKONG,
    output="score",
    published={
        "wukong": Published(
            {"a": -100.0, "b": 99.56, "c": 0.00071},
            where="y = -100 + 99.56 x^0.00071 in the text",
            tag="verified-secondary",
            span={"x": (1.0, 100.0)},
            note="per cent of the log loss against GFLOP an example; only differences mean something, "
            "as what zero stands for is not said: four times the compute gains .098",
        )
    },
    checks=[Check({"x": 65536.0}, {"a": -1.5, "b": 1.25, "c": 0.0625}, 1.0)],  # -1.5 + 1.25 * 2
    reduces_to=[
        Reduction("power", when={"a": 0.0}, coef={"A": "b", "alpha": "-c"}),
        Reduction("log_law", when={"c": 1e-9}, coef={"a": "a + b", "b": "-b * c"}, rel=1e-7),
    ],
    aliases=("wukong",),
    identifiable="with so small an exponent b x^c is straight in log x over any span of data: two numbers, not three",
    meaning={
        "a": "where the curve would start at no scale at all, in the unit of the score",
        "b": "height above that at x = 1, in the unit of the score",
        "c": "exponent of x, no unit",
    },
)
def quality_gain(x, *, a: Real, b: Positive, c: Small):
    r"""s(x) = a + b x^{c}

    Use it to read a published curve of this form, and for scores that rise a little faster than the logarithm of
    scale. Not to fit a near-straight one: its three coefficients then share two numbers, and log_law (with b
    negative) says all there is. Not for bounded scores near their ceiling.
    """
    return a + b * x**c
