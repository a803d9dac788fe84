/** The launcher in place, read back. */
import { readFileSync } from 'node:fs';
import { splitWords } from '../gate/words.js';
import { launcherPath } from './install.js';
import { names } from './script.js';
import type { Script } from './script.js';

/** The Node and the pysync that the launcher in place starts; undefined where it cannot be read. */
export function launcherPrograms(): Script | undefined {
  try {
    return readScript(readFileSync(launcherPath(), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Reads what a launcher was written with; undefined where it is none. */
function readScript(text: string): Script | undefined {
  const values = names.map((name) => {
    const [, word = ''] = new RegExp(`^${name}=(.*)$`, 'm').exec(text) ?? [];
    return splitWords(word)[0]?.text;
  });
  const [node, program, data, state, config] = values;
  if (node === undefined || program === undefined) return undefined;
  if (data === undefined || state === undefined || config === undefined) return undefined;
  return { node, program, data, state, config };
}
