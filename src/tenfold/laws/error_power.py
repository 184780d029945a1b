r"""Error power: a power law of an error rate, with the fits of contrastive image-text models."""

from tenfold.core import Check, Cite, Exponent, Positive, Published, law

CHERTI = Cite(
    "Cherti et al.", 2022, "Reproducible scaling laws for contrastive language-image learning", "arXiv:2212.07143",
    "figure of error against total compute, E = beta C^alpha",
)  # fmt: skip
SETS = {
    "imagenet": ("ImageNet-1k zero-shot error", (5.86, 0.111), (23.2, 0.164)),
    "robustness": ("ImageNet robustness error", (11.6, 0.126), (212.0, 0.238)),
    "coco": ("MS-COCO image retrieval, 1 - recall@5", (2.75, 0.079), (1.59, 0.051)),
    "flickr": ("Flickr30k image retrieval, 1 - recall@5", (15.5, 0.189), (2.21, 0.103)),
    "vtab": ("VTAB error", (1.08, 0.024), (2.34, 0.052)),
    "vtab-plus": ("VTAB+ error", (1.56, 0.044), (5.56, 0.091)),
}


def _set(what, pair, how):
    return Published(
        {"A": pair[0], "alpha": pair[1]},
        where=f"{what}; {how}",
        tag="refit",
        note="x is total compute in GMAC: of one sample, forward, times the samples seen",
    )


@law(
    cite=CHERTI,
    output="error",
    published={
        f"{model}-{name}": _set(what, pair, how)
        for name, (what, laion, openai) in SETS.items()
        for model, pair, how in (
            ("openclip", laion, "best of five bins of log compute over the released results, then a line"),
            ("openai", openai, "a line through three models"),
        )
    },
    checks=[Check({"x": 1e4}, {"A": 3.0, "alpha": 0.5}, 0.03)],
    falls_in=("x",),
    meaning={"A": "error at x = 1 by the line, fraction", "alpha": "exponent of x, no unit"},
)
def error_power(x, *, A: Positive, alpha: Exponent):
    r"""E(x) = A x^{-\alpha}

    Use it for an error rate (1 - score) along the frontier of compute, and to compare training sets by exponent. Not
    with few points or across bins chosen by hand: the frontier of five bins moves with their edges. It has no floor:
    when the line bends use power_offset or power_shifted. Its twin for losses is power.
    """
    return A * x**-alpha
