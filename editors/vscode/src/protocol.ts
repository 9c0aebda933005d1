// The part of the protocol that is ours (contract: `orc lsp`).

import type { RunEvent } from './runState';

/** The major version of our extensions this client speaks. */
export const PROTOCOL = 1;

export const runEventMethod = 'orc/runEvent';

/** Commands this extension answers itself; the server's others reach it unchanged. */
export const ownCommands = [
  'orc.run',
  'orc.runStep',
  'orc.runFrom',
  'orc.resume',
  'orc.approve',
  'orc.cancel',
  'orc.trust',
  'orc.explain',
] as const;

export interface RunArguments {
  readonly uri: string;
  readonly step?: string;
  readonly inputs?: Record<string, unknown>;
  readonly options?: Record<string, unknown>;
}

/** The run a command started, if its answer names one. */
export function startedRun(answer: unknown): string | undefined {
  const runId = (answer as { runId?: unknown } | null | undefined)?.runId;
  return typeof runId === 'string' ? runId : undefined;
}

/** A message for the user if the server speaks another major version than this client. */
export function protocolMismatch(experimental: unknown): string | undefined {
  const offered = (experimental as { orc?: { protocol?: unknown } } | undefined)?.orc?.protocol;
  const major = Number.parseInt(String(offered), 10);
  if (major === PROTOCOL) return undefined;
  if (Number.isNaN(major)) return 'this language server does not name its protocol; is `orc.path` really orc?';
  return `the language server speaks protocol ${major}, this extension ${PROTOCOL}; update ${
    major > PROTOCOL ? 'the extension' : '`orc`'
  }`;
}

/** Whether an error answer means that the workspace is not trusted. */
export function isUntrusted(error: unknown): boolean {
  const { data, message } = (error ?? {}) as { data?: { reason?: unknown }; message?: unknown };
  return data?.reason === 'untrusted' || (typeof message === 'string' && /\btrust/.test(message));
}

/** The event of a notification, or nothing if it has not the shape of one. */
export function asRunEvent(params: unknown): RunEvent | undefined {
  const event = params as Partial<RunEvent> | null | undefined;
  return typeof event?.runId === 'string' && typeof event.seq === 'number' && typeof event.type === 'string'
    ? { time: '', ...event, runId: event.runId, seq: event.seq, type: event.type }
    : undefined;
}

/** The Markdown of `orc.explain`'s answer. */
export function explanation(answer: unknown): string | undefined {
  if (typeof answer === 'string') return answer;
  const { markdown, text } = (answer ?? {}) as { markdown?: unknown; text?: unknown };
  if (typeof markdown === 'string') return markdown;
  return typeof text === 'string' ? text : undefined;
}
