"""Whether data suit a model: what the family takes, and sizes that have to agree."""

from __future__ import annotations

import sys
from typing import Any

from tenfold.core.errors import ConfigError


def require_fit(data: Any, shape: Any, /) -> None:
    """Raise unless the shape's family takes what the data give.

    Raises:
        ConfigError: with the families and the kinds of data that would fit.
    """
    taken = takes(shape)
    if taken == data.gives:
        return
    from tenfold.ladder.corpora import kinds
    from tenfold.ladder.families import family, known

    families = [name for name in known() if data.gives == family(name).TAKES]
    fitting = sorted(kind for kind, noun in kinds().items() if taken in getattr(noun, "can_give", ("codes",)))
    raise ConfigError(
        f"{data.name!r} gives {data.gives}, the family takes {taken}",
        path="corpus.kind",
        hint=f"use the family {' or '.join(families)}, or data of kind {' or '.join(fitting)}",
    )


def takes(shape: Any, /) -> str:
    """What the family of a shape takes."""
    module = sys.modules.get(type(shape).__module__)
    return str(getattr(module, "TAKES", "codes"))


def require_labels(data: Any, shape: Any, /, *, classes: int = 0) -> None:
    """Raise unless the model's loss is one of labels and it has room for ``classes`` of them."""
    if getattr(shape, "loss", "cross_entropy") != "cross_entropy":
        raise ConfigError(
            f"{data.name!r} gives labels, but the loss is {shape.loss!r}",
            path="model.loss",
            hint="use loss = 'cross_entropy'",
        )
    name = "classes" if hasattr(shape, "classes") else "outputs"
    if getattr(shape, name) < classes:
        raise ConfigError(
            f"{name} = {getattr(shape, name)} is less than the {classes} classes of {data.name!r}",
            path=f"model.{name}",
            hint=f"use {classes}",
        )


def require_size(data: Any, shape: Any, /, **sizes: int) -> None:
    """Raise unless the shape has exactly these sizes."""
    for name, size in sizes.items():
        if getattr(shape, name) != size:
            raise ConfigError(
                f"{name} = {getattr(shape, name)}, but the examples of {data.name!r} have {size}",
                path=f"model.{name}",
                hint=f"use {size}",
            )


def check_spec(spec: Any, /, *, positive: tuple[str, ...] = (), shares: tuple[str, ...] = ()) -> None:
    """Raise unless numbers of a declaration are positive, in [0, 1), or (``subset``, ``task_seed``) not negative."""
    for name in positive:
        if not getattr(spec, name) > 0:
            raise ConfigError(f"{name} = {getattr(spec, name)} is not positive", path=f"corpus.{name}")
    for name in shares:
        if not 0 <= getattr(spec, name) < 1:
            raise ConfigError(f"{name} = {getattr(spec, name)} is not in [0, 1)", path=f"corpus.{name}")
    for name in ("subset", "task_seed"):
        if getattr(spec, name, 0) < 0:
            raise ConfigError(f"{name} = {getattr(spec, name)} is negative", path=f"corpus.{name}")
