"""The perceptron of ``tenfold.ladder.families.mlp`` with the input of every hidden matrix shown: a user's family file."""

from __future__ import annotations

from tenfold.ladder.families import PLAIN, ignore
from tenfold.ladder.families import mlp as plain
from tenfold.ladder.families.mlp import Shape, count, tensors
from tenfold.ladder.families.transformer import norm, part, residual

__all__ = ["TAKES", "Shape", "apply", "count", "losses", "tensors"]

TAKES = "vectors"


def apply(weights, inputs, shape, *, scales=PLAIN, see=ignore):
    """As ``mlp.apply``, without biases."""
    act = plain.activation(shape.activation)
    x = weights["first"] @ inputs.T
    see("first", x)
    for place in range(shape.depth):
        name = f"blocks.{place}"
        if not shape.residual_blocks:
            x = act(x)
            see(f"{name}.up.input", x)
            x = weights[f"{name}.up"] @ x
        else:
            z = norm(x, part(weights, f"{name}."), shape, "")
            z = act(z) if shape.block_layers == 1 else z
            see(f"{name}.up.input", z)
            f = weights[f"{name}.up"] @ z
            if shape.block_layers == 2:
                f = act(f)
                see(f"{name}.down.input", f)
                f = weights[f"{name}.down"] @ f
            x = residual(x, f, scales, place)
        see(name, x)
    x = norm(x, part(weights, "final."), shape, "") if shape.residual_blocks else act(x)
    outputs = weights["head"] @ x
    see("logits", outputs)
    return outputs


def losses(weights, examples, shape, *, scales=PLAIN, see=ignore, z_loss=0.0):
    """As ``mlp.losses``."""
    outputs = apply(weights, examples[0], shape, scales=scales, see=see)
    return plain.label_losses(outputs, examples[1], z_loss)
