"""Kinds of models that a ladder can train: one small protocol, a file each.

A family is a module, in this folder or a user's own file (``family = "my_family.py"``), that defines

* ``TAKES``: what its examples are: ``codes``, ``images`` or ``vectors``;
* ``Shape``: a frozen dataclass of its sizes, with ``width``, ``depth`` and ``example_tokens`` (labels an example);
* ``tensors(shape)``: its weight arrays by name, see ``tenfold.ladder.tensors``; initial weights, parameter counts,
  multipliers and rates follow from it;
* ``apply(weights, inputs, shape, *, scales, see)``: the outputs. ``weights`` are already multiplied as the
  parameterization says; ``scales`` holds the residual and attention factors; ``see(name, array)`` is called with every
  activation that a diagnostic may want, features first, and may be ``ignore``. The outputs are features first too,
  their second axis the labels in order;
* ``losses(weights, examples, shape, *, scales, see, z_loss)``: the loss of each example, in nats or squared error;
* ``count(shape)``: a ``tenfold.ladder.counts.Count``.

Examples are windows of codes, shape (batch, ``context`` + 1); or images, shape (batch, ``resolution``, ``resolution``,
``channels``), with labels below ``classes``; or vectors, shape (batch, ``inputs``), with labels below ``outputs``, or
with targets, shape (batch, ``outputs``), where the shape's ``loss`` is ``squared``.

It may define more:

* ``training_losses``, called as ``losses`` is: what training minimises where that is more than what is measured;
* ``init_keys(key, shape)``: keys of some tensors; others are drawn from their names;
* ``uncounted(shape)``: multiplications a label that a traced forward pass shows and that ``count`` leaves out on purpose.

``tenfold.testing.check_family`` is the contract that every family has to meet.
"""

from __future__ import annotations

import importlib.util
import pkgutil
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from tenfold.core.errors import ConfigError, TenfoldError, did_you_mean, one_line

NEEDED = ("TAKES", "Shape", "tensors", "apply", "losses", "count")
"""What a family's module has to define."""


def ignore(_name: str, _value: Any) -> None:
    """Look at no activation."""


@dataclass(frozen=True)
class Scales:
    """Factors that a parameterization puts into the forward pass beside those on the weights.

    Attributes:
        logits: factor on q.k of attention beside the usual ``head_dim**-1/2``.
        branches: ``(skip, branch)`` of every residual sublayer, in order.
    """

    logits: float = 1.0
    branches: tuple[tuple[float, float], ...] = ()

    def branch(self, place: int) -> tuple[float, float]:
        """The pair of the sublayer at ``place``; (1, 1) where none was given."""
        return self.branches[place] if place < len(self.branches) else (1.0, 1.0)


PLAIN = Scales()
"""No factors but the usual ones."""


@lru_cache(maxsize=1)
def known() -> tuple[str, ...]:
    """Names of the built-in families, found by walking this folder."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")))


@lru_cache(maxsize=16)
def family(name: str, /) -> ModuleType:
    """The module of a built-in family, or of a user's Python file.

    Raises:
        ConfigError: there is none, it cannot be imported, or it lacks a part of the protocol.
    """
    if name.endswith(".py"):
        module = _from_file(Path(name))
    elif name in known():
        module = import_module(f"{__name__}.{name}")
    else:
        raise ConfigError(f"unknown family {name!r}", path="family", hint=did_you_mean(name, known()))
    missing = [part for part in NEEDED if not hasattr(module, part)]
    if missing:
        raise ConfigError(
            f"the family {name!r} lacks {', '.join(missing)}",
            path="family",
            hint="see the protocol in tenfold.ladder.families",
        )
    return module


def _from_file(path: Path) -> ModuleType:
    """A user's file as a module."""
    if not path.is_file():
        raise ConfigError(f"no family file {str(path)!r}", path="family", hint="name a Python file, or a family")
    spec = importlib.util.spec_from_file_location(f"tenfold_family_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} cannot be imported", path="family")
    module = importlib.util.module_from_spec(spec)
    try:
        import sys

        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except TenfoldError:
        raise
    except Exception as cause:
        raise ConfigError(f"{path} cannot be imported: {one_line(str(cause), '')}", path="family") from cause
    return module
