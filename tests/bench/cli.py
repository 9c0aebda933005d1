#!/usr/bin/env python3
"""Times whole `orc` processes and lays them beside the limits. Standard library only.

    python3 tests/bench/cli.py [path/to/orc] [--runs 30]

The figure is the median wall time of a process, from start to exit, after one run that warms the
page cache. Exit code 1 if a limit is exceeded.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def pipeline(steps):
    """A pipeline of `steps` steps, each referring to the one before it."""
    lines = ["name: bench", "steps:"]
    for number in range(steps):
        command = f"echo {{{{ step_{number - 1}.result.stdout }}}}" if number else "echo hello"
        lines += [f"  - id: step_{number}", "    tool: terminal", "    action: execute"]
        lines += ["    parameters:", f'      command: "{command}"']
        if number:
            lines += [f"    dependencies: [step_{number - 1}]"]
    return "\n".join(lines) + "\n"


HELLO = """\
id: hello
name: Hello
steps:
  - id: write
    tool: filesystem
    action: write
    parameters: {path: ./output/hello.txt, content: hello}
  - id: read
    tool: filesystem
    action: read
    parameters: {path: ./output/hello.txt}
    dependencies: [write]
"""


def median_ms(command, folder, runs):
    times = []
    for attempt in range(runs + 1):
        start = time.perf_counter()
        ended = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if attempt:
            times.append((time.perf_counter() - start) * 1000)
        if ended.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit code {ended.returncode}\n{ended.stdout.decode()}{ended.stderr.decode()}")
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("orc", nargs="?", default=str(ROOT / "target/release/orc"))
    parser.add_argument("--runs", type=int, default=30)
    arguments = parser.parse_args()
    orc = str(Path(arguments.orc).resolve())
    exceeded = False
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("two.yaml", pipeline(2)), ("many.yaml", pipeline(200)), ("hello.yaml", HELLO)):
            (Path(folder) / name).write_text(text)
        shipped = ROOT.parent / "shared/corpus/pipelines/examples/supported/01_hello_filesystem.yaml"
        if shipped.is_file():
            (Path(folder) / "hello.yaml").write_text(shipped.read_text())
        print(f"{'command':34} {'median':>9} {'limit':>9} {'of it':>6}")
        for label, command, limit in (
            ("orc --version", ["--version"], None),
            ("orc validate, 2 steps", ["validate", "two.yaml"], 15),
            ("orc validate, 200 steps", ["validate", "many.yaml"], 30),
            ("orc run, writes and reads a file", ["run", "hello.yaml"], 60),
            ("orc run --no-store, the same", ["run", "--no-store", "hello.yaml"], None),
        ):
            took = median_ms([orc, *command], folder, arguments.runs)
            beside = f"{limit:6} ms {took / limit:6.0%}" if limit else ""
            print(f"{label:34} {took:6.1f} ms {beside}")
            exceeded |= limit is not None and took > limit
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
