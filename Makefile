# make run    set up and run the main job on the invented surveys, in var/demo
# make test   set up and run the tests
# make check  formatting, lint and types
# make fuzz   ten thousand damaged files against every reader
# make golden make the goldens of R survey anew (needs R with survey and MASS)
# make simulate  coverage of the confidence intervals over 1,000 samples
# make bench  measured speed and memory
# make dev    Dagster's user interface on what `make run` made
# make lock   pin the dependencies anew

PYTHON ?= python3
BIN := .venv/bin
DEMO := var/demo
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
QUARTERS := 2024-Q1 2024-Q2 2024-Q3 2024-Q4
LOCK := $(BIN)/uv pip compile pyproject.toml --python-version 3.11 --quiet --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --no-strip-extras --extra build

.PHONY: run test check fuzz golden simulate bench dev lock clean

.venv/runtime.stamp: requirements.lock pyproject.toml
	@echo "installing (once, from requirements.lock)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/runtime.stamp
	@echo "installing what the tests need (once, from requirements-dev.lock)"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

run: .venv/runtime.stamp
	@$(BIN)/python -m fixtures --out $(DEMO)/inbox
	@for period in $(QUARTERS); do \
		$(BIN)/ilms --home $(DEMO) receive XAA_LFS $$period $(DEMO)/inbox/XAA_LFS_$$period.sav 2>/dev/null || exit $$?; \
	done
	@$(BIN)/ilms --home $(DEMO) receive XBB_LFS 2024-Q4 $(DEMO)/inbox/XBB_LFS_2024-Q4.zip 2>/dev/null
	@$(BIN)/ilms --home $(DEMO) run
	@echo
	@echo "Published: $$(cd $(DEMO)/releases && readlink -f latest)"
	@echo
	@echo "Next:"
	@echo "  $(BIN)/ilms --home $(DEMO) get MST_TEMP_SEX_AGE_CBR_NB --area XAA --period 2024 --labels both"
	@echo "  $(BIN)/ilms --home $(DEMO) estimates MST_TUNE_SEX_AGE_CBR_RT --area XAA --period 2024-Q4"
	@echo "  make dev        # rounds, checks and figures in the browser"

test: .venv/dev.stamp
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q

check: .venv/dev.stamp
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

fuzz: .venv/dev.stamp
	@$(BIN)/python -m tests.pipelines.readers.fuzz --count 10000 --seed 1

golden: .venv/dev.stamp
	@$(BIN)/python tests/goldens/make.py

simulate: .venv/dev.stamp
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.simulation --samples 1000 --seed 1 --out docs/coverage.md

bench: .venv/dev.stamp
	@$(BIN)/python tests/bench/bench_readers.py
	@$(BIN)/python tests/bench/bench_round.py
	@$(BIN)/python tests/bench/bench_estimates.py
	@$(BIN)/python tests/bench/bench_protection.py
	@$(BIN)/python tests/bench/bench_messages_csv_json.py
	@$(BIN)/python tests/bench/bench_messages_xml.py

dev: .venv/runtime.stamp
	@$(BIN)/ilms --home $(DEMO) dev

lock: .venv/dev.stamp
	@$(LOCK) -o requirements.lock
	@$(LOCK) --extra dev -o requirements-dev.lock

clean:
	rm -rf .venv var build *.egg-info
