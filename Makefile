# The two commands behind script/demo and script/test, and what a developer needs beside them.
# Programs come from CMake; npm trees from committed lock files.
PRESET ?= release
BUILD = build/$(PRESET)
NPM_CI = npm ci --ignore-scripts --no-audit --no-fund

.PHONY: all build demo test test-long vectors fuzz bench format clean

all: build

build:
	cmake --preset $(PRESET) > $(CURDIR)/.cmake.log 2>&1 || { cat .cmake.log; exit 1; }
	@rm -f .cmake.log
	cmake --build $(BUILD) --parallel 2

# npm empties the folder first, and would do so behind a link: then it is somebody else's.
%/node_modules/.installed: %/package-lock.json
	test ! -L $*/node_modules
	cd $* && $(NPM_CI)
	touch $@

demo: build devnet/node_modules/.installed
	$(BUILD)/bin/attestmesh demo $(DEMO)

test:
	tests/run.sh quick

test-long:
	tests/run.sh long

vectors:
	cmake --preset test >/dev/null && cmake --build build/test --target vectors
	ctest --test-dir build/test --output-on-failure -R '^vectors'

fuzz:
	tests/fuzz/run.sh

# Of programs as they ship; on a machine that does nothing else.
bench: devnet/node_modules/.installed
	cmake --preset test >/dev/null && cmake --build build/test --parallel 2 --target bench >/dev/null
	build/test/bin/bench

format:
	git ls-files '*.c' '*.h' | xargs clang-format -i

clean:
	rm -rf build
