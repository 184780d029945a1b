"""Transfer: what pre-training is worth by the published constants."""

from __future__ import annotations

from reproduce.record import Target, reproduction
from tenfold.core.law import predict
from tenfold.laws import get

HERNANDEZ = "Hernandez et al. (2021), arXiv:2102.01293, "
GPT3 = 1.746e11  # parameters without embeddings


def _worth(name, params, data):
    law = get("transfer_data")
    return float(predict(law, law.published[name].coef, {"N": params, "U": data}))


@reproduction(
    law="transfer_data",
    source=HERNANDEZ + "eq. 1.1 and table 1: what ten times the size, ten times the data are worth",
    reason="10^.38 and 10^.18, rounded to two decimals",
    targets={"size": Target(2.40, abs=0.005), "data": Target(1.51, abs=0.005)},
)
def transfer_of_ten_times():
    base = _worth("text-to-python", 1e9, 1e6)
    return {
        "size": _worth("text-to-python", 1e10, 1e6) / base,
        "data": _worth("text-to-python", 1e9, 1e7) / base,
    }


@reproduction(
    law="transfer_data",
    source=HERNANDEZ + "section 6.2: a model of the size of GPT-3 on about one character, and on 300",
    reason="k and the exponents are printed with two digits, and 'about' one character is taken as one",
    targets={
        "text, characters": Target(3.7e8, rel=0.06),
        "text and code, characters": Target(4.1e9, rel=0.06),
        "text, 300 characters": Target(2.8, abs=0.05),
        "text and code, 300 characters": Target(1.7, abs=0.05),
    },
)
def transfer_to_gpt3():
    out = {}
    for what, name in (("text", "text-to-python"), ("text and code", "text-and-code-to-python")):
        one = _worth(name, GPT3, 1.0)
        out[f"{what}, characters"] = one
        out[f"{what}, 300 characters"] = _worth(name, GPT3, 300.0) / one
    return out
