# Everything a developer runs. CI runs the same targets (.ci/run).
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV ?= .venv
PY := $(VENV)/bin/python
BIN := $(VENV)/bin
CHECKED := sdk operator runner hack tests examples benchmarks
# pytest's arguments on top of those in pyproject.toml, for instance PYTEST_ARGS="-k cancel -x".
PYTEST_ARGS ?=
# Arguments of the benchmarks, for instance BENCH_ARGS=--quick.
BENCH_ARGS ?=
# Arguments of chaos and soak, for instance CHAOS_ARGS="--seed 7 --runs 200 --pods 0", SOAK_ARGS="--minutes 5".
CHAOS_ARGS ?=
SOAK_ARGS ?=
# A selection that meets nothing in one of a target's two runs of pytest is no failure.
OR_NONE_SELECTED = || { code=$$?; [ $$code -eq 5 ] && [ -n "$(PYTEST_ARGS)" ] || exit $$code; }
# Two light control planes at a time are what a laptop takes.
INTEGRATION_WORKERS ?= 3
E2E_WORKERS ?= 4

##@ Start here

.PHONY: help
help: ## Show this help
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

.PHONY: demo
demo: venv ## Bring up a cluster, install EverTask, run the example application and watch its tasks
	@$(PY) -m hack.demo

.PHONY: test
test: test-unit test-integration test-e2e ## Set up and run every test: unit, integration, end to end
	@echo "[test] unit, integration and end-to-end tests passed"

##@ Develop

.PHONY: venv
venv: ## Make the virtual environment .venv (again only when pyproject.toml changed)
	@VENV=$(VENV) hack/setup

.PHONY: fmt
fmt: venv ## Format the code and apply the safe fixes of the linter
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

.PHONY: generate
generate: venv ## Make what is generated: the CRD (crds/, the chart) and pages of docs/reference
	$(PY) -m evertask.api.crd
	$(PY) -m hack.sdk_reference

.PHONY: verify
verify: verify-code verify-contracts verify-generated chart-lint verify-dependencies verify-chart-security ## Check style, types, import contracts, generated files, chart, known vulnerabilities
	@echo "[verify] everything is in order"

.PHONY: verify-code
verify-code: venv ## Part of verify: ruff format, ruff check, mypy --strict
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(CHECKED)

.PHONY: verify-contracts
verify-contracts: venv ## Part of verify: which module may import which
	$(BIN)/lint-imports

.PHONY: verify-generated
verify-generated: venv ## Part of verify: generated files are those that the models give
	$(PY) -m evertask.api.crd --check
	$(PY) -m hack.sdk_reference --check

.PHONY: chart-lint
chart-lint: venv ## Part of verify: helm lint --strict
	@$(PY) -m hack.tools helm lint --strict charts/evertask

.PHONY: verify-dependencies
verify-dependencies: venv ## Part of verify: known vulnerabilities in what the images install (CI_AUDIT=required: it must be possible)
	@$(PY) -m hack.audit.dependencies

.PHONY: verify-chart-security
verify-chart-security: venv ## Part of verify: the chart and a runner's Job, as checkov sees them (CI_AUDIT=required as above)
	@$(PY) -m hack.audit.chart

##@ Test

.PHONY: test-unit
test-unit: venv ## Unit, repository and chart tests (no cluster)
	$(PY) -m pytest tests/unit tests/repo tests/chart -n auto $(PYTEST_ARGS)

.PHONY: test-integration
test-integration: venv ## Tests on a real API server and etcd, without pods (the light control plane)
	$(PY) -m pytest tests/integration --ignore=tests/integration/matrix -n $(INTEGRATION_WORKERS) $(PYTEST_ARGS)

.PHONY: test-matrix
test-matrix: venv ## Operator and runners killed before and after each of their writes, on the light control plane (10 minutes)
	$(PY) -m pytest tests/integration/matrix -n 2 $(PYTEST_ARGS)

.PHONY: test-e2e
test-e2e: image install ## Tests on a cluster that runs pods (brought up, images built and EverTask installed first)
	@$(PY) -m tests.support.leftovers
	$(PY) -m pytest tests/e2e --ignore=tests/e2e/disruptive -n $(E2E_WORKERS) --dist loadfile $(PYTEST_ARGS) $(OR_NONE_SELECTED)
	$(PY) -m pytest tests/e2e/disruptive $(PYTEST_ARGS) $(OR_NONE_SELECTED)

.PHONY: bench
bench: install ## Measure EverTask against bare Jobs on this cluster, as ratios (10 minutes; on a quiet machine)
	@$(PY) -m benchmarks $(BENCH_ARGS)

.PHONY: bench-lateness
bench-lateness: install ## Measure how late handlers start, beside CronJobs and bare Jobs (14 minutes; on a quiet machine)
	@$(PY) -m benchmarks.lateness $(BENCH_ARGS)

.PHONY: bench-waiting
bench-waiting: venv ## Measure what 10,000 waiting series cost, on a light control plane (12 minutes; on a quiet machine)
	@$(PY) -m benchmarks.waiting $(BENCH_ARGS)

.PHONY: bench-next
bench-next: venv ## Measure how long the next occurrence of a recurrence takes to compute (seconds, in one process)
	@$(PY) -m benchmarks.next $(BENCH_ARGS)

.PHONY: bench-dispatching
bench-dispatching: venv ## Measure how fast tasks are dispatched, beside the official client, on a light control plane (1 minute)
	@$(PY) -m benchmarks.dispatching $(BENCH_ARGS)

.PHONY: chaos
chaos: install ## A thousand runs while everything breaks, 200 of them in real pods, and an audit (half an hour)
	@$(PY) -m benchmarks.chaos $(CHAOS_ARGS)

.PHONY: soak
soak: venv ## Half an hour of steady load on one operator, on a light control plane: what grows meanwhile
	@$(PY) -m benchmarks.soak $(SOAK_ARGS)

##@ Cluster

.PHONY: cluster-up
cluster-up: venv ## Bring up a cluster: KUBECONFIG's, else kind, else one built on this machine
	@$(PY) -m hack.cluster ensure

.PHONY: image
image: cluster-up ## Build the images of operator, runner and the examples, and give them to the cluster
	@$(PY) -m hack.shop image
	@$(PY) -m hack.patterns image

.PHONY: install
install: cluster-up ## Install EverTask into the cluster with Helm, or upgrade it
	@$(PY) -m hack.install

.PHONY: cluster-down
cluster-down: venv ## Take down the cluster that cluster-up made; leaves nothing behind
	@$(PY) -m hack.cluster down

.PHONY: clean
clean: ## Remove what the targets made in this checkout (not the cluster: cluster-down)
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
