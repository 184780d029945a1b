"""Powers as people write them: ``3·10^12`` with the exponent raised, instead of ``3e12``."""

from __future__ import annotations

import re


def spelled(text: str) -> str:
    """``3e12`` as ``3·10^12`` and ``1e-6`` as ``10^-6``, leaving names such as ``1e13-d64`` alone."""

    def power(found: re.Match[str]) -> str:
        head = "" if found[1] == "1" else f"{found[1]}·"
        return f"{head}10^{found[2]}"

    return re.sub(r"(?<![\w.:-])(\d+(?:\.\d+)?)e(-?\d+)(?![\w-])", power, text)


def raised(text: str) -> str:
    """Powers such as ``10^12``, ``3e12`` and ``C^a`` with raised exponents, in text that is already escaped."""
    return re.sub(r"(?<=[\w*])\^(-?\w+)", r"<sup>\1</sup>", spelled(text))
