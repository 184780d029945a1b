"""Speed side by side: our fits, SciPy's multi-start and the packages one can install. Run ``python -m benchmarks``."""
