import { describe, expect, it } from 'vitest';
import { type StepState, newRun } from '../src/runState';
import { duration, runSummary, stepLabel, stepLines } from '../src/runText';

const step = (change: Partial<StepState>): StepState => ({
  status: 'completed',
  attempt: 1,
  durationMs: undefined,
  error: undefined,
  started: 0,
  finished: 0,
  ...change,
});

describe('a step label', () => {
  it.each<[string, Partial<StepState>]>([
    ['✔ 12 ms', { durationMs: 12.4 }],
    ['✔ 3 attempts · 2.1 s', { durationMs: 2100, attempt: 3 }],
    ['✔ 4 of 4 · 9 ms', { durationMs: 9, started: 4, finished: 4 }],
    ['✘ exit code 1 · 80 ms', { status: 'failed', error: 'exit code 1\nmore', durationMs: 80 }],
    ['⟳', { status: 'running' }],
    ['⟳ attempt 2', { status: 'running', attempt: 2 }],
    ['⟳ retrying after attempt 1', { status: 'retrying' }],
    ['○ skipped', { status: 'skipped' }],
    ['○ not run', { status: 'not_run', attempt: 0 }],
    ['■ cancelled', { status: 'cancelled' }],
    ['? waits for an answer', { status: 'waiting' }],
    ['…', { status: 'ready', attempt: 0 }],
  ])('reads %s', (label, change) => expect(stepLabel(step(change))).toBe(label));
});

describe('a run summary', () => {
  const run = { ...newRun('r'), pipeline: 'demo', declared: ['a', 'b'], durationMs: 1500 };
  it('counts while it runs', () => {
    expect(runSummary({ ...run, steps: new Map([['a', step({})]]) })).toBe('demo: 1 of 2 steps');
  });
  it('says that it is done', () => {
    expect(runSummary({ ...run, status: 'completed' })).toBe('demo: completed · 2 steps · 1.5 s');
  });
  it('names what failed and why', () => {
    const steps = new Map([['a', step({ status: 'failed' })]]);
    expect(runSummary({ ...run, status: 'failed', error: 'no disk\nat all', steps })).toBe(
      'demo: failed · 2 steps · failed: a · 1.5 s · no disk',
    );
  });
});

describe('a duration', () => {
  it.each([
    [0.4, '0 ms'],
    [999, '999 ms'],
    [1000, '1.0 s'],
    [61_000, '1 min 1 s'],
  ])('of %d ms reads %s', (ms, text) => expect(duration(ms)).toBe(text));
});

describe('the lines of steps', () => {
  const text = [
    'id: alpha',
    'steps:',
    '  - id: alpha   # first',
    '    tool: filesystem',
    '  - tool: x',
    "    id: 'beta'",
    '  - for_each: [1]',
    '    id: each',
    '    steps:',
    '      - "id": leaf',
    '        parameters:',
    '          id: beta',
  ].join('\r\n');
  it('are where their ids are written, never the pipeline’s own', () => {
    expect([...stepLines(text.replaceAll('\r', ''), ['alpha', 'beta', 'each', 'leaf', 'none'])]).toEqual([
      ['alpha', 2],
      ['beta', 5],
      ['each', 7],
      ['leaf', 9],
    ]);
  });
  it('are found in text with CRLF line ends', () => {
    expect(stepLines(text, ['beta']).get('beta')).toBe(5);
  });
});
