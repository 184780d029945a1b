"""Ladders that tenfold trains itself: families, counting, parameterizations, texts, sweeps and their records.

Names are imported on first use, so that importing this package costs neither NumPy nor JAX:

* what is trained: ``Ladder`` of ``Row``s from ``load_ladder``, whose ``cells`` are ``RunSpec``s; their ``Shape``,
  ``Optimizer``, ``Evaluation``, ``BatchRule`` and ``CorpusSpec``; ``plan_run`` for one run;
* how sizes decide scales and rates: ``rules`` of one tensor against its ``Base`` give a ``Rule``; ``branch_scale``,
  ``logit_scale``, ``lr_for_batch``; for PyTorch users ``parameter_groups``, ``initialise``, ``multipliers``;
* training: ``tenfold.ladder.sweep.train`` for a ladder, ``train_one`` for one run; ``Event``s on the way;
* what came of it: ``read_records`` gives ``RunRecord``s, ``to_runs`` and ``to_curves`` the tables that are fitted;
* counting: ``bill``, ``ladder_bill``, ``count`` and the package ``tenfold.ladder.counting``.

>>> from tenfold.ladder import Base, rules
>>> rules("hidden", fan_in=1024, fan_out=1024, base=Base(256, 256)).rate
0.25
"""

from __future__ import annotations

from tenfold._lazy import lazy

_HOME = {
    "Base": "tenfold.ladder.parameterization",
    "BatchRule": "tenfold.ladder.ladder",
    "Checkpoint": "tenfold.ladder.records",
    "CorpusSpec": "tenfold.ladder.corpora",
    "Count": "tenfold.ladder.counts",
    "Device": "tenfold.ladder.devices",
    "Evaluation": "tenfold.ladder.spec",
    "Event": "tenfold.ladder.events",
    "Ladder": "tenfold.ladder.ladder",
    "Model": "tenfold.ladder.models",
    "OPTIMIZERS": "tenfold.ladder.parameterization",
    "Optimizer": "tenfold.ladder.spec",
    "PARAMETERIZATIONS": "tenfold.ladder.parameterization",
    "Parameterization": "tenfold.ladder.parameterization",
    "Row": "tenfold.ladder.ladder",
    "Rule": "tenfold.ladder.parameterization",
    "RunRecord": "tenfold.ladder.records",
    "RunSpec": "tenfold.ladder.spec",
    "SCHEDULES": "tenfold.ladder.schedule",
    "Shape": "tenfold.ladder.spec",
    "Tensor": "tenfold.ladder.tensors",
    "axes": "tenfold.ladder.ladder",
    "bill": "tenfold.ladder.bill",
    "branch_scale": "tenfold.ladder.parameterization",
    "branches": "tenfold.ladder.parameterization",
    "cells": "tenfold.ladder.ladder",
    "count": "tenfold.ladder.models",
    "family": "tenfold.ladder.families",
    "find_device": "tenfold.ladder.devices",
    "find_known": "tenfold.ladder.known",
    "initialise": "tenfold.ladder.torch",
    "known_models": "tenfold.ladder.known",
    "ladder_bill": "tenfold.ladder.bill",
    "load_corpus": "tenfold.ladder.corpora",
    "load_ladder": "tenfold.ladder.config",
    "logit_scale": "tenfold.ladder.parameterization",
    "lr_for_batch": "tenfold.ladder.ladder",
    "model_of": "tenfold.ladder.models",
    "multipliers": "tenfold.ladder.torch",
    "parameter_groups": "tenfold.ladder.torch",
    "parse_ladder": "tenfold.ladder.config",
    "plan_run": "tenfold.ladder.ladder",
    "presets": "tenfold.ladder.config",
    "read_records": "tenfold.ladder.records",
    "rules": "tenfold.ladder.parameterization",
    "simple_noise_scale": "tenfold.ladder.observe",
    "to_csv": "tenfold.ladder.table",
    "to_curves": "tenfold.ladder.table",
    "to_rows": "tenfold.ladder.records",
    "to_runs": "tenfold.ladder.table",
    "train_one": "tenfold.ladder.sweep",
    "train_run": "tenfold.ladder.train",
    "with_settings": "tenfold.ladder.ladder",
}

__all__ = sorted(_HOME)

lazy(__name__, _HOME)
