#!/usr/bin/env bash
# Runs the fuzzers, one after the other. usage: tests/fuzz/run.sh [seconds for each] [fuzzer…]
#   seconds  1800 if not given
#   fuzzer   parser and edits if not given; tests/fuzz/harness.rs says what they do
# For Linux. Wants a C++ compiler; cargo-fuzz is installed where it is missing. What a fuzzer has learned stays in
# target/fuzz and is where the next run begins. Some of the inputs that together reach all that is reached
# replace those in tests/fuzz/corpus, which `cargo test` replays: the longest, each of which reaches most.
# Inputs called `found-…` once failed and stay.
# Fails if an input fails; such inputs are kept in target/fuzz/failed.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-1800}
fuzzers=("${@:2}")
[ ${#fuzzers[@]} -gt 0 ] || fuzzers=(parser edits)
work=${ORC_FUZZ_WORK:-$PWD/target/fuzz}
pipelines=${ORC_SHARED:-$(dirname "$PWD")/shared}/corpus/pipelines
# What is kept in the repository of each fuzzer: 120 files of 2 KB, 400 KB in all.
most_files=120
most_bytes=$((400 * 1024))
largest=2048

command -v c++ > /dev/null || { echo 'a C++ compiler is missing: install g++ or clang' >&2; exit 2; }
export PATH=$work/tools/bin:$PATH
command -v cargo-fuzz > /dev/null || cargo install cargo-fuzz --version 0.13.2 --locked --root "$work/tools"

# The versions are those of the product.
cp Cargo.lock tests/fuzz/Cargo.lock
# Without a sanitizer, which only a nightly toolchain has: there is no unsafe code to look into.
CARGO_TARGET_DIR=$work/build cargo fuzz build --fuzz-dir tests/fuzz --sanitizer none
binaries=$work/build/$(rustc -vV | sed -n 's/^host: //p')/release

# Words worth trying: the keys of the language, and what is special to YAML and to templates.
dictionary=$work/words.dict
{
  grep -ohE '"[a-z_]+":' schemas/*.json | tr -d ':'
  printf '"%s"\n' '{{ ' ' }}' '{% ' ' %}' '{# ' ' #}' '<AUTO>' '</AUTO>' ': ' '- ' '\x0a' '\x0a  - id: ' '\x0d\x0a' \
    '|\x0a' '>-\x0a' '---\x0a' '...\x0a' '\x09' '&a ' '*a' '<<: ' '!!str ' '# orc: ignore ' '\xef\xbb\xbf' '\xf0\x9f\x98\x80'
} | sort -u > "$dictionary"

# Where a fuzzer begins that has learned nothing yet.
seed() { # fuzzer, folder
  case $1 in
    parser) find "$pipelines" -name '*.y*ml' -size -9k -exec cp {} "$2" \; ;;
    edits)
      # The n-th pipeline as a whole, and a question about its middle.
      for number in $(seq 0 99); do
        printf "\\x$(printf '%02x' "$number")\\xff\\xc0\\x80\\x00" > "$2/$number"
      done
      ;;
    *) echo "unknown fuzzer \`$1\`; use parser or edits" >&2; exit 2 ;;
  esac
}

# Replaces what is kept of a fuzzer.
keep() { # fuzzer, folder of all
  local kept=tests/fuzz/corpus/$1 chosen=$work/chosen files=0 bytes=0 size path
  rm -rf "$chosen" && mkdir -p "$chosen"
  "$binaries/$1" -set_cover_merge=1 -max_len=$largest "$chosen" "$kept" "$2" > "$work/$1.merge.log" 2>&1
  find "$kept" -type f ! -name 'found-*' -delete
  while read -r size path; do
    files=$((files + 1))
    bytes=$((bytes + size))
    if [ $files -gt $most_files ] || [ $bytes -gt $most_bytes ]; then break; fi
    cp "$path" "$kept/"
  done < <(find "$chosen" -type f -size -$((largest + 1))c -printf '%s %p\n' | sort -rn)
  echo "$1: $(find "$kept" -type f | wc -l) files of $(find "$kept" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }') bytes are kept"
}

status=0
for fuzzer in "${fuzzers[@]}"; do
  all=$work/corpus/$fuzzer failed=$work/failed/$fuzzer seeds=$work/seeds/$fuzzer
  rm -rf "$failed" "$seeds"
  mkdir -p "$all" "$failed" "$seeds" "tests/fuzz/corpus/$fuzzer"
  seed "$fuzzer" "$seeds"
  case $fuzzer in parser) length=8192 ;; *) length=160 ;; esac
  echo "$fuzzer: $seconds seconds"
  # One process at a time; one that fails is followed by another.
  "$binaries/$fuzzer" "$all" "tests/fuzz/corpus/$fuzzer" "$seeds" -fork=1 -ignore_crashes=1 -ignore_timeouts=1 \
    -ignore_ooms=1 -timeout=20 -rss_limit_mb=3000 -max_len=$length -len_control=0 -max_total_time="$seconds" \
    -dict="$dictionary" -artifact_prefix="$failed/" > "$work/$fuzzer.log" 2>&1 || status=1
  grep -E '^#[0-9]+: cov' "$work/$fuzzer.log" | tail -1 || true
  if [ -n "$(ls "$failed")" ]; then
    status=1
    for input in "$failed"/*; do
      echo "failed: $input"
      { "$binaries/$fuzzer" -timeout=20 "$input" 2>&1 || true; } | grep -m1 -A8 panicked || true
    done
  fi
  keep "$fuzzer" "$all"
done
exit $status
