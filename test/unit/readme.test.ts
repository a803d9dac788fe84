/**
 * What a stranger reads first: links that lead somewhere, and commands that exist.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { commands, frontDoorOptions } from '../../src/commands/index.js';

const root = join(import.meta.dirname, '../..');
const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const top = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'];
const rooms = ['src/gate/README.md', 'src/session/README.md', 'src/server/README.md'];
const pages = [...top, ...rooms, ...docs.map((name) => `docs/${name}`)];

const read = (page: string): string => readFileSync(join(root, page), 'utf8');

/** The anchors of a page, made from its headings as GitHub makes them. */
const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

describe.each(pages)('the links of %s', (page) => {
  it('lead to files and headings that are there', () => {
    const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const dead = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? page : relative(root, join(root, dirname(page), path));
      return (
        !existsSync(join(root, target)) ||
        (anchor !== undefined && !anchorsOf(target).includes(anchor))
      );
    });
    expect(dead).toEqual([]);
  });
});

const program = new Command('pysync').version('0');
frontDoorOptions(program);
for (const { usage, options } of commands) {
  const command = program.command(usage).option('--json');
  options?.(command);
}

const optionsOf = (command: Command): string[] =>
  command.options.flatMap(({ short, long }) => [short, long].filter((name) => name !== undefined));

/** What a line that calls pysync says that pysync does not know. */
function unknownIn(line: string): string[] {
  // What is in quotes is for others, and so is what follows a comment or another program.
  const words = line
    .replace(/'[^']*'/g, "''")
    .replace(/ [#|<] ?.*$/, '')
    .split(/\s+/)
    .slice(1);
  const [first = ''] = words;
  const command = program.commands.find((each) => each.name() === first);
  const known = [...optionsOf(command ?? program), '-h', '--help'];
  const unknownWords = words.filter((word) => word.startsWith('-') && word !== '-');
  const unknown = unknownWords.filter((word) => !known.includes(word.replace(/=.*/, '')));
  return command !== undefined || first === 'help' || !/^[a-z]/.test(first)
    ? unknown
    : [first, ...unknown];
}

describe.each(pages)('the commands of %s', (page) => {
  it('are those of pysync, with options that it has', () => {
    const text = read(page);
    const blocks = [...text.matchAll(/^```(?:sh|console)\n(.*?)^```/gms)].map(([, block]) => block);
    const typed = blocks.flatMap((block = '') => block.split('\n'));
    const inline = [...text.matchAll(/`(pysync [^`]*)`/g)].map(([, code = '']) => code);
    const lines = [...typed, ...inline]
      .map((line) => line.replace(/^\$ /, '').replace(/^npm start -- /, 'pysync '))
      .filter((line) => line.startsWith('pysync '));
    const unknown = lines.flatMap((line) => unknownIn(line).map((word) => `${word}: ${line}`));
    expect(unknown).toEqual([]);
  });
});

it('knows a wrong command and a wrong option when it sees them', () => {
  expect(unknownIn('pysync sned bob')).toEqual(['sned']);
  expect(unknownIn("pysync -i 'a --b' --sise 1G # --c")).toEqual(['--sise']);
});
