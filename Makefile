# The contributor's interface. Every target installs what it needs, prints progress and can be run twice.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
EXTRAS := dev operator gateway

.PHONY: help demo test test-unit test-integration test-e2e lint format generate verify lock images cluster-up cluster-down bench-fleet bench-binding bench-gateway soak-gateway fuzz python programs cluster

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  CLUSTER=kind|local chooses the cluster provider (default: kind where a container engine answers)."

demo: cluster ## Bring up a cluster, install the operator, hold a conversation with two teams' gateways
	@$(PYTHON) -m dev.demo

test: test-unit test-integration test-e2e ## Run all tests

test-unit: python ## Run the tests that need nothing but Python
	@$(PYTEST) tests/unit

test-integration: programs ## Run the operator and the gateway against a real API server
	@$(PYTEST) tests/integration --numprocesses=2 --dist=loadfile --no-loadscope-reorder

test-e2e: cluster ## Run the tests that need real pods
	@$(PYTEST) tests/e2e

lint: python ## Check style, types and the layers' import contracts
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy && .venv/bin/mypy tests
	@.venv/bin/lint-imports

format: python ## Format the code and mend what can be mended by machine
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

generate: python ## Regenerate the custom resource definitions, the API reference and the chart's table of values
	@$(PYTHON) -m tenantry_operator.crdgen
	@$(PYTHON) -m dev.chart_readme

verify: python ## Fail if a generated file or a lock is stale
	@$(PYTHON) -m tenantry_operator.crdgen --check
	@$(PYTHON) -m dev.chart_readme --check
	@$(PYTHON) -m dev.locks --check

lock: python ## Pin the newest versions that pyproject.toml allows
	@$(PYTHON) -m dev.locks

images: cluster ## Build the operator's, the gateway's and the stand-in's images
	@$(PYTHON) -m dev.images build

cluster-up: cluster ## Start the development cluster
	@$(PYTHON) -m dev.cluster up

cluster-down: python ## Stop the development cluster and remove everything of it
	@$(PYTHON) -m dev.cluster down

bench-fleet: python ## Measure the operator with 200, 1,000 and 5,000 tenants (hours; ARGS="--sizes 200" for less)
	@$(PYTHON) -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements/bench.txt
	@$(PYTHON) -m benchmarks.fleet $(ARGS)

soak-gateway: python ## Kill a gateway under load a thousand times and look for what is lost (an hour; ARGS="--kills 50" for less)
	@$(PYTHON) -m tests.integration.kill_harness $(ARGS)

fuzz: python ## Feed the parsers with anything, a minute each, and keep what they fail on (ARGS="--seconds 5 --targets usage_meter" for less)
	@$(PYTHON) -m tests.fuzz $(ARGS)

bench-binding: cluster ## Measure how soon a real pod answers by a new AgentBinding
	@$(PYTHON) -m benchmarks.served_binding

bench-gateway: python ## Measure the gateway beside a floor, the SDK and LiteLLM's proxy (ARGS="--seconds 1 --phases relay" for less)
	@$(PYTHON) -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements/bench.txt
	@$(PYTHON) -m benchmarks.gateway $(ARGS)

python:
	@dev/bootstrap.sh python

programs:
	@dev/bootstrap.sh programs

cluster:
	@dev/bootstrap.sh cluster
