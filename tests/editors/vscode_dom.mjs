// What a person sees and clicks in VS Code, with the extension as it is packed.
// usage: ORC_BIN=… [ORC_SHOTS=folder] node tests/editors/vscode_dom.mjs
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { CodeServer, Workspace, requireParts, vsix, wantedOutputs } from './code_server.mjs';

requireParts(vsix);
const began = Date.now();
const workspace = new Workspace();
const server = new CodeServer(workspace, {
  'security.workspace.trust.enabled': false,
  'editor.fontFamily': 'DejaVu Sans Mono',
  'editor.stickyScroll.enabled': false,
  'breadcrumbs.enabled': false,
});
const shots = process.env.ORC_SHOTS || undefined;
let passed = 0;
let failed = 0;
let page;

async function shot(name) {
  if (shots === undefined) return;
  fs.mkdirSync(shots, { recursive: true });
  await page?.screenshot({ path: path.join(shots, `${name}.png`) });
}

async function check(name, act) {
  try {
    await act();
    passed++;
    console.log('ok  ', name);
  } catch (error) {
    failed++;
    console.log('FAIL', name, String(error.message).split('\n').slice(0, 6).join(' | '));
    await shot(`failed-${failed}`);
  }
}

async function until(what, read) {
  for (let tries = 0; ; tries++) {
    const value = await read();
    if (value) return value;
    if (tries === 400) throw new Error(`timed out: ${what}`);
    await page.waitForTimeout(50);
  }
}

/** The box of `text` as it is drawn. VS Code draws blanks as no-break spaces. */
async function boxOf(text) {
  return page.evaluate((wanted) => {
    const walker = document.createTreeWalker(document.querySelector('.view-lines'), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const at = node.data.replaceAll('\u00a0', ' ').indexOf(wanted);
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + wanted.length);
      const { left, right, top, bottom } = range.getBoundingClientRect();
      return { left, right, top, bottom };
    }
    return undefined;
  }, text);
}

try {
  server.install(vsix);
  page = await server.start('--disable-workspace-trust');
  await page.goto(server.url(workspace.folder, [['openFile', server.remote(workspace.file)]]));
  const line = (text) => page.locator('.view-lines .view-line', { hasText: text }).first();

  await check('the pipeline opens', () => line('parallel_fanout_fanin').waitFor());
  await check('the squiggle stands exactly under the token', async () => {
    await page.keyboard.press('Control+End');
    const squiggle = page.locator('.squiggly-error');
    await squiggle.first().waitFor();
    assert.equal(await squiggle.count(), 1);
    // The lenses above the steps push lines down when they come.
    const { token, drawn } = await until('the token in the line of the squiggle', async () => {
      const [token, drawn] = await Promise.all([boxOf('read_bata'), squiggle.boundingBox()]);
      return token && drawn && drawn.y < token.bottom && drawn.y + drawn.height > token.top ? { token, drawn } : undefined;
    });
    assert.ok(Math.abs(drawn.x - token.left) <= 1.5, `starts at ${drawn.x}, the token at ${token.left}`);
    assert.ok(
      Math.abs(drawn.x + drawn.width - token.right) <= 1.5,
      `ends at ${drawn.x + drawn.width}, the token at ${token.right}`,
    );
    assert.ok(drawn.y < token.bottom && drawn.y + drawn.height > token.top, 'in the line of the token');
  });
  await check('a hover on it says what is wrong', async () => {
    const hover = page.locator('.monaco-hover', { hasText: 'read_bata' });
    for (let tries = 1; ; tries++) {
      const token = await boxOf('read_bata');
      await page.mouse.move(600, 100);
      await page.waitForTimeout(150);
      await page.mouse.move((token.left + token.right) / 2, (token.top + token.bottom) / 2, { steps: 3 });
      try {
        await hover.first().waitFor({ timeout: 4000 });
        break;
      } catch (error) {
        if (tries === 5) throw error;
      }
    }
  });
  await shot('vscode-diagnostic');
  await page.mouse.move(600, 100);

  await check('the fix by hand takes it away', async () => {
    const token = await boxOf('read_bata');
    await page.mouse.dblclick((token.left + token.right) / 2, (token.top + token.bottom) / 2);
    await page.keyboard.type('read_beta');
    await page.keyboard.press('Escape');
    await until('no squiggle', async () => (await page.locator('.squiggly-error').count()) === 0);
    await line('- read_beta').waitFor();
  });
  await check('the run lens is there to be clicked', async () => {
    await page.keyboard.press('Control+Home');
    const lens = page.locator('.codelens-decoration a', { hasText: '▶ Run' }).first();
    await lens.waitFor();
    await lens.click();
  });
  await check('a notification tells the result', async () => {
    const toast = page.locator('.notification-toast', { hasText: /completed/ });
    await toast.waitFor();
    assert.match((await toast.innerText()).replace(/\s+/g, ' '), /completed · 5 steps/);
  });
  await check('the status bar counts the steps', () =>
    page.locator('.statusbar-item', { hasText: 'orc 5/5' }).waitFor(),
  );
  await check('each step in view has its state, time and size behind its id, and its state in the gutter', async () => {
    const state = async () =>
      page.evaluate(() =>
        [...document.querySelectorAll('.view-lines .view-line')]
          .map((row) => row.textContent.replaceAll('\u00a0', ' ').trim())
          .filter((text) => text.startsWith('- id:')),
      );
    const rows = await until('states', async () => {
      const rows = await state();
      return rows.length >= 2 && rows.every((row) => /✔ .* · \d+ B$/.test(row)) && rows;
    });
    const alpha = rows.find((row) => row.startsWith('- id: alpha'));
    assert.match(alpha, /^- id: alpha.*✔ (\d+ ms|\d\.\d s) · \d+ B$/);
    assert.ok((await page.locator('.glyph-margin-widgets .cgmr').count()) >= 2, 'icons in the gutter');
  });
  await check('the lens tells how the run ended', () =>
    page.locator('.codelens-decoration a', { hasText: /completed .*Run again/ }).waitFor(),
  );
  await shot('vscode-run');
  await check('the files are written to the byte', () =>
    until('the files', () => {
      try {
        assert.deepEqual(workspace.outputs(), wantedOutputs);
        return true;
      } catch {
        return false;
      }
    }),
  );
  await check('the text was never saved', () =>
    assert.equal(fs.readFileSync(workspace.file, 'utf8'), workspace.text),
  );
} catch (error) {
  failed++;
  console.log('FAIL', error, server.log());
  await shot('fatal').catch(() => undefined);
} finally {
  await server.stop();
}
console.log(`vscode: ${passed} passed, ${failed} failed in ${((Date.now() - began) / 1000).toFixed(1)} s`);
if (failed === 0) workspace.remove();
process.exit(failed === 0 ? 0 : 1);
