#!/usr/bin/env bash
# Runs every fuzz target of the main module for FUZZTIME each. Targets are discovered, so a new one
# takes part without being named anywhere.
set -euo pipefail

go=${GO:-go}
fuzztime=${FUZZTIME:-3s}

# "go test -list" prints the names of a package's targets, then a line "ok <package> <time>".
targets=$("$go" test -list '^Fuzz' ./... | awk '
  /^Fuzz/     { names[++n] = $1 }
  $1 == "ok"  { for (i = 1; i <= n; i++) print $2, names[i]; n = 0 }
')
if [ -z "$targets" ]; then
  echo "fuzz: no target found" >&2
  exit 1
fi
while read -r pkg name; do
  echo "fuzz: $pkg $name for $fuzztime"
  "$go" test -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" -fuzzminimizetime 1s "$pkg" </dev/null
done <<<"$targets"
