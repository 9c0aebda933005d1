// The extension's commands: each finds out what is meant, asks the server, and shows the answer.

import * as vscode from 'vscode';
import type { LanguageServer } from './languageServer';
import { type RunArguments, explanation, isUntrusted, startedRun } from './protocol';
import type { Field, Question } from './runState';
import type { RunView } from './runView';

export function registerCommands(server: LanguageServer, view: RunView): vscode.Disposable[] {
  const command = (name: string, act: (argument?: unknown) => Promise<void> | void) =>
    vscode.commands.registerCommand(name, act);
  return [
    command('orc.run', (argument) => run(server, view, 'orc.run', runArguments(argument))),
    command('orc.runStep', async (argument) => run(server, view, 'orc.runStep', await stepArguments(argument))),
    command('orc.runFrom', async (argument) => run(server, view, 'orc.runFrom', await stepArguments(argument))),
    command('orc.resume', (argument) => resume(server, view, argument)),
    command('orc.approve', (argument) => approve(server, view, argument)),
    command('orc.cancel', (argument) => cancel(server, view, argument)),
    command('orc.trust', () => trust()),
    command('orc.explain', (argument) => explain(server, argument)),
    command('orc.restartServer', () => server.restart()),
    command('orc.showLog', () => view.log.show(true)),
  ];
}

/** Cancels a run; a failure to do so is told. */
export async function cancelRun(server: LanguageServer, runId: string): Promise<void> {
  try {
    await server.execute('orc.cancel', { runId });
  } catch (error) {
    void vscode.window.showErrorMessage(`orc: ${messageOf(error)}`);
  }
}

/** Starts a run by `command`; without a step where one is needed, says where to put the cursor. */
async function run(
  server: LanguageServer,
  view: RunView,
  command: string,
  wanted: RunArguments | undefined,
): Promise<void> {
  if (wanted === undefined) {
    const what = command === 'orc.run' ? 'open the pipeline to run in an editor first' : 'put the cursor on a step';
    void vscode.window.showErrorMessage(`orc: ${what}.`);
    return;
  }
  try {
    const runId = startedRun(await server.execute(command, wanted));
    if (runId === undefined) throw new Error('the language server did not name the run it started');
    view.begin(runId, wanted.uri);
  } catch (error) {
    if (isUntrusted(error)) await offerTrust(messageOf(error));
    else void vscode.window.showErrorMessage(`orc: ${messageOf(error)}`);
  }
}

/** Goes on with a run: the one that is named, else the latest of the workspace. */
async function resume(server: LanguageServer, view: RunView, argument: unknown): Promise<void> {
  const named = (argument as { runId?: unknown } | undefined)?.runId;
  try {
    const runId = startedRun(await server.execute('orc.resume', { runId: typeof named === 'string' ? named : 'latest' }));
    if (runId === undefined) throw new Error('the language server did not name the run it goes on with');
    view.begin(runId, activeUri() ?? '');
  } catch (error) {
    if (isUntrusted(error)) await offerTrust(messageOf(error));
    else void vscode.window.showErrorMessage(`orc: ${messageOf(error)}`);
  }
}

/** Asks what a step asks, and goes on with its run. */
async function approve(server: LanguageServer, view: RunView, argument: unknown): Promise<void> {
  const given = argument as { runId?: string; step?: string; question?: Question; uri?: string } | undefined;
  const asked = view.question(given?.runId);
  const question = given?.question ?? asked;
  const runId = given?.runId ?? asked?.runId;
  if (question === undefined || runId === undefined) {
    void vscode.window.showInformationMessage('orc: nothing is asked.');
    return;
  }
  const answered = question.approval === true ? await approval(question) : await answers(question);
  if (answered === undefined) return;
  try {
    const step = given?.step ?? asked?.step;
    const wanted = { runId, ...(step === undefined ? {} : { step }), ...answered };
    if (startedRun(await server.execute('orc.approve', wanted)) === undefined) {
      throw new Error('the language server did not name the run it goes on with');
    }
    view.begin(runId, given?.uri ?? activeUri() ?? '');
  } catch (error) {
    if (isUntrusted(error)) await offerTrust(messageOf(error));
    else void vscode.window.showErrorMessage(`orc: ${messageOf(error)}`);
  }
}

async function approval(question: Question): Promise<{ reject?: string } | undefined> {
  const options = { modal: true, ...(question.content === undefined ? {} : { detail: question.content }) };
  const choice = await vscode.window.showWarningMessage(question.title, options, 'Approve', 'Reject');
  if (choice !== 'Reject') return choice === undefined ? undefined : {};
  const reject = await vscode.window.showInputBox({ title: question.title, prompt: 'Why not?' });
  return reject === undefined ? undefined : { reject };
}

async function answers(question: Question): Promise<{ answer: unknown } | undefined> {
  const given: Record<string, unknown> = {};
  for (const field of question.fields) {
    const value = await answer(question, field);
    if (value === undefined) return undefined;
    given[field.id] = value;
  }
  const [only] = question.fields;
  return { answer: question.fields.length === 1 && only !== undefined ? String(given[only.id]) : given };
}

/** The answer to one field; nothing if the person gave up. */
async function answer(question: Question, field: Field): Promise<unknown> {
  const title = question.title === field.text ? question.title : `${question.title} · ${field.text}`;
  const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const { type, choices } = field.kind;
  const offered = type === 'boolean' ? [true, false] : type === 'rating' ? [1, 2, 3, 4, 5] : choices;
  if (offered !== undefined) {
    const items = offered.map((value) => ({ label: type === 'boolean' ? (value === true ? 'yes' : 'no') : shown(value), value }));
    const picked = await vscode.window.showQuickPick(items, { title, ignoreFocusOut: true });
    if (picked === undefined) return undefined;
    return question.fields.length === 1 ? picked.label : picked.value;
  }
  const written = await vscode.window.showInputBox({
    title,
    ignoreFocusOut: true,
    ...(field.default === undefined ? {} : { value: shown(field.default) }),
  });
  if (written === undefined) return undefined;
  return type === 'number' && question.fields.length > 1 ? Number(written) : written;
}

async function cancel(server: LanguageServer, view: RunView, argument: unknown): Promise<void> {
  const named = (argument as { runId?: unknown } | undefined)?.runId;
  const runId = typeof named === 'string' ? named : view.running(activeUri());
  if (runId === undefined) void vscode.window.showInformationMessage('orc: nothing is running.');
  else await cancelRun(server, runId);
}

/** VS Code keeps the trust itself; when it is granted the server starts anew, trusted. */
async function trust(): Promise<void> {
  if (vscode.workspace.isTrusted) void vscode.window.showInformationMessage('orc: this workspace is trusted.');
  else await vscode.commands.executeCommand('workbench.trust.manage');
}

async function offerTrust(message: string): Promise<void> {
  const choice = await vscode.window.showWarningMessage(`orc: ${message}`, 'Manage Workspace Trust');
  if (choice !== undefined) await vscode.commands.executeCommand('workbench.trust.manage');
}

async function explain(server: LanguageServer, argument: unknown): Promise<void> {
  const given = (argument as { code?: unknown } | undefined)?.code;
  const code =
    typeof given === 'string'
      ? given
      : await vscode.window.showInputBox({
          title: 'Explain a diagnostic code',
          placeHolder: 'ORC204',
          value: codeAtCursor() ?? '',
        });
  if (code === undefined || code === '') return;
  try {
    const markdown = explanation(await server.execute('orc.explain', { code }));
    if (markdown === undefined) throw new Error(`the language server has no page about \`${code}\``);
    const document = await vscode.workspace.openTextDocument({ language: 'markdown', content: markdown });
    await vscode.window.showTextDocument(document, { preview: true, viewColumn: vscode.ViewColumn.Beside });
  } catch (error) {
    void vscode.window.showErrorMessage(`orc: ${messageOf(error)}`);
  }
}

/** A lens gives the arguments, a button in the title its resource, the palette nothing. */
function runArguments(argument: unknown): RunArguments | undefined {
  if (argument instanceof vscode.Uri) return { uri: argument.toString() };
  const given = argument as Partial<RunArguments> | undefined;
  if (typeof given?.uri === 'string') return { ...given, uri: given.uri };
  const uri = activeUri();
  return uri === undefined ? undefined : { uri };
}

/** What a lens carries, else the step at the cursor: the last one whose lens stands at or above it. */
async function stepArguments(argument: unknown): Promise<RunArguments | undefined> {
  const given = runArguments(argument);
  const editor = vscode.window.activeTextEditor;
  if (given?.step !== undefined || given === undefined || editor === undefined) return given;
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[] | undefined>(
    'vscode.executeCodeLensProvider',
    editor.document.uri,
    10_000,
  );
  const above = (lenses ?? []).filter(
    // The one that runs the step alone is its cancel while it runs.
    (lens) => lens.command?.command === 'orc.runFrom' && lens.range.start.line <= editor.selection.active.line,
  );
  const step = (above.at(-1)?.command?.arguments?.[0] as RunArguments | undefined)?.step;
  return step === undefined ? undefined : { ...given, step };
}

function activeUri(): string | undefined {
  return vscode.window.activeTextEditor?.document.uri.toString();
}

function codeAtCursor(): string | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) return undefined;
  const here = vscode.languages
    .getDiagnostics(editor.document.uri)
    .find((diagnostic) => diagnostic.range.contains(editor.selection.active));
  const code = typeof here?.code === 'object' ? here.code.value : here?.code;
  return code === undefined ? undefined : String(code);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
