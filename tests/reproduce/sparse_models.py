"""Sparse models: the general law of dense, pruned and mixed models at worked points."""

from __future__ import annotations

from reproduce.record import Target, reproduction
from tenfold.core.law import predict
from tenfold.laws import get

SOURCE = "Hossain et al. (2025), eq. 7 with the coefficients of tables VII to IX, worked out by hand elsewhere"
REASON = "three decimals; the exponents have two digits, so a sign or a swap shows in the first of them"
MIXED = {"0": 2.396, "0.5": 2.331, "0.75": 2.280, "0.875": 2.228, "0.95": 2.153}
PRUNED = {"0": 1.897, "0.5": 1.782, "0.875": 1.678}


def _losses(name, shares, params, tokens):
    law = get("dense_sparse")
    coef = law.published[name].coef
    return {
        f"sparsity_{share}": float(predict(law, coef, {"sparsity": float(share), "N": params, "D": tokens}))
        for share in shares
    }


@reproduction(
    law="dense_sparse",
    source=f"{SOURCE}: mixtures of 1e9 active parameters, 1e11 tokens",
    reason=REASON,
    targets={f"sparsity_{share}": Target(loss, abs=6e-4) for share, loss in MIXED.items()},
)
def dense_sparse_mixtures():
    return _losses("moe", MIXED, 1e9, 1e11)


@reproduction(
    law="dense_sparse",
    source=f"{SOURCE}: pruned models of 1e8 parameters left, 1e10 tokens",
    reason=REASON,
    targets={f"sparsity_{share}": Target(loss, abs=6e-4) for share, loss in PRUNED.items()},
)
def dense_sparse_pruned():
    return _losses("pruned", PRUNED, 1e8, 1e10)
