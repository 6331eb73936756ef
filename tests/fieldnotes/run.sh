#!/bin/sh
# run -- each note of notes.txt twice: as the tree is, its test passes; with its patch, it fails in the note's words.
# In a scratch copy of the tracked tree, build/fieldnotes; the tree itself is not touched.
# Arguments: patches to try, without .patch (all of notes.txt).
# A build that fails, a patch that does not apply and a test that does not end are failures of the note, not of its test.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
notes=$root/tests/fieldnotes
work=$root/build/fieldnotes
tree=$work/tree bin=$work/build/bin log=$work/log
limit=100 # seconds for one test
passed=0 failed=0

judge() { # ok or FAIL, what, how
  if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%-4s %s: %s\n' "$1" "$2" "$3"
}

finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
  exit
}

copy() {
  rm -rf "$work" && mkdir -p "$tree" "$log" &&
    git ls-files | while read -r f; do [ ! -f "$f" ] || echo "$f"; done | tar -cf - -T - | tar -xf - -C "$tree" &&
    for d in devnet contracts tests/v1peer tests/integration/dstack-sdk; do
      [ ! -d "$d/node_modules" ] || ln -s "$root/$d/node_modules" "$tree/$d/node_modules" || return 1
    done
  cmake -S "$tree" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DAM_TESTS=ON >"$log/cmake.log" 2>&1
}

# The scratch copy lies inside a repository, to which git apply must not relate it.
patch_tree() { # patch, options...
  p=$notes/$1.patch; shift
  (cd "$tree" && GIT_CEILING_DIRECTORIES=$work git apply "$@" "$p")
}

build() { # targets, log
  # shellcheck disable=SC2086
  cmake --build "$work/build" --parallel 2 --target $1 >"$log/$2" 2>&1
}

try() { # command, log: its exit status
  ( set -f; cd "$bin" || exit 1
    # shellcheck disable=SC2086
    timeout -k 5 "$limit" ./$1 ) >"$log/$2" 2>&1 </dev/null
}

unpatched() { # patch, target, command, note
  build "$2" "$1-build.log" || { judge FAIL "$1" "does not build: $log/$1-build.log"; return; }
  if try "$3" "$1.log"; then judge ok "$1" "$4"; else
    judge FAIL "$1" "exit status $?: $log/$1.log"; tail -n 5 "$log/$1.log"; fi
}

patched() { # patch, target, command, words of the failure
  patch_tree "$1" 2>"$log/$1-apply.log" || { judge FAIL "$1" "the patch does not apply: $log/$1-apply.log"; return; }
  if build "$2" "$1-patched-build.log"; then
    try "$3" "$1-patched.log"
    status=$?
    if [ $status -eq 0 ]; then judge FAIL "$1" "passes with the old mistake in it"
    elif [ $status -ge 124 ]; then judge FAIL "$1" "does not end by itself with the old mistake in it"
    elif ! grep -qF -- "$4" "$log/$1-patched.log"; then
      judge FAIL "$1" "fails, but not by \"$4\": $log/$1-patched.log"
    else
      judge ok "$1" "patched: $4"
      rm -rf "$(sed -n 's,^logs: \(/tmp/attestmesh-fieldnote-[A-Za-z0-9]*\)$,\1,p' "$log/$1-patched.log" | head -n 1)"
    fi
  else judge FAIL "$1" "does not build with the patch: $log/$1-patched-build.log"; fi
  patch_tree "$1" -R || { judge FAIL "$1" "the patch cannot be taken back"; finish; }
}

copy || { judge FAIL setup "no scratch copy, or it cannot be configured: $log"; finish; }
build "$(awk -F ' *[|] *' '!/^#/ { print $2 }' "$notes/notes.txt" | sort -u)" build.log ||
  { judge FAIL setup "does not build: $log/build.log"; tail -n 20 "$log/build.log"; finish; }
while IFS='|' read -r name target command words note; do
  name=${name%"${name##*[! ]}"}
  case $name in '' | '#'*) continue ;; esac
  [ $# -eq 0 ] || case " $* " in *" $name "*) ;; *) continue ;; esac
  target=$(echo "$target" | xargs) note=${note# }
  words=${words# } words=${words%"${words##*[! ]}"}
  command=${command# }
  unpatched "$name" "$target" "$command" "$note"
  patched "$name" "$target" "$command" "$words"
done <"$notes/notes.txt"
for p in "$notes"/*.patch; do # a patch that no note names would prove nothing
  p=$(basename "$p" .patch)
  grep -q "^$p " "$notes/notes.txt" || judge FAIL "$p" "notes.txt does not name it"
done
finish
