// Where the `orc` program is; pure but for the look-up that is passed in.

import * as path from 'node:path';

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly path: string;
  readonly home: string;
  readonly isFile: (path: string) => boolean;
}

export type Found = { readonly program: string } | { readonly problem: string };

/** The program to start: the one the setting names, else the first `orc` on `PATH`. */
export function findServer(setting: string, around: Surroundings): Found {
  const windows = around.platform === 'win32';
  const join = windows ? path.win32.join : path.posix.join;
  const wanted = setting.trim();
  if (wanted !== '') {
    const program = /^~(?=[\\/]|$)/.test(wanted) ? join(around.home, wanted.slice(1)) : wanted;
    return around.isFile(program)
      ? { program }
      : { problem: `\`orc.path\` names \`${program}\`, which is no file; correct it or clear it to use \`PATH\`` };
  }
  const file = windows ? 'orc.exe' : 'orc';
  // Where `cargo install` puts it: a desktop's `PATH` often lacks what the shell's has.
  const folders = [...around.path.split(windows ? ';' : ':'), join(around.home, '.cargo', 'bin')];
  for (const folder of folders) {
    if (folder === '') continue;
    const program = join(folder, file);
    if (around.isFile(program)) return { program };
  }
  return { problem: 'the `orc` program is not on `PATH`; install it, or set `orc.path` to where it is' };
}
