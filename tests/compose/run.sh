#!/bin/sh
# run -- e2e-compose with a folder for its images and volumes; folder and control groups go however it ends.
# Arguments: rounds (20).  As root; makes the image's base when it is not there yet.
set -u
cd "$(dirname "$0")/../.." || exit 1
storage=$(mktemp -d)
child=
tidy() {
  for id in "$storage"/graph/overlay-containers/*/; do
    find /sys/fs/cgroup -depth -type d -path "*$(basename "$id")*" -exec rmdir {} \; 2>/dev/null
  done
  find /sys/fs/cgroup -depth -type d -name libpod_parent -exec rmdir {} \; 2>/dev/null # none of others, or not empty
  rm -rf "$storage"
}
trap tidy EXIT
trap '[ -z "$child" ] || { kill "$child"; wait "$child"; }; exit 1' INT TERM
[ -e build/image/base.tar ] || deploy/base build/image/base.tar || { echo "0 passed, 1 failed"; exit 1; }
build/test/bin/e2e-compose "$storage" "$@" &
child=$!
wait "$child"
