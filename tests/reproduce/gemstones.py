"""Gemstones: exponents by selection of checkpoints, by counting, and what one width alone cannot say."""

from __future__ import annotations

import functools
import math

from reproduce.record import Target, reproduction
from shared_data import shared_table
from tenfold import fit, isoflop, read_runs
from tenfold.io import filter_runs

RELEASED = "McLeish et al. (2025), parameter files of their repository, Huber 1e-3"
FLAT = (
    "the same rows and objective; along its flattest direction the objective changes by 1e-6 of itself over these "
    "tolerances, and that is where their L-BFGS stopped. Losses here have six decimals"
)
EARLY, LATE = "tokens < 1.005e11", "tokens > 1.19e11"


@functools.cache
def _selected(name):
    groups = read_runs(shared_table("gemstones.csv")).groups("group")
    hot = groups["hot"]
    if name == "early without embeddings":
        early = filter_runs(hot, EARLY)
        return early.with_column("params", early.column("params") - 50304 * early.column("width"))
    if name == "width 512":
        return filter_runs(hot, "width == 512")
    return {
        "early": lambda: filter_runs(hot, EARLY),
        "late": lambda: filter_runs(hot, LATE),
        "all": lambda: hot,
        "before cooldown": lambda: groups["cool_begin"],
        "after cooldown": lambda: groups["cool_end"],
        "half the rate": lambda: groups["lr_ablation_hot"],
    }[name]()


def _fitted(name):
    fitted = fit("chinchilla", _selected(name), objective="huber:1e-3", certificate=False)
    alpha, beta = fitted.coef["alpha"], fitted.coef["beta"]
    return {"alpha": alpha, "beta": beta, "a": beta / (alpha + beta), "objective": fitted.value}


def _targets(alpha, beta, objective):
    return {
        "alpha": Target(alpha, rel=1e-3),
        "beta": Target(beta, rel=1e-3),
        "a": Target(beta / (alpha + beta), abs=5e-4),
        "objective": Target(objective, rel=2e-6),
    }


@reproduction(law="chinchilla", source=RELEASED, reason=FLAT, targets=_targets(0.2928686863, 0.712872206, 0.0019816129))
def gemstones_first_100b_tokens():
    return _fitted("early")


@reproduction(law="chinchilla", source=RELEASED, reason=FLAT, targets=_targets(0.2591125694, 0.5972679073, 0.0065925344))
def gemstones_all_tokens():
    return _fitted("all")


@reproduction(law="chinchilla", source=RELEASED, reason=FLAT, targets=_targets(0.2422643065, 0.6454104584, 0.0038623994))
def gemstones_beyond_120b_tokens():
    return _fitted("late")


@reproduction(law="chinchilla", source=RELEASED, reason=FLAT, targets=_targets(0.3117037933, 0.6800416127, 0.0019515326))
def gemstones_before_cooldown():
    return _fitted("before cooldown")


@reproduction(law="chinchilla", source=RELEASED, reason=FLAT, targets=_targets(0.3002728205, 0.580241077, 0.0019640865))
def gemstones_after_cooldown():
    return _fitted("after cooldown")


@reproduction(law="chinchilla", source=RELEASED, reason=FLAT, targets=_targets(0.325466724, 0.6512643658, 0.0019728624))
def gemstones_half_the_learning_rate():
    return _fitted("half the rate")


@reproduction(
    law="chinchilla",
    source=f"{RELEASED}; parameters less the 50,304 rows of the embedding",
    reason=FLAT,
    targets=_targets(0.2807638315, 0.6796972223, 0.0017466699),
)
def gemstones_without_embeddings():
    return _fitted("early without embeddings")


@reproduction(
    law="chinchilla",
    source=f"{RELEASED}: only models of width 512, .08 decades of size",
    reason=(
        "one width cannot identify the exponent of size: their answer is 4.98 and not an optimum (objective 7.925e-5). With a "
        "wide bound we find a lower value elsewhere, at its own bound of 3 the fit says so, and both warn about the span"
    ),
    targets={
        "alpha": Target(4.9774617669, ours=4.503, abs=0.01),
        "beta": Target(0.5608748148, ours=0.5560, abs=0.001),
        "objective": Target(7.92507e-5, ours=7.8591e-5, rel=1e-4),
        "alpha_in_its_domain": Target(4.9774617669, ours=3.0, abs=1e-9),
        "at_bound": Target(1, abs=0.1),
        "warned_of_the_span": Target(2, abs=0.1),
    },
)
def gemstones_one_width():
    runs = _selected("width 512")
    wide = fit("chinchilla", runs, objective="huber:1e-3", bounds={"alpha": (0.0, 8.0)}, certificate=False)
    plain = fit("chinchilla", runs, objective="huber:1e-3", certificate=False)
    warned = [any("decades of params" in line for line in made.certificate.warnings) for made in (wide, plain)]
    return {
        "alpha": wide.coef["alpha"],
        "beta": wide.coef["beta"],
        "objective": wide.value,
        "alpha_in_its_domain": plain.coef["alpha"],
        "at_bound": plain.certificate.at_bound.count("alpha"),
        "warned_of_the_span": sum(warned),
    }


@reproduction(
    law="formula given as text",
    source=f"{RELEASED}: floor plus powers of width, depth and tokens",
    reason="the same rows and objective; six decimals of loss. Their floor is exp(-4555), ours 0 and reported as not identified",
    targets={
        "width": Target(0.2606504897, rel=1e-4),
        "depth": Target(0.1416453973, rel=1e-4),
        "tokens": Target(0.530963438, rel=5e-4),
        "log_width": Target(2.1144598737, abs=5e-4),
        "log_depth": Target(0.7307645279, abs=5e-4),
        "objective": Target(0.0038782174, rel=1e-6),
        "floor_at_bound": Target(1, abs=0.1),
    },
)
def gemstones_width_and_depth():
    law = "E + A*width**-p + B*depth**-q + Q*tokens**-s"
    fitted = fit(law, _selected("all"), objective="huber:1e-3", certificate=False)
    return {
        "width": fitted.coef["p"],
        "depth": fitted.coef["q"],
        "tokens": fitted.coef["s"],
        "log_width": math.log(fitted.coef["A"]),
        "log_depth": math.log(fitted.coef["B"]),
        "objective": fitted.value,
        "floor_at_bound": fitted.certificate.at_bound.count("E"),
    }


def _counted(runs):
    """Training FLOP as the authors count them: matrix products, attention over 2048 tokens, norms, head of 50,304.

    Their sum over the parts of a block, forward and backward, comes to 90 w^2 + 21855.75 w a token, and
    (6 x 50304 + 21) w outside the blocks.
    """
    width, depth = runs.column("width"), runs.column("depth")
    per_token = depth * width * (90 * width + 21855.75) + 301845 * width
    return runs.with_column("flops", per_token * runs.column("tokens"))


def _first_approach(runs):
    return isoflop(runs).routes[0].exponent


@reproduction(
    law="isoflop",
    source="McLeish et al. (2025), parameter files of their repository: approach 1, ln N* on ln C",
    reason=(
        "theirs regresses on the convex hull of all checkpoints in ln C and ln loss, which gives their digits exactly; our "
        "approach 1 takes the least loss of each eighth of a decade, 14 to 30 points either way, and agrees within .006. "
        "Beyond 120e9 tokens 16 points over two decades do not, and counting 6 N D moves the slope: both are pinned"
    ),
    targets={
        "all_tokens": Target(0.4579030797, abs=0.006),
        "first_100b_tokens": Target(0.4993802161, abs=0.006),
        "after_cooldown": Target(0.5969810174, abs=0.006),
        "beyond_120b_tokens": Target(0.7986724832, ours=0.8807, abs=0.002),
        "all_tokens_6ND": Target(0.4579030797, ours=0.5002, abs=0.002),
    },
)
def gemstones_first_approach():
    curves = read_runs(shared_table("gemstones_curves.csv"))
    counted = _counted(curves)
    return {
        "all_tokens": _first_approach(counted),
        "first_100b_tokens": _first_approach(filter_runs(counted, EARLY)),
        "after_cooldown": _first_approach(_counted(_selected("after cooldown"))),
        "beyond_120b_tokens": _first_approach(filter_runs(counted, LATE)),
        "all_tokens_6ND": _first_approach(curves),
    }
