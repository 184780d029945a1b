"""Every block of the README's tour and of pages with code runs, and prints the numbers that the page shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()


PAGES = {
    "README.md": TEXT.split("## The sixty-second tour")[1].split("\n## ")[0],
    "docs/intervals.md": (ROOT / "docs/intervals.md").read_text(),
}


def tour(page: str = "README.md") -> list[tuple[str, str, str]]:
    """(language, code, shown output or nothing) of each block of a page, of the README between its heading and the next."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGES[page], flags=re.DOTALL)
    out: list[tuple[str, str, str]] = []
    for language, code in blocks:
        if language == "text":
            before = out.pop()
            out.append((before[0], before[1], code))
        else:
            out.append((language, code, ""))
    return out


def test_there_is_a_tour():
    assert len(tour()) >= 5
    assert {language for language, _, _ in tour()} == {"sh", "python", "toml"}
    assert tour("docs/intervals.md")[0][2], "the page shows what its code prints"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs(tmp_path, page):
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "110",
    }
    assert tour(page)
    for language, code, shown in tour(page):
        if language == "toml":
            name = re.search(r"# (\S+\.toml)", code)
            assert name is not None, "a TOML block begins with its file name"
            (tmp_path / name[1]).write_text(code)
            continue
        command = ["bash", "-euo", "pipefail", "-c", code] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        for line in shown.strip().splitlines():
            wanted = " ".join(line.split())
            if wanted in ("...", "…"):
                continue
            assert wanted in " ".join(done.stdout.split()), f"{code}\nprinted\n{done.stdout}\nnot\n{line}"


def test_what_the_readme_names_exists():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target
    makefile = (ROOT / "Makefile").read_text()
    for name in re.findall(r"`make (\w+)`", TEXT):
        assert f"\n{name}:" in makefile, name
