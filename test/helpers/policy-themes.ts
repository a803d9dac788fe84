/**
 * What the properties of the policies aim at: for each kind of harm what others have that is in the
 * way, what a sender has for it, and the options and places that go with them. The draws mix them.
 */
import type { Entry, Tree } from './policy-tree.js';

/** The words of one option of the client's, or of some that belong together. */
export type Words = readonly string[];

export interface Theme {
  readonly others: readonly Tree[];
  readonly sent: readonly Tree[];
  readonly options: readonly Words[];
  readonly places: Words;
}

const file = (path: string, size = 40, time = 1_000_000_000): Entry => {
  return { path, kind: 'file', size, mode: 0o644, time };
};
const folder = (path: string, mode = 0o755, acl = '', marked = false): Entry => {
  return { path, kind: 'folder', mode, acl, marked };
};
const link = (path: string, target: string): Entry => ({ path, kind: 'link', target });
const hard = (path: string, to: string): Entry => ({ path, kind: 'hard', to });

/** As long as a name can be: nothing fits behind it. */
const long = 'n'.repeat(255);
const keep = [file('keep/a.txt'), file('keep/TOKEN.txt'), file('keep/deep/b', 40_000)];
const update = ['-I', '--no-W'];

const backups: Theme = {
  others: [
    [file('docs/a.txt'), file('docs/TOKEN/b')],
    [file('n'), file('n~/a.txt'), file('x/n~/TOKEN')],
    [file('a.txt'), file('a.txt~'), file('x/a.txt~/b')],
    [file('old/a.txt'), file('old/docs/b'), link('p', 'keep'), ...keep],
    [folder('p'), file('p/docs/a.txt'), folder('old/n')],
    [link('x/a.txt', '../keep/a.txt'), link('docs', '../private'), ...keep],
    [link('a/b/n', '../../keep'), link('x/l', '../keep'), file('p'), file('old'), ...keep],
  ],
  sent: [
    [file('docs', 2), file('n', 2)],
    [file('a.txt', 2), file('n', 1)],
    [file('docs/a.txt', 2), file('x/n', 2)],
    [link('n', 'a.txt'), link('a/b/docs', '../../.ssh'), link('x/b/n', '../../.ssh')],
  ],
  options: [
    ...[['-b'], ['-b'], ['-b', '--backup-dir=/'], ['-b', '--backup-dir=../'], ['--suffix=.old']],
    ...[['-b', '--backup-dir=p'], ['-b', '--backup-dir=/old'], ['--suffix=~'], ['--inplace']],
    ...[['-b', '--backup-dir=../keep'], update, ['--delay-updates'], ['-b', '--backup-dir=x/l']],
  ],
  places: ['', '', 'x/', 'docs/', 'a/b/', 'x/b/'],
};

const parts: Theme = {
  others: [
    [file('.~tmp~/a.txt'), file('.partial-p/a.txt'), file('p/a.txt')],
    [file('p'), file('.partial-p'), file('.~tmp~')],
    [folder('p'), folder('.partial-p'), folder('.~tmp~')],
    [file('a.txt', 40_000), file('x/a.txt')],
    [link('.partial-p', 'keep'), link('.~tmp~', 'keep'), ...keep],
  ],
  sent: [
    [file('a.txt', 90_000)],
    [link('.partial-p', 'keep'), link('p', 'keep'), link('.~tmp~', 'keep'), file('a.txt', 2)],
    [file('.partial-p/a.txt', 2), file('p/a.txt', 2), file('.~tmp~/a.txt', 2), file('a.txt', 41)],
    [file('p', 2), file('.partial-p', 2), file('b', 90_000)],
    [link('.pysync', 'keep'), file('a.txt', 2), link('x/.pysync', '../keep')],
  ],
  options: [
    ...[['-P'], ['--partial-dir=p'], ['--delay-updates'], ['--temp-dir=p'], ['--partial-dir=/p']],
    ...[['--partial-dir=.~tmp~'], ['--partial-dir=.pysync'], update, ['-T', 'x'], ['--partial']],
  ],
  places: ['', '', '', 'x/', 'keep/'],
};

const basis: Theme = {
  others: [
    keep,
    [file('x/a.txt'), file('x/b', 40_000)],
    [file('a.txt'), file('b', 40_000)],
    [file('a.txt'), hard('keep/linked', 'a.txt'), hard('x/a.txt', 'a.txt')],
  ],
  sent: [
    [file('a.txt', 40)],
    [file('a.txt', 41), file('b', 40_000)],
    [file('a.txt', 90_000), file('b', 1)],
    [file('a.txt', 40), hard('b', 'a.txt'), hard('x/a.txt', 'a.txt')],
    [file('keep/linked', 90_000), file('x/a.txt', 90_000)],
  ],
  options: [
    ...[['--link-dest=/keep'], ['--link-dest=../keep'], ['--copy-dest=/keep'], ['--fuzzy']],
    ...[['--link-dest=/', '--size-only'], ['--link-dest=/keep', '--size-only'], ['--inplace']],
    ...[['--compare-dest=/keep'], ['--size-only'], ['--append'], ['--append-verify'], ['-H']],
    ...[['--inplace', '-I'], ['-b', '--inplace'], ['--chmod=ugo=rwx'], update],
  ],
  places: ['', '', 'new/', 'x/'],
};

const links: Theme = {
  others: [
    keep,
    [link('self', '.'), link('up', 'x/..'), folder('x')],
    [file('x/a.txt', 40_000), link('x/l', '../keep'), link('x/up', '..'), ...keep],
    [link('door', '../private'), link('TOKEN', 'keep/TOKEN')],
    [folder('a/b/c'), folder('b')],
  ],
  sent: [
    [link('a/b/c/up', '../../.ssh'), hard('b/up', 'a/b/c/up'), hard('up', 'a/b/c/up')],
    [link('a/b/up', '..'), link('b/up', '../.'), link('self', '.'), link('x/self', '.')],
    [file('x/up/a.txt', 2), file('self/keep/a.txt', 2), link('up/l', '../../private')],
    [link('docs/l', '../../keep'), link('l', 'keep'), link('self/x/y', '../../private')],
    [folder('up'), folder('self/x'), link('x/up/b', '../../.ssh'), link('b/x', '..')],
  ],
  options: [
    ...[
      ['-H'],
      ['-H'],
      ['-l'],
      ['-K'],
      ['-R'],
      ['--no-implied-dirs'],
      ['-k'],
      ['-L'],
      ['--existing'],
    ],
    ...[['-b', '--backup-dir=/'], ['--ignore-existing'], ['--ignore-existing'], ['--no-relative']],
    ...[['--copy-unsafe-links'], ['--no-i-r'], ['-M--no-r'], ['-b', '--backup-dir=/keep/deep']],
  ],
  places: ['', '', 'self/', 'x/up/', 'x/l/', 'b/', 'a/b/', 'a/b/c/'],
};

const attributes: Theme = {
  others: [
    [folder('docs', 0o700), folder('x', 0o750), ...keep],
    [folder('docs', 0o755, 'd:o::rwx'), folder('x', 0o755, '', true), file('docs/a.txt')],
    [folder('keep', 0o755, 'u:nobody:rwx'), folder('x/docs', 0o755, 'd:u:nobody:rwx')],
    [file('docs'), link('x', 'keep'), ...keep],
  ],
  sent: [
    [folder('.', 0o777, 'd:o::rwx', true), file('a.txt', 2)],
    [folder('docs', 0o777, 'd:u::r,d:g::-,d:o::-', true), folder('x', 0o700, 'u:nobody:rwx', true)],
    [folder('keep', 0o777), folder('docs', 0o700), folder('x', 0o777), file('x/b', 1)],
    [folder('keep/deep', 0o700, 'd:o::rwx'), link('self', '.')],
    [folder('docs', 0o755, 'd:u::r,d:g::-,d:o::-'), file('docs/x/b', 2), file('docs/a.txt', 2)],
  ],
  options: [
    ...[['-A'], ['-X'], ['-p'], ['-E'], ['-O'], ['-d'], ['--chmod=ugo=rwx'], ['--chmod=a-w']],
    ...[['-R'], ['-K'], ['--usermap=*:nobody'], ['--existing'], ['-m'], ['--ignore-existing']],
  ],
  places: ['', '', '.', '/', 'docs/', 'x/', 'self/', 'keep/'],
};

const deleting: Theme = {
  others: [
    keep,
    [file('x/a.txt', 40_000), link('x/l', '../keep'), link('x/up', '..'), file('x/b/b')],
    [link('self', '.'), file('docs/a.txt'), file('docs/TOKEN/b'), file('a.txt')],
  ],
  sent: [
    [],
    [file('x', 2)],
    [file('docs', 1), file('a.txt', 1)],
    [link('b/up', '../.'), link('a/b/up', '..'), link('x', '.')],
    [link('a/b/c/up', '../../.ssh'), hard('b/up', 'a/b/c/up')],
  ],
  options: [
    ...[['--delete'], ['--delete-after'], ['--force'], ['--max-delete=1'], ['--delete-excluded']],
    ...[['--delete-missing-args', '--files-from=-'], ['--remove-source-files'], ['-b', '--delete']],
    ...[
      ['--delete', '-b', '--backup-dir=/keep'],
      ['-R', '--delete'],
      ['--exclude=keep'],
      ['--delete', '-L'],
    ],
  ],
  places: ['', 'x/', 'docs/', 'b/up/', 'self/', 'x/up/', 'x/l/', 'a/b/up/', 'x/*', 'self/x/'],
};

const reading: Theme = {
  others: [keep, [file('a.txt')], [file('b', 40_000), file('TOKEN')], [file('x/a.txt')]],
  sent: [
    [file('a.txt', 2)],
    [file('a.txt', 90_000), file('b', 1)],
    [file('a.txt', 41), file('keep/a.txt', 41)],
    [folder('keep'), folder('x'), folder('docs')],
  ],
  options: [
    ...[['--append-verify', '-B1', '--debug=deltasum4'], ['--append'], ['--no-W'], ['-B1'], ['-I']],
    ...[['--debug=ALL'], ['-vvv'], ['--fuzzy', '-y'], ['-c'], ['-n'], ['-ii'], ['--info=all4']],
    ...[
      ['-M--info=all4'],
      ['--list-only'],
      ['-M--list-only'],
      ['--files-from=:a.txt'],
      ['-M-vvvv'],
    ],
    ...[
      ['--files-from=:keep/a.txt'],
      ['--existing'],
      ['-M--no-msgs2stderr'],
      ['--copy-dest=/keep'],
    ],
    ...[['-f:- keep/a.txt'], ['-f. a.txt'], ['-M--log-format=%n %l %C'], ['--partial-dir=/keep']],
  ],
  places: ['', '', 'keep/', 'x/', 'a.txt'],
};

const shapes: Theme = {
  others: [
    [file('a.txt'), file('docs/a.txt'), folder('n'), link('x', 'docs')],
    [file('with blank/w*[1]'), file('-dash/a.txt'), file('.pysync/a.txt')],
    [file('x/docs/b'), link('a.txt', 'docs'), link('docs', 'keep'), ...keep],
    [folder(long), file(`x/${long}/b`)],
  ],
  sent: [
    [file('docs', 2), file('n', 2), file('x', 1)],
    [folder('a.txt'), folder('n'), file('x/docs', 1)],
    [link('docs', 'a.txt'), link('a.txt', '.'), link('n', 'x')],
    [file('with blank/w*[1]', 2), file('.pysync/a.txt', 2), file('-dash/a.txt', 41)],
    [file('docs/a.txt', 2), hard('a.txt', 'docs/a.txt'), hard('x/docs', 'docs/a.txt')],
    [file(long, 2), file(`x/${long}`, 2)],
  ],
  options: [
    ...[['--existing'], ['--ignore-existing'], ['-u'], ['--size-only'], ['-c'], ['-n'], ['-s']],
    ...[['--mkpath'], ['-d'], ['-R'], ['--files-from=-'], ['--delay-updates'], ['-H'], ['-b']],
    ...[['--protocol=29'], ['--inplace'], ['--max-size=1'], ['--ignore-missing-args']],
  ],
  places: ['', '', 'x', 'docs', 'a.txt', 'with blank/', 'new/deep', '*', '-dash', 'n~'],
};

export const themes: readonly Theme[] = [
  ...[backups, parts, basis, links, attributes, deleting, reading, shapes],
];
