#!/bin/sh
# run -- e2e-compose with a folder for its images and volumes; folder and control groups go however it ends.
# Arguments: rounds (20).  As root; makes the image's base when it is not there yet.
set -u
cd "$(dirname "$0")/../.." || exit 1
storage=$(mktemp -d)
child=
groups() { # those of our containers
  for id in "$storage"/graph/overlay-containers/*/; do
    [ -d "$id" ] || continue # there is none, and the pattern stands for itself
    find /sys/fs/cgroup -depth -type d -path "*$(basename "$id")*" "$@" 2>/dev/null
  done
}
tidy() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do # the kernel keeps a group until its last process is reaped
    groups -exec rmdir {} \;
    [ -n "$(groups)" ] || break
    sleep 0.3
  done
  find /sys/fs/cgroup -depth -type d \( -name libpod_parent -o -path '*/libpod_parent/conmon' \) \
    -exec rmdir {} \; 2>/dev/null # they stay while others use them
  rm -rf "$storage"
}
trap tidy EXIT
trap '[ -z "$child" ] || { kill "$child"; wait "$child"; }; exit 1' INT TERM
[ -e build/image/base.tar ] || deploy/base build/image/base.tar || { echo "0 passed, 1 failed"; exit 1; }
build/test/bin/e2e-compose "$storage" "$@" &
child=$!
wait "$child"
