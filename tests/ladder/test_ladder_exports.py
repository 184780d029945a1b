"""The public names of the ladder package: sorted, real, and free until they are used."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from tenfold import ladder


def test_names_are_sorted_and_resolve():
    assert ladder.__all__ == sorted(ladder.__all__)
    for name in ladder.__all__:
        assert not isinstance(getattr(ladder, name), ModuleType), name
    assert set(ladder.__all__) <= set(dir(ladder))
    with pytest.raises(AttributeError, match="nonsense"):
        ladder.nonsense


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import tenfold.ladder", ("jax", "numpy", "polars", "optax", "torch")),
        ("from tenfold.ladder import Base, rules, lr_for_batch, load_ladder, cells", ("jax", "polars", "optax", "torch")),
        ("from tenfold.ladder import parameter_groups, initialise", ("jax", "polars", "optax", "torch")),
    ],
)
def test_names_cost_what_they_need(code, heavy):
    code += f"; import sys; found = [m for m in {heavy} if m in sys.modules]; assert not found, found"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_verb_is_the_function_whichever_was_imported_first():
    code = "import tenfold.ladder.bill; from tenfold.ladder import bill; assert callable(bill)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
