#!/bin/sh
# run -- every fuzzer for a while (seconds each: first argument, 60 by default), from its own corpus.
set -u
cd "$(dirname "$0")/../.."
seconds=${1:-60}
{ cmake --preset fuzz && cmake --build build/fuzz --parallel 2; } >build/fuzz.log 2>&1 || { tail -n 20 build/fuzz.log; exit 1; }
passed=0 failed=0
for fuzzer in build/fuzz/bin/fuzz_*; do
  name=$(basename "$fuzzer")
  corpus=build/fuzz/corpus-$name seeds=tests/fuzz/corpus/${name#fuzz_}
  mkdir -p "$corpus"
  [ -d "$seeds" ] || seeds=
  if "$fuzzer" -max_total_time="$seconds" -print_final_stats=1 "$corpus" $seeds >"build/fuzz/$name.log" 2>&1; then
    passed=$((passed + 1)); echo "ok   $name: $(grep number_of_executed "build/fuzz/$name.log" | tr -s ' ')"
  else
    failed=$((failed + 1)); echo "FAIL $name"; tail -n 20 "build/fuzz/$name.log"
  fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
