"""Muennighoff et al.: repeated tokens, and how well their worth is known."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np

from reproduce.record import Target, reproduction
from shared_data import shared_table
from tenfold import Budget, fit, plan, read_runs
from tenfold.io import filter_runs
from tenfold.laws import get

NOTEBOOK = "Muennighoff et al. (2023), the authors' notebook of parametric fits"
# Labels that the notebook comments out before it fits the two decay constants: by the paper, mostly runs whose loss rises
# with epochs or with size. It also leaves out the repetitions with other seeds, which have 'seed' in their label.
LEFT_OUT = """
    2b84b4b 2b88b4b 2b812b4b 2b816b4b 2b824b4b 2b855b1b25 4b212b12b 4b224b12b 4b284b1b9 4b284b6b 8b7178b25bopt
    2b8100m100m 14m7b5100m 14m300b100m 1b12b7100m 1b13b9100m 1b15b9100m 1b17b5100m 619m3b9100m 619m5b9100m 619m7b5100m
    2b84b8100m 1b58b8100m 1b112b100m 619m22b100m 421m300b1b5 221m91b400m 221m174b400m 221m600b400m 8b712b12b 8b712b1b5
    8b712b400m 8b712b100m 3b926b1b5 2b836b1b5 2b836b400m 2b836b100m 2b246b400m 2b246b100m 1b566b1b5 1b566b100m
    1b191b400m 1b191b1b5 1b1250b1b5 1b5174b1b5 2b291b1b5 2b2174b1b5 8b720b1b5 2b877b1b5
"""


def _law():
    return get("data_constrained")


def _coef():
    return _law().published["muennighoff"].coef


@functools.cache
def _table():
    return read_runs(shared_table("datablations.csv"))


@functools.cache
def _kept():
    left_out = set(LEFT_OUT.split())
    names = _table().labels["run"].values()
    return _table().take(np.array(["seed" not in name and name not in left_out for name in names]))


@functools.cache
def _decay(near=False):
    """The decay constants with the five coefficients of the base law fixed; ``near`` keeps Rn near the published one."""
    fixed = {name: value for name, value in _coef().items() if name not in ("Rd", "Rn")}
    bounds = {"Rn": (4.5, 8.0)} if near else None
    return fit(_law(), _kept(), objective="huber:1e-3", fixed=fixed, bounds=bounds, certificate=False)


@reproduction(
    law="data_constrained",
    source=f"{NOTEBOOK}: 182 runs, 15.387756 and 5.309743 at an objective of 0.015825936570763588",
    reason=(
        "their rows and objective, with Rn kept near their answer; they stop 3e-7 above this local optimum, in 32-bit "
        "arithmetic, which the flat surface turns into .1 %"
    ),
    targets={
        "runs": Target(182, abs=0.1),
        "Rd": Target(15.387756, rel=2e-3),
        "Rn": Target(5.309743, rel=2e-3),
        "objective": Target(0.015825936570763588, rel=1e-6),
    },
)
def repeated_data_local_optimum():
    fitted = _decay(near=True)
    return {"runs": fitted.n, "Rd": fitted.coef["Rd"], "Rn": fitted.coef["Rn"], "objective": fitted.value}


@reproduction(
    law="data_constrained",
    source=f"{NOTEBOOK}: 182 runs, 15.387756 and 5.309743 at an objective of 0.015825936570763588",
    reason=(
        "pinned at ours: the published pair is one of at least four local optima of its own objective. The global one is "
        ".13 % lower, at six times as many epochs; Rd anywhere from 13 to 340 costs less than .25 %, so that these rows do "
        "not determine the constants"
    ),
    targets={
        "Rd": Target(15.387756, ours=95.365, rel=1e-3),
        "Rn": Target(5.309743, ours=1.70590, rel=1e-3),
        "objective": Target(0.015825936570763588, ours=0.01580466247, rel=1e-6),
    },
)
def repeated_data_global_optimum():
    fitted = _decay()
    return {"Rd": fitted.coef["Rd"], "Rn": fitted.coef["Rn"], "objective": fitted.value}


@reproduction(
    law="data_constrained",
    source=f"{NOTEBOOK}: two predicted losses, printed in full",
    reason="the same arithmetic; a few units in the last place",
    targets={
        "6.34B_242B": Target(2.2256440889984477, abs=1e-13),
        "8.67B_178B": Target(2.2269634075087867, abs=1e-13),
    },
)
def repeated_data_printed_losses():
    fitted = replace(_decay(), coef=_coef())
    return {
        "6.34B_242B": float(fitted.predict(params=6.34e9, tokens=242e9, unique_tokens=25e9)),
        "8.67B_178B": float(fitted.predict(params=8.67e9, tokens=178e9, unique_tokens=25e9)),
    }


@reproduction(
    law="plan",
    source="Muennighoff et al. (2023), a better allocation for 25e9 unique tokens: 6.34e9 parameters, 242e9 tokens",
    reason=(
        "the least loss of the law at the compute of the printed point, pinned: the printed point is .00013 above it, so flat "
        "is the optimum, and how the point was read off the frontier is not said"
    ),
    targets={
        "size": Target(6.34e9, ours=6.786e9, rel=2e-3),
        "epochs": Target(9.68, ours=9.0438, rel=2e-3),
        "loss": Target(2.2256440889984477, ours=2.22551041, abs=1e-7),
    },
)
def repeated_data_allocation():
    source = replace(_decay(), coef=_coef())
    best = plan(source, budget=Budget(flops=6 * 6.34e9 * 242e9, unique_tokens=25e9))
    return {"size": best.params.value, "epochs": best.tokens.value / 25e9, "loss": best.loss.value}


@reproduction(
    law="plan",
    source=f"{NOTEBOOK}: optimum at 5.76e23 FLOP of five sets of coefficients, printed in full",
    reason="the closed form in 64 bits, evaluated in another order",
    targets={
        "c4_tied_params": Target(69962173313.52132, rel=1e-12),
        "c4_tied_tokens": Target(1372170066384.2363, rel=1e-12),
        "c4_params": Target(99030049618.41035, rel=1e-12),
        "c4_tokens": Target(969402725434.4951, rel=1e-12),
        "massiveweb_params": Target(41715573490.019775, rel=1e-12),
        "massiveweb_tokens": Target(2301298818844.4175, rel=1e-12),
        "own_params": Target(34889085964.739716, rel=1e-12),
        "own_tokens": Target(2751576813936.0645, rel=1e-12),
    },
)
def repeated_data_gopher_optima():
    source = fit("chinchilla", _single_epoch(2.5), certificate=False)
    sets = {
        "c4_tied": (6.255414, 7.3049974, 0.6254804, 0.3526596, 0.3526596),
        "c4": (5.9577184, 7.9145365, 0.63032365, 0.33480313, 0.38289225),
        "massiveweb": (math.log(406.4), math.log(410.7), math.log(1.69), 0.336, 0.283),
        "own": (6.4526014, 8.022968, 0.63987476, 0.3595363, 0.3595363),
    }
    out = {}
    for name, (a, b, e, alpha, beta) in sets.items():
        coef = {"E": math.exp(e), "A": math.exp(a), "B": math.exp(b), "alpha": alpha, "beta": beta}
        best = plan(replace(source, coef=coef), budget=Budget(flops=5.76e23))
        out |= {f"{name}_params": best.params.value, f"{name}_tokens": best.tokens.value}
    return out


@functools.cache
def _single_epoch(epochs):
    return filter_runs(_table(), f"epochs <= {epochs}")


@reproduction(
    law="formula given as text",
    source=f"{NOTEBOOK}: one exponent for size and data, 62 runs of at most 2.5 epochs",
    reason="the same rows and objective; theirs is 50 steps of L-BFGS in 32 bits",
    targets={
        "runs": Target(62, abs=0.1),
        "log_A": Target(6.4526014, abs=3e-3),
        "log_B": Target(8.022968, abs=3e-3),
        "log_E": Target(0.63987476, abs=5e-4),
        "alpha": Target(0.3595363, abs=2e-4),
    },
)
def repeated_data_tied_exponents():
    fitted = fit("E + A*N**-alpha + B*D**-alpha", _single_epoch(2.5), objective="huber:1e-3", certificate=False)
    return {"runs": fitted.n, **_logs(fitted.coef), "alpha": fitted.coef["alpha"]}


@reproduction(
    law="chinchilla",
    source=f"{NOTEBOOK}: 59 runs of at most 2 epochs, with the floor fixed at 1.69 and free",
    reason="the same rows and objective; theirs is 50 steps of L-BFGS in 32 bits, from fewer starts where the floor is free",
    targets={
        "log_A_floor_fixed": Target(4.2209926, abs=2e-3),
        "log_B_floor_fixed": Target(8.796665, abs=2e-3),
        "alpha_floor_fixed": Target(0.22246543, abs=1e-4),
        "beta_floor_fixed": Target(0.39888707, abs=1e-4),
        "log_A": Target(6.2826843, abs=3e-3),
        "log_B": Target(8.082129, abs=3e-3),
        "log_E": Target(0.6377628, abs=3e-4),
        "alpha": Target(0.3496321, abs=3e-4),
        "beta": Target(0.3626313, abs=3e-4),
    },
)
def repeated_data_two_epochs():
    runs = _single_epoch(2)
    fixed = fit("chinchilla", runs, objective="huber:1e-3", fixed={"E": math.exp(0.52472854)}, certificate=False).coef
    free = fit("chinchilla", runs, objective="huber:1e-3", certificate=False).coef
    return {
        "log_A_floor_fixed": math.log(fixed["A"]),
        "log_B_floor_fixed": math.log(fixed["B"]),
        "alpha_floor_fixed": fixed["alpha"],
        "beta_floor_fixed": fixed["beta"],
        **_logs(free),
        "alpha": free["alpha"],
        "beta": free["beta"],
    }


def _logs(coef):
    return {f"log_{name}": math.log(coef[name]) for name in ("A", "B", "E")}
