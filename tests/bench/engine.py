#!/usr/bin/env python3
"""What a step costs: chains and fans of trivial steps, in memory and durable.

usage: tests/bench/engine.py [ORC]     (default: target/release/orc)
Prints medians of five runs. CPU is user + system time of the whole process, less that of
`orc validate` on the same file, per step. The floor is what this disk takes for an appended 4 KiB
block and fdatasync, in the same directory.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ORC = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/orc")
RUNS = 5


def chain(count: int) -> str:
    steps = ["  - {id: s0, action: echo, parameters: {message: 'begin'}}"]
    for at in range(1, count):
        steps.append(f"  - {{id: s{at}, action: echo, parameters: {{message: '{{{{ s{at - 1}.result | length }}}} {at}'}}, dependencies: [s{at - 1}]}}")
    return "id: chain\nsteps:\n" + "\n".join(steps) + "\n"


def fan(count: int) -> str:
    steps = "".join(f"  - {{id: s{at}, action: echo, parameters: {{message: '{at}'}}}}\n" for at in range(count))
    return "id: fan\nsteps:\n" + steps


STRAGGLER = """id: straggler
steps:
  - {id: slow, tool: terminal, action: execute, parameters: {command: sleep 1}}
  - {id: a, tool: terminal, action: execute, parameters: {command: sleep 0.1}}
  - {id: b, tool: terminal, action: execute, parameters: {command: sleep 0.9}, dependencies: [a]}
"""


def measured(folder: str, *arguments: str) -> tuple[float, float]:
    """Wall and CPU seconds of a run of orc."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run([ORC, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode != 0:
        sys.exit(f"orc {' '.join(arguments)}: exit {ended.returncode}\n{ended.stderr.decode()[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(name: str, text: str, *arguments: str) -> tuple[float, float]:
    """Medians over fresh folders, so that no run finds what another left."""
    walls, cpus = [], []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(dir=".") as folder:
            Path(folder, name).write_text(text)
            wall, cpu = measured(folder, *arguments)
            walls.append(wall)
            cpus.append(cpu)
    return statistics.median(walls), statistics.median(cpus)


# Each step fails and waits a minute before it tries again.
def waiting(count: int) -> str:
    step = "  - {{id: s{at}, tool: filesystem, action: read, parameters: {{path: missing}}, retry_config: {{attempts: 2, delay: 60}}}}\n"
    return "id: waiting\nsteps:\n" + "".join(step.format(at=at) for at in range(count))


def memory_of_waiting(count: int) -> float:
    """Peak memory in MB of a run all of whose steps wait at once."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        Path(folder, "p.orc.yaml").write_text(waiting(count))
        run = [ORC, "run", "p.orc.yaml", "--format", "jsonl", "--max-concurrency", str(count)]
        process = subprocess.Popen(run, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        seen = 0
        for line in process.stdout:
            seen += b'"step.retrying"' in line
            if seen == count:
                break
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.kill()
        process.communicate()
        if seen < count:
            sys.exit(f"only {seen} of {count} steps came to wait")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


def resumed(count: int) -> tuple[float, float]:
    """Seconds until a run of `count` steps, resumed, starts the first step that it did not do before; of its plan."""
    text = chain(count - 1)
    text += f"  - {{id: last, tool: terminal, action: execute, parameters: {{command: test -e there}}, dependencies: [s{count - 2}]}}\n"
    starts, plans = [], []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        Path(folder, "p.orc.yaml").write_text(text)
        quiet = {"cwd": folder, "stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([ORC, "run", "p.orc.yaml"], stdout=subprocess.DEVNULL, **quiet)
        for _ in range(RUNS):
            began = time.perf_counter()
            subprocess.run([ORC, "plan", "p.orc.yaml"], stdout=subprocess.DEVNULL, **quiet)
            plans.append(time.perf_counter() - began)
            began = time.perf_counter()
            again = [ORC, "resume", "latest", "--retry-failed", "--format", "jsonl"]
            process = subprocess.Popen(again, stdout=subprocess.PIPE, **quiet)
            for line in process.stdout:
                if b'"step.started"' in line:
                    starts.append(time.perf_counter() - began)
                    break
            process.communicate()
    if len(starts) < RUNS:
        sys.exit("the run did not go on")
    return statistics.median(starts), statistics.median(plans)


def floor(count: int = 300) -> float:
    """Seconds for an appended 4 KiB block and fdatasync."""
    with tempfile.NamedTemporaryFile(dir=".") as file:
        times = []
        for _ in range(count):
            began = time.perf_counter()
            os.write(file.fileno(), b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    print(f"{'what':<44} {'wall ms':>9} {'CPU µs/step':>12}")
    for count in (1_000, 10_000):
        text = chain(count)
        _, base = median("p.orc.yaml", text, "validate", "p.orc.yaml")
        for label, more in ((f"chain of {count}, in memory", ["--no-store"]), (f"chain of {count}, durable", [])):
            wall, cpu = median("p.orc.yaml", text, "run", "p.orc.yaml", *more)
            print(f"{label:<44} {wall * 1000:9.0f} {(cpu - base) / count * 1e6:12.0f}")
        wall, cpu = median("p.orc.yaml", text, "plan", "p.orc.yaml")
        print(f"{f'plan of a chain of {count}':<44} {wall * 1000:9.0f} {cpu / count * 1e6:12.0f}")
    wall, cpu = median("p.orc.yaml", fan(1_000), "run", "p.orc.yaml")
    print(f"{'fan of 1000, durable':<44} {wall * 1000:9.0f} {cpu / 1000 * 1e6:12.0f}")
    wall, _ = median("p.orc.yaml", STRAGGLER, "run", "p.orc.yaml")
    print(f"{'1.0 s beside 0.1 s then 0.9 s':<44} {wall * 1000:9.0f}")
    start, plan = resumed(10_000)
    print(f"{'resume of 10000 to the first new step':<44} {start * 1000:9.0f}")
    print(f"{'plan of 10000 that ran':<44} {plan * 1000:9.0f}")
    print(f"{'memory of 10000 steps that wait, MB':<44} {memory_of_waiting(10_000):9.0f}")
    print(f"{'floor: 4 KiB and fdatasync':<44} {floor() * 1000:9.3f}")


if __name__ == "__main__":
    main()
