# Azora Console. `make run` and `make test` are all one needs; both set up whatever is missing first.
PYTHON ?= python3
VENV := .venv/bin/python
SETUP := $(PYTHON) resources/setup/setup.py
PRIVATE := $(PYTHON) resources/setup/private_session.py
OUT ?= tour-out
WORKERS ?= 2

.PHONY: run test check tour campaign bench setup setup-test
# The parts share one environment and one screen: never side by side.
.NOTPARALLEL:

run: setup
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" != Linux ]; then $(VENV) main.py run; else $(MAKE) --no-print-directory tour; fi

# Without a session bus, a private one with an ephemeral keyring: no prompt, nothing left behind.
tour: setup
	@echo "Tour: a whole demo economy through the real windows; pictures and tour.json go to $(OUT)"
	@[ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || export QT_QPA_PLATFORM=offscreen; \
	if [ -n "$$DBUS_SESSION_BUS_ADDRESS" ]; then $(VENV) main.py tour --out "$(OUT)"; else $(PRIVATE) $(VENV) main.py tour --out "$(OUT)"; fi
	@echo "Results: $(abspath $(OUT))"

test: setup-test check
	$(PRIVATE) $(VENV) -m app.contracts.testing
	$(PRIVATE) --display $(VENV) -m pytest -q -n $(WORKERS) --dist loadscope --ignore=tests/architecture --ignore=tests/campaigns --ignore=tests/benchmarks

check: setup-test
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy
	.venv/bin/lint-imports
	$(VENV) -m pytest -q -n 0 tests/architecture

campaign: setup-test
	$(PRIVATE) --display $(VENV) -m pytest -q -s -o addopts= --import-mode=importlib --timeout=0 tests/campaigns

bench: setup-test
	@$(PRIVATE) --display $(VENV) -m tests.benchmarks

setup:
	@$(SETUP) run

setup-test:
	@$(SETUP) test
