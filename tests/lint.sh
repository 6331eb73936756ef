#!/bin/sh
# lint -- clang-tidy, as .clang-tidy sets it, over every C file of ours; a finding fails its file.
# Argument: a clang build folder (build/dev-clang); more arguments: only these files.
set -u
cd "$(dirname "$0")/.."
build=${1:-build/dev-clang}
[ $# -eq 0 ] || shift
out=build/lint-logs
rm -rf "$out" && mkdir -p "$out/fuzz"

# The headers that are generated must be there; nothing else needs building.  What only the fuzz
# preset compiles is configured beside it.
{ { [ -f "$build/build.ninja" ] ||
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang; } &&
  cmake --build "$build" --target mesh_proto api_proto &&
  cmake -S . -B "$out/fuzz" -G Ninja -DCMAKE_C_COMPILER=clang -DAM_FUZZ=ON; } >"$out/build" 2>&1 ||
  { tail -n 20 "$out/build"; echo "0 passed, 1 failed"; exit 1; }
# A file that several programs share is listed once for each of them; once is enough.
{
  echo '['
  cat "$build/compile_commands.json" "$out/fuzz/compile_commands.json" | awk '
    /^\{/ { text = "" } { text = text $0 "\n" }
    /"file":/ { file = $0 }
    /^\}/ && !seen[file]++ { sub(/,?\n$/, "", text); printf "%s%s", comma, text; comma = ",\n" }'
  echo ']'
} >"$out/compile_commands.json"

if [ $# -gt 0 ]; then printf '%s\n' "$@"; else git ls-files '*.c'; fi >"$out/files"
# shellcheck disable=SC2016
one='
  name=$(printf %s "$2" | tr / -)
  if grep -qF "\"file\": \"$PWD/$2\"" "$1/compile_commands.json"; then
    clang-tidy -p "$1" --quiet "$2" >"$1/$name.log" 2>&1
    status=$?
    grep -E "(error|warning): " "$1/$name.log" | sed "s#^$PWD/##" | sort -u >"$1/$name.found"
    [ "$status" -eq 0 ] || [ -s "$1/$name.found" ] ||
      echo "$2: clang-tidy exits with $status: $(tail -n 1 "$1/$name.log")" >"$1/$name.found"
  else echo "$2: expected a build that compiles it" >"$1/$name.found"; fi
  cat "$1/$name.found"'
xargs -P 2 -n 1 sh -c "$one" sh "$out" <"$out/files"

passed=0 failed=0
while read -r file; do
  found=$out/$(printf %s "$file" | tr / -).found
  if [ -e "$found" ] && [ ! -s "$found" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done <"$out/files"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
