r"""Shape laws: error in the dimensions of a network and compute, with the best dimension in between."""

from tenfold.core import Check, Cite, Exponent, Floor, Positive, Reduction, law, optimum

ALABDULMOHSIN = Cite(
    "Alabdulmohsin et al.", 2023, "Getting ViT in Shape: Scaling Laws for Compute-Optimal Model Design",
    "arXiv:2305.13035", "section 'Scaling Strategy', the law of one dimension",
)  # fmt: skip
STAR = Cite(
    ALABDULMOHSIN.authors, 2023, ALABDULMOHSIN.title, ALABDULMOHSIN.id,
    "section 'Scaling Strategy', several dimensions",
)  # fmt: skip
SHARED = {
    "X": "cost of a small network, output times compute^c",
    "c": "exponent of compute, shared by all dimensions, no unit",
    "E": "error that neither the dimension nor compute removes, in the unit of the output",
}


@law(
    cite=ALABDULMOHSIN,
    output="error",
    checks=[
        # 8/32 + (64 * 64 + 10^4) * 10^-4.5 + 1/16
        Check(
            {"x": 1024.0, "C": 1e18},
            {"A": 8.0, "a": 0.5, "B": 64.0, "b": 0.6, "X": 1e4, "c": 0.25, "E": 0.0625},
            0.75825465897733475,
        )
    ],
    reduces_to=[
        Reduction("power_offset", when={"B": 0.0, "X": 0.0}, coef={"E": "E", "A": "A", "alpha": "a"}),
        Reduction("power_offset", when={"A": 0.0, "B": 0.0}, coef={"E": "E", "A": "X", "alpha": "c"}, inputs={"x": "C"}),
    ],
    falls_in=("C",),
    aliases=("sovit",),
    meaning={
        "A": "what too small a dimension costs, output times (unit of x)^a",
        "a": "exponent of that cost, no unit",
        "B": "what a large dimension costs at a compute of one, output times compute^c / (unit of x)^b",
        "b": "exponent of that cost, no unit",
        **SHARED,
    },
)
def shape(
    x, C, *, A: Positive, a: Exponent, B: Positive, b: Exponent, X: Positive, c: Exponent, E: Floor
):  # fmt: skip
    r"""f(x, C) = A x^{-a} + \left( B x^{b} + X \right) C^{-c} + E

    Use it for one dimension of a network, width, depth or the width of the feed-forward layer, varied with the
    others held at a large centre, at several computes each. The best dimension grows as C^s with
    s = shape_exponent(coef). Only such exponents were published (depth .45, width .22, feed-forward width .6 for
    vision transformers), no coefficients, so none are shipped. Not for dimensions that vary together: shape_joint
    for a star of sweeps. Its unit of compute is free; it enters B and X.
    """
    return A * x**-a + (B * x**b + X) * C**-c + E


def shape_exponent(coef):
    r"""s = c / (a + b): the best dimension grows as compute^s."""
    return coef["c"] / (coef["a"] + coef["b"])


def _best(A, a, B, b, c, compute):
    r"""x* = (A a C^c / (B b))^{1/(a+b)}."""
    return (A * a * compute**c / (B * b)) ** (1.0 / (a + b))


@optimum(shape, where="df/dx = 0: x* = (A a C^c / (B b))^(1/(a+b))")
def _optimum(coef, compute, cost=6.0):
    r"""x* = (A a C^c / (B b))^{1/(a+b)} at a compute of C, in the law's own unit; the cost of a token plays no part."""
    best = _best(coef["A"], coef["a"], coef["B"], coef["b"], coef["c"], compute)
    return {"x": best, "C": compute + 0.0 * best}


DIMENSIONS = {"w": "width", "h": "depth", "f": "feed-forward width"}
WORKED = {
    "A_w": 8.0, "a_w": 0.75, "B_w": 64.0, "b_w": 0.6, "A_h": 2.0, "a_h": 1.25, "B_h": 512.0, "b_h": 0.5,
    "A_f": 20.0, "a_f": 0.55, "B_f": 9.0, "b_f": 0.7, "X": 6000.0, "c": 0.25, "E": 0.0625,
}  # fmt: skip


def _meaning():
    out = {}
    for key, name in DIMENSIONS.items():
        out[f"A_{key}"] = f"what too small a {name} costs, output times {name}^a_{key}"
        out[f"a_{key}"] = f"exponent of the cost of a small {name}, no unit"
        out[f"B_{key}"] = f"what a large {name} costs at a compute of one, output times compute^c / {name}^b_{key}"
        out[f"b_{key}"] = f"exponent of the cost of a large {name}, no unit"
    return out | SHARED


@law(
    cite=STAR,
    output="error",
    checks=[Check({"W": 1024.0, "H": 16.0, "F": 4096.0, "C": 1e18}, WORKED, 0.85553214888782726)],
    falls_in=("C",),
    meaning=_meaning(),
)
def shape_joint(
    W, H, F, C, *,
    A_w: Positive, a_w: Exponent, B_w: Positive, b_w: Exponent,
    A_h: Positive, a_h: Exponent, B_h: Positive, b_h: Exponent,
    A_f: Positive, a_f: Exponent, B_f: Positive, b_f: Exponent,
    X: Positive, c: Exponent, E: Floor,
):  # fmt: skip
    r"""f = \sum_k A_k x_k^{-a_k} + \left( \sum_k B_k x_k^{b_k} + X \right) C^{-c} + E

    Use it for a star of sweeps: width W, depth H and feed-forward width F (x_k), each varied alone through one
    common centre, at several computes. The best of each grows as C^s, s = c / (a_k + b_k). No coefficients were
    published. Not for fewer than some forty runs: fifteen coefficients; with one dimension swept, shape.
    """
    small = A_w * W**-a_w + A_h * H**-a_h + A_f * F**-a_f
    large = B_w * W**b_w + B_h * H**b_h + B_f * F**b_f
    return small + (large + X) * C**-c + E


@optimum(shape_joint, where="df/dx_k = 0: x_k* = (A_k a_k C^c / (B_k b_k))^(1/(a_k+b_k))")
def _optimum_joint(coef, compute, cost=6.0):
    r"""Each dimension by itself, as in ``shape``."""
    best = {
        symbol: _best(*(coef[f"{part}_{key}"] for part in "AaBb"), coef["c"], compute)
        for symbol, key in (("W", "w"), ("H", "h"), ("F", "f"))
    }
    return {**best, "C": compute + 0.0 * best["W"]}
