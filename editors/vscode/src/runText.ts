// The words and places a run is shown with; pure, so that they can be tested without an editor.

import { type RunState, type StepState, type StepStatus, progress } from './runState';

const MARKS: Record<StepStatus, string> = {
  ready: '…',
  running: '⟳',
  retrying: '⟳',
  completed: '✔',
  failed: '✘',
  skipped: '○',
  not_run: '○',
  cancelled: '■',
  waiting: '?',
};

/** What stands behind a step's line: `✔ 12 ms`, `✘ exit code 1 · 3 attempts · 2.1 s`. */
export function stepLabel(step: StepState): string {
  const words = [];
  if (step.status === 'running' && step.attempt > 1) words.push(`attempt ${step.attempt}`);
  if (step.status === 'retrying') words.push(`retrying after attempt ${step.attempt}`);
  if (step.status === 'skipped') words.push('skipped');
  if (step.status === 'not_run') words.push('not run');
  if (step.status === 'cancelled') words.push('cancelled');
  if (step.status === 'waiting') words.push('waits for an answer');
  if (step.status === 'failed' && step.error !== undefined) words.push(firstLine(step.error));
  if (step.started > 0) words.push(`${step.finished} of ${step.started}`);
  if ((step.status === 'failed' || step.status === 'completed') && step.attempt > 1) {
    words.push(`${step.attempt} attempts`);
  }
  if (step.durationMs !== undefined && (step.status === 'completed' || step.status === 'failed')) {
    words.push(duration(step.durationMs));
  }
  return [MARKS[step.status], words.join(' · ')].filter((part) => part !== '').join(' ');
}

/** One line about the whole run, for the notification and the log. */
export function runSummary(run: RunState): string {
  const { done, total } = progress(run);
  const name = run.pipeline === '' ? 'pipeline' : run.pipeline;
  if (run.status === 'running') return `${name}: ${done} of ${total} steps`;
  if (run.status === 'waiting') return `${name}: waits for an answer · ${[...run.questions.values()].map((question) => question.title).join(' · ')}`;
  const words = [`${name}: ${run.status}`, total === 1 ? '1 step' : `${total} steps`];
  const failed = [...run.steps].filter(([, step]) => step.status === 'failed').map(([id]) => id);
  if (failed.length > 0) words.push(`failed: ${failed.join(', ')}`);
  if (run.durationMs !== undefined) words.push(duration(run.durationMs));
  if (run.status === 'failed' && run.error !== undefined) words.push(firstLine(run.error));
  return words.join(' · ');
}

/** `340 µs` is noise to a reader: whole milliseconds, then seconds, then minutes. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** The line of each step of `ids`: where its `id` is written. */
export function stepLines(text: string, ids: Iterable<string>): Map<string, number> {
  const wanted = new Set(ids);
  const found = new Map<string, number>();
  text.split('\n').forEach((line, index) => {
    // A root-level `id:` is the pipeline's own, not a step's.
    const match = /^(?:\s*-\s+|\s+)(?:id|"id"|'id')\s*:\s*["']?([\w.-]+)["']?\s*(?:#.*)?$/.exec(line);
    const id = match?.[1];
    if (id !== undefined && wanted.has(id) && !found.has(id)) found.set(id, index);
  });
  return found;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
