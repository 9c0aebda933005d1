// The one language server of a window: found, started, restarted, and asked.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as vscode from 'vscode';
import {
  type ClientCapabilities,
  ExecuteCommandRequest,
  LanguageClient,
  type ServerCapabilities,
  State,
  type StaticFeature,
} from 'vscode-languageclient/node';
import { asRunEvent, ownCommands, protocolMismatch, runEventMethod } from './protocol';
import type { RunEvent } from './runState';
import { findServer } from './server';

export interface Listener {
  readonly runEvent: (event: RunEvent) => void;
  readonly stopped: () => void;
}

export class LanguageServer implements vscode.Disposable {
  private readonly output = vscode.window.createOutputChannel('orc', { log: true });
  private client: LanguageClient | undefined;
  private work: Promise<void> = Promise.resolve();

  constructor(private readonly listener: Listener) {}

  /** Starts the server, after stopping the one that runs. Calls are served one after the other. */
  restart(): Promise<void> {
    this.work = this.work.then(async () => {
      await this.stopClient();
      await this.startClient();
    });
    return this.work;
  }

  /** Executes a command of the server; rejects if there is no server or the command fails. */
  async execute(command: string, argument: object): Promise<unknown> {
    await this.work;
    if (this.client === undefined) throw new Error(this.problem() ?? 'the language server is not running');
    return this.client.sendRequest(ExecuteCommandRequest.type, { command, arguments: [argument] });
  }

  async stop(): Promise<void> {
    await this.work;
    await this.stopClient();
  }

  dispose(): void {
    this.output.dispose();
  }

  private async startClient(): Promise<void> {
    const found = find();
    if ('problem' in found) {
      this.output.error(found.problem);
      void this.reportMissing(found.problem);
      return;
    }
    this.output.info(`starting ${found.program} lsp --stdio`);
    const client = new LanguageClient(
      'orc',
      'orc',
      { command: found.program, args: ['lsp', '--stdio'] },
      {
        documentSelector: [
          { scheme: 'file', language: 'orc-pipeline' },
          { scheme: 'untitled', language: 'orc-pipeline' },
          // The server says which YAML files are pipelines and keeps quiet about the others.
          { scheme: 'file', language: 'yaml' },
        ],
        initializationOptions: () => ({ trusted: vscode.workspace.isTrusted }),
        synchronize: { configurationSection: 'orc' },
        outputChannel: this.output,
      },
    );
    client.registerFeature(new OwnFeatures());
    client.onNotification(runEventMethod, (params: unknown) => {
      const event = asRunEvent(params);
      if (event === undefined) this.output.warn(`an ${runEventMethod} without run, number or type was ignored`);
      else this.listener.runEvent(event);
    });
    client.onDidChangeState((change) => {
      if (change.oldState === State.Running) this.listener.stopped();
    });
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      // The client library has told the user by now; the log keeps the reason.
      this.output.error(`${found.program} did not start: ${String(error)}`);
      this.client = undefined;
      return;
    }
    const mismatch = protocolMismatch(client.initializeResult?.capabilities.experimental);
    if (mismatch !== undefined) void vscode.window.showWarningMessage(`orc: ${mismatch}.`);
  }

  private async stopClient(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client === undefined) return;
    try {
      await client.dispose(2000);
    } catch (error) {
      this.output.warn(`the language server did not stop in order: ${String(error)}`);
    }
  }

  private problem(): string | undefined {
    const found = find();
    return 'problem' in found ? found.problem : undefined;
  }

  private async reportMissing(problem: string): Promise<void> {
    const choice = await vscode.window.showErrorMessage(`orc: ${problem}.`, 'Open Settings', 'Try Again');
    if (choice === 'Open Settings') await vscode.commands.executeCommand('workbench.action.openSettings', 'orc.path');
    if (choice === 'Try Again') await this.restart();
  }
}

/**
 * Keeps the client library from registering the commands this extension registers itself, and lets the
 * server know that the ends of runs are told here.
 */
class OwnFeatures implements StaticFeature {
  preInitialize(capabilities: ServerCapabilities): void {
    const offered = capabilities.executeCommandProvider;
    if (offered === undefined) return;
    const own: readonly string[] = ownCommands;
    offered.commands = offered.commands.filter((command) => !own.includes(command));
  }
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = { ...capabilities.experimental, orc: { runEvents: true } };
  }
  initialize(): void {}
  getState() {
    return { kind: 'static' } as const;
  }
  clear(): void {}
}

function find() {
  return findServer(vscode.workspace.getConfiguration('orc').get<string>('path', ''), {
    platform: process.platform,
    path: process.env.PATH ?? process.env.Path ?? '',
    home: os.homedir(),
    isFile: (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false,
  });
}
