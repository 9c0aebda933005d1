// Starts the language server and wires commands and views to it.

import * as vscode from 'vscode';
import { cancelRun, registerCommands } from './commands';
import { LanguageServer } from './languageServer';
import { RunView } from './runView';

let server: LanguageServer | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<{ readonly runs: RunView }> {
  const started = new LanguageServer({
    runEvent: (event) => view.handle(event),
    stopped: () => view.serverStopped(),
  });
  const view = new RunView(context, (runId) => cancelRun(started, runId));
  server = started;
  context.subscriptions.push(
    started,
    view,
    ...registerCommands(started, view),
    vscode.workspace.onDidGrantWorkspaceTrust(() => started.restart()),
    vscode.workspace.onDidChangeConfiguration((change) =>
      change.affectsConfiguration('orc.path') ? started.restart() : undefined,
    ),
  );
  await started.restart();
  return { runs: view };
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
