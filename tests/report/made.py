"""A study assembled by hand, so that what a report says about it never changes with the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tenfold.certificate import Certificate, Drift, Influence, Sensitivity, Span
from tenfold.core.axes import Conventions
from tenfold.core.provenance import Provenance
from tenfold.core.runs import Labels, Runs
from tenfold.core.status import Status
from tenfold.engine.objective import Huber
from tenfold.fit import Fit
from tenfold.forecast import Forecast, Prediction
from tenfold.headline import headline_of
from tenfold.isoflop import Isoflop, isoflop
from tenfold.laws import laws
from tenfold.plan import Budget, Plan, plan
from tenfold.rehearse import Fold, Rehearsal, rehearsal_of, unrehearsed
from tenfold.study import LawResult, LiveCheck, StudyResult
from tenfold.uncertainty import Draws
from tenfold.verdict import verdict

HOSTILE = '<script>alert("x")</script>&<img src=x>'
COEF = {"E": 1.04, "A": 112.0, "B": 73.7, "alpha": 0.581, "beta": 0.401}
COLUMNS = {"N": "params", "D": "tokens"}


def provenance(verb: str, **settings: Any) -> Provenance:
    return Provenance(verb, "0123456789abcdef", "runs.csv", settings, "0.1.0", "3.11.7", "2.4.0", "2026-01-02")


def runs() -> Runs:
    """Five budgets of seven sizes each; the last budget holds only sizes that are too small for a minimum."""
    rng = np.random.default_rng(3)
    law = laws()["chinchilla"]
    rows = []
    for index, flops in enumerate((1e11, 3e11, 1e12, 3e12, 1e13)):
        center = 9.0e4 * (flops / 1e12) ** 0.41
        steps = np.linspace(-1.8, 1.8, 7) if index < 4 else np.linspace(-2.6, -0.6, 5)
        for step in steps:
            size = center * 2.0**step
            tokens = flops / 6 / size
            loss = float(law(coef=COEF, N=size, D=tokens)) * np.exp(0.003 * rng.standard_normal())
            rows.append((size, tokens, flops, loss))
    table = np.array(rows)
    names = [f"run-{k}" for k in range(len(rows))]
    names[7] = HOSTILE
    return Runs(
        {name: table[:, k] for k, name in enumerate(("params", "tokens", "flops", "loss"))},
        {"run": Labels.of(names)},
        Conventions(params="total", loss="nats/byte"),
        "runs.csv",
        ("left out 2 runs whose status is not finished",),
    )


def curves(table: Runs) -> Runs:
    parts = np.array([0.05, 0.15, 0.4, 1.0])
    many, few = len(table), len(parts)
    flops = np.repeat(table.column("flops"), few) * np.tile(parts, many)
    loss = np.repeat(table.column("loss"), few) * np.tile(parts, many) ** -0.1
    labels = {"run": Labels.of([f"run-{k}" for k in range(many) for _ in parts])}
    return Runs({"params": np.repeat(table.column("params"), few), "flops": flops, "loss": loss}, labels)


def fit(table: Runs) -> Fit:
    law = laws()["chinchilla"]
    inputs = {"N": table.column("params"), "D": table.column("tokens")}
    certificate = Certificate(
        agree=0.9375,
        basins=1,
        starts=16,
        gradient=1e-14,
        condition=2735.0,
        at_bound=(),
        span={s: Span(COLUMNS[s], float(v.min()), float(v.max())) for s, v in inputs.items()},
        headline=headline_of(law, inputs, COLUMNS, "loss"),
        headline_value=0.408,
        headline_error=0.0264,
        errors={"E": 0.022, "A": 51.0, "B": 8.0, "alpha": 0.054, "beta": 0.0096},
        influence=(Influence(HOSTILE, 0.401, -0.27), Influence("run-3", 0.415, 0.26)),
        sensitivity=(Sensitivity("squared", 0.406, -0.08), Sensitivity("without the highest value of loss", 0.409, 0.04)),
        drift=(Drift("E", (2, 1, 0), (1.11, 1.08, 1.04), 0.022), Drift("beta", (2, 1, 0), (0.40, 0.41, 0.401), 0.01)),
        warnings=("E drifts as larger scales are added (1.11 -> 1.08 -> 1.04, standard error 0.022).",),
    )
    return Fit(
        law=law,
        coef=COEF,
        status=Status.CONVERGED,
        value=1.234e-4,
        objective=Huber(1e-3),
        n=len(table),
        rms=0.0031,
        target="loss",
        columns=COLUMNS,
        fixed={},
        bounds={},
        conventions=table.conventions,
        certificate=certificate,
        notes=table.notes,
        provenance=provenance("fit"),
    )


def draws(made: Fit) -> Draws:
    rng = np.random.default_rng(5)
    wobble = {"E": 0.008, "A": 0.03, "B": 0.02, "alpha": 0.003, "beta": 0.002}
    coef = {name: value * np.exp(wobble[name] * rng.standard_normal(200)) for name, value in COEF.items()}
    return Draws(made, coef, "bootstrap", 0.0, {"checked": 8, "improved": 0}, provenance("draw"))


def rehearsal() -> Rehearsal:
    folds = (
        Fold(3e12, 1e13, 0.52, 5, 0.004, 0.006, 0.003),
        Fold(1e12, 3e12, 0.48, 7, 0.011, 0.013, 0.004),
        Fold(1e12, 1e13, 1.0, 5, 0.027, 0.028, 0.009),
    )
    return rehearsal_of(folds, "flops", 0.004)


def prediction(params: float, tokens: float, center: float, spread: float, reach: float, status: str) -> Prediction:
    return Prediction(
        {"params": params, "tokens": tokens},
        center,
        {level: (center * np.exp(-spread * z), center * np.exp(spread * z)) for level, z in ((0.5, 0.67), (0.9, 1.64))},
        {"params": 0.2, "tokens": 0.7, "scale": reach},
        {"coefficients": 0.010, "noise": 0.0031, "extrapolation": 0.021 * reach},
        status,
    )


def forecast(*, rehearsed: bool = True) -> Forecast:
    made = rehearsal() if rehearsed else unrehearsed("the runs hold 3 scales of flops and 4 are needed", axis="flops")
    status = "rehearsed" if rehearsed else "unrehearsed"
    seen = prediction(7.3e5, 2.28e7, 1.132, 0.017, 1.0, status)
    judged = verdict(fit(runs()), rehearsal=made, prediction=seen)
    seen = replace(seen, verdict=judged)
    return Forecast("chinchilla", "loss", (seen,), made, "fit", (), provenance("forecast"))


def live() -> LiveCheck:
    before = prediction(3.9e5, 1.7e7, 1.195, 0.01, 0.6, "rehearsed")
    return LiveCheck(
        {"params": 3.9e5, "tokens": 1.7e7, "flops": 4e13},
        {"params": 4.0e5, "tokens": 1.66e7, "flops": 4e13, "width": 160.0},
        before,
        1.201,
        "finished",
        92.3,
        {0.5: True, 0.9: True},
        ("the corpus is another one than the table's",),
    )


def profiles(table: Runs, made: Fit) -> Isoflop:
    return replace(isoflop(table, fit=made, draws=draws(made)), provenance=provenance("isoflop"))


def best_plan(made: Fit) -> Plan:
    found = plan(made, draws(made), budget=Budget(flops=1e14))
    return replace(found, provenance=provenance("plan"), verdict=forecast().verdict)


def study(*, title: str = "How large should the next model be?") -> StudyResult:
    table = runs()
    made = fit(table)
    law = LawResult(made, draws(made), rehearsal())
    return StudyResult(
        title,
        f'title = "{title}"\n\n[runs]\nsource = "runs.csv"\n\n[plan]\nflops = 1e14\n',
        table,
        curves(table),
        (law,),
        profiles(table, made),
        forecast(),
        best_plan(made),
        live(),
        table.notes,
        provenance("study", seed=0),
    )
