import { describe, expect, it } from 'vitest';
import { type Surroundings, findServer } from '../src/server';

const around = (files: string[], change: Partial<Surroundings> = {}): Surroundings => ({
  platform: 'linux',
  path: '/usr/bin::/opt/bin',
  home: '/home/u',
  isFile: (file) => files.includes(file),
  ...change,
});

describe('the server program', () => {
  it('is the one the setting names', () => {
    expect(findServer(' /x/orc ', around(['/x/orc', '/usr/bin/orc']))).toEqual({ program: '/x/orc' });
    expect(findServer('~/bin/orc', around(['/home/u/bin/orc']))).toEqual({ program: '/home/u/bin/orc' });
  });
  it('is never another one than the setting names', () => {
    expect(findServer('/x/orc', around(['/usr/bin/orc']))).toEqual({
      problem: '`orc.path` names `/x/orc`, which is no file; correct it or clear it to use `PATH`',
    });
  });
  it('is the first on PATH, then where cargo installs', () => {
    expect(findServer('', around(['/opt/bin/orc', '/home/u/.cargo/bin/orc']))).toEqual({ program: '/opt/bin/orc' });
    expect(findServer('', around(['/home/u/.cargo/bin/orc']))).toEqual({ program: '/home/u/.cargo/bin/orc' });
  });
  it('is orc.exe on Windows', () => {
    const windows = around(['C:\\b\\orc.exe'], { platform: 'win32', path: 'C:\\a;C:\\b', home: 'C:\\u' });
    expect(findServer('', windows)).toEqual({ program: 'C:\\b\\orc.exe' });
  });
  it('is told to be missing together with what to do', () => {
    expect(findServer('', around([]))).toEqual({
      problem: 'the `orc` program is not on `PATH`; install it, or set `orc.path` to where it is',
    });
  });
});
