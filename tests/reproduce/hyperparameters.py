"""Rules for rate, batch and weight decay: the values that the papers print for their own runs."""

from __future__ import annotations

from reproduce.record import Target, reproduction
from tenfold.laws import get, published


def _at(name, chosen, **inputs):
    law = get(name)
    return float(law(coef=published(law, chosen)[1].coef, **inputs))


@reproduction(
    law="lr_nd, batch_d",
    source="Li et al. (2025), step law: the example of 7 B parameters on 1.4 T tokens",
    reason="the constants are printed with three digits, the batch in the example with two",
    targets={"lr": Target(9.17e-4, rel=1e-3), "batch": Target(5.0e6, rel=0.02)},
)
def step_law_7b():
    return {
        "lr": _at("lr_nd", "step-law", N=7e9, D=1.4e12),
        "batch": _at("batch_d", "step-law", D=1.4e12),
    }


@reproduction(
    law="lr_c, batch_c",
    source="DeepSeek LLM (2024), section 3.1: what the rules give for the 7 B model (they trained at 4.2e-4 and 9.44 M)",
    reason="compute follows from the shape, 30 layers of width 4096 at context 4096 on 2 T tokens; constants have 4 digits",
    targets={"lr": Target(4.25e-4, rel=2e-3), "batch": Target(9.2e6, rel=5e-3)},
)
def deepseek_7b():
    layers, width, context = 30, 4096, 4096
    flops_a_token = 72 * layers * width**2 + 12 * layers * width * context
    flops = flops_a_token * 2e12
    return {"lr": _at("lr_c", "deepseek", C=flops), "batch": _at("batch_c", "deepseek", C=flops)}


@reproduction(
    law="batch_d",
    source="the batch rule of DeepSeek LLM rewritten in tokens by a later author: .086 D^.688",
    reason="both rules of the paper composed: printed with two and three digits",
    targets={
        "k": Target(0.086, rel=0.015),
        "beta": Target(0.688, abs=6e-4),
        "batch": Target(1.0, rel=1e-9),
    },
)
def deepseek_batch_in_tokens():
    coef = get("batch_d").published["deepseek"].coef
    flops = 3e21
    tokens = 5.8316 * flops**0.4757
    return {**coef, "batch": _at("batch_d", "deepseek", D=tokens) / _at("batch_c", "deepseek", C=flops)}


@reproduction(
    law="lr_n, batch_n",
    source="Porian et al. (2024), the rules in their plotting code: .0047 and 160 sequences of 2048 at 108 M parameters",
    reason="a rule evaluated at its own reference: exact",
    targets={"lr": Target(0.0047, rel=1e-12), "sequences": Target(160.0, rel=1e-12)},
)
def porian_reference():
    return {
        "lr": _at("lr_n", "porian", N=108e6),
        "sequences": _at("batch_n", "porian", N=108e6) / 2048,
    }


@reproduction(
    law="timescale, weight_decay",
    source="Bergsma et al. (2025): best timescale .21 measured for 610 M parameters at 20 tokens per parameter",
    reason="the fit's own scatter, R2 .975: .22 by the law; the decay is the timescale solved for it, to rounding",
    targets={"tau": Target(0.21, rel=0.08), "law": Target(0.22, abs=0.005), "from_decay": Target(0.22, abs=0.005)},
)
def power_lines_timescale():
    tau = _at("timescale", "power-lines", M=20.0)
    params, batch, rate = 610e6, 504 * 2048.0, 1.6e-2
    tokens = 20 * params
    decay = _at("weight_decay", "power-lines", batch=batch, lr=rate, N=params, D=tokens)
    return {"tau": tau, "law": tau, "from_decay": batch / (rate * decay * tokens)}
