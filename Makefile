# Two commands do everything on a fresh machine: `make run` and `make test`. Needs Python 3.11, make and git only.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DASHBOARD := $(VENV)/.dashboard
PYTHON ?= python3.11

.PHONY: run test test-extras check quick chaos dev dashboard lint docs lock audit clean

run: $(READY)
	$(BIN)/clv run

# a file's tests stay in one worker, because they share its fixtures; conftest.py puts the longest files first
test: $(READY)
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m 'not chaos'

# the tests of what only an extra brings; `make test` leaves them out where it is not installed
test-extras: $(DASHBOARD)
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m extras

# for the inner loop, in about five minutes: lint, types, SQL, and the tests that need no home, server, training or process
check: $(READY)
	$(MAKE) -j2 --output-sync lint quick

quick: $(READY)
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder -m 'not chaos and not slow'

# the faults of clv_pipeline_tests/faults/catalogue.md, those that take a seed with many of them; half an hour or more
chaos: $(READY)
	$(BIN)/pytest clv_pipeline_tests/faults clv_pipeline_tests/cases -n 2 --dist loadfile --no-loadscope-reorder --repeats 30 --faults-table docs/faults.md
	$(BIN)/pytest clv_pipeline_tests/test_publishing.py clv_pipeline_tests/test_serving.py -m chaos
	CLV_TEST_PUBLICATIONS=500 $(BIN)/pytest clv_pipeline_tests/test_publishing_target.py -k no_reader_ever_sees

dev: $(READY)
	$(BIN)/clv ui

dashboard: $(DASHBOARD)
	$(BIN)/clv dashboard

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m clv_pipeline.warehouse.sql_lint
	$(BIN)/python -m clv_pipeline_tests.words

docs: $(READY)
	$(BIN)/python -m clv_pipeline.contracts.published > docs/published_tables.md

# the lock holds names, versions and hashes only; whichever registry this machine uses serves it.
# Compiling on all cores takes half the time that pip does; what some packages bring along for other Pythons fails, harmlessly
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	-$(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

# the packages of the dashboard that the nightly job does not have
$(DASHBOARD): $(READY) requirements-dashboard.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-dashboard.lock
	touch $(DASHBOARD)

lock:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--quiet --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dashboard --universal --python-version 3.11 --generate-hashes \
		--no-strip-extras --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--constraints requirements.lock --quiet --output-file - \
		$$(sed -nE 's/^([A-Za-z0-9._-]+)(\[.*\])?==.*/--no-emit-package \1/p' requirements.lock) \
		| sed '/^# The following packages were excluded/,$$d' > requirements-dashboard.lock

# needs the network, so it is not part of `make test`; the tools are in a separate folder, next to their output
AUDIT := .audit
audit:
	$(PYTHON) -m venv $(AUDIT)/venv
	$(AUDIT)/venv/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1 cyclonedx-bom==7.5.0
	$(AUDIT)/venv/bin/cyclonedx-py requirements requirements.lock --output-reproducible --of JSON \
		--output-file $(AUDIT)/sbom.cdx.json
	$(AUDIT)/venv/bin/pip-audit --requirement requirements.lock --require-hashes --disable-pip

clean:
	rm -rf $(VENV) $(AUDIT) .clv
