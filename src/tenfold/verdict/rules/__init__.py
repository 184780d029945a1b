"""The rules, a file a subject; see :func:`tenfold.verdict.rules`."""
