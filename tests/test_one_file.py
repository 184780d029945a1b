"""Adding a law touches one file: dropped into the folder, it is in the listing, the docs and the tests by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LAW = '''r"""Stretched: a power law in compute that slows down."""

from tenfold.core import Check, Cite, Exponent, Floor, Positive, law


@law(
    cite=Cite("A. Person", 2026, "A law made for a test", "arXiv:0000.00000", "eq. 1"),
    checks=[Check({"C": 1e8}, {"E": 1.5, "A": 20.0, "alpha": 0.25}, 1.7)],
    falls_in=("C",),
    meaning={"E": "irreducible loss", "A": "size of the compute term", "alpha": "exponent of compute"},
)
def stretched_compute(C, *, E: Floor, A: Positive, alpha: Exponent):
    r"""L(C) = E + A C^{-\\alpha}

    Use it for the frontier of a ladder, not for single runs (chinchilla).
    """
    return E + A * C**-alpha
'''


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory) -> dict[str, str]:
    """The environment of a copy of the package with one more file in laws/."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(ROOT / "src" / "tenfold", folder / "tenfold", ignore=shutil.ignore_patterns("__pycache__"))
    assert LAW.count("\n") < 30
    (folder / "tenfold" / "laws" / "stretched.py").write_text(LAW)
    return {**os.environ, "PYTHONPATH": str(folder)}


def run(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_in_the_command_line(elsewhere):
    assert "stretched_compute" in run(elsewhere, "-m", "tenfold", "laws")
    shown = run(elsewhere, "-m", "tenfold", "laws", "show", "stretched_compute")
    assert "A law made for a test" in shown


def test_it_can_be_fitted(elsewhere):
    out = run(elsewhere, "-m", "tenfold", "fit", "data:bytes", "--law", "stretched_compute", "--json", "--draws", "none")
    assert '"law": "stretched_compute"' in out


def test_it_is_in_the_docs(elsewhere, tmp_path):
    run(elsewhere, "scripts/make_docs.py", "--text", "--out", str(tmp_path))
    assert "A law made for a test" in (tmp_path / "laws" / "stretched_compute.md").read_text()
    assert "stretched_compute" in (tmp_path / "laws" / "README.md").read_text()


def test_it_is_in_the_tests_and_meets_the_contract(elsewhere):
    code = "from tenfold.laws import get; from tenfold.testing import check_law; assert check_law(get('stretched_compute')) == []"
    run(elsewhere, "-c", code)
    listed = run(
        elsewhere, "-m", "pytest", "tests/laws/test_contract.py", "--collect-only", "-q", "-p", "no:cacheprovider"
    )
    assert listed.count("stretched_compute") >= 10


def test_the_committed_docs_are_fresh():
    done = subprocess.run(
        [sys.executable, "scripts/make_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
