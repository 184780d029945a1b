r"""Distillation: the loss of a student from its size, its tokens and the loss of its teacher."""

from math import expm1

from tenfold.core import Check, Cite, Domain, Exponent, Floor, Interval, Positive, Published, law, maths
from tenfold.laws.skaling import Outer

BUSBRIDGE = Cite(
    "Busbridge et al.", 2025, "Distillation Scaling Laws", "arXiv:2502.08606", "eq. of the distillation law, table 6"
)
N0, D0 = 1e9, 1e10  # where the distilled part is read: parameters, tokens
Height = Domain("positive", lower=0.0, transform="log", start=(0.01, 1e2))
SUPERVISED = {"E": 1.220, "A": 3355.0, "B": 18186.0, "alpha": 0.408, "beta": 0.431, "k": 0.452}


def from_paper(A, B, alpha, beta, gamma, c0, c1, f1, d1):
    """The paper's coefficients of the distilled part in ours; the same surface.

    Its own terms are L_t^-c0 (1 + (L_t / (L_s d1))^(1/f1))^(-c1 f1) (A N^-alpha + B D^-beta)^gamma.
    """
    return {
        "A2": A**gamma * N0 ** (-alpha * gamma),
        "B2": B**gamma * D0 ** (-beta * gamma),
        "alpha2": alpha * gamma,
        "beta2": beta * gamma,
        "k2": gamma,
        "c0": c0,
        "gap": d1 * expm1(1.0 / (c1 * f1)) ** f1,
        "width": f1,
        "tail": 1.0 / (c1 * f1),
    }


TABLE = SUPERVISED | from_paper(
    A=2243.0, B=24181.0, alpha=0.321, beta=0.637, gamma=0.764, c0=2.549, c1=522.6, f1=0.090, d1=1.315
)
OWN = {
    "E": 1.5, "A": 400.0, "B": 900.0, "alpha": 0.4, "beta": 0.3, "k": 0.5,
    "A2": 2.0, "B2": 0.7, "alpha2": 0.25, "beta2": 0.2, "k2": 0.75, "c0": 1.25, "gap": 1.1, "width": 0.8, "tail": 0.6,
}  # fmt: skip


@law(
    cite=BUSBRIDGE,
    published={
        "busbridge": Published(
            TABLE,
            where="table 6: 697 runs for the distilled part, 73 for the supervised one",
            loss="nats/token",
            note="pure distillation at temperature 1; the tail was not determined: the interval of c1 has no width",
        )
    },
    checks=[  # in 40 digits
        Check({"N": 1e9, "D": 2e10, "Lt": 2.2}, TABLE, 2.3169533749372841),
        Check({"N": 1e9, "D": 5.12e11, "Lt": 2.0}, TABLE, 2.1515820327406510),
        Check({"N": 1e8, "D": 1e10, "Lt": 3.0}, OWN, 3.3399966675166357),
    ],
    identifiable="the supervised loss counts only relative to the gap: distilled runs do not see its unit; hold it",
    falls_in=("N", "D"),
    aliases=("distillation",),
    meaning={
        "E": "irreducible loss of supervised training, in the unit of the loss",
        "A": "size of the parameter term, supervised",
        "B": "size of the data term, supervised",
        "alpha": "exponent of parameters inside, supervised, no unit",
        "beta": "exponent of tokens inside, supervised, no unit",
        "k": "outer exponent, supervised, no unit; the paper's gamma",
        "A2": "what a student of 1e9 parameters lacks on endless data, its teacher's loss being one, unit of the loss",
        "B2": "what an endless student lacks after 1e10 tokens, its teacher's loss being one, unit of the loss",
        "alpha2": "exponent of the student's parameters on endless data, no unit; the paper's alpha' gamma'",
        "beta2": "exponent of an endless student's tokens, no unit; the paper's beta' gamma'",
        "k2": "outer exponent, distilled, no unit; the paper's gamma'",
        "c0": "exponent by which a better teacher is harder to follow, no unit",
        "gap": "ratio of the teacher's loss to the student's supervised one at which its lead is worth 1/e, no unit",
        "width": "how sharply that sets in, in factors e of the ratio, no unit; the paper's f1",
        "tail": "how slowly it ends, no unit; near 0 an exponential, as in the paper, which prints 1 / (c1 f1)",
    },
)
def distilled(
    N, D, Lt, *,
    E: Floor, A: Positive, B: Positive, alpha: Exponent, beta: Exponent, k: Outer,
    A2: Height, B2: Height, alpha2: Exponent, beta2: Exponent, k2: Outer,
    c0: Interval(0.0, 10.0, start=(0.2, 5.0)),
    gap: Domain("positive", lower=0.0, transform="log", start=(0.6, 1.5)),
    width: Interval(0.02, 3.0, start=(0.05, 1.0)), tail: Interval(1e-3, 10.0, start=(0.01, 1.0)),
):  # fmt: skip
    r"""L = L_t + L_t^{-c_0} G (a_N^{1/k_2} + a_D^{1/k_2})^{k_2}, G = (1 + (e^{t} - 1) (L_t / r L_s)^{1/f})^{-1/t}

    Use it to choose a teacher and the student's tokens: L_s = E + (A N^-alpha + B D^-beta)^k is what the
    student would reach alone (fit skaling on supervised runs, then hold its six coefficients with fixed=), and
    a teacher much better than that teaches worse, by G with r the gap, f its width and t its tail. a_N = A_2
    (N / 10^9)^-alpha_2 and a_D = B_2 (D / 10^10)^-beta_2 are the paper's two terms; all is its surface, written
    by what runs can determine (from_paper converts). The teacher counts by its loss only. Not with a
    temperature, a mixed objective or another teacher's tokeniser, and not from distilled runs alone.
    """
    own = E + maths.exp(k * maths.logaddexp(maths.log(A) - alpha * maths.log(N), maths.log(B) - beta * maths.log(D)))
    size = maths.log(A2) - alpha2 * (maths.log(N) - maths.log(N0))
    data = maths.log(B2) - beta2 * (maths.log(D) - maths.log(D0))
    student = maths.logaddexp(size / k2, data / k2)
    lead = maths.log(maths.expm1(tail)) + (maths.log(Lt) - maths.log(gap) - maths.log(own)) / width
    return Lt + maths.exp(k2 * student - c0 * maths.log(Lt) - maths.softplus(lead) / tail)
