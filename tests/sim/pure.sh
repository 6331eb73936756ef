#!/bin/sh
# pure -- files whose first line says "-- pure:" may see no clock, socket, process or chance
# usage: pure.sh <source root>; fails when such a file, or a header of its own folder that it
# includes, asks for one, and when no such file is found at all
cd "${1:?source root}" || exit 2
banned='time|ev|poll|unistd|fcntl|errno|signal|pthread|sodium|netdb|ifaddrs|sys/[a-z]+|net/[a-z]+|netinet/[a-z]+|arpa/[a-z]+|linux/[a-z]+'
calls='(^|[^a-z_])(rand|random|srand|getrandom|time|clock|clock_gettime|gettimeofday|getenv|am_mono_ms|am_wall_ms|randombytes[a-z_]*)\('
found=0 bad=0
for file in $(find services bus common -name '*.[ch]' | sort); do
    head -n 1 "$file" | grep -q -- '-- pure:' || continue
    found=$((found + 1))
    if grep -nE "#include <($banned)\.h>|\"[./]*(bus/bus|.*am_clock|.*am_http|.*am_grpc|.*am_log)\.h\"|$calls" "$file" /dev/null; then
        bad=$((bad + 1))
    fi
    for own in $(sed -n 's/^#include "\(mesh_[a-z_]*\.h\)"$/\1/p' "$file"); do
        head -n 1 "$(dirname "$file")/$own" | grep -q -- '-- pure:' && continue
        echo "$file: includes $own, which is not pure"
        bad=$((bad + 1))
    done
done
echo "$found pure files, $bad impure"
[ "$found" -ge 8 ] && [ "$bad" -eq 0 ]
