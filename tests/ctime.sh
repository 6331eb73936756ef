#!/bin/sh
# ctime -- secrets reach no branch and no index in our code: memcheck takes them for undefined bytes.
# Argument: a build folder without sanitizers (build/test).
set -u
cd "$(dirname "$0")/.."
program=${1:-build/test}/bin/ct_keyagent
out=build/ctime-logs
rm -rf "$out" && mkdir -p "$out"

passed=0 failed=0
parts=$("$program" list)
for part in ${parts:-none}; do
  valgrind --error-exitcode=42 --suppressions=tests/ctime.supp --num-callers=20 --log-file="$out/$part" \
    "$program" "$part" >"$out/$part.out" 2>&1
  status=$?
  case $part in
    # These must be found, and in their own lines.
    leak_*) [ "$status" -eq 42 ] && grep -q " $part (ct_keyagent.c:" "$out/$part" ;;
    *) [ "$status" -eq 0 ] && grep -q 'ERROR SUMMARY: 0 errors' "$out/$part" ;;
  esac && { passed=$((passed + 1)); echo "ok   $part"; continue; }
  failed=$((failed + 1))
  echo "FAIL $part: exits with $status"
  cat "$out/$part.out"
  head -n 60 "$out/$part"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
