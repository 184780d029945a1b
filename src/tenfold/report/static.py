"""The figures of a study as PNG, SVG and PDF for papers and readmes, drawn by matplotlib (the extra ``paper``).

The same scenes, palette and label placing as on the page. The same study gives the same bytes: no dates, no random ids.
"""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tenfold.core.errors import ConfigError, did_you_mean
from tenfold.io.results import plain
from tenfold.report import words
from tenfold.report.figures import thinned, thinned_key
from tenfold.report.palette import FONTS, LIGHT, rgb
from tenfold.report.placing import Frame, left_margin, margin, place
from tenfold.report.powers import spelled
from tenfold.report.scene import Dots, Mark, Ribbon, Scale, Scene, Stroke, Whisker
from tenfold.report.ticks import Tick

if TYPE_CHECKING:
    from tenfold.study import StudyResult

FORMATS = ("svg", "png", "pdf")
_MARKERS = {"dot": "o", "ring": "o", "cross": "x", "diamond": "D", "hollow": "D", "square": "s"}
_DASHES: Mapping[str, Any] = {"solid": "-", "dash": (0, (5, 3)), "dot": (0, (1.2, 2.2))}
_INCH = 72.0
_LEVELS = {"trust": "green", "caution": "warn", "do not use": "stop"}  # the colour of a verdict


def study_figures(result: StudyResult, *, format: str = "svg") -> dict[str, bytes]:
    """Every figure of a study, by name: ``loss``, ``isoflop``, ``sizes``, ``residuals``, ``rehearsal``, ``curves``.

    Raises:
        ConfigError: an unknown format, or matplotlib is not installed.
    """
    from tenfold.report.pictures import study_pictures

    _check(format)
    return {name: scene_bytes(scene, format=format) for name, scene in study_pictures(result).items()}


def scene_bytes(scene: Scene, *, format: str = "svg", width: float = 6.4) -> bytes:
    """One scene at a width in inches."""
    _check(format)
    with _style():
        from matplotlib.figure import Figure

        height = width * scene.height / 760.0
        figure = Figure(figsize=(width, height))
        _panel(figure, scene, (0.0, 0.0, 1.0, 1.0), font=9.0)
        return _bytes(figure, format=format, words=scene.words)


def card(result: StudyResult, *, format: str = "svg") -> bytes:
    """The whole study in one picture, 1200 by 675: loss against compute on the left, isoFLOP curves on the right.

    Raises:
        ConfigError: an unknown format, or matplotlib is not installed.
    """
    from tenfold.report.pictures import study_pictures

    _check(format)
    pictures = study_pictures(result)
    shown = [pictures[name] for name in ("loss", "isoflop", "rehearsal", "residuals") if name in pictures][:2]
    saved = plain(result.to_dict())
    with _style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(12.0, 6.75))
        _heading(figure, saved)
        left = 0.0
        for scene, share in zip(shown, (0.56, 0.44) if len(shown) == 2 else (1.0,), strict=True):
            _panel(figure, scene, (left, 0.055, share, 0.735), font=11.0)
            left += share
        return _bytes(figure, format=format, words=" ".join(scene.words for scene in shown))


def panels(scenes: Sequence[Scene], *, titles: Sequence[str], format: str = "svg", across: int = 2) -> bytes:
    """Several scenes side by side, ``across`` a row, each under its title.

    Raises:
        ConfigError: an unknown format, or matplotlib is not installed.
    """
    _check(format)
    with _style():
        from matplotlib.figure import Figure

        across = min(across, len(scenes))
        down = -(-len(scenes) // across)
        figure = Figure(figsize=(5.2 * across, 3.4 * down))
        wide, high = 1.0 / across, 1.0 / down
        for index, (scene, title) in enumerate(zip(scenes, titles, strict=True)):
            left, bottom = index % across * wide, 1.0 - (index // across + 1) * high
            _panel(figure, scene, (left, bottom, wide, high * 0.91), font=9.0)
            figure.text(left + 0.02 * wide, bottom + 0.955 * high, _maths(title), size=10.5, weight="bold", va="center",
                        color=LIGHT["ink"])  # fmt: skip
        return _bytes(figure, format=format, words=" ".join(scene.words for scene in scenes))


def _heading(figure: Any, saved: Mapping[str, Any]) -> None:
    ink, soft = LIGHT["ink"], LIGHT["soft"]
    title = str(saved["title"])
    size = min(19.0, 19.0 * 58 / max(len(title), 1))
    figure.text(0.022, 0.955, _maths(title), size=size, weight="bold", color=ink, va="center")
    level = str((saved.get("verdict") or {}).get("level", ""))
    if level:
        colour = LIGHT[_LEVELS[level]]
        box = {"boxstyle": "round,pad=0.3", "facecolor": "none", "edgecolor": colour, "linewidth": 1.6}
        figure.text(0.974, 0.955, level.upper(), size=13, weight="bold", color=colour, ha="right", va="center", bbox=box)
    lines = _wrapped(f"{words.manager_sentence(saved)} {words.trust_sentence(saved)}", 124)[:3]
    for k, line in enumerate(lines):
        figure.text(0.022, 0.9 - 0.041 * k, _maths(line), size=12.5, color=ink, va="center")
    best = saved["laws"][0]
    foot = f"{best['law']} on {best['n']} runs, {words.rehearsal_sentence(best.get('rehearsal'))}"
    figure.text(0.022, 0.026, _maths(foot), size=10, color=soft, va="center")


def _wrapped(text: str, most: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, most)


# ---------------------------------------------------------------------------------------------------------------------
# drawing


def _panel(figure: Any, scene: Scene, box: tuple[float, float, float, float], *, font: float) -> None:
    """Draw a scene into a part of a figure, given as left, bottom, width and height shares."""
    wide, high = figure.get_figwidth() * _INCH * box[2], figure.get_figheight() * _INCH * box[3]
    left, bottom = left_margin(scene, font), 3.6 * font
    top = 1.0 * font + (1.7 * font if scene.key else 0.0)
    right = margin(scene, font, wide - left, short=False)
    frame = Frame(wide - left - right, high - bottom - top, font, short=wide < 330, right=right)
    axes = figure.add_axes(
        (
            box[0] + left / wide * box[2],
            box[1] + bottom / high * box[3],
            frame.width / wide * box[2],
            frame.height / high * box[3],
        )
    )
    _axis(axes, scene.x, "x", font, most=8)
    _axis(axes, scene.y, "y", font, most=6)
    scale = font / 13.0
    for order, mark in enumerate(scene.marks):
        _mark(axes, mark, scale, order + 2)
    for item in place(scene, frame):
        axes.annotate(
            _maths(item.text),
            (item.x, item.y),
            (item.dx, item.dy),
            textcoords="offset points",
            size=font,
            color=_colour(item.label.colour),
            ha=item.xanchor,
            va={"middle": "center"}.get(item.yanchor, item.yanchor),
            annotation_clip=False,
            linespacing=1.15,
            zorder=90,
        )
    _key(axes, scene, font)


def _key(axes: Any, scene: Scene, font: float) -> None:
    entries = scene.key if len(scene.key) <= 6 else (scene.key[0], *thinned_key(scene.key[1:], 5))
    for k, (token, text) in enumerate(entries):
        axes.annotate(
            _maths(text.replace("● ", "• ")),
            (k / max(len(entries), 5), 1.0),
            (0, 0.5 * font),
            xycoords="axes fraction",
            textcoords="offset points",
            size=font,
            color=_colour(token),
            ha="left",
            va="bottom",
        )


def _axis(axes: Any, scale: Scale, which: str, font: float, *, most: int) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    set_scale, set_limits, set_title = (getattr(axes, f"set_{which}{name}") for name in ("scale", "lim", "label"))
    set_scale("log" if scale.log else "linear")
    set_limits(scale.low, scale.high)
    set_title(_maths(scale.title), size=font, color=LIGHT["soft"], labelpad=0.45 * font)
    ticks = thinned(scale.ticks, most)
    axis = getattr(axes, f"{which}axis")
    axis.set_major_locator(FixedLocator([tick.value for tick in ticks]))
    axis.set_minor_locator(NullLocator())
    getattr(axes, f"set_{which}ticklabels")([_tick(tick) for tick in ticks])
    axes.tick_params(axis=which, labelsize=font, labelcolor=LIGHT["soft"], color=LIGHT["line"], length=3)
    axes.grid(visible=True, axis=which, color=LIGHT["grid"], linewidth=0.7, zorder=0)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(LIGHT["line"])


def _mark(axes: Any, mark: Mark, scale: float, order: int) -> None:
    match mark:
        case Dots(x, y, colour, shape, size):
            tokens = [colour] * len(x) if isinstance(colour, str) else colour
            hollow = shape in ("ring", "square", "hollow")
            colours = [_colour(token) for token in tokens]
            side = (size * scale * (0.82 if shape in ("diamond", "hollow") else 1.0)) ** 2
            if shape == "cross":
                axes.scatter(x, y, s=side, marker="x", c=colours, linewidths=2.2 * scale, zorder=order, clip_on=False)
                return
            axes.scatter(
                x,
                y,
                s=side,
                marker=_MARKERS[shape],
                facecolors="none" if hollow else colours,
                edgecolors=colours if hollow else LIGHT["page"],
                linewidths=(1.6 if hollow else 0.8) * scale,
                zorder=order,
                clip_on=False,
            )
        case Stroke(x, y, colour, width, dash):
            axes.plot(
                x,
                y,
                color=_colour(colour),
                linewidth=width * scale * 1.1,
                linestyle=_DASHES[dash],
                zorder=order,
                clip_on=False,
            )
        case Ribbon(x, low, high, colour, hatched):
            if hatched:
                axes.fill_between(x, low, high, facecolor="none", edgecolor=_colour(colour), hatch="////", linewidth=0,
                                  zorder=order)  # fmt: skip
            else:
                axes.fill_between(x, low, high, color=_colour(colour), linewidth=0, zorder=order)
        case Whisker(x, low, high, colour, width, dash):
            axes.plot(
                (x, x),
                (low, high),
                color=_colour(colour),
                linewidth=width * scale,
                linestyle=_DASHES[dash],
                solid_capstyle="butt",
                zorder=order,
                clip_on=False,
            )


def _colour(token: str) -> tuple[float, float, float, float]:
    return rgb(LIGHT[token])


def _tick(tick: Tick) -> str:
    return _dollars(tick.text) if tick.exponent is None else f"{_dollars(tick.text)}$^{{{tick.exponent}}}$"


def _maths(text: str) -> str:
    """Text with raised powers, in matplotlib's markup."""
    return re.sub(r"(?<=[\w*])\^(-?\w+)", r"$^{\\mathregular{\1}}$", spelled(_dollars(text)))


def _dollars(text: str) -> str:
    return text.replace("$", r"\$")


# ---------------------------------------------------------------------------------------------------------------------
# bytes


def _check(format: str) -> None:
    if format not in FORMATS:
        raise ConfigError(f"unknown figure format {format!r};", path="format", hint=did_you_mean(format, FORMATS))
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError(
            "figures for papers need matplotlib, which is not installed",
            path="format",
            hint="install the extra: pip install 'tenfold[paper]'",
        )


def _style() -> Any:
    import matplotlib as mpl
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    family = next((name for name in FONTS if name in known), "DejaVu Sans")
    return mpl.rc_context(
        {
            "font.family": [family, "DejaVu Sans"] if family != "DejaVu Sans" else [family],
            "mathtext.fontset": "custom",
            **{f"mathtext.{kind}": family for kind in ("rm", "cal", "it", "bf", "sf", "tt", "bfit")},
            "mathtext.default": "regular",
            "svg.hashsalt": "tenfold",
            "svg.fonttype": "path",
            "pdf.fonttype": 42,
            "path.simplify": True,
            "axes.unicode_minus": False,
        }
    )


def _bytes(figure: Any, *, format: str, words: str) -> bytes:
    made = io.BytesIO()
    figure.set_facecolor(LIGHT["page"])
    nothing = {
        "svg": {"Date": None, "Creator": "tenfold", "Description": words},
        "png": {"Software": None, "Description": words},
    }
    metadata = nothing.get(format, {"CreationDate": None, "Creator": "tenfold", "Producer": None, "Subject": words})
    figure.savefig(made, format=format, dpi=200 if format == "png" else 72, metadata=metadata)
    return _slim(made.getvalue()) if format == "svg" else made.getvalue()


def _slim(svg: bytes) -> bytes:
    """Coordinates to a hundredth of a point, which nobody sees; scales below one keep every digit."""
    return re.sub(rb"(?<![\w.])-?[1-9]\d*\.\d{4,}", lambda found: b"%.2f" % float(found[0]), svg)
