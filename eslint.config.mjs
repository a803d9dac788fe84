import tseslint from 'typescript-eslint';

/** Which way the arrows between the rooms of src/ may point (docs/architecture.md has the picture). */
const forbid = (regex, message) => ['error', { patterns: [{ regex, message }] }];

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
    rules: {
      'no-restricted-imports': forbid(
        '^(execa|chalk|conf|bytes)$',
        'only src/system imports this package',
      ),
    },
  },
  {
    files: ['src/system/**/*.ts'],
    rules: {
      'no-restricted-imports': forbid(
        '/(commands|keys|share|volume|history|doctor)/',
        'system is the lowest room: it knows none of the others but the gate and errors',
      ),
    },
  },
  {
    files: ['src/gate/**/*.ts'],
    rules: {
      'no-restricted-imports': forbid(
        '^(?!node:|\\./)',
        'the gate uses node: built-ins and its own files, so that it can be audited alone',
      ),
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
