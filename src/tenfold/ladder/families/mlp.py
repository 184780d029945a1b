"""A multilayer perceptron over vectors, plain or with residual blocks.

Plain: ``inputs -> width``, then ``depth`` layers ``width -> width``, an activation after each of them, and the readout.
``Shape(width=n, depth=1, inputs=16, outputs=10)`` is the net 16-n-n-10 in which the transfer of learning rates over
widths is usually shown (Yang et al. 2022, arXiv:2203.03466).

Residual: a linear first layer, then ``depth`` blocks ``x + f(norm(x))``, a last norm and the readout. A block of one
matrix is ``W act(norm(x))``, of two ``V act(W norm(x))``: the two kinds for which rules of depth differ (Yang et al.
2023, arXiv:2310.02244).

Matrices after an activation start ``1 / rms(act(z))`` times wider, z standard normal, so that activations of a
plain net keep their size over depth (He et al. 2015, arXiv:1502.01852). Activations have shape (features, batch).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tenfold.core.errors import ConfigError
from tenfold.ladder import tensors as t
from tenfold.ladder.counts import Count, count_tensors
from tenfold.ladder.families import PLAIN, Scales, ignore
from tenfold.ladder.families._labels import LOSSES, label_losses, squared_losses
from tenfold.ladder.families.transformer import (
    NORMS,
    check_names,
    check_sizes,
    linear,
    norm,
    norm_tensors,
    part,
    residual,
    under,
)
from tenfold.ladder.lazy import jax, jnp

TAKES = "vectors"

ACTIVATIONS = {"relu": 2.0**0.5, "gelu": 1.5335, "tanh": 1.5926}
"""Activations with what brings them back to unit size on standard normal inputs."""


@dataclass(frozen=True)
class Shape:
    """Sizes of one multilayer perceptron.

    Attributes:
        width: width of every hidden layer.
        depth: layers from ``width`` to ``width``, or residual blocks.
        inputs: numbers in one example.
        outputs: classes, or targets of a regression.
        activation: ``relu``, ``gelu`` or ``tanh``.
        bias: layers have biases.
        residual_blocks: residual blocks instead of plain layers.
        block_layers: matrices in a residual block, 1 or 2.
        norm: ``rms`` or ``layer``; in residual blocks only.
        gains: norms have gains, and LayerNorm offsets.
        residual: factor on every residual branch in the base model.
        loss: ``cross_entropy`` (labels) or ``squared`` (targets).
        zero_init: the readout and the last matrices of residual blocks start at zero.
    """

    width: int
    depth: int = 2
    inputs: int = 16
    outputs: int = 10
    activation: str = "relu"
    bias: bool = False
    residual_blocks: bool = False
    block_layers: int = 2
    norm: str = "rms"
    gains: bool = False
    residual: float = 1.0
    loss: str = "cross_entropy"
    zero_init: bool = True

    def __post_init__(self) -> None:
        check_sizes(self)
        check_names(self, activation=tuple(ACTIVATIONS), norm=NORMS, loss=LOSSES)
        if self.block_layers not in (1, 2):
            raise ConfigError(
                f"block_layers = {self.block_layers}, a block has one matrix or two",
                path="model.block_layers",
                hint="use 1 or 2",
            )
        if self.loss == "cross_entropy" and self.outputs < 2:
            raise ConfigError(
                f"outputs = {self.outputs} is one class only",
                path="model.outputs",
                hint="use 2 or more, or loss = 'squared'",
            )
        if self.gains and not self.residual_blocks:
            raise ConfigError(
                "a plain net has no norms, so no gains", path="model.gains", hint="set residual_blocks = true"
            )

    @property
    def example_tokens(self) -> int:
        """Labels of one example."""
        return 1

    @property
    def sublayers(self) -> int:
        """Residual branches."""
        return self.depth if self.residual_blocks else 0


def tensors(shape: Shape) -> dict[str, t.Tensor]:
    """Weight arrays: ``first``, ``blocks.K.*`` and ``head``.

    >>> {name: tensor.size for name, tensor in tensors(Shape(width=8, depth=1)).items()}
    {'first': (8, 16), 'blocks.0.up': (8, 8), 'head': (10, 8)}
    """
    d = shape.width
    held = {"first": t.embed(d, shape.inputs, fan_out=d, std=shape.inputs**-0.5)}
    if shape.bias:
        held["first_bias"] = t.bias(d, branch=False)
    for place in range(shape.depth):
        held |= {f"blocks.{place}.{name}": tensor for name, tensor in _block(shape).items()}
    if shape.residual_blocks:
        held |= {f"final.{name}": each for name, each in norm_tensors(shape, branch=False).items()}
    held["head"] = t.readout(shape.outputs, d, fan_in=d, fan_out=shape.outputs, std=0.0 if shape.zero_init else 1.0)
    if shape.bias:
        held["head_bias"] = t.bias(shape.outputs, branch=False)
    return held


def _block(shape: Shape) -> dict[str, t.Tensor]:
    """Tensors of one plain layer or residual block: ``up``, then ``down`` where there are two."""
    d, branch, grown = shape.width, shape.residual_blocks, ACTIVATIONS[shape.activation]
    names = ["up", "down"] if branch and shape.block_layers == 2 else ["up"]
    held = {}
    for name in names:
        after_activation = name == "down" or len(names) == 1
        std = grown if after_activation else 1.0
        if branch and shape.zero_init and name == names[-1]:
            std = 0.0
        held[name] = t.hidden(d, d, fan_in=d, fan_out=d, std=std, branch=branch)
        if shape.bias:
            held[f"{name}_bias"] = t.bias(d, branch=branch)
    return held | (norm_tensors(shape, branch=True) if branch else {})


def count(shape: Shape) -> Count:
    """Parameters, and the FLOPs of one training example.

    >>> count(Shape(width=8, depth=1)).total
    272
    """
    layers = shape.depth * (shape.block_layers if shape.residual_blocks else 1)
    forward = shape.width * (shape.inputs + layers * shape.width + shape.outputs)
    return count_tensors(tensors(shape).values(), forward=forward)


def apply(weights: t.Weights, inputs: Any, shape: Shape, *, scales: Scales = PLAIN, see: Any = ignore) -> Any:
    """Logits or predictions.

    Args:
        weights: arrays by name, multiplied.
        inputs: shape (batch, inputs).
        shape: the model's sizes.
        scales: residual factors.
        see: called with every hidden layer or residual stream and with the logits, features first.

    Returns:
        Shape (outputs, batch).
    """
    act = activation(shape.activation)
    x = linear(weights, "first", inputs.T)
    see("first", x)
    for place in range(shape.depth):
        block = part(weights, f"blocks.{place}.")
        look = under(see, f"blocks.{place}.")
        if not shape.residual_blocks:
            x = act(x)
            look("up.input", x)
            x = linear(block, "up", x)
        else:
            x = residual(x, _branch(block, norm(x, block, shape, ""), shape, act, look), scales, place)
        see(f"blocks.{place}", x)
    x = norm(x, part(weights, "final."), shape, "") if shape.residual_blocks else act(x)
    outputs = linear(weights, "head", x)
    see("logits", outputs)
    return outputs


def _branch(block: t.Weights, x: Any, shape: Shape, act: Any, look: Any) -> Any:
    """One or two matrices after the norm."""
    if shape.block_layers == 1:
        x = act(x)
        look("up.input", x)
        return linear(block, "up", x)
    look("up.input", x)
    x = act(linear(block, "up", x))
    look("down.input", x)
    return linear(block, "down", x)


def activation(name: str, /) -> Any:
    """The activation of that name, a function of an array."""
    return {"relu": jax.nn.relu, "gelu": jax.nn.gelu, "tanh": jnp.tanh}[name]


def losses(
    weights: t.Weights,
    examples: Any,
    shape: Shape,
    *,
    scales: Scales = PLAIN,
    see: Any = ignore,
    z_loss: float = 0.0,
) -> Any:
    """Loss of each example: nats a label, or the mean squared error of its targets.

    Args:
        weights: arrays by name, multiplied.
        examples: inputs of shape (batch, inputs) with labels of shape (batch,) or targets of shape (batch, outputs).
        shape: the model's sizes.
        scales: residual factors.
        see: see ``apply``.
        z_loss: factor on the squared log of the softmax's normaliser; unused with targets.
    """
    inputs, answers = examples
    outputs = apply(weights, inputs, shape, scales=scales, see=see)
    return squared_losses(outputs, answers) if shape.loss == "squared" else label_losses(outputs, answers, z_loss)
