#!/usr/bin/env bash
# Make the virtual environment if there is none and install tenfold into it, with uv when it is there, else venv and pip.
# usage: install.sh PYTHON VENV user|dev
set -euo pipefail
python=$1 venv=$2 kind=$3
command -v "$python" >/dev/null 2>&1 || python=python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "tenfold needs Python 3.11 or newer; name it: make demo PYTHON=/path/to/python3.11" >&2
  exit 2
}
if [ "$kind" = dev ]; then
  extras='.[fast,train,paper]' group=(--group dev)
else
  extras='.[fast,train]' group=()
fi
echo "installing tenfold into $venv"
if command -v uv >/dev/null 2>&1; then
  [ -x "$venv/bin/python" ] || uv venv --quiet --python "$python" "$venv"
  uv pip install --quiet --python "$venv/bin/python" -c constraints.txt -e "$extras" "${group[@]}"
else
  [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
  # --group needs pip 25.1
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt -e "$extras" "${group[@]}"
fi
