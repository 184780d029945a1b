"""Speed side by side: our fits, SciPy's multi-start and the packages one can install. Run ``python -m benchmarks``."""

import os

# NumPy reads these when it is first imported, which the modules of this package do after this one
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
