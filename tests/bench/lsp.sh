#!/usr/bin/env bash
# Measures `orc lsp` (release build) with the language-server benchmark that stands beside the
# checkout, and prints the figures next to yaml-language-server's. Prints; judges nothing.
#   tests/bench/lsp.sh [sizes]        e.g. tests/bench/lsp.sh 100,1000,10000
set -euo pipefail
cd "$(dirname "$0")/../.."
sizes=${1:-100,1000,10000}
bench=../shared/bench
[ -f "$bench/lsp_bench.py" ] || { echo "$bench/lsp_bench.py is missing: the benchmark stands beside the checkout" >&2; exit 2; }
cargo build --release --locked --quiet -p orc
binary=$(cargo metadata --format-version 1 --no-deps --offline | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')/release/orc
out=tests/bench/out
mkdir -p "$out"
python3 "$bench/lsp_bench.py" suite --cmd "$binary lsp --stdio" --name orc --sizes "$sizes" \
  --file-name 'bench_{n}.orc.yaml' --out "$out" >/dev/null
mine=(); theirs=()
for size in ${sizes//,/ }; do
  mine+=("$out/orc_$size.json")
  [ -f "$bench/baseline/yls_$size.json" ] && theirs+=("$bench/baseline/yls_$size.json")
done
python3 "$bench/lsp_bench.py" table "${mine[@]}" "${theirs[@]}"
