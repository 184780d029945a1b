"""Translation models by size of the training set: the last point from the rest, by several laws."""

from __future__ import annotations

import functools
import math

from reproduce.record import Target, reproduction
from shared_data import shared_table
from tenfold import fit, read_runs, rehearse
from tenfold.io import filter_runs

SOURCE = (
    "card of nmt_data_scaling.csv: 512e6 examples from the rest, least squares of the log loss (data of arXiv:2202.01994)"
)
NAMES = {
    "6Enc6Dec": "6 Enc, 6 Dec",
    "28Enc6Dec": "28 Enc, 6 Dec",
    "6Enc28Dec": "6 Enc, 28 Dec",
    "DecOnly": "Dec-only",
    "TEncLSTM": "TEnc-LSTM",
}
AXIS = "train_examples"


@functools.cache
def _curves():
    groups = read_runs(shared_table("nmt_data_scaling.csv")).groups("model")
    return {name: groups[label] for name, label in NAMES.items()}


def _last(curve):
    """Its largest training set: the number of examples and the loss."""
    row = curve.column(AXIS).argmax()
    return float(curve.column(AXIS)[row]), float(curve.column("loss")[row])


@reproduction(
    law="power_offset",
    source=SOURCE,
    reason="the same objective, found by the rehearsal that withholds the largest training set; four digits are printed",
    targets={
        "6Enc6Dec": Target(0.3216, abs=6e-5),
        "28Enc6Dec": Target(0.2877, abs=6e-5),
        "6Enc28Dec": Target(0.2779, abs=6e-5),
        "DecOnly": Target(0.3682, abs=6e-5),
        "TEncLSTM": Target(0.3660, abs=6e-5),
    },
)
def translation_power_offset():
    out = {}
    for name, curve in _curves().items():
        fitted = fit("power_offset", curve, axis=AXIS, objective="squared", certificate=False)
        fold = rehearse(fitted, curve, axis=AXIS, withhold=1).folds[0]
        out[name] = _last(curve)[1] * math.exp(fold.error)
    return out


@reproduction(
    law="m3, bnsl1",
    source=f"{SOURCE}; it says that a better law should roughly halve the errors of a power law with offset",
    reason=(
        "mean absolute log error over the five models; published is what the power law with offset gives, .0482, and ours "
        "are laws that bend at a scale instead, which stay within a third of it"
    ),
    targets={
        "power_offset": Target(0.0482, abs=2e-4),
        "m3": Target(0.0482, ours=0.0134, abs=3e-4),
        "bnsl1": Target(0.0482, ours=0.0106, abs=3e-4),
    },
)
def translation_better_laws():
    return {law: _error(law) for law in ("power_offset", "m3", "bnsl1")}


def _error(law):
    errors = []
    for curve in _curves().values():
        size, measured = _last(curve)
        fitted = fit(law, filter_runs(curve, f"{AXIS} < {size:g}"), axis=AXIS, objective="squared", certificate=False)
        errors.append(abs(math.log(float(fitted.predict(x=size)) / measured)))
    return sum(errors) / len(errors)
