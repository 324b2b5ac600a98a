# make test   everything that CI runs
# make check  the fast inner loop: format, vet, unit tests
# make build  the binary, in dist/
# make bench  the benchmarks that docs quote

GO ?= go
FUZZ_TIME ?= 5s

.PHONY: test check build bench format vet unit race fuzz

test: format vet race fuzz

check: format vet unit

format:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted; run gofmt -w on: $$unformatted"; exit 1; }

vet:
	$(GO) vet ./...

unit:
	$(GO) test ./...

race:
	$(GO) test -race ./...

# Each fuzz target runs for FUZZ_TIME beyond its corpus.
fuzz:
	@set -e; for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || :); do \
	    echo "fuzz $$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) $$package; \
	  done; \
	done

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o dist/ ./...

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
