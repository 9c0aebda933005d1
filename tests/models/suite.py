#!/usr/bin/env python3
"""orc against the real server of llama.cpp: what other servers only pretend.

Chat completions and messages, whole and streamed, values that fit a schema, errors as the server words them,
pipelines like those people write, recorded and replayed. usage: suite.py [NAME]…

ORC_BIN is the program, ORC_TEST_CACHE where install.sh put the server and the models.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ORC = str((HERE.parent.parent / os.environ.get("ORC_BIN", "target/debug/orc")).resolve())
USUAL = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "orc-tests"
CACHE = pathlib.Path(os.environ.get("ORC_TEST_CACHE", USUAL)) / "models"


class Server:
    """llama.cpp with one of the models."""

    def __init__(self, model):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = tempfile.TemporaryFile()
        command = [CACHE / "venv/bin/python", HERE / "serve.py", CACHE / f"{model}.gguf", str(self.port)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        if not self.process.stdout.readline():
            self.log.seek(0)
            sys.exit(f"models: the server did not start:\n{self.log.read().decode(errors='replace')}")

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path, body):
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


def environment(server):
    """Where the providers are: at the server, or nowhere."""
    base = server.base if server else "http://127.0.0.1:1"
    # A proxy of the machine is not meant for this.
    variables = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    variables |= {"OPENAI_BASE_URL": f"{base}/v1", "ANTHROPIC_BASE_URL": base}
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        variables.pop(name, None)
    return variables


class Editor:
    """An editor with the language server, as little of one as a run takes."""

    def __init__(self, folder, server):
        self.folder, self.id = folder, 0
        self.process = subprocess.Popen(
            [ORC, "lsp", "--stdio"], cwd=folder.path, env=environment(server), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        folders = [{"uri": folder.path.as_uri(), "name": "test"}]
        options = {"trusted": True}
        self.ask("initialize", {"processId": None, "capabilities": {}, "workspaceFolders": folders, "initializationOptions": options})
        self.send({"method": "initialized", "params": {}})

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0"} | message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def message(self):
        length = 0
        while line := self.process.stdout.readline().strip():
            name, value = line.split(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(self.process.stdout.read(length))

    def ask(self, method, params):
        self.id += 1
        self.send({"id": self.id, "method": method, "params": params})
        while (answer := self.message()).get("id") != self.id or "method" in answer:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def run(self, text, **more):
        """Opens the text, which is never saved, and runs it; the events."""
        uri = (self.folder.path / "p.orc.yaml").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        self.ask("workspace/executeCommand", {"command": "orc.run", "arguments": [{"uri": uri} | more]})
        events = []
        while not events or events[-1]["type"] != "run.finished":
            message = self.message()
            if message.get("method") == "orc/runEvent":
                events.append(message["params"])
        return events

    def close(self):
        self.ask("shutdown", None)
        self.send({"method": "exit"})
        assert self.process.wait(30) == 0


class Folder:
    """A working directory of its own."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name)

    def orc(self, *arguments, server=None):
        return subprocess.run(
            [ORC, *arguments], cwd=self.path, env=environment(server), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120,
        )

    def run(self, text, *more, server=None, code=0):
        (self.path / "p.orc.yaml").write_text(text)
        ended = self.orc("run", "p.orc.yaml", "--format", "json", *more, server=server)
        assert ended.returncode == code, (ended.returncode, ended.stdout, ended.stderr)
        return json.loads(ended.stdout)

    def events(self):
        logged = self.orc("runs", "logs", "latest", "--format", "jsonl").stdout
        return [json.loads(line) for line in logged.splitlines()]


def step(document, name):
    return document["steps"][name]["value"]["result"]


def spoken(events):
    outputs = [event["data"] for event in events if event["type"] == "step.output"]
    assert all(data["stream"] == "model" for data in outputs), outputs
    return "".join(data["text"] for data in outputs)


ONE = """
id: one
steps:
  - id: a
    action: generate
    parameters: {prompt: 'Say something.', system_prompt: 'Be brief.', model: MODEL, temperature: 0, max_tokens: 40}
"""


def chat_completions_say_what_the_server_says(talks, _calls):
    folder = Folder()
    document = folder.run(ONE.replace("MODEL", "openai/tiny"), server=talks)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say something."}]
    whole = talks.ask("/v1/chat/completions", {"model": "tiny", "messages": messages, "temperature": 0, "max_tokens": 40})
    assert step(document, "a") == whole["choices"][0]["message"]["content"], (document, whole)
    usage, theirs = document["usage"], whole["usage"]
    read = usage["input_tokens"] + usage["cache_read_tokens"]
    assert (read, usage["output_tokens"]) == (theirs["prompt_tokens"], theirs["completion_tokens"]), (usage, theirs)
    assert (usage["requests"], document["cost"]["known"]) == (1, False), document
    assert spoken(folder.events()) == step(document, "a")


def messages_say_what_the_server_says(talks, _calls):
    folder = Folder()
    document = folder.run(ONE.replace("MODEL", "anthropic/tiny"), server=talks)
    body = {
        "model": "tiny", "system": "Be brief.", "messages": [{"role": "user", "content": "Say something."}],
        "temperature": 0, "max_tokens": 40,
    }
    whole = talks.ask("/v1/messages", body)
    text = "".join(block["text"] for block in whole["content"] if block["type"] == "text")
    assert step(document, "a") == text, (document, whole)
    assert document["usage"]["output_tokens"] == whole["usage"]["output_tokens"], (document["usage"], whole["usage"])
    assert spoken(folder.events()) == text


SCHEMA = """
id: schema
steps:
  - id: all
    for_each: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    max_parallel: 4
    action: generate_structured
    parameters:
      prompt: 'Rate text {{ item }}.'
      model: MODEL
      seed: '{{ item }}'
      temperature: 0.9
      schema:
        type: object
        properties:
          mood: {enum: [good, bad, unsure]}
          score: {type: integer, minimum: 1, maximum: 10}
          words: {type: array, items: {type: string, maxLength: 12}, minItems: 1, maxItems: 3}
        required: [mood, score, words]
"""


def values_of_chat_completions_fit_their_schema(talks, _calls):
    document = Folder().run(SCHEMA.replace("MODEL", "openai/tiny"), server=talks)
    values = [item["all"]["result"] for item in step(document, "all")["results"]]
    assert len(values) == 12, values
    for value in values:
        assert list(value) == ["mood", "score", "words"], value
        assert value["mood"] in ("good", "bad", "unsure") and 1 <= value["score"] <= 10, value
        assert 1 <= len(value["words"]) <= 3 and all(len(word) <= 12 for word in value["words"]), value
    # The server keeps to the schema by itself: nobody was asked again.
    assert document["usage"]["requests"] == 12, document["usage"]


def a_value_of_messages_is_the_input_of_a_tool(_talks, calls):
    text = """
id: tool
steps:
  - id: a
    action: generate_structured
    parameters:
      prompt: 'Rate it.'
      model: anthropic/tiny
      temperature: 0
      max_tokens: 400
      schema: {type: object, properties: {mood: {enum: [good, bad]}}, required: [mood]}
"""
    document = Folder().run(text, server=calls)
    assert step(document, "a") in ({"mood": "good"}, {"mood": "bad"}), document


def a_prompt_that_is_too_long_is_named(talks, _calls):
    text = ONE.replace("MODEL", "openai/tiny").replace("Say something.", "word " * 9000)
    failed = Folder().run(text, server=talks, code=1)["steps"]["a"]
    assert failed["error_type"] == "ContextLengthError", failed


def forty_calls_at_once_are_all_answered(talks, _calls):
    text = """
id: forty
steps:
  - id: all
    for_each: '{{ range(40) | list }}'
    max_parallel: 40
    action: generate_structured
    parameters: {prompt: 'Rate {{ item }}.', model: openai/tiny, temperature: 0.5, schema: {enum: [good, bad]}}
"""
    document = Folder().run(text, "--max-concurrency", "40", "--limit", "openai=40", server=talks)
    assert document["usage"]["requests"] == 40, document["usage"]
    assert step(document, "all")["succeeded"] == 40, document


HELLO = """
id: hello-world
name: Hello World
parameters:
  name: {type: string, default: World}
steps:
  - id: greet
    action: generate_text
    parameters:
      prompt: "Generate a friendly greeting message for '{{ name }}'"
      model: MODEL
      max_tokens: 100
      temperature: 0.7
outputs:
  message: '{{ greet.result }}'
"""

RESEARCH = """
id: research
parameters:
  topic: {type: string, default: tides}
model: MODEL
steps:
  - id: outline
    action: generate_structured
    parameters:
      prompt: 'Three questions about {{ topic }}.'
      temperature: 0
      schema:
        type: object
        properties: {questions: {type: array, items: {type: string, maxLength: 20}, minItems: 3, maxItems: 3}}
        required: [questions]
  - id: answers
    for_each: '{{ outline.result.questions }}'
    max_parallel: 2
    action: generate_text
    parameters: {prompt: 'Answer: {{ item }}', max_tokens: 30, temperature: 0}
  - id: mood
    action: analyze_text
    parameters: {text: '{{ answers.results | map(attribute="answers") | list }}', prompt: 'In a word?', max_tokens: 20, temperature: 0}
  - id: report
    tool: filesystem
    action: write
    parameters:
      path: '{{ output_path }}/report.md'
      content: |
        # {{ topic }}
        {% for answer in answers.results %}
        ## {{ outline.result.questions[loop.index0] }}
        {{ answer.answers.result }}
        {% endfor %}
        {{ mood.result }}
outputs:
  file: '{{ report.result.path }}'
"""


def hello_world_runs(talks, _calls):
    for model, more in (("openai/tiny", []), ("anthropic/tiny", []), ("simulated/any", []), ("openai/tiny", ["--simulate"])):
        document = Folder().run(HELLO.replace("MODEL", model), "-i", "name=Ada", *more, server=talks)
        assert document["outputs"]["message"] == step(document, "greet") != "", document


def research_writes_its_report(talks, _calls):
    for more in ([], ["--simulate"]):
        folder = Folder()
        document = folder.run(RESEARCH.replace("MODEL", "openai/tiny"), *more, server=talks)
        report = (folder.path / "output/research/report.md").read_text()
        questions = step(document, "outline")["questions"]
        assert report.startswith("# tides\n") and all(f"## {question}" in report for question in questions), report


def an_editor_runs_both_and_sees_the_answers_come(talks, _calls):
    for text, at_server, more in (
        (HELLO.replace("MODEL", "openai/tiny"), True, {"inputs": {"name": "Ada"}, "options": {"simulate": False}}),
        (RESEARCH.replace("MODEL", "openai/tiny"), True, {"options": {"simulate": False}}),
        # As editors do where nobody says otherwise.
        (RESEARCH.replace("MODEL", "openai/tiny"), False, {}),
    ):
        folder = Folder()
        editor = Editor(folder, talks if at_server else None)
        events = editor.run(text, **more)
        editor.close()
        document = events[-1]["data"]["result"]
        assert document["status"] == "completed", document
        if at_server:
            assert "greet" not in document["steps"] or spoken(events) == step(document, "greet"), events
            assert document["usage"]["output_tokens"] > 0, document
        assert document["provenance"]["simulated"] is not at_server, document
        report = folder.path / "output/research/report.md"
        assert "report" not in document["steps"] or report.read_text().startswith("# tides\n"), document


def what_was_recorded_is_replayed_without_the_server(talks, _calls):
    folder = Folder()
    text = RESEARCH.replace("MODEL", "openai/tiny")
    recorded = folder.run(text, "--record", "tape", server=talks)
    replayed = folder.run(text, "--replay", "tape")
    assert replayed["outputs"] == recorded["outputs"], (recorded, replayed)
    for name, before in recorded["steps"].items():
        assert replayed["steps"][name]["value"] == before["value"], name
    assert replayed["provenance"]["replayed"]["usage"] == recorded["usage"], (recorded["usage"], replayed["provenance"])


def the_same_at_temperature_0_is_asked_once(talks, _calls):
    folder = Folder()
    text = ONE.replace("MODEL", "openai/tiny")
    first = folder.run(text, server=talks)
    again = folder.run(text, server=talks)
    assert step(again, "a") == step(first, "a") and again["steps"]["a"]["cache"]["hit"], again


SUITE = [
    chat_completions_say_what_the_server_says,
    messages_say_what_the_server_says,
    values_of_chat_completions_fit_their_schema,
    a_value_of_messages_is_the_input_of_a_tool,
    a_prompt_that_is_too_long_is_named,
    forty_calls_at_once_are_all_answered,
    hello_world_runs,
    research_writes_its_report,
    an_editor_runs_both_and_sees_the_answers_come,
    what_was_recorded_is_replayed_without_the_server,
    the_same_at_temperature_0_is_asked_once,
]


def main():
    chosen = [test for test in SUITE if not sys.argv[1:] or test.__name__ in sys.argv[1:]]
    began = time.monotonic()
    servers = [Server("talks"), Server("calls")]
    failed = 0
    try:
        for test in chosen:
            try:
                test(*servers)
                print(f"ok   {test.__name__}", flush=True)
            except Exception:  # a test that breaks down has failed, whatever it was
                failed += 1
                print(f"FAIL {test.__name__}\n{traceback.format_exc()}", flush=True)
    finally:
        for server in servers:
            server.stop()
    passed = len(chosen) - failed
    print(f"models: {passed} passed, {failed} failed in {time.monotonic() - began:.1f} s")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
