// Runs vscode_host_suite.cjs inside the extension host of a real VS Code.
// usage: ORC_BIN=… node tests/editors/vscode_host.mjs
import fs from 'node:fs';
import path from 'node:path';
import { CodeServer, Workspace, extension, here, requireParts } from './code_server.mjs';

requireParts(path.join(extension, 'dist', 'extension.js'));
const began = Date.now();
const workspace = new Workspace();
const server = new CodeServer(workspace, { 'security.workspace.trust.enabled': false });
const results = path.join(workspace.root, 'results.json');
Object.assign(server.environment, {
  ORC_RESULTS: results,
  ORC_FAKE_SERVER: path.join(here, 'fake_server.cjs'),
  ORC_NODE: process.execPath,
});

let outcome = 'not started';
try {
  const page = await server.start('--disable-workspace-trust', '--vscode-option', 'enable-smoke-test-driver');
  const finished = new Promise((resolve) => {
    void page.exposeFunction('codeAutomationLog', (kind, values) => {
      if (process.env.VERBOSE) console.log(`  [${kind}]`, ...[values].flat().map(String));
    });
    void page.exposeFunction('codeAutomationExit', (code) => resolve(code));
  });
  await page.goto(
    server.url(workspace.folder, [
      ['extensionDevelopmentPath', server.remote(extension)],
      ['extensionTestsPath', server.remote(path.join(here, 'vscode_host_suite.cjs'))],
      ['skipWelcome', 'true'],
    ]),
  );
  outcome = await Promise.race([
    finished,
    new Promise((resolve) => setTimeout(() => resolve('no answer in 90 s'), 90_000)),
  ]);
} catch (error) {
  outcome = String(error);
} finally {
  await server.stop();
}

const checks = fs.existsSync(results) ? JSON.parse(fs.readFileSync(results, 'utf8')) : [];
for (const check of checks) {
  console.log(check.error === undefined ? 'ok  ' : 'FAIL', check.name, check.error ?? '');
}
if (outcome !== 0) console.log(`FAIL the extension host ended with: ${outcome}\n${server.log()}`);
const failed = checks.filter((check) => check.error !== undefined).length;
const lost = checks.length === 0 || (outcome !== 0 && failed === 0) ? 1 : 0;
console.log(
  `vscode host: ${checks.length - failed} passed, ${failed + lost} failed in ${((Date.now() - began) / 1000).toFixed(1)} s`,
);
if (failed + lost === 0) workspace.remove();
process.exit(failed + lost === 0 ? 0 : 1);
