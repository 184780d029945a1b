"""The ladder's transformer written in PyTorch, eager, to train the same model on the same windows beside ours.

Nothing here is imported unless torch is installed. ``TorchModel`` computes the losses of ``families/transformer.py`` at
its default shape; ``benchmarks/trainer.py`` checks that on our weights before it times anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tenfold.ladder.families._attention import _SHARPNESS, rotation
from tenfold.ladder.spec import Shape


class TorchModel:
    """Tables, blocks and head as plain tensors, tokens first, which is torch's usual layout."""

    def __init__(self, weights: dict[str, np.ndarray], shape: Shape) -> None:
        self.shape = shape
        self.weights = {name: torch.tensor(np.asarray(value)).requires_grad_() for name, value in weights.items()}
        self.cos, self.sin = (torch.tensor(each[:, 0].T) for each in rotation(shape))

    def loss(self, windows: Any) -> Any:
        """Mean cross-entropy of windows of codes, shape (batch, context + 1)."""
        shape, held = self.shape, self.weights
        codes, batch = windows[:, :-1], len(windows)
        padded = functional.pad(codes, (shape.ngram - 1, 0))
        x = sum(
            functional.embedding(padded[:, shape.ngram - 1 - k : shape.ngram - 1 - k + shape.context], held["embed"][k])
            for k in range(shape.ngram)
        )
        for place in range(shape.depth):
            block = f"blocks.{place}."
            q, k, v = (
                each.view(batch, shape.context, shape.heads, shape.head_dim).transpose(1, 2)
                for each in (_norm(x) @ held[block + "qkv"].T).chunk(3, dim=-1)
            )
            scale = _SHARPNESS * shape.head_dim**-0.25
            mixed = functional.scaled_dot_product_attention(
                self._turn(_norm(q)), self._turn(_norm(k)), v, is_causal=True, scale=scale
            )
            x = x + mixed.transpose(1, 2).reshape(batch, shape.context, shape.width) @ held[block + "out"].T
            x = x + torch.relu(_norm(x) @ held[block + "up"].T).square() @ held[block + "down"].T
        logits = _norm(x) @ held["head"].T
        return functional.cross_entropy(logits.reshape(-1, shape.vocab), windows[:, 1:].reshape(-1))

    def _turn(self, x: Any) -> Any:
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * self.cos - b * self.sin, b * self.cos + a * self.sin], dim=-1)


def _norm(x: Any) -> Any:
    return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6)


def optimizer(model: TorchModel, rates: dict[str, float]) -> Any:
    """Torch's fused Adam with our rates, one group a tensor."""
    groups = [{"params": [value], "lr": float(rates[name])} for name, value in model.weights.items()]
    return torch.optim.Adam(groups, betas=(0.9, 0.98), eps=1e-9, fused=True)


def step(model: TorchModel, adam: Any, windows: Any) -> None:
    """One step with clipping, as our trainer does it."""
    adam.zero_grad(set_to_none=True)
    model.loss(windows).backward()
    torch.nn.utils.clip_grad_norm_(list(model.weights.values()), 1.0, foreach=True)
    adam.step()
