"""Compound scaling: rules, released tables, and where they part."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.core.errors import ConfigError
from tenfold.ladder.compound import (
    CONV_ACTIVATIONS,
    CONV_COST,
    EFFICIENTDET,
    EFFICIENTNET,
    RESNET_RS,
    SCALED_YOLOV4,
    SOVIT_EXPONENTS,
    SOVIT_START,
    STUNET,
    TINYNET,
    TRANSFORMER_COST,
    CompoundRule,
    FastScaling,
    compound,
    compound_grid,
    cost_exponent,
    efficientdet,
    parse_strategy,
    regime_axis,
    scale_shape,
    shrink_width,
    stunet_widths,
    width_for,
)
from tenfold.ladder.counting import efficientnet, plain_convnet


@given(st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3), st.floats(0.01, 1000.0))
def test_a_factor_is_a_factor_of_cost(shares, factor):
    total = shares[0] + 2 * shares[1] + 2 * shares[2]
    growth = dict(zip(("depth", "width", "resolution"), [share / total for share in shares], strict=True))
    base = {"depth": 5.0, "width": 64.0, "resolution": 32.0}
    (sizes,) = compound(base, growth, factors=[factor], cost=CONV_COST)

    def cost(size):
        return size["depth"] * size["width"] ** 2 * size["resolution"] ** 2

    assert cost(sizes) / cost(base) == pytest.approx(factor)


def test_sizes_are_rounded_and_other_axes_stay():
    rungs = compound(
        {"width": 768, "depth": 12, "context": 1024},
        {"width": 0.4, "depth": 0.2},
        factors=[1, 10, 1e-9],
        cost=TRANSFORMER_COST,
        multiples={"width": 64, "depth": 1, "heads": 2},
    )
    assert rungs[0] == {"width": 768, "depth": 12, "context": 1024}
    assert rungs[1] == {"width": 1920, "depth": 19, "context": 1024}
    assert rungs[2]["width"] == 64
    assert rungs[2]["depth"] == 1


def test_growths_that_do_not_give_the_cost_are_refused():
    base = {"width": 8, "depth": 2}
    with pytest.raises(ConfigError, match=r"divide every exponent by 1\.5"):
        compound(base, {"width": 0.5, "depth": 0.5}, factors=[2], cost=TRANSFORMER_COST)
    with pytest.raises(ConfigError, match="no axis 'widht' in the base; did you mean 'width'"):
        compound(base, {"widht": 0.5}, factors=[2])
    with pytest.raises(ConfigError, match="not positive"):
        compound(base, {"width": 0.5}, factors=[0])
    with pytest.raises(ConfigError, match="no cost exponent"):
        cost_exponent({"experts": 1.0}, TRANSFORMER_COST)


def test_the_rule_of_efficientnet():
    rule = CompoundRule()
    assert rule.cost == pytest.approx(1.2 * 1.1**2 * 1.15**2)
    assert rule.at(0) == (1, 1, 1)
    assert cost_exponent(rule.exponents, CONV_COST) == pytest.approx(1)
    grid = compound_grid()
    assert rule in grid
    assert all(abs(each.cost / 2 - 1) <= 0.05 for each in grid)


def test_released_efficientnets_are_not_the_rule():
    rule = CompoundRule()
    apart = {}
    for phi, name in enumerate(("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7")):
        depth, width, resolution = rule.at(phi)
        row = EFFICIENTNET[name]
        apart[name] = max(
            abs(row.depth / depth - 1), abs(row.width / width - 1), abs(row.resolution / 224 / resolution - 1)
        )
    assert apart["b0"] == 0
    assert all(apart[name] > 0.05 for name in apart if name != "b0")


@pytest.mark.parametrize(
    ("name", "activations"), [("d1_w1_r1", 5 / 6), ("d1_w8_g8_r1", 0.6), ("w1", 0.5), ("d1", 1.0), ("r1", 1.0)]
)
def test_strategies_and_the_growth_of_activations(name, activations):
    strategy = parse_strategy(name)
    assert strategy.activation_exponent == pytest.approx(activations)
    growth = {axis: share for axis, share in strategy.exponents.items() if axis != "group"}
    assert cost_exponent(growth, CONV_COST) == pytest.approx(1)
    assert cost_exponent(growth, CONV_ACTIVATIONS) == pytest.approx(activations)


def test_fast_scaling_spelled_out():
    assert parse_strategy("d1_w8_g8_r1") == FastScaling(d=0.1, w=0.8, r=0.1, g=0.8)
    assert parse_strategy("d1_w8_g8_r1").at(1024.0) == pytest.approx(
        {"depth": 2.0, "width": 16.0, "resolution": math.sqrt(2), "group": 16.0}
    )


@pytest.mark.parametrize("text", ["", "x1", "d", "d1w1", "d1_d2", "g3", "d0_w0", "d1_w-1"])
def test_bad_strategies(text):
    with pytest.raises(ConfigError):
        parse_strategy(text)


def test_exponents_recovered_from_counted_nets():
    base = {"depth": 40, "width": 400, "resolution": 200}
    for name in ("d1_w1_r1", "d1_w8_r1", "w1", "r1"):
        strategy = parse_strategy(name)
        nets = [
            plain_convnet(**{axis: round(size) for axis, size in sizes.items()})
            for sizes in compound(base, strategy.exponents, factors=[1, 64], cost=CONV_COST)
        ]
        slope = math.log(nets[1].activations / nets[0].activations) / math.log(nets[1].macs / nets[0].macs)
        assert slope == pytest.approx(strategy.activation_exponent, abs=0.005)  # sizes are whole numbers


def test_regimes():
    assert [regime_axis(epochs=epochs) for epochs in (10, 349, 350)] == ["width", "width", "depth"]
    assert regime_axis(overfits=False) == "width"
    with pytest.raises(ConfigError):
        regime_axis()
    sizes = [sum(row.depths) for row in RESNET_RS.values()]
    assert sizes == sorted(sizes)
    layers = {name: 3 * sum(row.depths) + 2 for name, row in RESNET_RS.items()}
    assert {name: count for name, count in layers.items() if count != int(name)} == {"270": 272, "420": 419}


@pytest.mark.parametrize("name", TINYNET)
def test_tinynets_cost_what_was_published(name):
    row = TINYNET[name]
    net = row.build()
    assert net.macs / 1e6 == pytest.approx(row.mega_macs, rel=0.015)  # printed in whole millions
    assert row.resolution == pytest.approx(224 * row.r, abs=1.1)


def test_shrinking_by_counting_beats_the_formula():
    for row in list(TINYNET.values())[2:]:
        by_formula = shrink_width(row.mega_macs / 387, depth=row.depth, resolution=row.r)

        def counted(width, row=row):
            return efficientnet(
                width=width, depth=row.depth, resolution=row.resolution, depth_rounding="round", fixed_ends=True
            ).macs

        by_count = width_for(counted, row.mega_macs * 1e6)
        assert abs(by_count / row.width - 1) < abs(by_formula / row.width - 1) / 2


def test_widths_out_of_reach():
    with pytest.raises(ConfigError, match="no width"):
        width_for(lambda width: width**2, 1e9)
    with pytest.raises(ConfigError):
        shrink_width(0.0, depth=1, resolution=1)


def test_efficientdet_rule_and_table():
    for phi, name in enumerate(("d0", "d1", "d2", "d3", "d4")):
        rule, row = efficientdet(phi), EFFICIENTDET[name]
        assert (rule.resolution, rule.depth, rule.head_depth) == (row.resolution, row.depth, row.head_depth)
        assert rule.width == pytest.approx(row.width, rel=0.06)
    assert efficientdet(5).depth == 8 != EFFICIENTDET["d5"].depth
    assert efficientdet(7).resolution == 1408 != EFFICIENTDET["d7"].resolution
    with pytest.raises(ConfigError):
        efficientdet(-1)


def test_sovit_grows_with_one_common_factor():
    target = {"width": 1152, "depth": 27, "mlp": 4304}
    taus = {axis: 3 * math.log(target[axis] / SOVIT_START[axis]) / SOVIT_EXPONENTS[axis] for axis in target}
    middle = sum(taus.values()) / 3
    assert all(abs(tau / middle - 1) < 0.15 for tau in taus.values())
    grown = scale_shape(SOVIT_START, math.exp(middle), exponents=SOVIT_EXPONENTS)
    assert all(abs(grown[axis] / target[axis] - 1) < 0.25 for axis in target)
    with pytest.raises(ConfigError):
        scale_shape(SOVIT_START, 0.0, exponents=SOVIT_EXPONENTS)


def test_detectors_add_a_stage_and_blocks_are_powers_of_two_less_one():
    stages = [row.blocks for row in SCALED_YOLOV4.values()]
    assert [len(blocks) for blocks in stages] == [5, 6, 7]
    assert all(math.log2(count + 1).is_integer() for blocks in stages for count in blocks)


def test_stunet():
    assert stunet_widths(STUNET["h"][0]) == (96, 192, 384, 768, 1536, 1536)
    assert [blocks for _, blocks in STUNET.values()] == [1, 1, 2, 3]
