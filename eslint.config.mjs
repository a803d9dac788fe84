import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const forbid = (...patterns) => [
  'error',
  { patterns: patterns.map(([regex, message]) => ({ regex, message })) },
];

/** Packages that one room imports, and nobody else. */
const forSystem = [
  '^(execa|chalk|conf|bytes|log-update|string-width|ipaddr\\.js)$',
  'only src/system imports this package',
];
const forDiscovery = ['^bonjour-service$', 'only src/discovery imports this package'];

/**
 * Which rooms of src/ a room may import, besides `gate` and itself (docs/architecture.md has the picture).
 * All arrows point down this list. The first five are closed: audited without the rest, they use nothing
 * but `node:`.
 */
const closed = {
  gate: [],
  ready: [],
  staging: ['sandbox'],
  log: ['staging'],
  session: ['log', 'staging', 'ready', 'sandbox'],
};
const edges = ['system', 'errors.ts'];
const open = {
  'errors.ts': [],
  system: ['errors.ts'],
  sandbox: edges,
  share: ['ready', ...edges],
  sshd: edges,
  shell: [],
  launcher: ['session', 'sandbox', ...edges],
  volume: ['ready', 'log', 'share', ...edges],
  history: ['session', 'log', 'staging', 'ready', ...edges],
  keys: edges,
  server: ['keys', 'launcher', 'ready', 'sandbox', 'sshd', ...edges],
  discovery: edges,
};
const everything = [...Object.keys(closed), ...Object.keys(open)];
const rooms = {
  ...closed,
  ...open,
  doctor: everything,
  commands: [...everything, 'doctor'],
};

const zones = Object.entries(rooms).map(([room, below]) => ({
  target: `src/${room}`,
  from: 'src',
  except: [...new Set([room, ...(room === 'errors.ts' ? [] : ['gate']), ...below])].map(
    (name) => `./${name}`,
  ),
  message: `${room} may not import this room: see the arrows in eslint.config.mjs`,
}));

export default tseslint.config(
  { ignores: ['dist', 'node_modules'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ['vitest.config.mts'] } },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      'import-x/resolver-next': [createNodeResolver({ extensionAlias: { '.js': ['.ts'] } })],
    },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/{system,discovery}/**'],
    rules: { 'no-restricted-imports': forbid(forSystem, forDiscovery) },
  },
  {
    files: ['src/discovery/**/*.ts'],
    rules: { 'no-restricted-imports': forbid(forSystem) },
  },
  {
    files: ['src/system/**/*.ts'],
    rules: { 'no-restricted-imports': forbid(forDiscovery) },
  },
  {
    files: [
      ...Object.keys(closed).map((room) => `src/${room}/**`),
      'src/sandbox/{bubblewrap,none,sandbox,sandboxes}.ts',
    ],
    rules: {
      'no-restricted-imports': forbid([
        '^(?!node:|\\.)',
        'this room uses node: built-ins and its own files, so that it can be audited alone',
      ]),
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    ...tseslint.configs.disableTypeChecked,
  },
  {
    files: ['bin/*.js'],
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
);
