#!/usr/bin/env bash
# Runs the tests. usage: tests/run.sh [all|rust|models|editors|quick]   (default: all)
#   rust     formatting, lints, the tests of all crates
#   models   pipelines against the real server of llama.cpp
#   editors  the extension's own tests, then the plugins in the real Neovim and the real VS Code
#   quick    rust and the extension's own tests: nothing is installed beyond npm packages
# Editors and the server are installed where they are missing (install.sh in tests/editors, tests/models). Pictures of them are
# kept in ORC_SHOTS, by default target/shots. A failing suite does not keep the next from running.
set -uo pipefail
cd "$(dirname "$0")/.."

what=${1:-all}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
[ -z "${CI:-}" ] || export CARGO_INCREMENTAL=0
export ORC_SHARED=${ORC_SHARED:-$(dirname "$PWD")/shared}
export ORC_TEST_CACHE=${ORC_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/orc-tests}
export ORC_SHOTS=${ORC_SHOTS:-$PWD/target/shots}
target=${CARGO_TARGET_DIR:-$PWD/target}
export ORC_BIN=${ORC_BIN:-$target/debug/orc}

passed=0
failed=0
failures=()

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs a suite and adds its tests up. A suite that prints no counts is one test.
suite() { # name, command…
  local name=$1 began=$SECONDS good bad status
  shift
  printf '\n== %s\n' "$name"
  "$@" < /dev/null 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  # cargo: `test result: ok. 3 passed; 0 failed; …`; vitest: `Tests  2 failed | 41 passed (43)`;
  # the editors: `neovim: 30 passed, 0 failed in 4.1 s`.
  good=$(count passed)
  bad=$(count failed)
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  if [ "$((good + bad))" -eq 0 ]; then good=1; fi
  passed=$((passed + good))
  failed=$((failed + bad))
  [ "$bad" -eq 0 ] || failures+=("$name")
  printf -- '-- %s: %d passed, %d failed, %d s\n' "$name" "$good" "$bad" $((SECONDS - began))
  return "$status"
}

count() {
  sed 's/\x1b\[[0-9;]*m//g' "$log" |
    grep -E '^test result:|^ +Tests |^[a-z ]+: [0-9]+ passed, [0-9]+ failed' |
    grep -oE "[0-9]+ $1" | awk '{ total += $1 } END { print total + 0 }'
}

rust() {
  suite 'formatting' cargo fmt --all -- --check
  suite 'lints' cargo clippy --workspace --all-targets --locked -- -D warnings
  if [ ! -d "$ORC_SHARED/corpus" ]; then
    printf '\nno corpus at %s: the tests that read the 90 real pipelines fail; set ORC_SHARED\n' "$ORC_SHARED"
  fi
  suite 'crates' cargo test --workspace --locked --no-fail-fast
  suite 'traces and keyring: lints' cargo clippy -p orc --features otlp,keyring --all-targets --locked -- -D warnings
  suite 'traces and keyring' cargo test -p orc --features otlp,keyring --lib --test cli --locked -- telemetry:: keys::
}

extension() {
  (
    cd editors/vscode || exit
    # The cache of an earlier run is used as long as the lock file is the same.
    if ! cmp -s package-lock.json node_modules/.installed; then
      npm ci --no-audit --no-fund && cp package-lock.json node_modules/.installed || exit
    fi
    npm run typecheck && npm test && npm run package
  )
}

lockfile_names_no_host() {
  ! grep -n '"resolved"' editors/vscode/package-lock.json
}

models() {
  suite 'binary for the server of models' cargo build -p orc --locked
  suite 'installation of the server of models' bash tests/models/install.sh || return
  suite 'models: a real server' timeout 300 python3 tests/models/suite.py
}

neovim() {
  timeout 180 "$ORC_TEST_CACHE/nvim/venv/bin/nvim" --clean -l tests/editors/nvim.lua
}

pictures() {
  node tests/editors/render_grid.mjs "$ORC_SHOTS"/neovim-*.json
}

editors() {
  suite 'lock file of the extension' lockfile_names_no_host
  suite 'extension: types, unit tests, package' extension
  suite 'binary for the editors' cargo build -p orc --locked
  suite 'installation of the editors' bash tests/editors/install.sh || return
  suite 'Neovim' neovim
  suite 'VS Code: extension host' timeout 240 node tests/editors/vscode_host.mjs
  suite 'VS Code: as it is seen' timeout 240 node tests/editors/vscode_dom.mjs
  suite 'pictures of Neovim' pictures
}

case $what in
  all) rust; models; editors ;;
  rust) rust ;;
  models) models ;;
  editors) editors ;;
  quick) rust; suite 'extension: types, unit tests, package' extension ;;
  *) echo "unknown part \`$what\`; use all, rust, models, editors or quick" >&2; exit 2 ;;
esac

printf '\n'
[ ${#failures[@]} -eq 0 ] || printf 'failed: %s\n' "${failures[@]}"
printf 'in %d s\n' "$SECONDS"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
