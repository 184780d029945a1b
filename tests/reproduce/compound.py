"""Compound scaling: closed forms of the papers, and what counted nets do under them."""

from __future__ import annotations

import math

from reproduce.record import Target, reproduction
from tenfold.ladder.compound import (
    EFFICIENTDET,
    TINYNET,
    CompoundRule,
    compound_grid,
    efficientdet,
    parse_strategy,
    shrink_width,
    width_for,
)
from tenfold.ladder.counting import efficientnet, multi_scale_cost, resnet
from tenfold.ladder.known import find_known


@reproduction(
    law="compound scaling",
    source="Tan and Le (2019), arXiv:1905.11946, eq. 3 and section 3.3: alpha 1.2, beta 1.1, gamma 1.15 double the FLOPs a step",
    reason="before any rounding; alpha beta^2 gamma^2 is 1.92, so FLOPs fall behind 2^phi by 4 % a step and leave 10 % at "
    "phi 2.6. The search grid of .05 holds the rule",
    targets={
        "product": Target(1.92, abs=0.001),
        "FLOPs at phi 1": Target(2, rel=0.1),
        "FLOPs at phi 2": Target(4, rel=0.1),
        "rule on the grid": Target(1, abs=1e-9),
    },
)
def efficientnet_rule():
    rule = CompoundRule()
    return {
        "product": rule.cost,
        "FLOPs at phi 1": rule.cost,
        "FLOPs at phi 2": rule.cost**2,
        "rule on the grid": float(rule in compound_grid()),
    }


@reproduction(
    law="compound scaling",
    source="Tan and Le (2019), table 2: 10^9 FLOPs (multiply-accumulates) of EfficientNet-B0, B3, B5 and B7 as released",
    reason="printed to two digits; released models do not follow the rule, and their squeeze layers are counted here",
    targets={
        "b0": Target(0.39, abs=0.0051),
        "b3": Target(1.8, abs=0.051),
        "b5": Target(9.9, rel=0.04),
        "b7": Target(37, rel=0.025),
    },
)
def efficientnet_table():
    return {name: find_known(f"efficientnet-{name}").model.macs / 1e9 for name in ("b0", "b3", "b5", "b7")}


STRATEGIES = {"d1_w1_r1": 0.83, "d1_w8_g8_r1": 0.6, "w1": 0.5}


@reproduction(
    law="compound scaling",
    source="Dollar et al. (2021), arXiv:2103.06877: activations grow as FLOPs to the .83, .6 and .5 when depth, width and "
    "resolution share evenly, by d1_w8_g8_r1, and when width grows alone",
    reason="the closed form is exact to the digits printed; a four times wider and deeper ResNet-50, counted at 64 times the "
    "FLOPs, follows within .02, as its stem and head scale otherwise and sizes are whole",
    targets={
        **{f"{name}, closed form": Target(value, abs=0.005) for name, value in STRATEGIES.items()},
        **{f"{name}, counted": Target(value, abs=0.02) for name, value in STRATEGIES.items()},
    },
)
def fast_scaling():
    closed = {f"{name}, closed form": parse_strategy(name).activation_exponent for name in STRATEGIES}
    return closed | {f"{name}, counted": _counted_exponent(name) for name in STRATEGIES}


def _counted_exponent(name):
    grown, depths = parse_strategy(name).at(64.0), (12, 16, 24, 12)
    small = resnet(depths, width=4)
    large = resnet(
        [round(depth * grown["depth"]) for depth in depths],
        width=4 * grown["width"],
        resolution=round(224 * grown["resolution"]),
    )
    return math.log(large.activations / small.activations) / math.log(large.macs / small.macs)


@reproduction(
    law="compound scaling",
    source="Han et al. (2020), arXiv:2010.14819, table 5: 10^6 multiply-accumulates of TinyNet A to E",
    reason="counted from the released factors, depth rounded and the ends kept; printed in whole millions, ours are .5 to .8 % "
    "lower and 1.5 % higher for E",
    targets={name: Target(row.mega_macs, rel=0.016) for name, row in TINYNET.items()},
)
def tinynet_operations():
    return {name: row.build().macs / 1e6 for name, row in TINYNET.items()}


FORMULA_WIDTHS = {"a": 0.99, "b": 0.82, "c": 0.67, "d": 0.65, "e": 0.68}


@reproduction(
    law="compound scaling",
    source="Han et al. (2020): width of TinyNet A to E as released",
    reason="sqrt(c / (d r^2)) from the released FLOPs is .99 to .68, too wide for the small ones, whose ends keep their width: "
    "those are pinned. The width found by counting is the released one within 7 %, as channels go in steps of 8",
    targets={
        **{f"{name}, formula": Target(row.width, abs=0.006, ours=FORMULA_WIDTHS[name]) for name, row in TINYNET.items()},
        **{f"{name}, counted": Target(row.width, rel=0.07) for name, row in TINYNET.items()},
    },
)
def tinynet_widths():
    out = {}
    for name, row in TINYNET.items():
        out[f"{name}, formula"] = shrink_width(row.mega_macs / 387, depth=row.depth, resolution=row.r)

        def counted(width, row=row):
            sizes = {"depth": row.depth, "resolution": row.resolution}
            return efficientnet(width=width, **sizes, depth_rounding="round", fixed_ends=True).macs

        out[f"{name}, counted"] = width_for(counted, row.mega_macs * 1e6)
    return out


def _detector_targets():
    out = {}
    for phi, name in enumerate(("d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7")):
        rule, row = efficientdet(phi), EFFICIENTDET[name]
        for part, published, ours in (
            ("resolution", row.resolution, rule.resolution),
            ("depth", row.depth, rule.depth),
            ("head depth", row.head_depth, rule.head_depth),
        ):
            pinned = None if ours == published else {5: (1152, 8), 6: (1280, 9), 7: (1408, 10)}[phi][part == "depth"]
            out[f"{name} {part}"] = Target(published, abs=0.5, ours=pinned)
        if phi < 7:
            out[f"{name} width"] = Target(row.width, rel=0.054)
    return out


@reproduction(
    law="compound scaling",
    source="Tan et al. (2020), arXiv:1911.09070, eq. 1 to 3, and the released EfficientDet-D0 to D7",
    reason="the rule gives resolution and depths of D0 to D4 exactly and widths within 5 %, as channels were rounded to what "
    "hardware likes; from D5 on released models leave it, and what it gives there is pinned",
    targets=_detector_targets(),
)
def efficientdet_rule():
    out = {}
    for phi in range(8):
        rule = efficientdet(phi)
        out |= {f"d{phi} resolution": rule.resolution, f"d{phi} depth": rule.depth, f"d{phi} head depth": rule.head_depth}
        out |= {f"d{phi} width": rule.width} if phi < 7 else {}
    return out


@reproduction(
    law="compound scaling",
    source="Shi et al. (2024), arXiv:2403.13043: cost of scales {1, 2} and {1, 2, 3}; Alabdulmohsin et al. (2023): 221 GFLOP of "
    "SoViT-400m at 224 pixels",
    reason="sums of squares; and twice the counted multiply-accumulates, within .5 % for what the paper counts beside products",
    targets={
        "scales 1, 2": Target(5, abs=1e-9),
        "scales 1, 2, 3": Target(14, abs=1e-9),
        "sovit-400m": Target(221, rel=0.005),
    },
)
def cost_of_scales_and_shapes():
    return {
        "scales 1, 2": multi_scale_cost((1, 2)),
        "scales 1, 2, 3": multi_scale_cost((1, 2, 3)),
        "sovit-400m": find_known("sovit-400m").model.flops / 1e9,
    }
