#!/usr/bin/env node
// A tiny language server in the place of `orc lsp`, for what the real one cannot be made to do on
// command. ORC_FAKE says how it behaves, a list of words:
//   untrusted   refuses to run until `orc.trust` was executed
//   crash       ends in the middle of a run
//   hang        never finishes a run by itself; `orc.cancel` does
//   protocol2   speaks another major version
// ORC_FAKE_LOG names a file that gets a line per message.
'use strict';
const fs = require('node:fs');

const modes = new Set((process.env.ORC_FAKE ?? '').split(/[\s,]+/));
const documents = new Map();
let trusted = !modes.has('untrusted');
let runs = 0;
let buffered = Buffer.alloc(0);

function log(line) {
  if (process.env.ORC_FAKE_LOG) fs.appendFileSync(process.env.ORC_FAKE_LOG, `${line}\n`);
}

function send(message) {
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  process.stdout.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function lines(uri) {
  return (documents.get(uri) ?? '').split(/\r?\n/);
}

function range(line, from, to) {
  return { start: { line, character: from }, end: { line, character: to } };
}

function stepIds(uri) {
  return lines(uri).flatMap((line) => /^\s+- id: (\w+)/.exec(line)?.[1] ?? []);
}

function publish(uri) {
  const ids = stepIds(uri);
  const diagnostics = lines(uri).flatMap((text, line) => {
    const id = /^\s{6}- (\w+)\s*$/.exec(text)?.[1];
    if (id === undefined || ids.includes(id)) return [];
    const from = text.indexOf(id);
    return [
      {
        range: range(line, from, from + id.length),
        severity: 1,
        source: 'orc',
        code: 'ORC201',
        message: `unknown step \`${id}\``,
      },
    ];
  });
  send({ method: 'textDocument/publishDiagnostics', params: { uri, diagnostics } });
}

function run(uri) {
  const runId = `fake_${process.pid}_${++runs}`;
  const steps = stepIds(uri);
  let seq = 0;
  const event = (type, step, data) =>
    send({
      method: 'orc/runEvent',
      params: { runId, seq: ++seq, time: new Date().toISOString(), type, ...(step ? { step } : {}), data },
    });
  event('run.started', undefined, { pipeline: 'fake', steps, protocol: 1 });
  const finish = (status) => {
    const result = { duration: 0.03, steps: Object.fromEntries(steps.map((id) => [id, { status: 'not_run' }])) };
    event('run.finished', undefined, { status, success: status === 'completed', outputs: {}, result });
  };
  event('step.started', steps[0], { attempt: 1 });
  cancellations.set(runId, () => {
    event('step.finished', steps[0], { status: 'cancelled', success: false, duration_ms: 1, attempts: 1 });
    finish('cancelled');
  });
  if (modes.has('crash')) setTimeout(() => process.exit(3), 50);
  else if (!modes.has('hang')) {
    for (const id of steps) {
      if (id !== steps[0]) event('step.started', id, { attempt: 1 });
      event('step.finished', id, { status: 'completed', success: true, duration_ms: 6, attempts: 1 });
    }
    finish('completed');
  }
  return { runId };
}

const cancellations = new Map();

const refuse = () => {
  throw Object.assign(new Error('this workspace is not trusted: execute `orc.trust` first'), {
    code: -32803,
    data: { reason: 'untrusted' },
  });
};

const commands = {
  'orc.run': ({ uri }) => (trusted ? run(uri) : refuse()),
  'orc.cancel': ({ runId }) => {
    cancellations.get(runId)?.();
    return null;
  },
  'orc.trust': () => {
    trusted = true;
    return null;
  },
  'orc.explain': ({ code }) => ({ text: `# ${code}\n\nA page about it.` }),
};

const requests = {
  initialize: (params) => {
    log(`trusted ${JSON.stringify(params.initializationOptions?.trusted)}`);
    return {
      serverInfo: { name: 'orc', version: '0.0.0-fake' },
      capabilities: {
        textDocumentSync: { openClose: true, change: 1 },
        hoverProvider: true,
        completionProvider: {},
        codeLensProvider: {},
        executeCommandProvider: { commands: Object.keys(commands) },
        experimental: { orc: { protocol: modes.has('protocol2') ? 2 : 1 } },
      },
    };
  },
  shutdown: () => null,
  'textDocument/hover': () => ({ contents: { kind: 'markdown', value: '**tool**: what does the work' } }),
  'textDocument/completion': () => [{ label: 'condition', kind: 10 }, { label: 'timeout', kind: 10 }],
  'textDocument/codeLens': ({ textDocument: { uri } }) =>
    stepIds(uri).length === 0
      ? []
      : [{ range: range(Math.max(0, lines(uri).indexOf('steps:')), 0, 6), command: { title: '▶ Run', command: 'orc.run', arguments: [{ uri }] } }],
  'workspace/executeCommand': (params) => commands[params.command](params.arguments?.[0] ?? {}),
};

const notifications = {
  'textDocument/didOpen': ({ textDocument }) => {
    documents.set(textDocument.uri, textDocument.text);
    publish(textDocument.uri);
  },
  'textDocument/didChange': ({ textDocument, contentChanges }) => {
    documents.set(textDocument.uri, contentChanges.at(-1).text);
    publish(textDocument.uri);
  },
  exit: () => process.exit(0),
};

function receive(message) {
  log(`${message.method ?? 'answer'}${message.params?.command ? ` ${message.params.command}` : ''}`);
  if (message.method === undefined) return;
  if (message.id === undefined) {
    notifications[message.method]?.(message.params);
    return;
  }
  const answer = requests[message.method];
  if (answer === undefined) {
    send({ id: message.id, error: { code: -32601, message: `no method ${message.method}` } });
    return;
  }
  try {
    send({ id: message.id, result: answer(message.params ?? {}) });
  } catch (error) {
    send({ id: message.id, error: { code: error.code ?? -32603, message: error.message, data: error.data } });
  }
}

process.stdin.on('data', (chunk) => {
  buffered = Buffer.concat([buffered, chunk]);
  for (;;) {
    const header = buffered.indexOf('\r\n\r\n');
    if (header < 0) return;
    const length = Number(/Content-Length: *(\d+)/i.exec(buffered.subarray(0, header).toString())[1]);
    if (buffered.length < header + 4 + length) return;
    const body = buffered.subarray(header + 4, header + 4 + length).toString();
    buffered = buffered.subarray(header + 4 + length);
    receive(JSON.parse(body));
  }
});
process.stdin.on('end', () => process.exit(0));
