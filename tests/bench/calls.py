#!/usr/bin/env python3
"""Many calls of models at once: how long they take, how much CPU and memory.

usage: tests/bench/calls.py [ORC [TRANSPORT]]     (default: target/release/orc, target/release/examples/transport)
A server on this machine streams each answer in 20 pieces, 50 ms apart, so that a call takes one second
however fast orc is. 500 steps ask at once. Prints medians of three runs: wall time (as a ratio to the
second that the server takes), CPU per call, and the peak of memory.

Then what orc itself does for a call: the server answers 2,000 calls at once and whole. CPU per call of a run whose
steps are routed, have a budget, and whose answers are looked for and kept, less that of one whose steps name their
model and have none of that: what is left is the router, the budget, the look into the answers and the ledger, with
all that they write. And less that of the same transport alone (tests/bench/transport.rs) and that of as many steps
that ask nobody: what is left is all that a call passes through.
"""

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ORC = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/orc")
CALLS = 500
PIECES = 20
PAUSE = 0.05
TRANSPORT = os.path.abspath(sys.argv[2] if len(sys.argv) > 2 else "target/release/examples/transport")
RUNS = 3
PAIRS = 7
MANY = 2000
AT_ONCE = 16

PIPELINE = f"""id: calls
steps:
  - id: all
    for_each: "{{{{ range({CALLS}) | list }}}}"
    max_parallel: {CALLS}
    action: generate
    parameters: {{prompt: 'Say {{{{ item }}}}', model: openai/gpt-4o-mini, max_tokens: 100}}
"""

MODELS = "models: [{source: openai, name: gpt-4o-mini}, {source: openai, name: gpt-4.1}, {source: openai, name: gpt-4.1-mini}]\n"


def steps(what: str) -> str:
    return f"""id: many
steps:
  - id: all
    for_each: "{{{{ range({MANY}) | list }}}}"
    max_parallel: {AT_ONCE}
    {what}
"""


ROUTED = steps("""action: generate
    requires_model: {strategy: cost}
    cache: true
    parameters: {prompt: 'Say {{ item }}', max_tokens: 100}""")
NAMED = steps("""action: generate
    cache: false
    parameters: {prompt: 'Say {{ item }}', model: openai/gpt-4o-mini, max_tokens: 100}""")
TRIVIAL = steps("""action: echo
    parameters: {message: 'Say {{ item }}'}""")


def event(data: dict) -> bytes:
    text = f"data: {json.dumps(data)}\n\n".encode()
    return f"{len(text):x}\r\n".encode() + text + b"\r\n"


class Server:
    """Answers everybody at the same speed."""

    def __init__(self) -> None:
        self.calls = 0
        self.open = 0
        self.most = 0
        ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve(ready)), daemon=True).start()
        ready.wait()

    async def serve(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self.answer, "127.0.0.1", 0, backlog=2 * CALLS)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await server.serve_forever()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
                await reader.readexactly(length)
                if head.startswith(b"POST /quick"):
                    whole = {"model": "gpt-4o-mini", "choices": [{"message": {"content": "word"}, "finish_reason": "stop"}],
                             "usage": {"prompt_tokens": 10, "completion_tokens": 1}}
                    body = json.dumps(whole).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                    await writer.drain()
                    continue
                self.calls += 1
                self.open += 1
                self.most = max(self.most, self.open)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
                for piece in range(PIECES):
                    writer.write(event({"model": "gpt-4o-mini", "choices": [{"delta": {"content": f"word{piece} "}, "finish_reason": None}]}))
                    await writer.drain()
                    await asyncio.sleep(PAUSE)
                writer.write(event({"model": "gpt-4o-mini", "choices": [{"delta": {}, "finish_reason": "stop"}]}))
                writer.write(event({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": PIECES}}))
                done = b"data: [DONE]\n\n"
                writer.write(f"{len(done):x}\r\n".encode() + done + b"\r\n0\r\n\r\n")
                await writer.drain()
                self.open -= 1
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def run(server: Server) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        Path(folder, "p.orc.yaml").write_text(PIPELINE)
        environment = os.environ | {"OPENAI_BASE_URL": f"http://127.0.0.1:{server.port}/v1", "OPENAI_API_KEY": ""}
        command = [ORC, "run", "p.orc.yaml", "--max-concurrency", str(CALLS), "--limit", f"openai={CALLS}"]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        peak = 0.0
        out: list[bytes] = []
        reading = threading.Thread(target=lambda: out.append(process.stdout.read()))
        reading.start()
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
                peak = max(peak, int(status.split("VmHWM:")[1].split()[0]) / 1024)
            except (OSError, IndexError):
                pass
            time.sleep(0.02)
        wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        reading.join()
        if process.returncode != 0:
            sys.exit(f"exit {process.returncode}\n{process.stderr.read().decode()[-2000:]}")
        usage = json.loads(out[0])["usage"]
        if usage["output_tokens"] != CALLS * PIECES:
            sys.exit(f"{usage} instead of {CALLS * PIECES} tokens")
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


def cpu(command: list[str], folder: str, environment: dict[str, str]) -> float:
    """Seconds of CPU that the command takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stderr.decode()[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def of_run(server: Server, pipeline: str, more: list[str]) -> float:
    with tempfile.TemporaryDirectory(dir=".") as folder:
        Path(folder, "p.orc.yaml").write_text(pipeline)
        Path(folder, "models.yaml").write_text(MODELS)
        base = f"http://127.0.0.1:{server.port}/quick/v1"
        environment = os.environ | {"OPENAI_BASE_URL": base, "OPENAI_API_KEY": "", "XDG_STATE_HOME": os.path.abspath(folder)}
        return cpu([ORC, "run", "p.orc.yaml", "--max-concurrency", str(AT_ONCE), *more], folder, environment)


def overhead(server: Server) -> None:
    url = f"http://127.0.0.1:{server.port}/quick/v1/chat/completions"
    figures: dict[str, list[float]] = {"routed": [], "named": [], "trivial": [], "transport": []}
    for _ in range(PAIRS):
        figures["routed"].append(of_run(server, ROUTED, ["--max-cost", "100"]))
        figures["named"].append(of_run(server, NAMED, []))
        figures["trivial"].append(of_run(server, TRIVIAL, []))
        figures["transport"].append(cpu([TRANSPORT, url, str(MANY), str(AT_ONCE)], ".", dict(os.environ)))
    each = {name: statistics.median(found) / MANY * 1e6 for name, found in figures.items()}
    rest = each["transport"] + each["trivial"]
    print(f"{MANY} calls, answered at once: CPU per call {each['routed']:.0f} µs routed, with budget and answers kept; "
          f"{each['named']:.0f} µs without; transport alone {each['transport']:.0f} µs, a step that asks nobody {each['trivial']:.0f} µs")
    # One after the other, so that what else the machine does weighs on both.
    more = sorted((one - other) / MANY * 1e6 for one, other in zip(figures["routed"], figures["named"]))
    print(f"router, budget, look into the answers, ledger: {statistics.median(more):.0f} µs per call "
          f"({more[0]:.0f} to {more[-1]:.0f} in {PAIRS} pairs of runs)")
    print(f"of orc itself       {each['routed'] - rest:.0f} µs per call, {each['named'] - rest:.0f} µs without router, budget and answers")


def main() -> None:
    server = Server()
    walls, cpus, peaks = zip(*(run(server) for _ in range(RUNS)))
    if server.calls != RUNS * CALLS:
        sys.exit(f"{server.calls} calls instead of {RUNS * CALLS}")
    wall, least = statistics.median(walls), PIECES * PAUSE
    print(f"{CALLS} calls at once, {server.most} of them open together")
    print(f"wall                {wall:.2f} s, {wall / least:.2f} × what one call takes")
    print(f"CPU per call        {statistics.median(cpus) / CALLS * 1e6:.0f} µs, connection and {PIECES} pieces included")
    print(f"peak of memory      {statistics.median(peaks):.0f} MB")
    overhead(server)


if __name__ == "__main__":
    main()
