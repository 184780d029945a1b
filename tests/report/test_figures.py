"""Figures: what stands in them, that Plotly accepts them, and that paper versions are the same bytes every time."""

from __future__ import annotations

import sys
from dataclasses import replace
from xml.etree import ElementTree

import made
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenfold.core.errors import ConfigError
from tenfold.fit import fit
from tenfold.report import static
from tenfold.report.figures import figure_of, to_plotly
from tenfold.report.pictures import saved_pictures, study_pictures
from tenfold.report.placing import Frame, place
from tenfold.report.powers import raised
from tenfold.report.scene import Dots, Ribbon, Stroke, Whisker
from tenfold.report.ticks import log_ticks, value_ticks


@pytest.fixture(scope="module")
def scenes(study):
    return study_pictures(study)


def test_the_main_picture_shows_what_was_measured_withheld_and_forecast(study, scenes):
    scene = scenes["loss"]
    dots = {mark.shape: mark for mark in scene.marks if isinstance(mark, Dots)}
    held = study.runs.column("flops") > 2e12
    assert len(dots["ring"].x) == held.sum() == 12
    assert len(dots["dot"].x) == (~held).sum()
    assert dots["cross"].y == (1.201,)
    assert dots["diamond"].y == (1.132,)
    rule = next(mark for mark in scene.marks if isinstance(mark, Stroke) and mark.x[0] == mark.x[1])
    assert rule.x[0] == pytest.approx(1e13)
    assert any("1.0 decades beyond" in label.text for label in scene.labels)


def test_bands_widen_beyond_the_data_and_hold_the_line(scenes):
    bands = {
        token: [m for m in scenes["loss"].marks if isinstance(m, Ribbon) and m.colour == token]
        for token in ("band9", "band5")
    }
    wide, narrow = (_joined(parts) for parts in bands.values())
    line = next(m for m in scenes["loss"].marks if isinstance(m, Stroke) and m.colour == "blue")
    x, y = np.array(line.x), np.array(line.y)
    for ribbon in (wide, narrow):
        assert (np.array(ribbon.low) < y).all()
        assert (np.array(ribbon.high) > y).all()
    width = np.log(np.array(wide.high) / np.array(wide.low))
    assert width[-1] > 4 * width[x < 1e13].max() * 0.5
    assert (np.diff(width[x > 2e13]) > 0).all()


def _joined(parts):
    """A band whose part beyond rehearsal is hatched, as one."""
    first, second = parts
    assert (first.hatched, second.hatched) == (False, True)
    assert first.x[-1] == second.x[0]
    return replace(first, **{name: getattr(first, name) + getattr(second, name)[1:] for name in ("x", "low", "high")})


def test_what_was_not_rehearsed_looks_it(study):
    """The band is hatched, the interval dotted, the mark hollow and the words say so."""
    seen = study.forecast
    far = replace(seen.predictions[0], at={"params": 7.3e6, "tokens": 2.28e8}, status="beyond rehearsal")
    scene = study_pictures(replace(study, forecast=replace(seen, predictions=(far,))))["loss"]
    x = 6 * 7.3e6 * 2.28e8
    assert [(mark.shape, mark.x) for mark in scene.marks if isinstance(mark, Dots) and mark.colour == "orange"] == [
        ("hollow", (x,))
    ]
    assert {mark.dash for mark in scene.marks if isinstance(mark, Whisker) and mark.x == x} == {"dot"}
    assert all(min(m.x) >= 1e14 * 0.999 for m in scene.marks if isinstance(m, Ribbon) and m.hatched)
    assert any(label.text == "rehearsed\nup to here" for label in scene.labels)
    assert "farther than was rehearsed" in scene.words
    spec = figure_of(scene).spec["data"]
    assert sum("fillpattern" in trace for trace in spec) == 2


def test_the_parabolas_pass_their_vertices(study, scenes):
    solid = [m for m in scenes["isoflop"].marks if isinstance(m, Stroke) and m.dash == "solid"]
    good = [p for p in study.isoflop.profiles if not p.problem]
    for stroke, profile in zip(solid, good, strict=True):
        assert min(stroke.y) == pytest.approx(profile.loss, rel=1e-4)
    assert "refused: 10^13 FLOP" in scenes["isoflop"].words


def test_plotly_accepts_every_figure(scenes):
    for scene in scenes.values():
        for theme in ("light", "dark"):
            made_figure = to_plotly(scene, theme=theme)
            assert "@" not in made_figure.to_json()


@pytest.mark.parametrize("width", [300, 600, 880])
def test_labels_keep_off_one_another(scenes, width):
    for scene in scenes.values():
        figure = figure_of(scene)
        assert figure.words.endswith(".")
        placed = place(
            scene, Frame(width - 80, scene.height - 70, 13.0 if width > 500 else 11.0, short=width < 500, right=70)
        )
        assert all(np.isfinite([item.dx, item.dy]).all() for item in placed)


def test_a_saved_study_keeps_its_points(study):
    from tenfold.io.results import plain

    scene = saved_pictures(plain(study.to_dict()), "study")["loss"]
    assert sum(len(mark.x) for mark in scene.marks if isinstance(mark, Dots) and mark.shape in ("dot", "ring")) == 33
    assert not any(isinstance(mark, Ribbon) for mark in scene.marks)


def test_a_law_in_one_axis_is_drawn_along_that_axis(study):
    law_fit = fit("power_offset", study.runs, axis="flops", certificate=False, throw=False)
    draws = replace(study.best.draws, fit=law_fit, coef={name: np.array([v]) for name, v in law_fit.coef.items()})
    law = replace(study.best, fit=law_fit, draws=draws)
    found = study_pictures(replace(study, laws=(law,), isoflop=None, forecast=None, plan=None, live=None))
    assert found["loss"].x.title == "training compute, FLOP"
    assert any(isinstance(mark, Ribbon) for mark in found["loss"].marks)


@given(st.floats(1e-3, 1e20), st.floats(1.02, 1e12), st.sampled_from(["flops", "params", "tokens", ""]))
def test_ticks_lie_inside_and_are_distinct(low, factor, column):
    high = low * factor
    ticks = log_ticks(low, high, column=column) if column else value_ticks(low, high)
    assert len(ticks) <= 10
    assert all(low * (1 - 1e-6) <= tick.value <= high * (1 + 1e-6) for tick in ticks)
    if factor > 1.5 and not column:
        assert len({(tick.text, tick.exponent) for tick in ticks}) == len(ticks) >= 2


def test_powers_are_raised_and_names_left_alone():
    assert raised("3e12 FLOP, 10^11, C^a, 1e-6") == (
        "3·10<sup>12</sup> FLOP, 10<sup>11</sup>, C<sup>a</sup>, 10<sup>-6</sup>"
    )
    assert raised("1e13-d192-s0-9698423a huber:1e-3") == "1e13-d192-s0-9698423a huber:1e-3"


# ---------------------------------------------------------------------------------------------------------------------
# paper


def test_paper_figures(study):
    pytest.importorskip("matplotlib")
    found = static.study_figures(study, format="svg")
    assert set(found) == {"loss", "isoflop", "sizes", "rehearsal", "residuals", "curves"}
    for data in found.values():
        ElementTree.fromstring(data)
        assert len(data) < 200_000
    assert static.scene_bytes(study_pictures(study)["loss"], format="pdf").startswith(b"%PDF")


def test_the_card_is_small_and_always_the_same(study):
    pytest.importorskip("matplotlib")
    card = static.card(study)
    assert card == static.card(made.study())
    assert len(card) < 200_000
    root = ElementTree.fromstring(card)
    assert root.get("viewBox") == "0 0 864 486"
    assert static.card(study, format="png")[:8] == b"\x89PNG\r\n\x1a\n"


def test_formats_and_the_extra_are_named_when_missing(study, monkeypatch):
    with pytest.raises(ConfigError, match="unknown figure format 'bmp'"):
        static.study_figures(study, format="bmp")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match="need matplotlib") as caught:
        static.card(study)
    assert "tenfold[paper]" in caught.value.hint
