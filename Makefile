# make test   everything that CI runs; installs what it lacks and says so
# make check  the fast inner loop: format, vet, lint, unit tests
# make build  the binary, in dist/
# make bench  the benchmarks that docs/benchmarks.md quotes
# make cross  builds for every platform that we ship to

GO ?= go
# Each fuzz target runs for FUZZ_TIME beyond its corpus.
FUZZ_TIME ?= 5s
# RUNS is how many random stories the whole-system property test plays, KILLS how
# many of them kill a real server process.
RUNS ?= 1000
KILLS ?= 100
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
PLATFORMS = linux/amd64 linux/arm64 linux/arm darwin/amd64 darwin/arm64 windows/amd64
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: test check build bench format vet lint unit race story npm fuzz cross

test: format vet lint npm race story fuzz cross

check: format vet lint unit

format:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted; run gofmt -w on: $$unformatted"; exit 1; }

vet:
	$(GO) vet ./...

lint:
	$(GO) run $(STATICCHECK) ./...

unit:
	$(GO) test -short ./...

# The short stories, under the race detector; make story plays the long ones.
race:
	$(GO) test -race -short ./...

story: npm
	$(GO) test ./story -count=1 -timeout 30m -runs $(RUNS) -kills $(KILLS)

# A device client that we did not write, for the compatibility test.
npm:
	@if ! command -v npm >/dev/null; then \
	  echo "Node.js is missing: the compatibility test runs the published blynk-library. Installing Debian's nodejs and npm."; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm; \
	fi
	@if ! cmp -s story/npm/package-lock.json story/npm/node_modules/.package-lock.source; then \
	  echo "Installing blynk-library, as story/npm/package-lock.json pins it, for the compatibility test."; \
	  (cd story/npm && npm ci --no-audit --no-fund && cp package-lock.json node_modules/.package-lock.source); \
	fi

fuzz:
	@set -e; for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || :); do \
	    echo "fuzz $$package $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) $$package; \
	  done; \
	done

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o dist/tendril ./cmd/tendril

# The parts first, then the whole system, which fails beyond its limits. The load
# wants a machine that does nothing else.
bench:
	$(GO) test -run '^$$' -bench . -benchmem $$($(GO) list ./... | grep -v '/bench$$')
	$(GO) test -run '^$$' -bench . -timeout 30m ./bench

cross:
	@set -e; for platform in $(PLATFORMS); do \
	  echo "build $$platform"; \
	  CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} GOARM=6 $(GO) build -o /dev/null ./cmd/tendril; \
	done
