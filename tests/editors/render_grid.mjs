// Draws Neovim's screen, as nvim_driver.lua kept it, into a picture.
// usage: node tests/editors/render_grid.mjs shot.json… (each becomes shot.png beside it)
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { launchChromium } from './code_server.mjs';

const colour = (value) => `#${value.toString(16).padStart(6, '0')}`;
const escape = (text) => text.replace(/[&<>]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char]);

function style(cell, shot) {
  let front = cell.foreground ?? shot.foreground;
  let back = cell.background ?? shot.background;
  if (cell.reverse) [front, back] = [back, front];
  const rules = [`color:${colour(front)}`, `background:${colour(back)}`];
  if (cell.bold) rules.push('font-weight:bold');
  if (cell.italic) rules.push('font-style:italic');
  if (cell.underline || cell.undercurl) {
    const special = colour(cell.special ?? front);
    rules.push(`text-decoration:underline ${cell.undercurl ? 'wavy' : 'solid'} ${special} 1.5px`);
    rules.push('text-underline-offset:5px', 'text-decoration-skip-ink:none');
  }
  return rules.join(';');
}

function html(shot) {
  const rows = shot.rows.map((row) => {
    let line = '';
    let run = '';
    let current;
    for (const [text, highlight] of row) {
      const next = style(highlight, shot);
      if (next !== current && run !== '') {
        line += `<span style="${current}">${escape(run)}</span>`;
        run = '';
      }
      current = next;
      run += text;
    }
    return `<div>${line}<span style="${current}">${escape(run)}</span></div>`;
  });
  return `<meta charset="utf-8"><style>
    body { margin: 0; display: inline-block; background: ${colour(shot.background)}; }
    div { font: 14px/19px 'DejaVu Sans Mono'; white-space: pre; height: 19px; }
  </style><body>${rows.join('\n')}</body>`;
}

const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'orc-render-'));
const browser = await launchChromium(profile);
try {
  const page = browser.pages()[0] ?? (await browser.newPage());
  for (const file of process.argv.slice(2)) {
    await page.setContent(html(JSON.parse(fs.readFileSync(file, 'utf8'))));
    await page.locator('body').screenshot({ path: file.replace(/\.json$/, '.png') });
  }
} finally {
  await browser.close();
  fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
