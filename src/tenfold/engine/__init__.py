"""Pure functions over arrays: objectives, starts, variable projection, solvers, resampling, profiling.

Nothing here knows a column name, a unit or a file. Everything is 64-bit, and a user's JAX settings are never changed.
"""
