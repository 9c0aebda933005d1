// Runs inside the extension host: the editor's own interfaces, with exact expectations.
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vscode = require('vscode');

const results = [];

async function check(name, act) {
  try {
    await act();
    results.push({ name });
  } catch (error) {
    results.push({ name, error: String(error?.stack ?? error) });
  }
}

async function until(what, read, limit = 15_000) {
  const end = Date.now() + limit;
  for (;;) {
    const value = await read();
    if (value) return value;
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

const execute = vscode.commands.executeCommand;
const errorsOf = (uri) =>
  vscode.languages.getDiagnostics(uri).filter((found) => found.severity === vscode.DiagnosticSeverity.Error);
const codeOf = (diagnostic) => String(diagnostic.code?.value ?? diagnostic.code);
const texts = (hovers) => hovers.flatMap((hover) => hover.contents.map((part) => part.value ?? part)).join('\n');
const labels = (list) => list.items.map((item) => item.label.label ?? item.label);

function find(document, text, offset = 0) {
  const at = document.getText().indexOf(text);
  assert.notEqual(at, -1, `no \`${text}\` in the document`);
  return document.positionAt(at + offset);
}

async function runLens(uri) {
  return until('a run lens', async () =>
    (await execute('vscode.executeCodeLensProvider', uri))?.find((lens) => lens.command?.command === 'orc.run'),
  );
}

async function realServer(folder, runs) {
  const uri = vscode.Uri.joinPath(folder, 'fanout.orc.yaml');
  const document = await vscode.workspace.openTextDocument(uri);
  const editor = await vscode.window.showTextDocument(document);

  await check('the file has the language of pipelines', () => assert.equal(document.languageId, 'orc-pipeline'));
  await check('the typo is the one error, at exactly its token', async () => {
    const found = await until('one error', () => errorsOf(uri).length === 1 && errorsOf(uri)[0]);
    const start = find(document, '- read_bata', 2);
    assert.deepEqual(found.range, new vscode.Range(start, start.translate(0, 9)));
    assert.match(codeOf(found), /^ORC2\d\d$/);
    assert.equal(found.source, 'orc');
    assert.match(found.message, /read_bata/);
  });
  await check('a hover tells about a key', async () => {
    const hovers = await execute('vscode.executeHoverProvider', uri, find(document, 'tool: filesystem', 1));
    assert.match(texts(hovers), /tool/);
  });
  await check('a hover tells about a tool', async () => {
    const hovers = await execute('vscode.executeHoverProvider', uri, find(document, 'filesystem', 3));
    assert.match(texts(hovers), /file/i);
  });
  await check('completion offers the keys of a step', async () => {
    const place = find(document, '    parameters:\n      path: "{{ out_dir }}/alpha.txt"\n      content');
    await editor.edit((edit) => edit.insert(place, '    ti\n'));
    const list = await execute('vscode.executeCompletionItemProvider', uri, place.translate(0, 6));
    await execute('undo');
    assert.ok(labels(list).some((label) => label.startsWith('timeout')), labels(list).join(' '));
  });
  await check('undo restored the text', () => until('the old text', () => !document.getText().includes('    ti\n')));
  await check('completion offers step ids for a dependency', async () => {
    const list = await execute('vscode.executeCompletionItemProvider', uri, find(document, '- read_bata', 4));
    assert.ok(labels(list).includes('read_beta'), labels(list).join(' '));
  });
  await check('the outline names the steps', async () => {
    const symbols = await execute('vscode.executeDocumentSymbolProvider', uri);
    const names = [];
    const collect = (list) => list.forEach((symbol) => (names.push(symbol.name), collect(symbol.children ?? [])));
    collect(symbols);
    for (const id of ['alpha', 'beta', 'read_alpha', 'read_beta', 'join']) assert.ok(names.includes(id), names.join(' '));
  });
  await check('the fix by hand clears the error', async () => {
    const start = find(document, 'read_bata');
    await editor.edit((edit) => edit.replace(new vscode.Range(start, start.translate(0, 9)), 'read_beta'));
    await until('no error', () => errorsOf(uri).length === 0);
  });
  await check('the lens runs the open text and the state is shown', async () => {
    const lens = await runLens(uri);
    await execute(lens.command.command, ...lens.command.arguments);
    const state = await until('the end of the run', () => {
      const state = runs.stateOf(uri.toString());
      return state?.status !== 'running' && state;
    });
    assert.equal(state.status, 'completed', state.error);
    assert.deepEqual(
      [...state.steps].map(([id, step]) => [id, step.status]).sort(),
      ['alpha', 'beta', 'join', 'read_alpha', 'read_beta'].map((id) => [id, 'completed']),
    );
    assert.equal(document.isDirty, true);
  });
  await check('the files are written to the byte', () => {
    const read = (name) => fs.readFileSync(path.join(folder.fsPath, 'output', name), 'utf8');
    assert.equal(read('alpha.txt'), 'alpha-value');
    assert.equal(read('beta.txt'), 'beta-value');
    assert.equal(read('joined.txt'), 'alpha-value+beta-value');
  });
  await check('a change of the text takes the state away', async () => {
    await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), '# changed\n'));
    assert.equal(runs.stateOf(uri.toString()), undefined);
  });
  await check('the palette runs the active editor', async () => {
    await vscode.window.showTextDocument(document);
    await execute('orc.run');
    await until('the second run', () => runs.stateOf(uri.toString())?.status === 'completed');
  });
  await check('a step that failed says so, with time and state, until the next run', async () => {
    const failing = vscode.Uri.joinPath(folder, 'failing.orc.yaml');
    const step = (command) => `  - id: only\n    tool: terminal\n    action: execute\n    parameters: {command: ${command}}\n`;
    fs.writeFileSync(failing.fsPath, `id: failing\nname: Failing\nsteps:\n${step('exit 3')}`);
    const document = await vscode.workspace.openTextDocument(failing);
    await vscode.window.showTextDocument(document);
    await execute('orc.run');
    const found = await until('the failure', () => errorsOf(failing).length === 1 && errorsOf(failing)[0]);
    const start = find(document, 'only');
    assert.deepEqual(found.range, new vscode.Range(start, start.translate(0, 4)));
    assert.deepEqual(
      [codeOf(found), found.source, found.message],
      ['ORC790', 'orc run', 'the command ended with exit code 3'],
    );
    const all = new vscode.Range(0, 0, document.lineCount, 0);
    await until('the hint', async () =>
      (await execute('vscode.executeInlayHintProvider', failing, all)).some((hint) => /^✘ failed · \d/.test(hint.label)),
    );
    const edit = new vscode.WorkspaceEdit();
    edit.replace(failing, new vscode.Range(find(document, 'exit 3'), find(document, 'exit 3', 6)), 'exit 0');
    await vscode.workspace.applyEdit(edit);
    assert.equal(errorsOf(failing).length, 1);
    await execute('orc.run');
    await until('no failure', () => errorsOf(failing).length === 0);
    await until('the end', () => runs.stateOf(failing.toString())?.status === 'completed');
  });
  await check('a question is answered and the run goes on', async () => {
    const asking = vscode.Uri.joinPath(folder, 'asking.orc.yaml');
    const text = 'id: asking\nname: Asking\nsteps:\n  - id: who\n    tool: user-prompt\n    action: execute\n    parameters: {prompt: Who?}\n';
    fs.writeFileSync(asking.fsPath, text);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(asking));
    await execute('orc.run');
    await until('the question', () => runs.stateOf(asking.toString())?.status === 'waiting');
    const answered = execute('orc.approve');
    await until('the end', async () => {
      // The box takes a moment to come; accepting what is not there does nothing.
      await execute('workbench.action.acceptSelectedQuickOpenItem');
      return runs.stateOf(asking.toString())?.status === 'completed';
    });
    await answered;
  });
  await check('other YAML is left alone', async () => {
    const other = vscode.Uri.joinPath(folder, 'compose.yaml');
    fs.writeFileSync(other.fsPath, 'services:\n  web: {image: nginx}\nsteps: none\n');
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(other));
    // An answer about the file proves that the server has read it.
    await execute('vscode.executeDocumentSymbolProvider', other);
    assert.deepEqual(vscode.languages.getDiagnostics(other), []);
    assert.deepEqual(await execute('vscode.executeCodeLensProvider', other), []);
  });
}

async function otherServers(folder, runs) {
  const settings = vscode.workspace.getConfiguration('orc');
  const uri = vscode.Uri.joinPath(folder, 'second.orc.yaml');
  fs.copyFileSync(path.join(folder.fsPath, 'fanout.orc.yaml'), uri.fsPath);
  // A program of its own per behaviour: the setting takes a path and no arguments.
  const use = async (mode) => {
    const program = path.join(folder.fsPath, `fake-${mode}`);
    fs.writeFileSync(
      program,
      `#!/bin/sh\nORC_FAKE=${mode} exec '${process.env.ORC_NODE}' '${process.env.ORC_FAKE_SERVER}'\n`,
      { mode: 0o755 },
    );
    await settings.update('path', program, vscode.ConfigurationTarget.Global);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
    await until(`the server that does ${mode}`, async () =>
      texts((await execute('vscode.executeHoverProvider', uri, new vscode.Position(3, 3))) ?? []).includes('does the work'),
    );
  };
  await check('a new `orc.path` restarts the server; cancel ends a run', async () => {
    await use('hang');
    await execute('orc.run', { uri: uri.toString() });
    await until('a running step', () => runs.stateOf(uri.toString())?.steps.get('alpha')?.status === 'running');
    await execute('orc.cancel');
    const state = await until('the end', () => {
      const state = runs.stateOf(uri.toString());
      return state?.status !== 'running' && state;
    });
    assert.equal(state.status, 'cancelled');
  });
  await check('a server that dies ends its run', async () => {
    await use('crash');
    await execute('orc.run', { uri: uri.toString() });
    const state = await until('the end', () => {
      const state = runs.stateOf(uri.toString());
      return state?.status === 'failed' && state;
    });
    assert.equal(state.error, 'the language server stopped');
  });
  await check('a missing program leaves the commands with an answer', async () => {
    await settings.update('path', path.join(folder.fsPath, 'nowhere'), vscode.ConfigurationTarget.Global);
    // Rejecting would show a raw error: the command tells the problem itself.
    void execute('orc.run', { uri: uri.toString() });
    await until('silence', () => vscode.languages.getDiagnostics(uri).length === 0);
  });
}

exports.run = async () => {
  try {
    const folder = vscode.workspace.workspaceFolders[0].uri;
    const extension = vscode.extensions.getExtension('orc.orc');
    const { runs } = await extension.activate();
    console.log(`VS Code ${vscode.version}`);
    await realServer(folder, runs);
    await otherServers(folder, runs);
  } catch (error) {
    results.push({ name: 'the suite', error: String(error?.stack ?? error) });
  }
  fs.writeFileSync(process.env.ORC_RESULTS, JSON.stringify(results));
  const failed = results.filter((result) => result.error !== undefined);
  if (failed.length > 0) throw new Error(failed.map((result) => result.name).join(', '));
};
