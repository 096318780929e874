# gatewayz-auth: `make help` lists everything.
.DEFAULT_GOAL := help
.PHONY: help setup run test bench drill soak load check sbom package lock clean

HOST ?= 127.0.0.1
PORT ?= 8000
PYTHON ?=
ARGS ?=
REQUIRE_ALL ?=
export REQUIRE_ALL
BIN := .venv/bin
FOR_RUN = @MAKE_TARGET=$@ tools/setup run "$(PYTHON)"
FOR_DEV = @MAKE_TARGET=$@ tools/setup dev "$(PYTHON)"

help: ## List everything that make can do here
	@printf 'gatewayz-auth: sign-in for API platforms\n\n'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@printf '\nPORT=8123 and HOST=0.0.0.0 for run, PYTHON=python3.12 for setup, ARGS="-k name" for test and bench.\n'

setup: ## Make .venv from the lock files, with what tests need too
	$(FOR_DEV)

run: ## Start everything on this machine and print a line that signs somebody in
	$(FOR_RUN)
	@exec env GATEWAYZ_AUTH_END_WITH_PARENT=1 $(BIN)/gatewayz-auth serve --dev --host "$(HOST)" --port "$(PORT)"

test: ## Run every test against real servers (8 minutes at most): side by side first, then those that need to be alone
	$(FOR_DEV)
	@together=0; alone=0; export TESTS_REPORT=$(if $(ARGS),,reports/tests.json); \
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not alone" $(ARGS) || together=$$?; \
	$(BIN)/python -m pytest -m alone $(ARGS) || alone=$$?; \
	case "$$together $$alone" in "0 0") ;; "0 5"|"5 0") [ -n "$(ARGS)" ];; *) exit 1;; esac

bench: ## Measure, each figure beside what it is compared to
	$(FOR_DEV)
	@$(BIN)/python -m benchmarks $(ARGS)

SECONDS ?= 60
drill: ## Freeze the database under the service and the sign-in of before, draw what callers saw (SECONDS=60)
	$(FOR_DEV)
	@$(BIN)/python -m drill --seconds $(SECONDS) $(ARGS)

MINUTES ?= 30
soak: ## Run two workers and 20,000 people for MINUTES=30, with changes and restarts of Redis
	$(FOR_DEV)
	@$(BIN)/python -m tests.soak --minutes $(MINUTES)

load: SECONDS := $(if $(filter command line environment,$(origin SECONDS)),$(SECONDS),30)
RATE ?= 50
PEOPLE ?= 1000
load: ## Let callers come at a rate to the service that runs here, and leave a report (RATE=50 SECONDS=30 PEOPLE=1000)
	$(FOR_RUN)
	@$(BIN)/gatewayz-auth load --people $(PEOPLE) --rate $(RATE) --for $(SECONDS)s --report reports/load.json $(ARGS)

check: ## Lint, types, import contracts, docs
	$(FOR_DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/architecture tests/docs
	@tools/audit

sbom: ## Write reports/sbom.json: what is deployed, as CycloneDX
	$(FOR_DEV)
	@$(BIN)/python tools/write_sbom.py

package: ## Build wheel and source package into dist/
	$(FOR_DEV)
	@$(BIN)/python -m hatchling build

lock: ## Choose the newest packages anew (needs uv)
	@tools/lock

clean: ## Remove .venv and caches; the data in .state stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
