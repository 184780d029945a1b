"""One palette for every figure: Okabe and Ito's colours for kinds, a viridis-like sequence for budgets and sizes.

The page's style sheet is filled from the same values.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FONTS = ("Liberation Sans", "Arial", "Helvetica", "DejaVu Sans")
STEPS = 8  # colours of the sequence

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "page": "#ffffff", "ink": "#1b1f24", "soft": "#57606a", "line": "#d0d7de", "grid": "#e6e9ed",
        "panel": "#f6f8fa", "warn": "#8a4b00", "warnline": "#e09f3e", "stop": "#a8201a",
        "blue": "#0072b2", "orange": "#c04f00", "green": "#00795c", "pink": "#b0487f",
        "band9": "rgba(0,114,178,.14)", "band5": "rgba(0,114,178,.26)",
        "s0": "#440154", "s1": "#46327e", "s2": "#365c8d", "s3": "#24788a", "s4": "#1b8168", "s5": "#2f8041",
        "s6": "#5d7a0a", "s7": "#846c00",
    }
)  # fmt: skip

DARK: Mapping[str, str] = MappingProxyType(
    {
        "page": "#0f1318", "ink": "#e6e9ed", "soft": "#a3adb8", "line": "#38414b", "grid": "#262d35",
        "panel": "#171c23", "warn": "#f0b866", "warnline": "#b87a1e", "stop": "#ff8f85",
        "blue": "#56b4e9", "orange": "#f0883e", "green": "#2bc49a", "pink": "#e08ab8",
        "band9": "rgba(86,180,233,.17)", "band5": "rgba(86,180,233,.30)",
        "s0": "#b09be8", "s1": "#8297e0", "s2": "#6aa7dc", "s3": "#56b6c9", "s4": "#4cc4a8", "s5": "#71cf7f",
        "s6": "#a5d64f", "s7": "#e2da3c",
    }
)  # fmt: skip


def step(index: int, count: int) -> str:
    """The token of one of ``count`` ordered things, spread over the sequence."""
    return f"s{round(index * (STEPS - 1) / max(count - 1, 1))}"


def rgb(colour: str) -> tuple[float, float, float, float]:
    """A colour as red, green, blue and opacity, each 0 to 1."""
    if colour.startswith("#"):
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        return parts[0], parts[1], parts[2], 1.0
    red, green, blue, alpha = (float(part) for part in colour[5:-1].split(","))
    return red / 255, green / 255, blue / 255, alpha


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two opaque colours, 1 to 21, as WCAG defines it."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(colour)[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def css(colours: Mapping[str, str]) -> str:
    """Custom properties for a style sheet."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())
