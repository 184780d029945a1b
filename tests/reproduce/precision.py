"""Precision and compression: what the published constants say, and capacities refitted from the printed ones."""

from __future__ import annotations

import numpy as np

from reproduce.record import Target, reproduction
from tenfold import Runs, fit
from tenfold.core.law import predict
from tenfold.laws import get
from tenfold.laws.compressed import gmse_sparse, gmse_uniform
from tenfold.laws.precision import best_bits, retention

KUMAR = "Kumar et al. (2024), arXiv:2411.04330, "
CHEN = "Chen et al. (2025), arXiv:2505.14302, "
PANFEROV = "Panferov et al. (2025), arXiv:2506.01863, "


@reproduction(
    law="precision",
    source=KUMAR + "section 4.3.2: 7 to 8 bits are best; the law catalogue solved table 2 for 7.0 bits",
    reason="solved to all digits from the constants of table 2; the published number is rounded to a tenth",
    targets={"bits": Target(7.0, abs=0.05), "bits_without_offsets": Target(3.5, abs=0.05)},
)
def precision_best_width():
    coef = dict(get("precision").published["kumar"].coef)
    bare = coef | {"p_w": 0.0, "p_a": 0.0, "p_kv": 0.0}
    return {"bits": best_bits(coef), "bits_without_offsets": best_bits(bare)}


@reproduction(
    law="precision_weights",
    source=KUMAR + "table 2, figure 3 left as evaluated in the law catalogue: parameters kept at 4, 6 and 8 bits",
    reason="the same constants; the published shares are rounded to two digits",
    targets={"4": Target(0.70, abs=0.005), "6": Target(0.86, abs=0.005), "8": Target(0.93, abs=0.005)},
)
def precision_retention():
    coef = get("precision_weights").published["kumar"].coef
    return {str(bits): float(retention(coef, bits)) for bits in (4, 6, 8)}


def _added(name, N, D, group):
    law = get("qat_error")
    return predict(law, law.published[name].coef, {"N": N, "D": D, "group": group})


@reproduction(
    law="qat_error",
    source=CHEN
    + "eq. 5 and its table of constants, as evaluated in the law catalogue at 594M, 100B tokens, groups of 128",
    reason="the same constants; the published values are rounded to four decimals",
    targets={
        "w4a4": Target(0.0573, abs=5e-5),
        "w4a16": Target(0.0210, abs=5e-5),
        "w16a4": Target(0.0400, abs=5e-5),
    },
)
def qat_added_loss():
    return {name: float(_added(name, 594e6, 1e11, 128.0)) for name in ("w4a4", "w4a16", "w16a4")}


@reproduction(
    law="qat_error",
    source=CHEN + "figure 6: the error at W4A4 is .906 times the sum of those at W4A16 and W16A4",
    reason="a line through the origin over the grid of the paper, by its fitted laws instead of its runs",
    targets={"slope": Target(0.906, abs=0.002)},
)
def qat_decomposition():
    grid = np.meshgrid([74e6, 145e6, 297e6, 595e6], [1e10, 2e10, 5e10, 1e11], [32.0, 64.0, 128.0, 256.0])
    both, parts = _added("w4a4", *grid), _added("w4a16", *grid) + _added("w16a4", *grid)
    return {"slope": float((both * parts).sum() / (parts**2).sum())}


SHARES = {10: 0.054, 40: 0.161, 100: 0.232, 400: 0.325, 1000: 0.377, 10000: 0.482}


@reproduction(
    law="qat_share",
    source="Dremov et al. (2025), arXiv:2509.22935, as evaluated in the law catalogue by tokens per parameter byte",
    reason="the same constant; the published shares are rounded to three decimals",
    targets={str(tokens): Target(share, abs=6e-4) for tokens, share in SHARES.items()},
)
def qat_best_share():
    law = get("qat_share")
    # S tokens a byte at 4 bits are S / 2 tokens a parameter
    return {
        str(tokens): float(predict(law, law.published["dremov"].coef, {"M": tokens / 2, "bits_w": 4.0}))
        for tokens in SHARES
    }


@reproduction(
    law="capacity",
    source="Max (1960), Quantizing for minimum distortion, table II: errors of the best uniform quantisers",
    reason="the same quantity; the published errors are rounded to four digits",
    targets={
        "2 levels": Target(0.3634, abs=5e-5),
        "4 levels": Target(0.1188, abs=5e-5),
        "8 levels": Target(0.03744, abs=5e-6),
        "16 levels": Target(0.01154, abs=5e-6),
        "32 levels": Target(0.003495, abs=5e-7),
    },
)
def gaussian_error_of_uniform_grids():
    return {f"{2**bits} levels": gmse_uniform(bits) for bits in range(1, 6)}


def _capacities(errors, values):
    runs = Runs({"gaussian_mse": np.array(errors), "capacity": np.array(values)})
    return fit("capacity", runs, objective="squared@linear", fixed={"top": 1.0}, certificate=False)


WIDTHS = {2: 0.57, 3: 0.75, 4: 0.87, 8: 0.99}


@reproduction(
    law="capacity",
    source=PANFEROV + "figure 7, weights at 2, 3, 4 and 8 bits without sparsity",
    reason="two coefficients on four printed capacities, whose own errors are .01; the set quest-weights is this fit",
    targets={
        **{f"{bits} bits": Target(value, abs=0.01) for bits, value in WIDTHS.items()},
        "rate": Target(get("capacity").published["quest-weights"].coef["rate"], abs=1e-4),
        "shape": Target(get("capacity").published["quest-weights"].coef["shape"], abs=1e-4),
    },
)
def capacity_of_widths():
    fitted = _capacities([gmse_uniform(bits) for bits in WIDTHS], list(WIDTHS.values()))
    found = {f"{bits} bits": float(fitted.predict(gmse=gmse_uniform(bits))) for bits in WIDTHS}
    return found | {"rate": fitted.coef["rate"], "shape": fitted.coef["shape"]}


KEPT = {0.1: 0.95, 0.2: 0.89, 0.3: 0.84, 0.4: 0.78, 0.5: 0.72, 0.6: 0.64, 0.7: 0.56, 0.8: 0.47, 0.9: 0.35}


@reproduction(
    law="capacity",
    source=PANFEROV + "figure 9, column of 16 bits: capacities at sparsities from .1 to .9",
    reason="two coefficients on nine printed capacities; the set magnitude-pruning is this fit",
    targets={
        **{f"sparsity {share}": Target(value, abs=0.015) for share, value in KEPT.items()},
        "rate": Target(get("capacity").published["magnitude-pruning"].coef["rate"], abs=1e-4),
        "shape": Target(get("capacity").published["magnitude-pruning"].coef["shape"], abs=1e-4),
    },
)
def capacity_of_sparsities():
    fitted = _capacities([gmse_sparse(share) for share in KEPT], list(KEPT.values()))
    found = {f"sparsity {share}": float(fitted.predict(gmse=gmse_sparse(share))) for share in KEPT}
    return found | {"rate": fitted.coef["rate"], "shape": fitted.coef["shape"]}
