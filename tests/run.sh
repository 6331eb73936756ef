#!/bin/sh
# run -- build, run every suite of suites.txt, count what the runners say, and close with the sum.
# Argument: quick, or long for the suites that do not fit 25 minutes as well.
# A suite that does not run, says no count, or exits non-zero without a failed test counts as one failed.
# Any file a sanitizer writes counts as one failed.
# A line "not run: ..." of a suite is shown: what it names was neither passed nor failed.
set -u
cd "$(dirname "$0")/.."
when=${1:-quick}
out=build/test-logs
rm -rf "$out" && mkdir -p "$out/sanitizer"

build() { # preset: configure and build, quietly unless it fails
  echo "building $1"
  { cmake --preset "$1" && cmake --build "build/$1" --parallel 2; } >"$out/build-$1.log" 2>&1 ||
    { tail -n 40 "$out/build-$1.log"; echo "0 passed, 1 failed"; exit 1; }
}
# The trees first: some tests are declared only where what they talk to is there.
for tree in devnet contracts tests/v1peer tests/integration/dstack-sdk; do
  make --no-print-directory "$tree/node_modules/.installed" >"$out/npm.log" 2>&1 ||
    { tail -n 20 "$out/npm.log"; echo "0 passed, 1 failed"; exit 1; }
done
build test
build asan
build dev-clang

export ASAN_OPTIONS="log_path=$PWD/$out/sanitizer/asan:detect_leaks=1"
export UBSAN_OPTIONS="log_path=$PWD/$out/sanitizer/ubsan:print_stacktrace=1"
export ATTESTMESH_VECTORS="${ATTESTMESH_VECTORS:-$PWD/tests/vectors}"

# The closing lines of Criterion, ctest, node's runner, and our own programs.
count='
  /\[====\] Synthesis: Tested:/ { gsub(/\033\[[0-9;]*m/, ""); for (i = 1; i < NF; i++) {
      if ($i == "Passing:") p += $(i + 1); if ($i == "Failing:" || $i == "Crashing:") f += $(i + 1) } seen = 1 }
  /tests passed, [0-9]+ tests failed out of [0-9]+/ { for (i = 1; i < NF; i++) {
      if ($i == "failed") { bad = $(i - 2) } if ($i == "of") all = $(i + 1) } p += all - bad; f += bad; seen = 1 }
  /^# pass [0-9]+$/ { p += $3; seen = 1 }
  /^# fail [0-9]+$/ { f += $3 }
  /^[0-9]+ passed, [0-9]+ failed$/ { p += $1; f += $3; seen = 1 }
  END { if (!seen) f++; print p + 0, f + 0 }'

passed=0 failed=0
run() { # name command...
  name=$1; shift
  start=$(date +%s)
  sh -c "$*" >"$out/$name.log" 2>&1
  status=$?
  # shellcheck disable=SC2046
  set -- $(awk "$count" "$out/$name.log")
  p=$1 f=$2
  [ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
  passed=$((passed + p)) failed=$((failed + f))
  printf '%-28s %4d passed, %d failed, %d s\n' "$name" "$p" "$f" "$(($(date +%s) - start))"
  [ "$f" -eq 0 ] || tail -n 30 "$out/$name.log"
  grep '^not run: ' "$out/$name.log" | sort -u
}

while read -r length name command; do
  case $length in '' | '#'*) continue ;; esac
  [ "$length" = quick ] || [ "$when" = long ] || continue
  run "$name" "$command" </dev/null
done <tests/suites.txt

for log in "$out"/sanitizer/*; do
  [ -e "$log" ] || continue
  failed=$((failed + 1))
  echo "sanitizer: $log"
  head -n 30 "$log"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
