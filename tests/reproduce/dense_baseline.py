"""Clark et al.: the dense models beside the routed ones."""

from __future__ import annotations

from reproduce.record import Target, reproduction
from shared_data import shared_table
from tenfold import fit, read_runs
from tenfold.io import filter_runs


@reproduction(
    law="power",
    source="card of routed_lm.csv.gz: slope of ln loss on ln size of the dense models (data of Clark et al., 2022)",
    reason="least squares on the last evaluation of the eight dense runs without extra FLOP; three digits printed",
    targets={"slope": Target(-0.0788, abs=6e-5), "runs": Target(8, abs=0.1)},
)
def routed_dense_slope():
    runs = read_runs(shared_table("routed_lm.csv.gz"))
    last = filter_runs(runs, "router_type == 'Dense' and flop_increase == 1 and step == 249000")
    fitted = fit("power", last, axis="params_dense", objective="squared", certificate=False)
    return {"slope": -fitted.coef["alpha"], "runs": fitted.n}
