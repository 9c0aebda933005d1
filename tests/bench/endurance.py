#!/usr/bin/env python3
"""A long day of editing in one server: random edits and requests on the real pipelines beside the checkout.

usage: tests/bench/endurance.py [edits] [seed]      (default: 100000 1)

Every edit is followed by a request of a random kind. From time to time a second server is started, given
the text as it is then, and asked the same; its answers must be equal. Ends with code 1 if an answer is an
error or differs, if the server ends, or if its memory after the last tenth of the edits is more than 5 %
above what it was after the first tenth. Prints what it did; a seed repeats it.
"""
import json, os, random, subprocess, sys, tempfile, time
from pathlib import Path

root = Path(__file__).resolve().parents[2]
binary = os.environ.get("ORC_BIN", str(root / "target/release/orc"))
corpus = Path(os.environ.get("ORC_SHARED", root.parent / "shared")) / "corpus/pipelines"
edits, seed = (int(word) for word in (sys.argv[1:] + ["100000", "1"][len(sys.argv) - 1:])[:2])
chance = random.Random(seed)
PIECES = ["{{ ", " }}", "<AUTO>", "</AUTO>", "\n", "\n  - id: x", "dependencies: [", "]", ": ", "'", '"', "|", "#",
          "\t", "é", "𝔘", "- ", "  ", "action", "<<<<<<< HEAD\n", "{% if x %}", "{% endif %}", "&a ", "*a", "\r\n"]


class Server:
    def __init__(self):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([binary, "lsp", "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log)
        self.number = 0
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {
            "general": {"positionEncodings": ["utf-32"]}, "textDocument": {"diagnostic": {}}}})
        self.tell("initialized", {})

    def write(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def tell(self, method, params):
        self.write({"method": method, "params": params})

    def ask(self, method, params):
        self.number += 1
        self.write({"id": self.number, "method": method, "params": params})
        while True:
            length = 0
            while (line := self.process.stdout.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if not length:
                raise SystemExit(f"the server ended with {self.process.wait()} at {method}")
            message = json.loads(self.process.stdout.read(length))
            if message.get("id") == self.number and "method" not in message:
                return message.get("result"), message.get("error")
            if "id" in message and "method" in message:
                self.write({"id": message["id"], "result": None})

    def memory(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024

    def end(self):
        self.ask("shutdown", None)
        self.tell("exit", None)
        return self.process.wait(10)


def place(text, at):
    return {"line": text.count("\n", 0, at), "character": at - (text.rfind("\n", 0, at) + 1)}


def broken(text):
    """Positions count lines by \\n, \\r\\n and \\r; texts with a lone \\r are left out of the game."""
    return "\r" in text.replace("\r\n", "")


def request(uri, text):
    at = chance.randrange(len(text) + 1)
    spot, document = place(text, at), {"textDocument": {"uri": uri}}
    whole = {"start": {"line": 0, "character": 0}, "end": place(text, len(text))}
    return chance.choice([
        ("completion", {**document, "position": spot}), ("hover", {**document, "position": spot}),
        ("definition", {**document, "position": spot}), ("documentHighlight", {**document, "position": spot}),
        ("references", {**document, "position": spot, "context": {"includeDeclaration": True}}),
        ("signatureHelp", {**document, "position": spot}), ("documentSymbol", document), ("diagnostic", document),
        ("foldingRange", document), ("selectionRange", {**document, "positions": [spot]}),
        ("semanticTokens/full", document), ("inlayHint", {**document, "range": whole}), ("codeLens", document),
        ("codeAction", {**document, "range": {"start": spot, "end": spot}, "context": {"diagnostics": []}}),
        ("formatting", {**document, "options": {"tabSize": 2, "insertSpaces": True}}),
    ])


def without_ids(answer):
    return {key: value for key, value in answer.items() if key != "resultId"} if isinstance(answer, dict) else answer


files = sorted(path for path in corpus.rglob("*.yaml") if len(path.read_text()) < 20_000)
texts = {f"file:///endurance/{index}.orc.yaml": path.read_text() for index, path in enumerate(files)}
texts = {uri: text for uri, text in texts.items() if not broken(text)}
first = dict(texts)
server, versions, compared, refused, began = Server(), dict.fromkeys(texts, 1), 0, 0, time.time()
for uri, text in texts.items():
    server.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}})
uris, after_tenth = list(texts), None
for number in range(1, edits + 1):
    uri = chance.choice(uris)
    text = texts[uri]
    if chance.random() < 0.004 or len(text) > 30_000:
        new, change = first[uri], {"text": first[uri]}
    else:
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 0, 0, 1, 1, 3, 40]))
        piece = chance.choice(PIECES + list("abc :x")) if chance.random() < 0.7 else ""
        new = text[:start] + piece + text[end:]
        change = {"range": {"start": place(text, start), "end": place(text, end)}, "text": piece}
    if broken(new) or text[:1] == "\r":
        continue
    texts[uri], versions[uri] = new, versions[uri] + 1
    server.tell("textDocument/didChange", {"textDocument": {"uri": uri, "version": versions[uri]}, "contentChanges": [change]})
    method, params = request(uri, new)
    answer, error = server.ask(f"textDocument/{method}", params)
    if error and method == "formatting":
        refused += 1
    elif error:
        server.log.seek(0)
        log = server.log.read()[-2000:].decode(errors="replace")
        raise SystemExit(f"edit {number} (seed {seed}): {method} failed: {error}\n{log}\n{params}\n{new}")
    if number % 500 == 0:
        other = Server()
        other.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": new}})
        fresh, _ = other.ask(f"textDocument/{method}", params)
        other.end()
        if without_ids(fresh) != without_ids(answer):
            raise SystemExit(f"edit {number} (seed {seed}): {method} in {uri} differs from a fresh server's:\n{answer}\n{fresh}\n{params}\n{new}")
        compared += 1
    if number == edits // 10:
        after_tenth = server.memory()
    if number % max(1, edits // 10) == 0:
        print(f"{number} edits, {time.time() - began:.0f} s, {server.memory():.1f} MB", flush=True)
last, code = server.memory(), server.end()
print(f"{edits} edits on {len(texts)} files, {compared} answers compared with a fresh server's, {refused} refusals to format")
print(f"memory {after_tenth:.1f} MB after a tenth, {last:.1f} MB at the end: {100 * last / after_tenth - 100:+.1f} %")
sys.exit(1 if code or last > 1.05 * after_tenth else 0)
