// Shows runs: marks at the steps' lines, a status bar item, a log and a closing message. Decides
// nothing; all it knows comes from `runState`.

import * as vscode from 'vscode';
import { type Question, type RunEvent, type RunState, type StepStatus, newRun, progress, reduce } from './runState';
import { runSummary, stepLabel, stepLines } from './runText';

type Look = 'waiting' | 'running' | 'completed' | 'failed' | 'skipped';

const LOOKS: Record<StepStatus, Look> = {
  ready: 'waiting',
  running: 'running',
  retrying: 'running',
  completed: 'completed',
  failed: 'failed',
  skipped: 'skipped',
  not_run: 'skipped',
  cancelled: 'skipped',
  waiting: 'waiting',
};

const COLOURS: Record<Look, string> = {
  waiting: 'descriptionForeground',
  running: 'charts.blue',
  completed: 'charts.green',
  failed: 'charts.red',
  skipped: 'descriptionForeground',
};

/** A run longer than this gets a message with a button to cancel it. */
const LONG_RUN_MS = 1500;

interface Shown {
  state: RunState;
  uri: string | undefined;
  closed: (() => void) | undefined;
}

export class RunView implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel('orc runs');
  private readonly runs = new Map<string, Shown>();
  /** The run whose marks a document shows. */
  private readonly latest = new Map<string, string>();
  private readonly status = vscode.window.createStatusBarItem('orc.run', vscode.StatusBarAlignment.Left, 50);
  private readonly decorations: Record<Look, vscode.TextEditorDecorationType>;
  private readonly disposables: vscode.Disposable[];

  constructor(
    context: vscode.ExtensionContext,
    private readonly cancel: (runId: string) => Promise<void>,
  ) {
    this.status.name = 'orc run';
    const decoration = (look: Look) =>
      vscode.window.createTextEditorDecorationType({
        gutterIconPath: vscode.Uri.joinPath(context.extensionUri, 'media', `${look}.svg`),
        gutterIconSize: 'contain',
        rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
      });
    this.decorations = {
      waiting: decoration('waiting'),
      running: decoration('running'),
      completed: decoration('completed'),
      failed: decoration('failed'),
      skipped: decoration('skipped'),
    };
    this.disposables = [
      this.log,
      this.status,
      ...Object.values(this.decorations),
      vscode.window.onDidChangeVisibleTextEditors(() => this.drawAll()),
      vscode.workspace.onDidChangeTextDocument((change) => this.edited(change)),
      vscode.workspace.onDidCloseTextDocument((document) => this.latest.delete(document.uri.toString())),
    ];
  }

  /** Ties a run to the document it was started from; its events may have come before. */
  begin(runId: string, uri: string): void {
    const run = this.run(runId);
    run.uri = uri;
    this.latest.set(uri, runId);
    this.drawAll();
    if (run.state.status === 'running') this.offerCancel(run);
    this.drawStatus();
  }

  handle(event: RunEvent): void {
    const run = this.run(event.runId);
    const before = run.state;
    run.state = reduce(before, event);
    if (run.state === before) return;
    this.write(event, run.state);
    this.drawAll();
    if (event.type === 'run.finished') this.finish(run);
    this.drawStatus();
  }

  /** Ends what was shown as running: its server is gone and no event will come. */
  serverStopped(): void {
    for (const run of this.runs.values()) {
      if (run.state.status !== 'running') continue;
      run.state = { ...run.state, status: 'failed', error: 'the language server stopped' };
      this.log.appendLine(`${run.state.runId}  the language server stopped`);
      run.closed?.();
    }
    this.drawAll();
    this.drawStatus();
  }

  /** The run to cancel: the document's own if it is going, else the newest that is. */
  running(uri: string | undefined): string | undefined {
    const going = [...this.runs.values()].filter((run) => run.state.status === 'running');
    return (going.find((run) => run.uri === uri) ?? going.at(-1))?.state.runId;
  }

  /** What the run asks, else the newest that asks anything. */
  question(runId: string | undefined): (Question & { runId: string; step: string }) | undefined {
    const waiting = [...this.runs.values()].map((run) => run.state).filter((state) => state.status === 'waiting');
    const state = waiting.filter((state) => runId === undefined || state.runId === runId).at(-1);
    const [asked] = state?.questions ?? [];
    return state === undefined || asked === undefined ? undefined : { ...asked[1], runId: state.runId, step: asked[0] };
  }

  /** The state of the run a document shows; for tests, through the extension's exports. */
  stateOf(uri: string): RunState | undefined {
    const runId = this.latest.get(uri);
    return runId === undefined ? undefined : this.runs.get(runId)?.state;
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  private run(runId: string): Shown {
    let run = this.runs.get(runId);
    if (run === undefined) {
      run = { state: newRun(runId), uri: undefined, closed: undefined };
      this.runs.set(runId, run);
    }
    return run;
  }

  private finish(run: Shown): void {
    run.closed?.();
    const summary = runSummary(run.state);
    const [asked] = run.state.questions;
    if (run.state.status === 'waiting' && asked !== undefined) {
      const [step, question] = asked;
      const argument = { runId: run.state.runId, step, question, uri: run.uri };
      void vscode.window
        .showWarningMessage(summary, 'Answer')
        .then((choice) => choice !== undefined && vscode.commands.executeCommand('orc.approve', argument));
      return;
    }
    const message =
      run.state.status === 'completed'
        ? vscode.window.showInformationMessage(summary, 'Show Log')
        : run.state.status === 'cancelled'
          ? vscode.window.showWarningMessage(summary, 'Show Log')
          : vscode.window.showErrorMessage(summary, 'Show Log');
    void message.then((choice) => choice !== undefined && this.log.show(true));
    this.forget();
  }

  /** Drops finished runs no document shows any more. */
  private forget(): void {
    const shown = new Set(this.latest.values());
    for (const [runId, run] of this.runs) {
      if (run.state.status !== 'running' && run.uri !== undefined && !shown.has(runId)) this.runs.delete(runId);
    }
  }

  private offerCancel(run: Shown): void {
    const timer = setTimeout(() => {
      void vscode.window.withProgress(
        { location: vscode.ProgressLocation.Notification, cancellable: true, title: 'orc' },
        (report, token) =>
          new Promise<void>((resolve) => {
            report.report({ message: runSummary(run.state) });
            const refresh = setInterval(() => report.report({ message: runSummary(run.state) }), 500);
            run.closed = () => {
              clearInterval(refresh);
              resolve();
            };
            token.onCancellationRequested(() => void this.cancel(run.state.runId));
          }),
      );
    }, LONG_RUN_MS);
    run.closed = () => clearTimeout(timer);
  }

  private drawStatus(): void {
    const runs = [...this.runs.values()];
    const going = runs.filter((run) => run.state.status === 'running').at(-1);
    void vscode.commands.executeCommand('setContext', 'orc.running', going !== undefined);
    const run = going ?? runs.at(-1);
    if (run === undefined) {
      this.status.hide();
      return;
    }
    const { done, total } = progress(run.state);
    const icon = { running: '$(sync~spin)', completed: '$(pass)', failed: '$(error)', cancelled: '$(circle-slash)', waiting: '$(question)' };
    this.status.text = `${icon[run.state.status]} orc ${done}/${total}`;
    this.status.tooltip =
      run.state.status === 'running' ? `${runSummary(run.state)}\nClick to cancel` : runSummary(run.state);
    this.status.command = run.state.status === 'running' ? 'orc.cancel' : 'orc.showLog';
    this.status.show();
  }

  private drawAll(): void {
    for (const editor of vscode.window.visibleTextEditors) this.draw(editor);
  }

  private draw(editor: vscode.TextEditor): void {
    const hinted = hintsAreShown(editor.document);
    const run = this.stateOf(editor.document.uri.toString());
    const places: Record<Look, vscode.DecorationOptions[]> = {
      waiting: [],
      running: [],
      completed: [],
      failed: [],
      skipped: [],
    };
    if (run !== undefined) {
      for (const [id, line] of stepLines(editor.document.getText(), run.steps.keys())) {
        const step = run.steps.get(id);
        if (step === undefined) continue;
        const look = LOOKS[step.status];
        places[look].push({
          range: editor.document.lineAt(line).range,
          ...(hinted
            ? {}
            : {
                renderOptions: {
                  after: {
                    contentText: stepLabel(step),
                    color: new vscode.ThemeColor(COLOURS[look]),
                    margin: '0 1em 0 2em',
                  },
                },
              }),
          ...(step.error === undefined ? {} : { hoverMessage: new vscode.MarkdownString().appendText(step.error) }),
        });
      }
    }
    for (const look of Object.keys(places) as Look[]) editor.setDecorations(this.decorations[look], places[look]);
  }

  /** A finished run says nothing about a text that changed since. */
  private edited(change: vscode.TextDocumentChangeEvent): void {
    if (change.contentChanges.length === 0) return;
    const uri = change.document.uri.toString();
    const state = this.stateOf(uri);
    if (state !== undefined && state.status !== 'running') this.latest.delete(uri);
    this.drawAll();
  }

  private write(event: RunEvent, state: RunState): void {
    const step = event.step === undefined ? '' : `  ${event.step}`;
    const data = event.data as Record<string, unknown> | undefined;
    const detail =
      event.type === 'run.finished' ? runSummary(state) : data === undefined ? '' : JSON.stringify(data);
    this.log.appendLine(`${event.time}  ${event.type}${step}${detail === '' ? '' : `  ${detail}`}`);
    if (event.type === 'run.finished' && data?.outputs !== undefined) {
      this.log.appendLine(JSON.stringify(data.outputs, undefined, 2));
    }
  }
}

/** Whether the server's hints say how steps stand: then it is not said twice. */
function hintsAreShown(document: vscode.TextDocument): boolean {
  return vscode.workspace.getConfiguration('editor', document).get<string>('inlayHints.enabled', 'on').startsWith('on');
}
