"""The blocks of docs/counting.md run, and its table is the one its code prints."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from tenfold.cli import main
from tenfold.ladder.counting import CONVENTIONS, PARAMETER_CONVENTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "counting.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("code", [code for language, code in BLOCKS if language == "python"])
def test_python_runs_and_prints_what_the_page_shows(code):
    caught = io.StringIO()
    with contextlib.redirect_stdout(caught):
        exec(compile(code, str(PAGE), "exec"), {})
    for line in caught.getvalue().splitlines():
        assert line in TEXT.splitlines()


@pytest.mark.parametrize(
    "line", [line for language, code in BLOCKS if language == "sh" for line in code.strip().splitlines()]
)
def test_commands_run(line, capsys):
    words = line.split()
    assert words[0] == "tenfold"
    assert main(words[1:]) == 0
    assert capsys.readouterr().err == ""


def test_every_convention_is_described():
    for name in (*CONVENTIONS, *PARAMETER_CONVENTIONS):
        assert f"| `{name}` |" in TEXT, name
