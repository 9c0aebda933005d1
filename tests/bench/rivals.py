#!/usr/bin/env python3
"""orc beside LangGraph, aiorch and py-orc: the same shapes of trivial steps, in one run, on one machine.

usage: tests/bench/rivals.py [--orc ORC] [--runs 5] [--steps 1000] [--rivals NAME …] [--py-orc COMMAND] [--cache DIR]

The first run installs the rivals, pinned, into virtual environments in the cache. py-orc is in no
registry: `--py-orc` names the `orchestrator` command of a checkout; without it its column says so.

Every figure is a median over fresh processes in fresh folders, the engines taking turns. Start and
interpreter do not count: a second command that does all but run (`validate`) is measured too and its
median taken off; LangGraph, which has none, is measured inside its process, around `invoke` alone. CPU
is user + system time of the process and its children. Prints Markdown, and each measurement as it is
taken on standard error.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine import STRAGGLER, chain, fan, floor

PINS = {
    "langgraph": ["langgraph==1.2.22", "langgraph-checkpoint-sqlite==3.1.2"],
    "aiorch": ["aiorch==0.2.2"],
}
# A run that takes longer than this is given up, and the table says so.
LIMIT = 300

# What LangGraph runs: a graph built of plain functions, the value of a node made of the one before.
LANGGRAPH = """
import operator, sqlite3, sys, time
from typing import Annotated, TypedDict
from langgraph.graph import END, START, StateGraph

shape, count, durable = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "durable"

class One(TypedDict):
    value: str

class Many(TypedDict):
    value: Annotated[list, operator.add]

def link(at):
    return lambda state: {"value": f"{len(state['value'])} {at}"}

def leaf(at):
    return lambda state: {"value": [str(at)]}

def sleep(seconds):
    def node(state):
        time.sleep(seconds)
        return {"value": [str(seconds)]}
    return node

if shape == "chain":
    graph, state = StateGraph(One), {"value": "begin"}
    for at in range(count):
        graph.add_node(f"s{at}", link(at))
        graph.add_edge(f"s{at - 1}" if at else START, f"s{at}")
    graph.add_edge(f"s{count - 1}", END)
elif shape == "fan":
    graph, state = StateGraph(Many), {"value": []}
    for at in range(count):
        graph.add_node(f"s{at}", leaf(at))
        graph.add_edge(START, f"s{at}")
else:
    graph, state = StateGraph(Many), {"value": []}
    for name, seconds, after in (("slow", 1.0, START), ("a", 0.1, START), ("b", 0.9, "a")):
        graph.add_node(name, sleep(seconds))
        graph.add_edge(after, name)

more = {}
saver = None
if durable:
    from langgraph.checkpoint.sqlite import SqliteSaver
    saver = SqliteSaver(sqlite3.connect("checkpoints.sqlite", check_same_thread=False))
    more = {"durability": "sync"}
graph = graph.compile(checkpointer=saver)
began, before = time.perf_counter(), time.process_time()
graph.invoke(state, {"recursion_limit": count + 10, "configurable": {"thread_id": "1"}}, **more)
print(time.perf_counter() - began, time.process_time() - before)
"""


def aiorch_text(shape: str, count: int) -> str:
    """aiorch's steps are commands; its Python steps, in its own process, take longer than these."""
    lines = ["name: bench", "steps:"]
    if shape == "straggler":
        lines += ["  slow: {run: sleep 1}", "  a: {run: sleep 0.1}", "  b: {run: sleep 0.9, depends: [a]}"]
    for at in range(count if shape != "straggler" else 0):
        after = f", depends: [s{at - 1}]" if shape == "chain" and at else ""
        lines.append(f"  s{at}: {{run: 'true'{after}}}")
    return "\n".join(lines) + "\n"


def py_orc_text(shape: str, count: int) -> str:
    lines = ["id: bench", "name: bench", "steps:"]
    if shape == "straggler":
        return "id: bench\nname: bench\n" + STRAGGLER.split("\n", 1)[1]
    for at in range(count):
        after = f", dependencies: [s{at - 1}]" if shape == "chain" and at else ""
        lines.append(f"  - {{id: s{at}, action: 'echo step {at}'{after}}}")
    return "\n".join(lines) + "\n"


def orc_text(shape: str, count: int) -> str:
    return {"chain": lambda: chain(count), "fan": lambda: fan(count), "straggler": lambda: STRAGGLER}[shape]()


class Engine:
    """A command that runs a workload, and one that does all but run it, or none if the first measures itself."""

    def __init__(self, name, files, run, rest, memory):
        self.name, self.files, self.run, self.rest, self.memory = name, files, run, rest, memory

    def measured(self, arguments: list[str], shape: str, count: int) -> tuple[float, float] | str:
        with tempfile.TemporaryDirectory(dir=".") as folder:
            name, text = self.files(shape, count)
            Path(folder, name).write_text(text)
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            # A home of its own: what a rival keeps there from run to run does not slow the next one.
            environment = os.environ | {"HOME": os.path.abspath(folder)}
            try:
                ended = subprocess.run(arguments, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT)
            except subprocess.TimeoutExpired:
                return f"more than {LIMIT} s"
            wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        if ended.returncode != 0:
            print(f"{self.name} {shape}: exit {ended.returncode}\n{ended.stderr.decode()[-1500:]}{ended.stdout.decode()[-500:]}", file=sys.stderr)
            return f"fails, exit {ended.returncode}"
        if self.rest is None:
            wall, cpu = map(float, ended.stdout.split())
            return wall, cpu
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def installed(cache: Path, name: str) -> Path:
    """The directory of the rival's commands, installed if it is not there."""
    where = cache / name
    if not (where / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", where], check=True)
        subprocess.run([where / "bin/pip", "install", "--quiet", *PINS[name]], check=True)
        (where / "complete").touch()
    return where / "bin"


def engines(options) -> list[Engine]:
    orc, cache = os.path.abspath(options.orc), options.cache.absolute()
    everyone = [
        Engine(
            "orc",
            lambda shape, count: ("p.orc.yaml", orc_text(shape, count)),
            lambda shape, count, durable: [orc, "run", "p.orc.yaml", *([] if durable else ["--no-store"])],
            lambda shape, count, durable: [orc, "validate", "p.orc.yaml"],
            memory=True,
        ),
    ]
    if "langgraph" in options.rivals:
        python = str(installed(cache, "langgraph") / "python")
        everyone.append(Engine(
            "LangGraph 1.2.22",
            lambda shape, count: ("bench.py", LANGGRAPH),
            lambda shape, count, durable: [python, "bench.py", shape, str(count), "durable" if durable else "memory"],
            None,
            memory=True,
        ))
    if "aiorch" in options.rivals:
        aiorch = str(installed(cache, "aiorch") / "aiorch")
        everyone.append(Engine(
            "aiorch 0.2.2",
            lambda shape, count: ("bench.yaml", aiorch_text(shape, count)),
            lambda shape, count, durable: [aiorch, "run", "bench.yaml"],
            lambda shape, count, durable: [aiorch, "validate", "bench.yaml"],
            memory=False,
        ))
    if options.py_orc:
        py_orc = os.path.abspath(options.py_orc)
        everyone.append(Engine(
            "py-orc",
            lambda shape, count: ("bench.yaml", py_orc_text(shape, count)),
            lambda shape, count, durable: [py_orc, "run", "bench.yaml"],
            lambda shape, count, durable: [py_orc, "validate", "bench.yaml"],
            memory=False,
        ))
    return everyone


def cell(runs, rests, count: int, ours: float | None) -> tuple[str, float | None]:
    """What stands in the table, and the wall time that the others are compared with."""
    wrong = next((each for each in [*runs, *rests] if isinstance(each, str)), None)
    if wrong:
        return wrong, None
    wall = statistics.median(wall for wall, _ in runs) - statistics.median(wall for wall, _ in rests)
    cpu = statistics.median(cpu for _, cpu in runs) - statistics.median(cpu for _, cpu in rests)
    text = f"{wall:.2f} s" if count == 1 else f"{wall * 1000:,.0f} ms, {cpu / count * 1e6:,.0f} µs CPU/step"
    if ours and count > 1:
        text += f" ({wall / ours:.1f}×)"
    return text, wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orc", default="target/release/orc")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--rivals", nargs="*", choices=list(PINS), default=list(PINS), help="those to measure")
    parser.add_argument("--py-orc", help="the `orchestrator` command of a py-orc checkout")
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "orc-rivals")
    parser.add_argument("--cache", type=Path, default=default)
    options = parser.parse_args()
    everyone, steps = engines(options), options.steps
    workloads = [
        (f"chain of {steps:,}, in memory", "chain", steps, False),
        (f"chain of {steps:,}, durable", "chain", steps, True),
        (f"fan of {steps:,}, durable", "fan", steps, True),
        ("1.0 s beside 0.1 s then 0.9 s", "straggler", 1, False),
    ]
    load = os.getloadavg()[0]
    taken = {}
    floors = []
    for _ in range(options.runs):
        floors.append(floor(200))
        for label, shape, count, durable in workloads:
            for engine in everyone:
                key = (label, engine.name)
                # What failed once is not tried again.
                if (not durable and shape == "chain" and not engine.memory) or isinstance(taken.get(key, [(0, 0)])[-1], str):
                    continue
                for commands, more in ((engine.run, key), (engine.rest, (*key, "rest"))):
                    if commands is None:
                        taken.setdefault(more, []).append((0.0, 0.0))
                        continue
                    taken.setdefault(more, []).append(engine.measured(commands(shape, count, durable), shape, count))
                    print(*more, taken[more][-1], file=sys.stderr)
    print("| what | " + " | ".join(engine.name for engine in everyone) + " |")
    print("|---|" + "---|" * len(everyone))
    for label, _, count, _ in workloads:
        ours, cells = None, []
        for engine in everyone:
            runs = taken.get((label, engine.name))
            text, wall = cell(runs, taken[(label, engine.name, "rest")], count, ours) if runs else ("has no such mode", None)
            ours = ours or wall
            cells.append(text)
        print(f"| {label} | " + " | ".join(cells) + " |")
    synced = statistics.median(floors)
    print(f"\nFloor, 4 KiB and fdatasync: {synced * 1000:.3f} ms, {synced * steps * 1000:,.0f} ms for {steps:,}.")
    print(f"Medians of {options.runs}; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores.")
    if not options.py_orc:
        print("py-orc was not given.")


if __name__ == "__main__":
    main()
