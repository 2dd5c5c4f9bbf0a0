# community_core: what a person types. Everything else is in scripts/.
ifdef PG_CONFIG
PG ?= $(shell $(PG_CONFIG) --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')
endif
PG ?= 15
PG_CONFIG ?= $(shell scripts/pg-config $(PG))
TEST ?=
DUMP ?=
KEEP ?=
CHECK ?=
ROUNDS ?= 50

.DEFAULT_GOAL := help
.PHONY: help setup demo test faults types docs install package bench clean

help: ## list these targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo "  PG=15|16|17|18 chooses the PostgreSQL, PG_CONFIG=/path/pg_config an installation of your own"

setup: ## install what building and testing need; nothing the second time
	@scripts/setup $(PG)

demo: setup ## build, start a throwaway cluster, play a story, stop it; DUMP=folder loads a Stack Exchange dump
	@KEEP=$(KEEP) scripts/demo $(PG) $(DUMP)

test: setup ## run every test; TEST=name runs those whose name contains it
	@scripts/test $(PG) $(TEST)

faults: setup ## play 50 rounds of killed backends and servers; ROUNDS=n plays others
	@COMMUNITY_CORE_FAULTS=$(ROUNDS) scripts/test $(PG) operations::faults

types: setup ## write types/database.ts from a database and check it; CHECK=1 only compares
	@scripts/types $(PG) $(if $(CHECK),--check)

docs: setup ## write docs/reference from the catalogue of a database; CHECK=1 only compares
	@scripts/docs $(PG) $(if $(CHECK),--check)

install: setup ## install a release build into the PostgreSQL of PG_CONFIG=/path/pg_config
	@scripts/install $(PG_CONFIG)

package: setup ## make a Debian package for PostgreSQL 15, or a tar of the files for another (PG=18)
	@scripts/package $(PG)

bench: setup ## measure the engines beside their plain alternatives, and write benches/RESULTS.md
	@scripts/bench $(PG)

clean: ## remove what the builds made
	cargo clean
