"""Porian et al.: the exponent of the compute-optimal size, one correction of the protocol after the other.

The spline lands within .003 of every published exponent but two, the parabola within .03 and .014 on average: the curves
are skewed, and a vertex is then off, as the bias note of ``isoflop`` says.
"""

from __future__ import annotations

import functools

import numpy as np

from reproduce.record import Target, reproduction
from shared_data import shared_table
from tenfold import isoflop, read_runs

SOURCE = "Porian et al. (2024), released result frames: exponent a of N* ~ C^a (card of porian_isoflop.csv)"
SPLINE = "the same interpolation (Akima in log size, its minimum on a grid of 25 points a step), unweighted as theirs"
PARABOLA = "a parabola instead of their Akima interpolation; the card expects it within .03"
KAPLAN = (
    "at 2.5e16 FLOP the smallest size has the lowest measured loss; their interpolation dips between the two smallest, so "
    "they keep that budget, and we refuse it. Ours is pinned; with it the spline gives .700 and .704"
)
OPENWEBTEXT = {
    "long_kaplan_kaplan": ("owt2-base-long-kaplan-kaplan-train", 0.870),
    "short_kaplan_standard": ("owt2-base-short-kaplan-standard-val", 0.602),
    "short_chinchilla_standard": ("owt2-base-short-chinchilla-standard-val", 0.569),
    "tuned_short_const_standard": ("owt2-tuned-short-const-standard-val", 0.518),
}
REFINEDWEB = {
    "long_kaplan_kaplan": ("rw-base-long-kaplan-kaplan-train", 0.834),
    "short_kaplan_standard": ("rw-base-short-kaplan-standard-val", 0.604),
    "short_chinchilla_standard": ("rw-base-short-chinchilla-standard-val", 0.571),
    "tuned_short_const_standard": ("rw-tuned-short-const-standard-val", 0.497),
    "tuned_long_const_kaplan": ("rw-tuned-long-const-kaplan-train", 0.708),
}
ATTENTION = {
    "long_kaplan": ("rw-base-long-kaplan-attention-train", 0.716),
    "short_kaplan": ("rw-base-short-kaplan-attention-train", 0.624),
    "short_chinchilla": ("rw-base-short-chinchilla-attention-train", 0.578),
    "tuned_short_const": ("rw-tuned-short-const-attention-train", 0.504),
}
EDGE = {
    "openwebtext": ("owt2-base-long-kaplan-standard-val", 0.700),
    "refinedweb": ("rw-base-long-kaplan-standard-val", 0.701),
}


@functools.cache
def _groups():
    return read_runs(shared_table("porian_isoflop.csv")).groups("group")


@functools.cache
def _found(group):
    return isoflop(_groups()[group])


def _parabola(group):
    return _found(group).routes[1].exponent


def _spline(group):
    good = [profile for profile in _found(group).profiles if not profile.problem]
    return float(np.polyfit(np.log([p.flops for p in good]), np.log([p.spline for p in good]), 1)[0])


def _targets(chain, tolerance):
    return {name: Target(published, abs=tolerance) for name, (_, published) in chain.items()}


@reproduction(law="isoflop", source=SOURCE, reason=SPLINE, targets=_targets(OPENWEBTEXT, 0.003))
def porian_openwebtext_spline():
    return {name: _spline(group) for name, (group, _) in OPENWEBTEXT.items()}


@reproduction(law="isoflop", source=SOURCE, reason=SPLINE, targets=_targets(REFINEDWEB, 0.003))
def porian_refinedweb_spline():
    return {name: _spline(group) for name, (group, _) in REFINEDWEB.items()}


@reproduction(law="isoflop", source=SOURCE, reason=SPLINE, targets=_targets(ATTENTION, 0.003))
def porian_attention_spline():
    return {name: _spline(group) for name, (group, _) in ATTENTION.items()}


@reproduction(law="isoflop", source=SOURCE, reason=PARABOLA, targets=_targets(OPENWEBTEXT, 0.03))
def porian_openwebtext_parabola():
    return {name: _parabola(group) for name, (group, _) in OPENWEBTEXT.items()}


@reproduction(law="isoflop", source=SOURCE, reason=PARABOLA, targets=_targets(REFINEDWEB, 0.03))
def porian_refinedweb_parabola():
    return {name: _parabola(group) for name, (group, _) in REFINEDWEB.items()}


@reproduction(law="isoflop", source=SOURCE, reason=PARABOLA, targets=_targets(ATTENTION, 0.03))
def porian_attention_parabola():
    return {name: _parabola(group) for name, (group, _) in ATTENTION.items()}


@reproduction(
    law="isoflop",
    source=SOURCE,
    reason=KAPLAN,
    targets={
        "openwebtext": Target(0.700, ours=0.7163, abs=0.001),
        "refinedweb": Target(0.701, ours=0.7127, abs=0.001),
    },
)
def porian_long_warmup_spline():
    return {name: _spline(group) for name, (group, _) in EDGE.items()}


@reproduction(law="isoflop", source=SOURCE, reason=PARABOLA, targets=_targets(EDGE, 0.03))
def porian_long_warmup_parabola():
    return {name: _parabola(group) for name, (group, _) in EDGE.items()}
