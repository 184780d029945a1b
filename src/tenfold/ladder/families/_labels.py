"""Losses of families whose examples are pairs of inputs and one label or target each."""

from __future__ import annotations

from typing import Any

from tenfold.ladder.lazy import jax, jnp

LOSSES = ("cross_entropy", "squared")


def label_losses(outputs: Any, labels: Any, z_loss: float = 0.0) -> Any:
    """Cross-entropy of each example in nats, in float32.

    Args:
        outputs: logits, shape (classes, batch).
        labels: integers below ``classes``, shape (batch,).
        z_loss: factor on the squared log of the softmax's normaliser.
    """
    logits = outputs.astype(jnp.float32)
    normaliser = jax.nn.logsumexp(logits, axis=0)
    nats = normaliser - jnp.take_along_axis(logits, labels[None, :].astype(jnp.int32), axis=0)[0]
    return nats + z_loss * normaliser**2 if z_loss else nats


def squared_losses(outputs: Any, targets: Any) -> Any:
    """Squared error of each example, averaged over its targets, in float32.

    Args:
        outputs: shape (outputs, batch).
        targets: shape (batch, outputs).
    """
    return jnp.mean((outputs.astype(jnp.float32) - targets.T.astype(jnp.float32)) ** 2, axis=0)
