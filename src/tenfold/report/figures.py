"""Scenes as Plotly figures: plain specifications for a web page, or figure objects for a notebook."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenfold.report.palette import DARK, LIGHT
from tenfold.report.placing import Frame, Placed, left_margin, margin, place
from tenfold.report.powers import raised
from tenfold.report.scene import Dots, Mark, Ribbon, Scale, Scene, Stroke, Whisker
from tenfold.report.ticks import Tick

# The narrowest figure that gets each layout, and the width its labels are placed for: wider only moves labels apart.
_LAYOUTS = ((880, 880.0), (560, 560.0), (0, 300.0))
_SYMBOLS = {"dot": "circle", "ring": "circle-open", "cross": "x-thin-open", "diamond": "diamond"}
_SYMBOLS |= {"hollow": "diamond-open", "square": "square-open"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure for the page: ``spec`` holds the data and pairs of least width and layout, widest first."""

    spec: Mapping[str, Any]
    words: str
    wide: int
    narrow: int


def figures_of(scenes: Mapping[str, Scene]) -> dict[str, Figure]:
    """Page figures of scenes, by key."""
    return {key: figure_of(scene) for key, scene in scenes.items()}


def figure_of(scene: Scene) -> Figure:
    """One scene for the page. Colours stay tokens (``@ink``), which the page's script reads from its theme."""
    narrow = min(scene.height, 380)
    spec = {
        "data": [trace for mark in scene.marks for trace in _traces(mark)],
        "layouts": [
            [least, _layout(scene, width, scene.height if least else narrow, narrow=not least)]
            for least, width in _LAYOUTS
        ],
    }
    return Figure(spec, scene.words, scene.height, narrow)


def to_plotly(scene: Scene, *, theme: str = "light") -> Any:
    """A ``plotly.graph_objects.Figure``, for notebooks. ``theme`` is ``light`` or ``dark``."""
    import plotly.graph_objects as go

    colours = DARK if theme == "dark" else LIGHT
    spec = figure_of(scene).spec
    return go.Figure({"data": themed(spec["data"], colours), "layout": themed(spec["layouts"][0][1], colours)})


def themed(value: Any, colours: Mapping[str, str]) -> Any:
    """The specification with its colour tokens looked up."""
    if isinstance(value, str):
        return colours[value[1:]] if value.startswith("@") else value
    if isinstance(value, Mapping):
        return {key: themed(part, colours) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [themed(part, colours) for part in value]
    return value


def _traces(mark: Mark) -> list[dict[str, Any]]:
    base: dict[str, Any] = {"type": "scatter", "hoverinfo": "skip", "showlegend": False, "cliponaxis": False}
    match mark:
        case Dots(x, y, colour, shape, size):
            tokens = f"@{colour}" if isinstance(colour, str) else [f"@{token}" for token in colour]
            marker: dict[str, Any] = {"symbol": _SYMBOLS[shape], "size": size, "color": tokens}
            marker["line"] = {"color": tokens, "width": 2.5 if shape == "cross" else 1.6 if shape != "dot" else 0}
            if shape == "dot":
                marker["line"] = {"color": "@page", "width": 0.8}
            return [{**base, "mode": "markers", "x": list(x), "y": list(y), "marker": marker}]
        case Stroke(x, y, colour, width, dash):
            line = {"color": f"@{colour}", "width": width, "dash": dash, "shape": "linear"}
            return [{**base, "mode": "lines", "x": list(x), "y": list(y), "line": line}]
        case Ribbon(x, low, high, colour, hatched):
            edge = {"color": "rgba(0,0,0,0)", "width": 0}
            path = {"x": [*x, *reversed(x)], "y": [*low, *reversed(high)]}
            fill: dict[str, Any] = {"fill": "toself", "fillcolor": f"@{colour}"}
            if hatched:
                fill["fillpattern"] = {"shape": "/", "fgcolor": f"@{colour}", "bgcolor": "rgba(0,0,0,0)", "size": 7}
                fill["fillpattern"] |= {"solidity": 0.35, "fillmode": "replace"}
            return [{**base, "mode": "lines", **path, "line": edge, **fill}]
        case Whisker(x, low, high, colour, width, dash):
            line = {"color": f"@{colour}", "width": width, "dash": dash}
            return [{**base, "mode": "lines", "x": [x, x], "y": [low, high], "line": line}]


def _layout(scene: Scene, width: float, height: int, *, narrow: bool) -> dict[str, Any]:
    font = 11.0 if narrow else 13.0
    top, bottom = (14, 48) if narrow else (16, 54)
    left = left_margin(scene, font)
    top += (18 if narrow else 22) if scene.key else 0
    right = margin(scene, font, width - left, short=narrow)
    frame = Frame(width - left - right, height - top - bottom, font, narrow, right)
    notes = [_annotation(item, scene, font) for item in place(scene, frame)]
    notes += _key(scene, font, narrow=narrow)
    return {
        "height": height,
        "margin": {"l": left, "r": right, "t": top, "b": bottom},
        "font": {"size": font, "color": "@ink", "family": "sans-serif"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": False,
        "dragmode": False,
        "xaxis": _axis(scene.x, font, most=4 if narrow else 9),
        "yaxis": {**_axis(scene.y, font, most=6), "automargin": False},
        "annotations": notes,
    }


def _axis(scale: Scale, font: float, *, most: int) -> dict[str, Any]:
    ticks = thinned(scale.ticks, most)
    ends = [math.log10(scale.low), math.log10(scale.high)] if scale.log else [scale.low, scale.high]
    return {
        "type": "log" if scale.log else "linear",
        "range": ends,
        "title": {"text": scale.title, "font": {"size": font, "color": "@soft"}, "standoff": 6},
        "tickmode": "array",
        "tickvals": [tick.value for tick in ticks],
        "ticktext": [markup(tick) for tick in ticks],
        "tickfont": {"size": font, "color": "@soft"},
        "gridcolor": "@grid",
        "linecolor": "@line",
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "@line",
        "fixedrange": True,
        "tickangle": 0,
    }


def thinned(ticks: tuple[Tick, ...], most: int) -> tuple[Tick, ...]:
    """At most so many ticks, evenly taken."""
    step = max(1, math.ceil(len(ticks) / most))
    return ticks[::step]


def markup(tick: Tick) -> str:
    """A tick's label in Plotly's markup."""
    return tick.text if tick.exponent is None else f"{tick.text}<sup>{tick.exponent}</sup>"


def _annotation(item: Placed, scene: Scene, font: float) -> dict[str, Any]:
    label = item.label
    lines = item.text.split("\n")
    return {
        "x": math.log10(item.x) if scene.x.log else item.x,
        "y": math.log10(item.y) if scene.y.log else item.y,
        "text": "<br>".join(raised(_escaped(line)) for line in lines),
        "xshift": round(item.dx, 1),
        "yshift": round(item.dy, 1),
        "xanchor": item.xanchor,
        "yanchor": item.yanchor,
        "align": "left" if item.xanchor == "left" else item.xanchor,
        "showarrow": False,
        "borderpad": 0,
        "font": {"size": font, "color": f"@{label.colour}"},
    }


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _key(scene: Scene, font: float, *, narrow: bool) -> list[dict[str, Any]]:
    """Names of colours in a row above the plot."""
    entries = scene.key if not narrow or len(scene.key) <= 4 else (scene.key[0], *thinned_key(scene.key[1:], 3))
    return [
        {
            "x": k / max(len(entries), 5),
            "xref": "paper",
            "y": 1.0,
            "yref": "paper",
            "text": raised(_escaped(text)),
            "xanchor": "left",
            "yanchor": "bottom",
            "yshift": 4,
            "showarrow": False,
            "borderpad": 0,
            "font": {"size": font, "color": f"@{token}"},
        }
        for k, (token, text) in enumerate(entries)
    ]


def thinned_key(key: tuple[tuple[str, str], ...], most: int) -> tuple[tuple[str, str], ...]:
    """The first, the last and evenly spaced entries between."""
    picks = sorted({round(k * (len(key) - 1) / (most - 1)) for k in range(most)})
    return tuple(key[k] for k in picks)
