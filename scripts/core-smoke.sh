#!/usr/bin/env bash
# With the core dependencies only, the command line must start, list its laws and fit a table.
set -euo pipefail
venv=.venv-core
if [ ! -x $venv/bin/tenfold ] || [ pyproject.toml -nt $venv/.installed ]; then
  rm -rf $venv
  if command -v uv >/dev/null 2>&1; then
    uv venv --quiet --python .venv/bin/python $venv
    uv pip install --quiet --python $venv/bin/python -c constraints.txt -e .
  else
    .venv/bin/python -m venv $venv
    $venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
  fi
  touch $venv/.installed
fi
$venv/bin/python - <<'PY'
import importlib.util as u
present = [name for name in ("numba", "optax", "matplotlib", "pytest") if u.find_spec(name)]
assert not present, f"extras in the core environment: {present}"
PY
$venv/bin/tenfold --help >/dev/null
$venv/bin/tenfold laws >/dev/null
$venv/bin/tenfold fit data:bytes --law chinchilla --json >/dev/null
echo "core-only environment: tenfold --help, laws and fit work"
