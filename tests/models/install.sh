#!/usr/bin/env bash
# Installs the real server that the suite of models asks, llama.cpp, and makes the two tiny models that it
# serves: half a megabyte each, of random weights. Everything comes from package registries, nothing is
# compiled, no weights are downloaded, and what is there already is kept.
set -euo pipefail
cd "$(dirname "$0")"

cache=${ORC_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/orc-tests}/models
server=xllamacpp==2026.10.11549
maker='gguf==0.19.0 numpy==2.4.6'
key="$server $maker $(sha256sum make_model.py | cut -d ' ' -f 1)"

[ "$(cat "$cache/.stamp" 2> /dev/null)" = "$key" ] && exit
echo "models: installing $server"
rm -rf "$cache"
mkdir -p "$cache"
log=$cache/install.log
python3 -m venv "$cache/venv"
# shellcheck disable=SC2086  # two packages
if ! "$cache/venv/bin/pip" install --only-binary :all: $server $maker > "$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
"$cache/venv/bin/python" make_model.py "$cache/talks.gguf" -60
"$cache/venv/bin/python" make_model.py "$cache/calls.gguf" 2.5
# A stamp is written last, so an interrupted installation is done again.
printf '%s\n' "$key" > "$cache/.stamp"
