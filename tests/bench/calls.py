#!/usr/bin/env python3
"""Many calls of models at once: how long they take, how much CPU and memory.

usage: tests/bench/calls.py [ORC]     (default: target/release/orc)
A server on this machine streams each answer in 20 pieces, 50 ms apart, so that a call takes one second
however fast orc is. 500 steps ask at once. Prints medians of three runs: wall time (as a ratio to the
second that the server takes), CPU per call, and the peak of memory.
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
RUNS = 3

PIPELINE = f"""id: calls
steps:
  - id: all
    for_each: "{{{{ range({CALLS}) | list }}}}"
    max_parallel: {CALLS}
    action: generate
    parameters: {{prompt: 'Say {{{{ item }}}}', model: openai/gpt-4o-mini, max_tokens: 100}}
"""


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


if __name__ == "__main__":
    main()
