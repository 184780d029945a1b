r"""The best or the critical batch as a power of data, size or compute."""

from tenfold.core import Check, Cite, Exponent, Positive, Published, law
from tenfold.laws.kaplan import KAPLAN, PF_DAY
from tenfold.laws.learning_rate import DEEPSEEK, PORIAN, STEP_LAW

HUAWEI = Cite(
    "Shuai et al.", 2024, "Scaling Law for Language Models Training Considering Batch Size", "arXiv:2412.01505",
    "abstract: batch at a fixed amount of data",
)  # fmt: skip
SCHAIPP = Cite(
    "Schaipp", 2026, "How to Allocate Your Tokens? Scaling Laws with Training Steps and Batch Size", "arXiv:2607.01487",
    "section on the optimal batch",
)  # fmt: skip
ZHANG = Cite(
    "Zhang et al.",
    2024,
    "How Does Critical Batch Size Scale in Pre-training?",
    "arXiv:2410.21676",
    "section on scaling size and data together; plots of the authors' repository",
)
RISE = "exponent, no unit"


@law(
    cite=STEP_LAW,
    output="batch_tokens",
    published={
        "step-law": Published(
            {"k": 0.58, "beta": 0.571},
            where="rounded means of the authors' 1000 bootstrap rows, sd .019 of beta",
            note="best batch, tuned together with the rate (lr_nd:step-law)",
        ),
        "schaipp": Published(
            {"k": 0.667, "beta": 0.566},
            where="246 runs, .05 to 1 B parameters",
            tag="verified-secondary",
            note="best batch of a loss law with a batch term; within a factor 2 of it the loss hardly moves",
            cite=SCHAIPP,
        ),
        "huawei": Published(
            {"k": 3.24e3, "beta": 0.264},
            where="125 M to 2.6 B parameters, up to 300 B tokens",
            tag="verified-secondary",
            note="best batch at a fixed amount of data; at fixed compute it grows far more slowly",
            cite=HUAWEI,
        ),
        "deepseek": Published(
            {"k": 0.2920 * 5.8316 ** (-0.3271 / 0.4757), "beta": 0.3271 / 0.4757},
            where="batch_c:deepseek with the compute that their D = 5.8316 C^.4757 gives, exactly",
            tag="verified-secondary",
            note="only along their compute-optimal line",
            cite=DEEPSEEK,
        ),
    },
    checks=[Check({"D": 1e10}, {"k": 30.0, "beta": 0.5}, 3e6)],
    aliases=("step_batch",),
    meaning={"k": "batch at one token, tokens^(1 - beta)", "beta": RISE},
)
def batch_d(D, *, k: Positive, beta: Exponent):
    r"""B(D) = k D^{\beta}

    Use it for the best or critical batches of runs of several lengths: data, more than size, sets the batch.
    The published exponents run from .26 to .69; read their spread as the uncertainty. Not for one loss
    against batch (steps_batch), and not without tuning the rate at every batch.
    """
    return k * D**beta


@law(
    cite=ZHANG,
    output="batch_tokens",
    published={
        "critical": Published(
            {"k": 93.197 * 512.0 * 1e-6**0.4683, "beta": 0.4683},
            where="93.197 (N / 1e6)^.4683 sequences of 512 tokens, fit through five sizes",
            span={"N": (8.5e7, 1.2e9)},
            note="critical batch: where a fifth of the data is lost against 256 sequences; 20 tokens a parameter, "
            "constant rate with weight averaging",
        ),
        "porian": Published(
            {"k": 160.0 * 2048.0 / 108e6 ** (2 / 3), "beta": 2 / 3},
            where="the rule drawn in the authors' code, 160 sequences of 2048 tokens at 108 M parameters",
            params="non-embedding+head",
            span={"N": (2.5e7, 1.1e8)},
            note="best batch, tuned together with the rate (lr_n:porian), 20 tokens a parameter",
            cite=PORIAN,
        ),
    },
    checks=[Check({"N": 1e8}, {"k": 30.0, "beta": 0.5}, 3e5)],
    aliases=("cbs",),
    meaning={"k": "batch at one parameter, tokens / parameters^beta", "beta": RISE},
)
def batch_n(N, *, k: Positive, beta: Exponent):
    r"""B(N) = k N^{\beta}

    Use it for batches of several sizes at one ratio of tokens to parameters, where size stands for data.
    Not where that ratio varies: at a fixed amount of data the critical batch hardly depends on size
    (batch_d).
    """
    return k * N**beta


@law(
    cite=DEEPSEEK,
    output="batch_tokens",
    published={
        "deepseek": Published(
            {"k": 0.2920, "beta": 0.3271},
            where="section 3.1, grid searches at 1e17 to 2e19 FLOP, checked at 1e20",
            tag="verified-secondary",
            flops="counted",
            span={"C": (1e17, 2e19)},
            note="C = M D with M the FLOP a token without embeddings and head (see lr_c:deepseek)",
        ),
        "kaplan": Published(
            {"k": 2.0e6 * PF_DAY**-0.24, "beta": 0.24},
            where="B = 2.0e6 (C / PF-day)^.24",
            tag="verified-secondary",
            params="non-embedding",
            flops="kaplan",
            note="critical batch along the efficient line; C is the least compute, at a batch far below critical",
            cite=Cite(KAPLAN.authors, KAPLAN.year, KAPLAN.title, KAPLAN.id, "section on optimal allocation of compute"),
        ),
    },
    checks=[Check({"C": 1e20}, {"k": 30.0, "beta": 0.25}, 3e6)],
    aliases=("deepseek_batch",),
    meaning={"k": "batch at one FLOP, tokens / FLOP^beta", "beta": RISE},
)
def batch_c(C, *, k: Positive, beta: Exponent):
    r"""B(C) = k C^{\beta}

    Use it for tuned batches along the compute-optimal line. Not for runs off that line, over-trained ones
    above all: there the batch follows the data (batch_d).
    """
    return k * C**beta
