"""The layers of ARCHITECTURE.md, held by the imports; cold starts; frozen nouns; sorted exports."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import tenfold

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "tenfold"


def layers() -> dict[str, int]:
    """Part of the package -> its row, counted from the bottom; read from the one list in ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rows = text.split("```layers\n")[1].split("```")[0].strip().splitlines()
    return {name: height for height, row in enumerate(reversed(rows)) for name in row.split()}


def part_of(path: Path) -> str:
    relative = path.relative_to(SOURCE)
    return relative.parts[0].removesuffix(".py")


def imported_parts(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "tenfold":
            names = node.module.split(".")
            found |= {names[1]} if len(names) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("tenfold.")}
    return found


def test_every_part_of_the_package_has_a_layer():
    parts = {part_of(path) for path in SOURCE.rglob("*.py")} - {"__init__", "__main__", "_lazy"}
    empty = {name for name in ("web", "simulate", "data") if not (SOURCE / name / "__init__.py").exists()}
    assert parts - empty <= set(layers()), parts - set(layers())


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path):
    part, rows = part_of(path), layers()
    if part in ("__init__", "__main__", "_lazy"):
        assert part != "_lazy" or not imported_parts(ast.parse(path.read_text()))
        return
    for other in imported_parts(ast.parse(path.read_text())):
        if other in ("_lazy", part):
            continue
        assert other in rows, f"{path.name} imports {other}, which has no layer"
        assert rows[other] < rows[part], f"{part} may not import {other}: it is not in a lower row"


def test_the_layer_check_can_fail():
    tree = ast.parse("from tenfold.report import text\nimport tenfold.cli.app")
    assert imported_parts(tree) == {"report", "cli"}
    assert layers()["report"] > layers()["core"]


@pytest.mark.parametrize("arguments", [["--help"], ["laws"]])
def test_cold_commands_import_nothing_heavy(arguments):
    code = (
        "import sys; from tenfold.cli.app import run; run(sys.argv[1:]); "
        "heavy = [m for m in ('jax', 'scipy', 'plotly', 'matplotlib', 'polars', 'numba', 'optax') if m in sys.modules]; "
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def modules() -> list[str]:
    return [info.name for info in pkgutil.walk_packages([str(SOURCE)], "tenfold.") if "__main__" not in info.name]


def test_every_module_imports_and_public_nouns_are_frozen():
    loose = []
    for name in modules():
        if ".ladder." in name or name.endswith("worker"):
            continue
        module = importlib.import_module(name)
        for key, value in vars(module).items():
            if not isinstance(value, type) or not dataclasses.is_dataclass(value):
                continue
            if value.__module__ == name and not key.startswith("_") and not value.__dataclass_params__.frozen:
                loose.append(f"{name}.{key}")
    assert loose == []


def test_public_names_resolve_and_are_sorted():
    assert tenfold.__all__ == sorted(tenfold.__all__)
    for name in tenfold.__all__:
        assert getattr(tenfold, name) is not None


def test_a_verb_is_the_function_whichever_was_imported_first():
    code = "import tenfold.fit, tenfold.plan; from tenfold import fit, plan; assert callable(fit) and callable(plan)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_files_and_functions_stay_small():
    long_files, long_functions = [], []
    for path in SOURCE.rglob("*.py"):
        text = path.read_text()
        if text.count("\n") > 620:
            long_files.append(f"{path.name}: {text.count(chr(10))}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                body = node.end_lineno - node.body[0].lineno - (ast.get_docstring(node) or "").count("\n")
                if body > 65:
                    long_functions.append(f"{path.name}:{node.name} {body}")
    assert long_files == []
    assert long_functions == []
