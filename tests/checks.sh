#!/bin/sh
# checks -- what a reader should not have to check: format, leftovers, the size of the bus.
set -u
cd "$(dirname "$0")/.."
passed=0 failed=0
check() { # name, what was found (nothing is good)
  if [ -z "$2" ]; then passed=$((passed + 1)); echo "ok   $1"; else
    failed=$((failed + 1)); echo "FAIL $1"; echo "$2" | head -n 20; fi
}
sources=$(git ls-files '*.c' '*.h')
# shellcheck disable=SC2086
check "clang-format has nothing to say" "$(clang-format --dry-run $sources 2>&1 | grep -c warning: | grep -v '^0$')"
check "nothing is left to do in the text" \
  "$(git grep -nIE '\b(TODO|FIXME|XXX|HACK)\b' -- '*.c' '*.h' '*.def' '*.sol' '*.mjs' '*.sh' ':!tests/checks.sh')"
check "every C file says in its first line what it is" \
  "$(for f in $sources; do head -n 1 "$f" | grep -q '^/\*  ' || echo "$f"; done)"
check "every contract compiles under Apache-2.0" \
  "$(for f in $(git ls-files 'contracts/src/*.sol'); do grep -q 'SPDX-License-Identifier: Apache-2.0' "$f" || echo "$f"; done)"
# Lines of code: without comments and blank lines.
code='{ line = $0
  while (1) {
    if (inside) { i = index(line, "*/"); if (!i) { line = ""; break } line = substr(line, i + 2); inside = 0 }
    i = index(line, "/*"); if (!i) break
    j = index(substr(line, i + 2), "*/")
    if (j) line = substr(line, 1, i - 1) substr(line, i + j + 3)
    else { line = substr(line, 1, i - 1); inside = 1; break } }
  gsub(/[ \t]/, "", line); if (line != "") n++ }
  END { print n }'
lines=$(cat bus/*.c bus/*.h | awk "$code")
check "the bus is under 2,000 lines of code" "$([ "$lines" -lt 2000 ] || echo "it is $lines")"
check "no lock file names a registry's host" "$(git grep -n '"resolved"' -- '*package-lock.json' | head -n 3)"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
