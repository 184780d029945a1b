r"""Width alone: superposition, virtual width, and the rank that feed-forward layers use."""

import numpy as np

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Published, Real, Reduction, law, maths

LIU = Cite(
    "Liu et al.", 2025, "Superposition Yields Robust Neural Scaling", "arXiv:2505.10465",
    "the figure on language models, LLMs/nonlinearfit-3 of the authors' repository",
)  # fmt: skip
VWN = Cite("Li et al.", 2025, "Virtual Width Networks", "arXiv:2511.11238", "abstract: log-linear in virtual width")
SPECTRAL = Cite(
    "Jha and Reagen", 2025,
    "Spectral Scaling Laws in Language Models: How Effectively Do Feed-Forward Networks Use Their Latent Space?",
    "arXiv:2510.00537", "abstract",
)  # fmt: skip
# Floors by family and corpus; size and exponent are shared by all sixteen.
CORPORA = ("wikitext", "c4", "pile", "bookcorpus")
FLOORS = {
    "opt": (2.2074, 2.2745, 1.7193, 2.1845),
    "qwen2.5": (1.6079, 2.1009, 1.4890, 1.9348),
    "gpt-2": (2.3018, 2.3546, 1.9413, 2.2961),
    "pythia": (2.1407, 2.2998, 1.5203, 2.2415),
}
WIDTHS = {
    "opt": (768.0, 9216.0),
    "qwen2.5": (896.0, 8192.0),
    "gpt-2": (768.0, 1600.0),
    "pythia": (512.0, 5120.0),
}


@law(
    cite=LIU,
    published={
        f"{family}-{corpus}": Published(
            {"E": floor, "A": 476.0763, "alpha": 0.9098},
            where="the shared fit over 27 models and four corpora, as the notebook prints it",
            loss="nats/token",
            span={"W": WIDTHS[family]},
            note="families differ in data and depth; the floor takes up all of that",
        )
        for family, floors in FLOORS.items()
        for corpus, floor in zip(CORPORA, floors, strict=True)
    },
    checks=[Check({"W": 1e4}, {"E": 1.5, "A": 200.0, "alpha": 0.5}, 3.5)],
    reduces_to=[Reduction("power_offset", when={}, coef={"E": "E", "A": "A", "alpha": "alpha"}, inputs={"x": "W"})],
    falls_in=("W",),
    meaning={
        "E": "loss of an endlessly wide model of the family, in the unit of the loss",
        "A": "size of the width term, loss times width^alpha",
        "alpha": "exponent of width, no unit; near one where features are packed in superposition",
    },
)
def superposition(W, *, E: Floor, A: Positive, alpha: Exponent):
    r"""L(W) = E + A W^{-\alpha}

    Use it to ask whether width is what limits a family of models: an exponent near one is what more features than
    dimensions, packed with random overlaps, would give. Not to choose a shape, as depth and tokens rise with width
    in any family: width_depth takes them apart.
    """
    return E + A * W**-alpha


@law(
    cite=VWN,
    published={
        "virtual-width": Published(
            {"a": 1.6212, "k": 0.0069},
            where="line through the loss against log2 of the width ratio, R2 .9986",
            tag="verified-secondary",
            loss="nats/token",
            span={"r": (2.0, 8.0)},
            note="0.8 B active parameters, 500 B tokens; ratio 1, no virtual width, lies off the line",
        ),
    },
    checks=[Check({"r": 8.0}, {"a": 1.75, "k": 0.125}, 1.375)],
    reduces_to=[Reduction("log_law", when={}, coef={"a": "a", "b": "k / log(2)"}, inputs={"x": "r"})],
    falls_in=("r",),
    aliases=("vwn",),
    meaning={
        "a": "loss of the line at ratio one, in the unit of the loss",
        "k": "fall per doubling of the ratio, in the unit of the loss",
    },
)
def virtual_width(r, *, a: Real, k: Real):
    r"""L(r) = a - k \log_2 r

    Use it for the gain of a hidden state r times wider than the layers that read and write it, over the ratios
    tried. Not beyond them, and not down to r = 1: the first doubling gains three times as much as the line says.
    A line has no floor; against flattening test power_offset.
    """
    return a - k * maths.log(r) / maths.log(2.0)


@law(
    cite=SPECTRAL,
    output="rank",
    checks=[Check({"W": 1e4}, {"k": 0.5, "beta": 0.75}, 500.0)],
    reduces_to=[Reduction("power", when={}, coef={"A": "k", "alpha": "-beta"}, inputs={"x": "W"})],
    aliases=("spectral_ffn",),
    meaning={
        "k": "rank at a width of one, dimensions",
        "beta": "exponent of width, no unit; one where all of the width is used",
    },
)
def spectral_rank(W, *, k: Positive, beta: Exponent):
    r"""R(W) = k W^{\beta}

    Use it for the rank that the activations of a feed-forward layer span, soft_rank or hard_rank of the spectrum of
    their covariance, over a ladder of widths. The gap between the two exponents says how lopsided the spectrum
    grows. Only exponents were published, so no constants are shipped. Not above beta = 1 for long: a rank cannot
    pass the width.
    """
    return k * W**beta


def soft_rank(spectrum):
    r"""\exp(-\sum_i p_i \log p_i), p = \lambda / \sum \lambda: the number of directions by entropy."""
    share = _shares(spectrum)
    kept = share[share > 0.0]
    return float(np.exp(-(kept * np.log(kept)).sum()))


def hard_rank(spectrum):
    r"""(\sum_i \lambda_i)^2 / \sum_i \lambda_i^2: the number of directions by participation, never above soft_rank."""
    share = _shares(spectrum)
    return float(1.0 / (share**2).sum())


def _shares(spectrum):
    values = np.asarray(spectrum, dtype=np.float64)
    return values / values.sum()
