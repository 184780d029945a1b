"""Settings every test runs under: one BLAS thread, deterministic Hypothesis, the tests folder importable."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Most of the time goes to compiling programs that run once; the flags change speed, not what is computed. A process ends
# at a flag that its jaxlib does not know, so the second one is for the pinned series only: it halves what compiling costs.
FLAGS = ["--xla_backend_optimization_level=0"]
if version("jaxlib").startswith("0.10."):
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))

for folder in ("", "verbs"):
    sys.path.insert(0, str(Path(__file__).resolve().parent / folder))

from hypothesis import HealthCheck, settings  # noqa: E402  (the environment must be set first)

settings.register_profile(
    "tenfold", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("tenfold")
