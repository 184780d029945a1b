"""Every table of the parameterizations, cell by cell, against what their sources print.

Exponents are read off the rules themselves: a width (or a depth) that is four times the base model's, and the logarithm
of the factor to base four, so that a cell reads as the source prints it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.core.errors import ConfigError
from tenfold.ladder.models import Model
from tenfold.ladder.parameterization import (
    ALIGNMENTS,
    DECAYS,
    OPTIMIZERS,
    PARAMETERIZATIONS,
    Base,
    branch_scale,
    branches,
    logit_scale,
    rules,
)
from tenfold.ladder.spec import Optimizer, Shape
from tenfold.ladder.stepper import program, rates, stepper

BASE, GROWTH, OUTPUTS = 64, 4, 10
WIDTH = BASE * GROWTH
FANS = {
    "embed": ((1, WIDTH), (1, BASE)),
    "hidden": ((WIDTH, WIDTH), (BASE, BASE)),
    "readout": ((WIDTH, OUTPUTS), (BASE, OUTPUTS)),
    "bias": ((1, WIDTH), (1, BASE)),
    "gain": ((1, WIDTH), (1, BASE)),
}
MATRICES = ("embed", "hidden", "readout")


def wider(kind, **given):
    """The rule of a layer that is ``GROWTH`` times wider than the base model's, and that of the base model."""
    (fan_in, fan_out), (base_in, base_out) = FANS[kind]
    base = Base(base_in, base_out)
    return (
        rules(kind, fan_in=fan_in, fan_out=fan_out, base=base, **given),
        rules(kind, fan_in=base_in, fan_out=base_out, base=base, **given),
    )


def power(kind, field, **given):
    """The exponent of width in one field of the rule."""
    wide, narrow = wider(kind, **given)
    return math.log(getattr(wide, field) / getattr(narrow, field), GROWTH)


def exponents(field, kinds=MATRICES, **given):
    # logarithms of powers of four: exact but for the last bits
    return [round(power(kind, field, **given), 12) + 0.0 for kind in kinds]


# --- muP, Yang et al. 2022 ---------------------------------------------------------------------------------------------

MUP_BASE_RELATIVE = {
    #           std   mult  sgd adam  decay eps
    "embed": (0.0, 0.0, 1.0, 0.0, 0.0, -1.0),
    "hidden": (-0.5, 0.0, 0.0, -1.0, 1.0, -1.0),
    "readout": (0.0, -1.0, 1.0, 0.0, 0.0, -1.0),
}


@pytest.mark.parametrize("kind", MATRICES)
def test_the_base_relative_table_of_mup(kind):
    """Powers of m in each cell of table 8 as the mup package does it (mup/optim.py), decay in torch's convention."""
    given = {"parameterization": "mup-table8", "decay": "eta-lambda"}
    found = [
        power(kind, "std", **given),
        power(kind, "multiplier", **given),
        power(kind, "rate", optimizer="sgd", **given),
        power(kind, "rate", optimizer="adamw", **given),
        power(kind, "decay", optimizer="adamw", **given),
        power(kind, "eps", optimizer="adamw", **given),
    ]
    assert found == pytest.approx(MUP_BASE_RELATIVE[kind], abs=1e-12)


@pytest.mark.parametrize("kind", ["bias", "gain"])
def test_vectors_under_mup(kind):
    given = {"parameterization": "mup-table8", "decay": "eta-lambda"}
    wide, _ = wider(kind, optimizer="adamw", **given)
    assert (wide.std, wide.multiplier, wide.rate, wide.decay, wide.eps) == (0.0, 1.0, 1.0, 0.0, 1 / GROWTH)
    assert wider(kind, optimizer="sgd", **given)[0].rate == GROWTH


@pytest.mark.parametrize(
    ("optimizer", "expected"), [("sgd", (1.0, 0.0, -1.0, 1.0)), ("adam", (0.0, -1.0, -1.0, 0.0))], ids=["sgd", "adam"]
)
def test_the_absolute_table_of_mup(optimizer, expected):
    """Table 3: variance of the readout 1 / fan_in^2, no multipliers; rates eta fan_out, eta / fan_in, eta."""
    kinds = (*MATRICES, "bias")
    assert exponents("multiplier", kinds, parameterization="mup") == [0.0] * 4
    assert exponents("std", parameterization="mup") == [0.0, -0.5, -1.0]
    assert exponents("rate", kinds, optimizer=optimizer, parameterization="mup") == list(expected)


def test_hidden_layers_between_unlike_widths():
    """The mup package divides SGD's rate by fan_in_mult / fan_out_mult, Adam's by fan_in_mult."""
    sizes = {"fan_in": 8 * BASE, "fan_out": 2 * BASE, "base": Base(BASE, BASE), "parameterization": "mup-table8"}
    assert rules("hidden", optimizer="sgd", **sizes).rate == 2 / 8
    assert rules("hidden", optimizer="adam", **sizes).rate == 1 / 8


def test_logits_of_attention_fall_as_the_head_where_queries_align():
    """alpha sqrt(base head) / head under muP, 1 / sqrt(head) without."""
    for name, row in PARAMETERIZATIONS.items():
        wide = logit_scale(name, head_dim=64, base_head_dim=16) / math.sqrt(64)
        expected = math.sqrt(16) / 64 if row.logits == 1.0 else 64**-0.5
        assert wide == pytest.approx(expected, rel=1e-15)
    plain = {name for name, row in PARAMETERIZATIONS.items() if row.logits == 0.5}
    assert plain == {"standard", "standard-per-layer", "ntk"}


# --- exponents across parameterizations and optimizers, Everett et al. 2024 ---------------------------------------------

AB = {
    "standard-per-layer": ((0, 0), (0, 0.5), (0, 0.5)),
    "ntk": ((0, 0), (0.5, 0), (0.5, 0)),
    "mup-everett": ((-0.5, 0.5), (0, 0.5), (0.5, 0.5)),
    "mean-field": ((0, 0), (0.5, 0), (1, 0)),
}

RATES = {
    ("sgd", "full"): ((-0.5, 0.5, 1), (-0.5, -0.5, 0), (0, 0, 0), (-1, -1, -1)),
    ("sgd", "none"): ((-0.5, 0, 0.5), (-0.5, -1, -0.5), (0, -0.5, -0.5), (-1, -1.5, -1.5)),
    ("adam", "full"): ((0, 1, 1), (0, 0.5, 0.5), (0.5, 1, 0.5), (0, 0.5, 0)),
    ("adam", "none"): ((0, 0.5, 0.5), (0, 0, 0), (0.5, 0.5, 0), (0, 0, -0.5)),
    ("adafactor", "full"): ((0, 0.5, 0.5), (0, 0.5, 0.5), (0, 0.5, 0), (0, 0.5, 0)),
    ("adafactor", "none"): ((0, 0, 0), (0, 0, 0), (0, 0, -0.5), (0, 0, -0.5)),
}
"""The exponents c of rates n^-c: embedding, hidden, readout; parameterizations in the order of ``AB``."""

GRADIENTS = {
    "standard-per-layer": (0.5, 0.5, 0),
    "ntk": (0.5, 1, 0.5),
    "mup-everett": (0.5, 1, 0.5),
    "mean-field": (1, 1.5, 1),
}


@pytest.mark.parametrize("name", AB)
def test_multipliers_and_initial_deviations(name):
    a, b = zip(*AB[name], strict=True)
    assert exponents("multiplier", parameterization=name) == [-value + 0.0 for value in a]
    assert exponents("std", parameterization=name) == [-value + 0.0 for value in b]


@pytest.mark.parametrize(("optimizer", "alignment"), RATES)
@pytest.mark.parametrize("name", AB)
def test_exponents_of_rates(name, optimizer, alignment):
    expected = RATES[optimizer, alignment][list(AB).index(name)]
    found = exponents("rate", parameterization=name, optimizer=optimizer, alignment=alignment)
    assert found == [-value + 0.0 for value in expected]


@pytest.mark.parametrize("name", AB)
def test_exponents_of_gradients_scale_epsilon(name):
    assert exponents("eps", parameterization=name) == [-value + 0.0 for value in GRADIENTS[name]]


def test_parameterizations_are_stable():
    """a + b is 0 at the input, 1/2 within, at least 1/2 at the readout, so that activations neither grow nor vanish."""
    for name, row in PARAMETERIZATIONS.items():
        assert sum(row.embed) == 0, name
        assert sum(row.hidden) == 0.5, name
        assert sum(row.readout) >= 0.5, name


@pytest.mark.parametrize("optimizer", ["adamw", "adam-atan2", "lion"])
def test_optimizers_that_forget_the_size_of_gradients_share_adam_s_rates(optimizer):
    for name in PARAMETERIZATIONS:
        for kind in FANS:
            assert (
                wider(kind, parameterization=name, optimizer=optimizer)[0].rate
                == wider(kind, parameterization=name)[0].rate
            )


# --- u-muP, Blake et al. 2024 -------------------------------------------------------------------------------------------


def test_the_table_of_u_mup():
    """All weights start at one; forward factors 1, fan_in^-1/2, 1 / fan_in; Adam's factors fan_out^-1/2, fan_in^-1/2, 1."""
    found = {kind: wider(kind, parameterization="u-mup")[0] for kind in FANS}
    assert [found[kind].std for kind in FANS] == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert [found[kind].multiplier for kind in FANS] == [1.0, WIDTH**-0.5, 1 / WIDTH, 1.0, 1.0]
    assert [found[kind].rate for kind in FANS] == [WIDTH**-0.5, WIDTH**-0.5, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("kind", ["hidden", "bias", "gain"])
def test_u_mup_within_branches(kind):
    """Everything in a residual branch learns 1 / sqrt(depth) as fast."""
    (fan_in, fan_out), _ = FANS[kind]
    sizes = {"fan_in": fan_in, "fan_out": fan_out, "depth": 16, "parameterization": "u-mup"}
    assert rules(kind, branch=True, **sizes).rate == pytest.approx(rules(kind, **sizes).rate / 4, rel=1e-15)


def test_the_residual_scheme_of_u_mup():
    """Branches of the printed scheme by the printed formula, and a stream of unit variance whatever the factor."""
    alpha, sublayers = 1.7, 6
    pairs = branches("u-mup", sublayers=sublayers, depth=3, base_depth=1, multiplier=alpha)
    for place, (skip, branch) in enumerate(pairs):
        n_attention, n_mlp = (place + 1) // 2, place // 2
        tau = alpha / math.sqrt(sublayers / 2 + n_attention * alpha**2 + n_mlp * alpha**2)
        assert branch / skip == pytest.approx(tau, rel=1e-12)
        assert skip**2 + branch**2 == pytest.approx(1.0, rel=1e-12)


def test_independent_decay_of_u_mup():
    """The group's decay is lambda over the group's rate, so that what is taken off a step is lambda."""
    for kind in MATRICES:
        for optimizer in ("adamw", "lion"):
            rule, _ = wider(kind, parameterization="u-mup", optimizer=optimizer, decay="eta-lambda")
            assert rule.rate * rule.decay == pytest.approx(1.0, rel=1e-15)


# --- depth: Yang et al. 2023 and Dey et al. 2025 ------------------------------------------------------------------------

DEPTH = 8
COMPLETEP = [("depth-mup", 0.5), ("completep", 1.0)]


def deeper(kind, name, *, branch, **given):
    """The rule in a model that is ``GROWTH`` times wider and ``DEPTH`` times deeper than the base model."""
    (fan_in, fan_out), (base_in, base_out) = FANS[kind]
    base = Base(base_in, base_out, 2)
    return rules(
        kind, fan_in=fan_in, fan_out=fan_out, depth=2 * DEPTH, base=base, parameterization=name, branch=branch, **given
    )


@pytest.mark.parametrize(("name", "alpha"), COMPLETEP)
def test_the_table_of_completep(name, alpha):
    """Table 1, every row, AdamW; sizes are m_N = 4 and m_L = 8. eps of blocks only: the released code scales all."""
    given = {"optimizer": "adamw", "decay": "eta-lambda"}
    embed = deeper("embed", name, branch=False, **given)
    gain, bias = (deeper(kind, name, branch=True, **given) for kind in ("gain", "bias"))
    hidden = deeper("hidden", name, branch=True, **given)
    final = deeper("gain", name, branch=False, **given)
    head = deeper("readout", name, branch=False, **given)
    assert (embed.std, embed.rate, embed.multiplier) == (1.0, 1.0, 1.0)
    assert gain.rate == bias.rate == pytest.approx(DEPTH ** (alpha - 1), rel=1e-15)
    assert hidden.std == pytest.approx(BASE**-0.5 * GROWTH**-0.5, rel=1e-15)
    assert hidden.rate == pytest.approx(DEPTH ** (alpha - 1) / GROWTH, rel=1e-15)
    assert hidden.eps == pytest.approx(DEPTH**-alpha / GROWTH, rel=1e-15)
    assert final.rate == 1.0
    assert (head.std, head.rate, head.multiplier) == (BASE**-0.5, 1.0, 1 / GROWTH)
    assert branch_scale(name, depth=2 * DEPTH, base_depth=2) == DEPTH**-alpha
    assert branches(name, sublayers=3, depth=2 * DEPTH, base_depth=2) == ((1.0, DEPTH**-alpha),) * 3


def test_decay_of_completep():
    """Decay of hidden matrices grows as width and not with depth; vectors and tables keep theirs.

    The table prints the same row for alpha = 1/2. Our rule holds rate times decay, as the mup package does, and so gives
    sqrt(m_L) more there; the two agree where the paper ends up, at alpha = 1.
    """
    given = {"optimizer": "adamw", "decay": "eta-lambda"}
    assert deeper("hidden", "completep", branch=True, **given).decay == GROWTH
    assert deeper("hidden", "depth-mup", branch=True, **given).decay == pytest.approx(GROWTH * DEPTH**0.5, rel=1e-15)
    assert deeper("embed", "completep", branch=False, **given).decay == 1.0
    assert deeper("readout", "completep", branch=False, **given).decay == 1.0
    assert deeper("gain", "completep", branch=True, **given).decay == 0.0


@pytest.mark.parametrize(("name", "alpha"), COMPLETEP)
def test_rates_of_blocks_by_optimizer(name, alpha):
    """Adam eta L^(alpha-1); SGD eta L^(2 alpha - 1): one for depth-muP (the gradient carries one L^-alpha itself)."""
    for optimizer, depth_power in [("adam", alpha - 1), ("muon", alpha - 1), ("sgd", 2 * alpha - 1)]:
        blocks = deeper("hidden", name, branch=True, optimizer=optimizer).rate
        outside = deeper("hidden", name, branch=False, optimizer=optimizer).rate
        assert math.log(blocks / outside, DEPTH) == pytest.approx(depth_power, abs=1e-12)


def test_rules_without_depth_ignore_it():
    for name, row in PARAMETERIZATIONS.items():
        if row.alpha is None:
            assert branch_scale(name, depth=64, base_depth=2) == 1.0
            assert deeper("hidden", name, branch=True) == deeper("hidden", name, branch=False)


# --- spectral condition and Muon ----------------------------------------------------------------------------------------


@given(st.integers(1, 4096), st.integers(1, 4096), st.integers(1, 512), st.integers(1, 512))
def test_the_spectral_condition(fan_in, fan_out, base_in, base_out):
    """std fan_in^-1/2 min(1, sqrt(out / in)); SGD's rate as out / in, Adam's as 1 / in."""
    sizes = {"fan_in": fan_in, "fan_out": fan_out, "base": Base(base_in, base_out), "parameterization": "spectral"}
    rule = rules("hidden", optimizer="sgd", **sizes)
    assert rule.std == pytest.approx(fan_in**-0.5 * min(1.0, math.sqrt(fan_out / fan_in)), rel=1e-12)
    assert rule.rate == pytest.approx((fan_out / fan_in) / (base_out / base_in), rel=1e-12)
    assert rules("hidden", optimizer="adam", **sizes).rate == pytest.approx(base_in / fan_in, rel=1e-12)
    sizes["base"] = Base(base_in, OUTPUTS)
    sizes["fan_out"] = OUTPUTS
    assert rules("readout", optimizer="sgd", **sizes).rate == pytest.approx(base_in / fan_in, rel=1e-12)


def test_rates_of_muon():
    """Its update scaled by sqrt(out / in) needs no width factor; one scaled to Adam's RMS falls as m^-1/2."""
    for name in ("mup", "mup-table8", "spectral", "completep"):
        assert power("hidden", "rate", optimizer="muon", parameterization=name) == 0.0
        assert power("hidden", "rate", optimizer="muon-rms", parameterization=name) == pytest.approx(-0.5, abs=1e-12)
        for kind in ("embed", "readout", "bias"):
            for optimizer in ("muon", "muon-rms"):
                given = {"parameterization": name}
                assert wider(kind, optimizer=optimizer, **given)[0].rate == wider(kind, optimizer="adam", **given)[0].rate


# --- weight decay ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mup", "mup-table8", "completep", "standard-per-layer"])
def test_rules_of_decay(name):
    """lambda as m^0, m^1 (rate times lambda stays) and m^1/2 (the top singular value stays, arXiv:2510.15262)."""
    given = {"parameterization": name, "optimizer": "adamw"}
    assert [power("hidden", "decay", decay=rule, **given) for rule in DECAYS] == pytest.approx([0.0, 1.0, 0.5], abs=1e-12)
    for kind in MATRICES:
        rule, _ = wider(kind, decay="eta-lambda", **given)
        assert rule.rate * rule.decay == pytest.approx(1.0, rel=1e-15)
    assert wider("embed", decay="sqrt", **given)[0].decay == 0.0
    for kind in ("bias", "gain"):
        assert [wider(kind, decay=rule, **given)[0].decay for rule in DECAYS] == [0.0, 0.0, 0.0]


def test_the_steady_top_singular_value_under_each_rule():
    """sqrt(rate / decay) d^0.75 drifts as m^-1/4, m^0 and m^1/4 for decay as m, sqrt(m) and constant."""
    drift = {}
    for decay in DECAYS:
        rule, _ = wider("hidden", parameterization="mup", optimizer="adamw", decay=decay)
        drift[decay] = math.log(math.sqrt(rule.rate / rule.decay), GROWTH) + 0.75
    assert drift == pytest.approx({"constant": 0.25, "eta-lambda": -0.25, "sqrt": 0.0}, abs=1e-12)


# --- properties of all ---------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(sorted(PARAMETERIZATIONS))


@given(
    st.sampled_from(sorted(FANS)), NAMES, st.sampled_from(sorted(OPTIMIZERS)), st.sampled_from(sorted(ALIGNMENTS)),
    st.sampled_from(("constant", "eta-lambda")), st.integers(1, 2048), st.integers(1, 2048), st.integers(1, 64), st.booleans(),
)  # fmt: skip
def test_the_base_model_is_the_standard_one(kind, name, optimizer, alignment, decay, fan_in, fan_out, depth, branch):
    """Whatever the sizes. Excepted: u-muP, whose scales are absolute (every weight starts at one, its own forward
    factors take the place of fan-in), and the initial deviation of the spectral condition where a layer narrows."""
    if name == "u-mup":
        return
    given = {
        "fan_in": fan_in,
        "fan_out": fan_out,
        "depth": depth,
        "optimizer": optimizer,
        "decay": decay,
        "branch": branch,
    }
    rule = rules(kind, parameterization=name, alignment=alignment, base=Base(fan_in, fan_out, depth), **given)
    assert (rule.multiplier, rule.rate, rule.eps) == (1.0, 1.0, 1.0)
    assert rule.decay == (0.0 if kind in ("bias", "gain") else 1.0)
    narrows = name == "spectral" and fan_out < fan_in
    if kind in ("hidden", "readout") and not narrows:
        assert rule.std == pytest.approx(fan_in**-0.5, rel=1e-15)
    assert rule == rules(kind, parameterization=name, alignment=alignment, **given), "no base means this layer"


@given(st.sampled_from(sorted(FANS)), NAMES, st.sampled_from(sorted(OPTIMIZERS)), st.integers(0, 8), st.integers(0, 8))
def test_rates_are_powers_of_width(kind, name, optimizer, first, second):
    """Growing twice is growing once by the product: no hidden constant anywhere."""

    def factor(growth):
        (_, (base_in, base_out)) = FANS[kind]
        fan_in = base_in if kind in ("embed", "bias", "gain") else base_in * growth
        fan_out = base_out if kind == "readout" else base_out * growth
        rule = rules(
            kind, fan_in=fan_in, fan_out=fan_out, base=Base(base_in, base_out), optimizer=optimizer, parameterization=name
        )
        return np.array([rule.rate, rule.eps, rule.multiplier])

    np.testing.assert_allclose(
        factor(2**first) * factor(2**second), factor(2 ** (first + second)) * factor(1), rtol=1e-12
    )


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ({"parameterization": "complete-p"}, "completep"),
        ({"optimizer": "adamW"}, "adamw"),
        ({"alignment": "ful"}, "full"),
        ({"decay": "eta_lambda"}, "eta-lambda"),
        ({"kind": "hiden"}, "hidden"),
    ],
)
def test_wrong_names_are_answered_with_the_likely_one(wrong, meant):
    with pytest.raises(ConfigError, match=meant):
        rules(wrong.pop("kind", "hidden"), fan_in=8, fan_out=8, **wrong)


@pytest.mark.parametrize(
    "sizes", [{"fan_in": 0}, {"fan_out": -1}, {"depth": 0}, {"base": Base(0, 8)}, {"base": Base(8, 8, 0)}]
)
def test_sizes_are_positive(sizes):
    with pytest.raises(ConfigError, match="is not positive"):
        rules("hidden", **{"fan_in": 8, "fan_out": 8, **sizes})


# --- symmetries of training ---------------------------------------------------------------------------------------------

SHAPE = Shape(width=32, depth=1, context=16, zero_init=False)
"""Twice the base width, so that factors are powers of two and exact in floating point."""


def trajectory(shape, **given):
    """Training losses of 20 steps on fixed windows, without clipping: the norm of a whole gradient knows its scales."""
    settings = {
        "base_width": 16,
        "base_depth": 1,
        "eps": 1e-30,
        "clip": 1e30,
        "lr_embed": 0.02,
        "lr_hidden": 0.02,
        "lr_head": 0.02,
    }
    model = Model("transformer", shape, Optimizer(**{**settings, **given}))
    run, start = stepper(program(model))
    state = start(model.init(jax.random.key(0)))
    draw = np.random.default_rng(0)
    words = draw.integers(0, 128, 6)
    windows = words[np.cumsum(draw.integers(1, 3, (32, 4, 17)), axis=-1) % 6].astype(np.uint8)
    factors = (np.arange(32) < 20).astype(np.float32)
    _, losses = run(state, windows, factors, rates(model))
    return np.asarray(losses)[:20]


@pytest.mark.parametrize(
    ("optimizer", "given"),
    [("adam", {}), ("adamw", {"weight_decay": 0.1, "decay_rule": "eta-lambda"}), ("sgd", {"lr_scale": 5.0, "b1": 0.5})],
    ids=["adam", "adamw", "sgd"],
)
def test_both_tables_of_mup_train_alike(optimizer, given):
    """Factor, deviation and rate of a layer may be traded: (f / t, s t, r t) under Adam and (f / t, s t, r t^2) under SGD.

    With t = 2 every traded factor is exact, so that the losses agree to the rounding of sums, 1e-5 after 20 steps; they
    fall by a fifth, and another parameterization is a thousand times further away.
    """
    one, other = (trajectory(SHAPE, name=optimizer, parameterization=name, **given) for name in ("mup", "mup-table8"))
    assert one[-1] < 0.8 * one[0]
    np.testing.assert_allclose(one, other, rtol=1e-5)
    if optimizer == "adam":
        alone = trajectory(SHAPE, parameterization="standard")
        assert np.abs(alone - one).max() > 1e-2


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "muon"])
def test_a_model_of_the_base_shape_is_the_standard_one(optimizer):
    """Its rates, factors and scales are the same numbers, so that its training is the same."""
    shape = replace(SHAPE, width=16)

    def told(name):
        model = Model("transformer", shape, Optimizer(base_width=16, base_depth=1, parameterization=name, name=optimizer))
        stds = {key: rule.std for key, rule in model.rules.items() if name != "spectral" or key != "blocks.0.down"}
        return model.rates, {key: rule.multiplier for key, rule in model.rules.items()}, model.scales, stds

    *wanted, stds = told("standard")
    for name in set(PARAMETERIZATIONS) - {"u-mup"}:
        *found, own = told(name)
        assert found == wanted, name
        assert own == {key: stds[key] for key in own}, name


def test_a_tied_head_needs_a_rule_that_scales_both_alike():
    tied = replace(SHAPE, tied=True)
    with pytest.raises(ConfigError, match="mup-table8"):
        Model("transformer", tied, Optimizer(parameterization="mup")).rules
    assert "head" not in Model("transformer", tied, Optimizer(parameterization="mup-table8")).rules
