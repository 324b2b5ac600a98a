# make firmware        the firmware as a program of this machine: dist/tendril-firmware
# make firmware-test   its tests: sanitizers, coverage, fuzz targets, clang-tidy, cppcheck
# make firmware-story  conformance and the main job, with that program as the device
# make firmware-valgrind  the same under valgrind

FIRMWARE_BUILD = dist/firmware
# Each fuzz target of the firmware runs for so many seconds beyond its corpus.
FIRMWARE_FUZZ_SECONDS ?= 3
# The lines of the core that its tests must reach, in percent.
FIRMWARE_COVERAGE = 95
JOBS ?= 2

# Something that is there if the Debian package behind the colon is.
FIRMWARE_BUILD_NEEDS = $(call needs_program,cmake,cmake) $(call needs_program,ninja,ninja-build) \
  $(call needs_program,g++,g++) $(call needs_file,/usr/include/bearssl.h,libbearssl-dev) \
  $(call needs_file,/usr/include/nlohmann/json.hpp,nlohmann-json3-dev) $(call needs_file,/usr/include/httplib.h,libcpp-httplib-dev)
FIRMWARE_TEST_NEEDS = $(FIRMWARE_BUILD_NEEDS) $(call needs_file,/usr/include/gtest/gtest.h,libgtest-dev) \
  $(call needs_program,gcovr,gcovr) $(call needs_program,valgrind,valgrind) $(call needs_program,clang++,clang) \
  $(needs_fuzzer) $(call needs_program,clang-tidy,clang-tidy) $(call needs_program,cppcheck,cppcheck)

needs_program = $(shell command -v $(1) >/dev/null || echo $(2))
needs_file = $(shell test -e $(1) || echo $(2))
# What fuzz targets are linked with, which Debian's clang only recommends.
needs_fuzzer = $(shell ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a >/dev/null 2>&1 || echo libclang-rt-dev)

# install has Debian install what is missing of a list, and says what for.
define firmware_install
	@missing="$(strip $(1))"; test -z "$$missing" || { \
	  echo "$(2) Installing Debian's $$missing."; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	}
endef

.PHONY: firmware firmware-story firmware-valgrind firmware-test firmware-unit firmware-fuzz firmware-lint firmware-tables firmware-needs firmware-test-needs

firmware: firmware-needs
	@cmake -S firmware -B $(FIRMWARE_BUILD)/host -G Ninja -DCMAKE_CXX_COMPILER=g++ >/dev/null
	@cmake --build $(FIRMWARE_BUILD)/host -j $(JOBS) --target tendril-firmware
	@! test -x $(FIRMWARE_BUILD)/host/tendril-firmware || cp $(FIRMWARE_BUILD)/host/tendril-firmware dist/tendril-firmware

firmware-test: firmware-story firmware-valgrind firmware-unit firmware-fuzz firmware-lint firmware-chip firmware-size firmware-ports

firmware-story: firmware
	TENDRIL_FIRMWARE=$(CURDIR)/dist/tendril-firmware $(GO) test ./firmware -count=1

# The same under valgrind, which finds what the sanitizers don't look for: bytes that
# nobody has written.
firmware-valgrind: firmware firmware-test-needs
	@printf '#!/bin/sh\nexec valgrind -q --leak-check=full --error-exitcode=99 $(CURDIR)/dist/tendril-firmware "$$@"\n' >$(FIRMWARE_BUILD)/valgrind
	@chmod +x $(FIRMWARE_BUILD)/valgrind
	TENDRIL_FIRMWARE=$(CURDIR)/$(FIRMWARE_BUILD)/valgrind $(GO) test ./firmware -count=1

# GoogleTest over the core. FIRMWARE_FILTER picks tests, as --gtest_filter does; the
# coverage is measured when all run.
FIRMWARE_FILTER ?= *
firmware-unit: firmware-test-needs firmware-tables
	@cmake -S firmware -B $(FIRMWARE_BUILD)/test -G Ninja -DCMAKE_CXX_COMPILER=g++ -DTENDRIL_TESTS=ON >/dev/null
	@cmake --build $(FIRMWARE_BUILD)/test -j $(JOBS) --target tendril-test
	@find $(FIRMWARE_BUILD)/test -name '*.gcda' -delete
	@seq $(JOBS) | xargs -P $(JOBS) -I {} sh -c 'GTEST_TOTAL_SHARDS=$(JOBS) GTEST_SHARD_INDEX=$$(({} - 1)) \
	  $(FIRMWARE_BUILD)/test/tendril-test --gtest_brief=1 --gtest_filter="$(FIRMWARE_FILTER)"'
	@test '$(FIRMWARE_FILTER)' != '*' || gcovr --root firmware --filter firmware/src/Tendril --exclude-throw-branches \
	  --fail-under-line $(FIRMWARE_COVERAGE) $(FIRMWARE_BUILD)/test

# The tables that Go's tests and the firmware's share, as C++.
firmware-tables:
	@$(GO) run ./firmware/generate -tables $(FIRMWARE_BUILD)/generated

# A target reads its corpus, fuzz/corpus/<name>, and adds what it finds to the build
# folder only.
firmware-fuzz: firmware-test-needs
	@cmake -S firmware -B $(FIRMWARE_BUILD)/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DTENDRIL_FUZZ=ON >/dev/null
	@cmake --build $(FIRMWARE_BUILD)/fuzz -j $(JOBS)
	@printf '%s\n' $(basename $(notdir $(wildcard firmware/fuzz/*.cpp))) | xargs -r -P $(JOBS) -I NAME sh -c '$(firmware_fuzz)'

# What fails is in the build folder, found/NAME, and goes to the corpus with its fix.
firmware_fuzz = found=$(FIRMWARE_BUILD)/fuzz/found/NAME; mkdir -p $$found; \
  $(FIRMWARE_BUILD)/fuzz/fuzz-NAME -max_total_time=$(FIRMWARE_FUZZ_SECONDS) -timeout=5 -print_final_stats=1 \
    -artifact_prefix=$$found/ $$found firmware/fuzz/corpus/NAME >$$found.log 2>&1 || { tail -n 60 $$found.log; exit 1; }; \
  echo "fuzz firmware NAME:$$(sed -n "s/stat::number_of_executed_units://p" $$found.log) runs"

# The compile commands are clang's own, from the fuzz build.
# What is zeroed as a whole cppcheck takes for forgotten; valgrind and gcc see what is.
firmware-lint: firmware-test-needs
	@cmake -S firmware -B $(FIRMWARE_BUILD)/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DTENDRIL_FUZZ=ON >/dev/null
	@find firmware/src/Tendril -name '*.cpp' -print0 | xargs -0 -r -P $(JOBS) -n 1 \
	  sh -c 'found=$$(clang-tidy -p $(FIRMWARE_BUILD)/fuzz --quiet "$$0" 2>&1) || { echo "$$found"; exit 1; }'
	@cppcheck --quiet --language=c++ --std=c++17 --inline-suppr --enable=warning,performance,portability \
	  --suppress=missingIncludeSystem --suppress=uninitMemberVar --suppress=uninitDerivedMemberVar --error-exitcode=1 -j $(JOBS) -I firmware/src firmware/src/Tendril

firmware-needs:
	$(call firmware_install,$(FIRMWARE_BUILD_NEEDS),The firmware is C++$(comma) and its host program does TLS by BearSSL and reads and serves JSON.)

firmware-test-needs:
	$(call firmware_install,$(FIRMWARE_TEST_NEEDS),The firmware's tests are GoogleTest$(comma) sanitizers$(comma) fuzz targets and two linters.)

comma := ,

include firmware/chip/chip.mk firmware/check/check.mk
