import { describe, expect, it } from 'vitest';
import { asRunEvent, explanation, isUntrusted, protocolMismatch, startedRun } from '../src/protocol';

describe('the protocol', () => {
  it('accepts its own major version in any spelling', () => {
    for (const protocol of [1, '1', '1.4.0']) expect(protocolMismatch({ orc: { protocol } })).toBeUndefined();
  });
  it('says which side to update', () => {
    expect(protocolMismatch({ orc: { protocol: 2 } })).toBe(
      'the language server speaks protocol 2, this extension 1; update the extension',
    );
    expect(protocolMismatch({ orc: { protocol: 0 } })).toMatch(/update `orc`$/);
    expect(protocolMismatch(undefined)).toMatch(/does not name its protocol/);
  });
  it('knows a refusal for want of trust', () => {
    expect(isUntrusted({ message: 'no', data: { reason: 'untrusted' } })).toBe(true);
    expect(isUntrusted(new Error('this workspace is not trusted; run `orc.trust` first'))).toBe(true);
    expect(isUntrusted(new Error('no pipeline'))).toBe(false);
  });
  it('takes only whole events', () => {
    const event = { runId: 'r', seq: 1, time: 't', type: 'run.started' };
    expect(asRunEvent(event)).toEqual(event);
    for (const params of [undefined, null, {}, { ...event, seq: '1' }]) expect(asRunEvent(params)).toBeUndefined();
  });
  it('reads the run that was started and the page that was asked for', () => {
    expect(startedRun({ runId: 'r' })).toBe('r');
    expect(startedRun(null)).toBeUndefined();
    expect(explanation('# x')).toBe('# x');
    expect(explanation({ text: '# y' })).toBe('# y');
    expect(explanation({ markdown: '# z' })).toBe('# z');
    expect(explanation(null)).toBeUndefined();
  });
});
