"""Ladders that tenfold trains itself: families, counting, parameterizations, texts, sweeps and their records."""
