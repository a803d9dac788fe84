/** The key itself, given as one argument. */
import { PysyncError } from '../../errors.js';
import { largestSource, tooLarge, type KeySource } from './source.js';

/** A key's type alone: what the shell leaves of a key without quotes. */
const typeAlone = /^(ssh-(rsa|dss|ed25519)|ecdsa-sha2-nistp\d+|sk-(ssh|ecdsa)-\S+)$/;

export const raw: KeySource = {
  reading: 'argument',
  inPolicy: 'argument',
  whyNotAskable: () => 'a key that was typed in is listed nowhere',
  recognises: (source) =>
    typeAlone.test(source) ||
    /^\s*(ssh-|ecdsa-|sk-)\S+\s/.test(source) ||
    /(^|\s)AAAA[A-Za-z0-9+/]{16}/.test(source) ||
    /^\s*(-{4,5} ?BEGIN |PuTTY-User-Key-File-)/.test(source),
  read: (source) => {
    const content = new TextEncoder().encode(source);
    const origin = 'the key on the command line';
    if (typeAlone.test(source)) {
      throw new PysyncError('KEY_NOT_QUOTED', `'${source}' is only the type of a key`, {
        hints: ["give the whole key as one argument: pysync -i 'ssh-ed25519 AAAA… name'"],
        exitStatus: 2,
      });
    }
    if (content.length > largestSource) throw tooLarge(origin);
    const result = { reading: 'argument', source: 'argument', defaultName: undefined } as const;
    return Promise.resolve({ ...result, content, origin });
  },
};
