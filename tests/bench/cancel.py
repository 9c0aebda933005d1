#!/usr/bin/env python3
"""How long a run takes to stop whose command has children that ignore signals.

usage: tests/bench/cancel.py [ORC]     (default: target/release/orc)
Prints the median and the worst of five runs for each signal: from the signal to the end of `orc`, which
has written its document by then. The contract (section 5.7) gives 2.5 s; steps get 2 s of it.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ORC = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/orc")
RUNS = 5
PIPELINE = """id: stubborn
steps:
  - id: brood
    tool: terminal
    action: execute
    parameters:
      command: |
        trap '' TERM INT HUP
        sleep 60 &
        setsid sleep 61 &
        : > began
        wait
"""


def stopped(number: int) -> float:
    """Seconds from the signal to the end."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        Path(folder, "p.orc.yaml").write_text(PIPELINE)
        run = [ORC, "run", "p.orc.yaml", "-o", "result.json"]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(run, cwd=folder, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
        while not Path(folder, "began").exists():
            time.sleep(0.005)
        began = time.perf_counter()
        process.send_signal(number)
        code = process.wait()
        took = time.perf_counter() - began
        if code != 130 or not Path(folder, "result.json").exists():
            sys.exit(f"exit {code}")
        return took


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        times = [stopped(number) for _ in range(RUNS)]
        print(f"{number.name:<8} median {statistics.median(times):.2f} s, worst {max(times):.2f} s")


if __name__ == "__main__":
    main()
