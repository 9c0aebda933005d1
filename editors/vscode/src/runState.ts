// What is known of a run: a pure fold over the server's `orc/runEvent` notifications.

export interface RunEvent {
  readonly runId: string;
  readonly seq: number;
  readonly time: string;
  readonly type: string;
  readonly step?: string;
  readonly data?: unknown;
}

export type StepStatus =
  | 'ready'
  | 'running'
  | 'retrying'
  | 'waiting'
  | 'completed'
  | 'failed'
  | 'skipped'
  | 'not_run'
  | 'cancelled';

export interface StepState {
  readonly status: StepStatus;
  readonly attempt: number;
  readonly durationMs: number | undefined;
  readonly error: string | undefined;
  /** How often the step ran and finished inside a loop; both 0 outside of one. */
  readonly started: number;
  readonly finished: number;
}

export type RunStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'waiting';

/** What a step asks a person. */
export interface Question {
  readonly title: string;
  readonly content?: string;
  readonly approval?: boolean;
  readonly fields: readonly Field[];
}

/** One thing to answer. */
export interface Field {
  readonly id: string;
  readonly text: string;
  readonly kind: { readonly type: string; readonly choices?: readonly unknown[] };
  readonly default?: unknown;
}

export interface RunState {
  readonly runId: string;
  readonly pipeline: string;
  readonly status: RunStatus;
  readonly error: string | undefined;
  /** The declared steps, in order, without the bodies of loops. */
  readonly declared: readonly string[];
  /** By the id as written in the file: `each[2].write` is counted under `write`. */
  readonly steps: ReadonlyMap<string, StepState>;
  /** What is asked, by the path of the step. */
  readonly questions: ReadonlyMap<string, Question>;
  readonly startedAt: number | undefined;
  readonly durationMs: number | undefined;
  readonly lastSeq: number;
}

export function newRun(runId: string): RunState {
  return {
    runId,
    pipeline: '',
    status: 'running',
    error: undefined,
    declared: [],
    steps: new Map(),
    questions: new Map(),
    startedAt: undefined,
    durationMs: undefined,
    lastSeq: 0,
  };
}

/** The state after `event`. An event that was seen already, or of an unknown type, changes no step. */
export function reduce(run: RunState, event: RunEvent): RunState {
  if (event.seq <= run.lastSeq) return run;
  const next = { ...run, lastSeq: event.seq };
  const data = record(event.data);
  switch (event.type) {
    case 'run.started':
      return {
        ...next,
        // It may be one that goes on.
        status: 'running',
        questions: new Map(),
        pipeline: text(data.pipeline) ?? '',
        declared: Array.isArray(data.steps) ? data.steps.filter((id) => typeof id === 'string') : [],
        startedAt: milliseconds(event.time),
      };
    case 'step.ready':
      return withStep(next, event, (step) => ({ ...step, status: 'ready' }));
    case 'step.started':
      return withStep(next, event, (step) => ({
        ...step,
        status: 'running',
        attempt: number(data.attempt) ?? 1,
        started: step.started + (isIteration(event.step) && (number(data.attempt) ?? 1) === 1 ? 1 : 0),
      }));
    case 'step.retrying':
      return withStep(next, event, (step) => ({
        ...step,
        status: 'retrying',
        attempt: number(data.attempt) ?? step.attempt,
        error: text(data.error),
      }));
    case 'approval':
      return asked(withStep(next, event, (step) => ({ ...step, status: 'waiting' })), event, data);
    case 'step.finished':
      return withStep(next, event, (step) => finishStep(step, isIteration(event.step), data));
    case 'run.finished':
      return finishRun(next, event, data);
    default:
      return next;
  }
}

/** How many of the declared steps have an outcome, and how many there are. */
export function progress(run: RunState): { readonly done: number; readonly total: number } {
  const done = run.declared.filter((id) => {
    const status = run.steps.get(id)?.status;
    return status !== undefined && !['ready', 'running', 'retrying', 'waiting'].includes(status);
  }).length;
  return { done, total: run.declared.length };
}

/** The id as it stands in the file: the last part of an iteration's path. */
export function declaredId(path: string): string {
  return path.slice(path.lastIndexOf('].') + 1).replace(/^\./, '');
}

function isIteration(path: string | undefined): boolean {
  return path !== undefined && path.includes('].');
}

function withStep(run: RunState, event: RunEvent, change: (step: StepState) => StepState): RunState {
  if (event.step === undefined) return run;
  const id = declaredId(event.step);
  const before = run.steps.get(id) ?? {
    status: 'ready',
    attempt: 0,
    durationMs: undefined,
    error: undefined,
    started: 0,
    finished: 0,
  };
  return { ...run, steps: new Map(run.steps).set(id, change(before)) };
}

function asked(run: RunState, event: RunEvent, data: Record<string, unknown>): RunState {
  const question = record(data.question);
  if (event.step === undefined || typeof question.title !== 'string') return run;
  const fields = Array.isArray(question.fields) ? (question.fields as Field[]) : [];
  const shown = { ...(question as unknown as Question), fields };
  return { ...run, questions: new Map(run.questions).set(event.step, shown) };
}

function finishStep(step: StepState, iteration: boolean, data: Record<string, unknown>): StepState {
  const status = stepStatus(data);
  const finished = step.finished + (iteration ? 1 : 0);
  const duration = number(data.duration_ms);
  // One failed iteration marks the line for good; while others go on, the step is still running.
  const failedBefore = iteration && step.finished > 0 && step.error !== undefined;
  return {
    ...step,
    status: failedBefore ? 'failed' : status,
    attempt: number(data.attempts) ?? step.attempt,
    durationMs: iteration ? (step.durationMs ?? 0) + (duration ?? 0) : duration,
    error: failedBefore ? step.error : status === 'failed' ? (text(data.error) ?? 'failed') : undefined,
    finished,
  };
}

function finishRun(run: RunState, event: RunEvent, data: Record<string, unknown>): RunState {
  const result = record(data.result);
  const seconds = number(result.duration);
  const finishedAt = milliseconds(event.time);
  const elapsed =
    finishedAt !== undefined && run.startedAt !== undefined ? Math.max(0, finishedAt - run.startedAt) : undefined;
  const status = text(data.status);
  const steps = new Map(run.steps);
  // Steps that never ran have no event of their own: the result document names them.
  for (const [id, value] of Object.entries(record(result.steps))) {
    if (steps.has(id)) continue;
    const step = record(value);
    steps.set(id, {
      status: stepStatus(step),
      attempt: 0,
      durationMs: undefined,
      error: text(step.error),
      started: 0,
      finished: 0,
    });
  }
  return {
    ...run,
    steps,
    status: status === 'completed' || status === 'cancelled' || status === 'waiting' ? status : 'failed',
    error: text(data.error) ?? text(result.error),
    durationMs: seconds === undefined ? elapsed : seconds * 1000,
  };
}

function stepStatus(data: Record<string, unknown>): StepStatus {
  switch (data.status) {
    case 'skipped':
    case 'not_run':
    case 'cancelled':
    case 'waiting':
    case 'failed':
      return data.status;
    default:
      return data.success === false ? 'failed' : 'completed';
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function milliseconds(time: string): number | undefined {
  const value = Date.parse(time);
  return Number.isNaN(value) ? undefined : value;
}
