"""The version of tenfold, said once: the build reads it here, and so does every result."""

__version__ = "0.1.0"
