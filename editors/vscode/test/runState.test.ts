import { describe, expect, it } from 'vitest';
import { type RunEvent, type RunState, declaredId, newRun, progress, reduce } from '../src/runState';

const at = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();

function play(...events: [type: string, step: string | undefined, data?: unknown][]): RunState {
  return events.reduce(
    (run, [type, step, data], index) =>
      reduce(run, {
        runId: 'r',
        seq: index + 1,
        time: at(index * 10),
        type,
        ...(step === undefined ? {} : { step }),
        data,
      }),
    newRun('r'),
  );
}

const started: [string, undefined, unknown] = ['run.started', undefined, { pipeline: 'p', steps: ['a', 'b'] }];

describe('a run that asks', () => {
  const question = { title: 'Who is it?', fields: [{ id: 'value', text: 'Who is it?', kind: { type: 'text' } }] };
  it('waits at its step, knows the question and goes on when it is answered', () => {
    const asking: [string, string, unknown] = ['approval', 'a', { question }];
    const waiting = play(started, ['step.started', 'a', {}], asking, ['run.finished', undefined, { status: 'waiting' }]);
    expect(waiting.status).toBe('waiting');
    expect(waiting.steps.get('a')?.status).toBe('waiting');
    expect(waiting.questions.get('a')).toEqual(question);
    expect(progress(waiting)).toEqual({ done: 0, total: 2 });
    const finished: [string, string, unknown] = ['step.finished', 'a', { status: 'completed', success: true }];
    const going = play(started, asking, ['run.finished', undefined, { status: 'waiting' }], started, finished);
    expect(going.steps.get('a')?.status).toBe('completed');
    expect([going.status, going.questions.size]).toEqual(['running', 0]);
  });
});

describe('the state of a run', () => {
  it('follows a step from ready to its outcome', () => {
    const ready = play(started, ['step.ready', 'a']);
    expect(ready.steps.get('a')?.status).toBe('ready');
    const running = play(started, ['step.ready', 'a'], ['step.started', 'a', { attempt: 1 }]);
    expect(running.steps.get('a')).toMatchObject({ status: 'running', attempt: 1 });
    const finished = play(started, ['step.started', 'a', { attempt: 1 }], [
      'step.finished',
      'a',
      { status: 'completed', success: true, duration_ms: 12, attempts: 1 },
    ]);
    expect(finished.steps.get('a')).toMatchObject({ status: 'completed', durationMs: 12, error: undefined });
    expect(progress(finished)).toEqual({ done: 1, total: 2 });
  });

  it('takes a reported failure for a failure whatever the status word says', () => {
    const run = play(started, ['step.finished', 'a', { success: false, error: 'no such file' }]);
    expect(run.steps.get('a')).toMatchObject({ status: 'failed', error: 'no such file' });
  });

  it('shows a retry with its reason and forgets it on success', () => {
    const retrying = play(started, ['step.started', 'a', { attempt: 1 }], [
      'step.retrying',
      'a',
      { attempt: 1, error: 'exit code 1', delay_ms: 5 },
    ]);
    expect(retrying.steps.get('a')).toMatchObject({ status: 'retrying', error: 'exit code 1' });
    const saved = reduce(retrying, {
      runId: 'r',
      seq: 9,
      time: at(0),
      type: 'step.finished',
      step: 'a',
      data: { status: 'completed', success: true, attempts: 2 },
    });
    expect(saved.steps.get('a')).toMatchObject({ status: 'completed', attempt: 2, error: undefined });
  });

  it('adds the iterations of a loop up under the id in the file', () => {
    const run = play(
      started,
      ['step.started', 'each[0].write', { attempt: 1 }],
      ['step.started', 'each[1].write', { attempt: 1 }],
      ['step.finished', 'each[0].write', { success: false, error: 'full', duration_ms: 3 }],
      ['step.finished', 'each[1].write', { success: true, status: 'completed', duration_ms: 4 }],
    );
    expect(run.steps.get('write')).toMatchObject({
      status: 'failed',
      error: 'full',
      started: 2,
      finished: 2,
      durationMs: 7,
    });
  });

  it('ends with the result and names the steps that never ran', () => {
    const run = play(started, ['step.finished', 'a', { status: 'failed', success: false, error: 'boom' }], [
      'run.finished',
      undefined,
      {
        status: 'failed',
        success: false,
        error: 'step `a` failed: boom',
        result: { duration: 0.5, steps: { a: { status: 'failed' }, b: { status: 'not_run', success: false } } },
      },
    ]);
    expect(run).toMatchObject({ status: 'failed', error: 'step `a` failed: boom', durationMs: 500 });
    expect(run.steps.get('b')?.status).toBe('not_run');
    expect(run.steps.get('a')?.error).toBe('boom');
    expect(progress(run)).toEqual({ done: 2, total: 2 });
  });

  it('measures the run itself if the result does not say', () => {
    expect(play(started, ['run.finished', undefined, { status: 'cancelled' }])).toMatchObject({
      status: 'cancelled',
      durationMs: 10,
    });
  });

  it('ignores an event it has seen, and what it does not know', () => {
    const run = play(started, ['step.ready', 'a']);
    const again: RunEvent = { runId: 'r', seq: 1, time: at(0), type: 'run.finished', data: { status: 'completed' } };
    expect(reduce(run, again)).toBe(run);
    const unknown = reduce(run, { runId: 'r', seq: 3, time: at(0), type: 'model.sang', step: 'a' });
    expect(unknown.steps).toBe(run.steps);
  });

  it('survives data of any shape', () => {
    for (const data of [null, undefined, 3, 'x', [], { steps: 'no' }, { result: 7 }]) {
      for (const type of ['run.started', 'step.started', 'step.finished', 'step.retrying', 'run.finished']) {
        expect(() => reduce(newRun('r'), { runId: 'r', seq: 1, time: 'never', type, step: 'a', data })).not.toThrow();
      }
    }
  });
});

describe('the id in the file', () => {
  it.each([
    ['a', 'a'],
    ['each[2].write', 'write'],
    ['outer[0].inner[11].leaf-1', 'leaf-1'],
  ])('of %s is %s', (path, id) => expect(declaredId(path)).toBe(id));
});
