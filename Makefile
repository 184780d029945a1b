# Two commands do everything: `make demo` (the main job, end to end) and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.tenfold-installed
DEV_STAMP := $(VENV)/.tenfold-dev-installed

.PHONY: demo test check docs picture bench arena clean core-smoke

demo: $(STAMP)
	@mkdir -p demo
	@cp -f examples/demo.toml demo/demo.toml
	$(BIN)/tenfold study run demo/demo.toml --cache demo/cache --out demo/result.json
	@echo "open demo/report.html"

test: $(DEV_STAMP)
	@scripts/chromium.sh
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -q

check: $(DEV_STAMP)
	$(BIN)/ruff format --check src tests benchmarks scripts
	$(BIN)/ruff check src tests benchmarks scripts
	$(BIN)/mypy

docs: $(DEV_STAMP)
	$(BIN)/python scripts/make_docs.py

picture: $(DEV_STAMP)
	$(BIN)/tenfold study run examples/demo.toml --cache demo/cache --html demo/report.html --card docs/demo.svg

bench: $(DEV_STAMP)
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.laws
	$(BIN)/python -m benchmarks.trainer

# laws against each other on withheld scales: TABLES is a folder of tables that have cards (docs/arena.md)
TABLES ?= ../shared/data
arena: $(DEV_STAMP)
	$(BIN)/tenfold arena $(TABLES) --out build/arena
	$(BIN)/python scripts/arena_summary.py build/arena/arena.json
	$(BIN)/python scripts/make_docs.py --text

core-smoke: $(DEV_STAMP)
	@scripts/core-smoke.sh

clean:
	rm -rf demo build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis

$(STAMP): pyproject.toml constraints.txt scripts/install.sh
	@scripts/install.sh "$(PYTHON)" "$(VENV)" user
	@touch $(STAMP)

$(DEV_STAMP): pyproject.toml constraints.txt scripts/install.sh
	@scripts/install.sh "$(PYTHON)" "$(VENV)" dev
	@touch $(STAMP) $(DEV_STAMP)
