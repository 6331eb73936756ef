#!/bin/sh
# packages -- install with apt what is missing.  Arguments: build, demo, test, long (each adds to those before).
# Nothing is done, and no root needed, where everything is there already.
set -eu

build='gcc make cmake ninja-build pkg-config libc6-dev libev-dev libzmq3-dev libsodium-dev
  libsecp256k1-dev libssl-dev libcurl4-openssl-dev libnghttp2-dev libprotobuf-c-dev
  protobuf-c-compiler protobuf-compiler libjansson-dev libsqlite3-dev libmicrohttpd-dev
  libseccomp-dev'
demo='iproute2 iputils-ping wireguard-tools wireguard-go ca-certificates findutils'
test='libcriterion-dev libmsgpack-dev clang clang-format libclang-rt-14-dev nftables valgrind git
  procps curl'
long='clang-tidy podman runc netavark aardvark-dns iptables docker-compose mmdebstrap'

wanted=
for set in "$@"; do
  case $set in
    build) wanted="$wanted $build" ;;
    demo) wanted="$wanted $demo" ;;
    test) wanted="$wanted $test" ;;
    long) wanted="$wanted $long" ;;
    *) echo "packages.sh: no set \"$set\"" >&2; exit 64 ;;
  esac
done
# A node of another origin than Debian's serves as well; npm comes with it or apart.
command -v node >/dev/null 2>&1 || wanted="$wanted nodejs"
command -v npm >/dev/null 2>&1 || wanted="$wanted npm"

missing=
for package in $wanted; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=
elif command -v sudo >/dev/null 2>&1; then
  as_root=sudo
else
  echo "missing packages:$missing" >&2
  echo "neither root nor sudo here: as root, run: apt-get install --no-install-recommends$missing" >&2
  exit 1
fi
echo "installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
