r"""Coverage: the share of problems that at least one of many samples solves."""

from tenfold.core import Check, Cite, Domain, Interval, Published, law, maths

MONKEYS = Cite(
    "Brown et al.", 2024, "Large Language Monkeys: Scaling Inference Compute with Repeated Sampling",
    "arXiv:2407.21787", "section on the law of coverage, table of fits",
)  # fmt: skip
Size = Domain("positive", lower=0.0, transform="log", start=(0.02, 20.0))


def _fit(what, a, b):
    return Published(
        {"a": a, "b": b},
        where=f"{what}, 40 numbers of samples up to 10,000",
        tag="verified-secondary",
        span={"samples": (1.0, 1e4)},
        note="coverage by any correct sample, that is with a perfect judge",
    )


@law(
    cite=MONKEYS,
    output="accuracy",
    published={
        "llama-3-8b-math": _fit("Llama 3 8B Instruct on MATH", 1.33, 0.43),
        "llama-3-70b-math": _fit("Llama 3 70B Instruct on MATH", 0.75, 0.46),
        "llama-3-8b-code": _fit("Llama 3 8B Instruct on CodeContests", 3.88, 0.11),
        "gemma-2b-code": _fit("Gemma 2B on CodeContests", 8.54, 0.14),
        "pythia-70m-math": _fit("Pythia 70M on MATH", 7.59, 0.18),
    },
    checks=[Check({"samples": 16.0}, {"a": 2.0, "b": 0.25}, 0.36787944117144233)],  # 1/e
    aliases=("coverage_power", "monkeys"),
    meaning={
        "a": "minus the logarithm of the coverage by one sample, no unit",
        "b": "exponent of samples, no unit",
    },
)
def coverage(samples, *, a: Size, b: Interval(0.0, 3.0, start=(0.02, 1.0))):
    r"""c(k) = e^{-a k^{-b}}

    Use it for pass@k of one model on one set of problems, estimated without bias from many samples each.
    Points share their samples, so resample problems, not points. Not for problems that can never be solved:
    it goes to one. Not for what a judge or a vote picks out, which levels off after some hundred samples.
    """
    return maths.exp(-a * maths.exp(-b * maths.log(samples)))
