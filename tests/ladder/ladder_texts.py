"""Texts to train small models on."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = ["def", "return", "for", "in", "if", "else", "self", "value", "index", "range", "print", "not", "None", "yield"]


def write_text(folder: Path, *, files: int = 20, words: int = 400) -> Path:
    """A folder of files of random words; the same every time."""
    draw = random.Random(0)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        (folder / f"text{number:02}.txt").write_text(" ".join(draw.choices(WORDS, k=words)))
    return folder
