#!/bin/sh
# valgrind -- every unit test program under memcheck: no error and no lost block in any of its processes.
# Argument: a build folder without sanitizers (build/test); more arguments: only these tests.
set -u
cd "$(dirname "$0")/.."
build=${1:-build/test}
[ $# -eq 0 ] || shift
out=$PWD/build/valgrind-logs
rm -rf "$out" && mkdir -p "$out"
export ATTESTMESH_VECTORS="${ATTESTMESH_VECTORS:-$PWD/tests/vectors}"
# A test waits so many times longer; what the product fixes, as the bus's second for a connection, stays.
export ATTESTMESH_TEST_SLOW=20
# Programs that a test starts run as they are: their parts are tested in test programs of their own, and
# the deadlines of the bus do not bear memcheck at both ends.
export AS_THEY_ARE='/bin/*,/usr/bin/*,*/node,*/anvil,*/attestmesh,*/attestmesh-*,*/bus_peer,*/guest-agent,*/devnet_host'

if [ $# -gt 0 ]; then printf '%s\n' "$@"; else
  for program in "$build"/bin/test_* "$build"/bin/vectors; do
    name=${program##*/}; name=${name#test_}
    # They enter a sandbox, which valgrind cannot: it has no seccomp.
    case $name in sandbox | sandbox_enter | sandbox_root) continue ;; esac
    echo "$name"
  done
fi >"$out/names"

# One program.  Every process writes a log of its own, because Criterion runs each test in one; what
# is killed writes no summary, so an error's own first line counts as well.
# Three tests of grpc_unix search the own memory for a secret, and that holds what memcheck itself copied.
# shellcheck disable=SC2016
one='
  program=$1/bin/test_$3 options="--jobs 1"
  case $3 in
    vectors) program=$1/bin/vectors options= ;;
    grpc_unix) options="$options --filter !(*secret*)" ;;
  esac
  mkdir -p "$2/$3"
  start=$(date +%s)
  set -f
  valgrind --trace-children=yes --trace-children-skip="$AS_THEY_ARE" --fair-sched=try --vgdb=no \
    --error-exitcode=42 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite \
    --num-callers=20 --log-file="$2/$3/%p" "$program" $options >"$2/$3.out" 2>&1 </dev/null
  status=$?
  set +f
  bad=$(grep -lE "ERROR SUMMARY: [1-9]|== (Invalid|Conditional jump|Use of uninit|Syscall param|Mismatched)" "$2/$3"/*)
  if [ "$status" -eq 0 ] && [ -z "$bad" ] && grep -q "ERROR SUMMARY: 0" "$2/$3"/*; then
    : >"$2/$3.passed"; echo "ok   $3, $(($(date +%s) - start)) s"
  else
    echo "FAIL $3, $(($(date +%s) - start)) s: exits with $status"
    for log in $bad; do sed -n "/== *\$/,\$p" "$log" | head -n 60; done
    [ -n "$bad" ] || tail -n 20 "$2/$3.out"
  fi'
xargs -P 2 -n 1 sh -c "$one" sh "$build" "$out" <"$out/names"

passed=$(find "$out" -name '*.passed' | wc -l)
failed=$(($(wc -l <"$out/names") - passed))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
