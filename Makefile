# Two commands on a fresh machine: `make demo` and `make test`. Nothing else is needed but Python and a package registry.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/installed
# Generated code newer than the protobuf at run time is refused, so the generator is old on purpose: docs/adr/0004.
PROTO_BIN := .venv-proto/bin
PROTO_INSTALLED := .venv-proto/installed
PROTO_OUT ?= client

.PHONY: demo test check serve lint types imports format proto catalogue bench tools clean

demo: $(INSTALLED)
	$(BIN)/python docs/demo.py

test: check
	$(BIN)/python -m pytest

check: lint types imports

serve: $(INSTALLED)
	$(BIN)/lossd serve --log-format console

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/buf lint proto
	$(BIN)/buf format proto --diff --exit-code

types: $(INSTALLED)
	$(BIN)/mypy

imports: $(INSTALLED)
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/buf format proto --write

proto: $(PROTO_INSTALLED)
	$(PROTO_BIN)/python -m grpc_tools.protoc -I proto --python_out=$(PROTO_OUT) --pyi_out=$(PROTO_OUT) \
		--grpc_python_out=$(PROTO_OUT) $(sort $(wildcard proto/lossd/v1/*.proto))

# After a line was added to the server's catalogue: its message in the contract, its class in the SDK, its page.
catalogue: $(INSTALLED)
	$(BIN)/python proto/catalogue.py
	$(BIN)/buf format proto --write
	$(BIN)/ruff check --quiet --select I --fix client/lossd/losses
	$(BIN)/ruff format --quiet client/lossd/losses
	$(MAKE) proto
	$(BIN)/python docs/losses.py

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.compare

# Real tools that no Python package brings; what is missing without them is skipped by name.
tools:
	command -v promtool >/dev/null || { apt-get update && \
		RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends prometheus; }

clean:
	rm -rf .venv .venv-proto dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[server,dev]'
	touch $@

$(PROTO_INSTALLED):
	$(PYTHON) -m venv .venv-proto
	$(PROTO_BIN)/python -m pip install --quiet grpcio-tools==1.74.0 grpcio==1.74.0 protobuf==6.31.1 setuptools==80.9.0
	touch $@
