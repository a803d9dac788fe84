/** The completion for zsh: specifications of `_arguments`, made from the table of commands. */
import { quote } from '../gate/quote.js';
import type { CommandLine, OptionUsage, Value } from './command-line.js';
import { spellings } from './command-line.js';

export function zshCompletion({ version, options, commands }: CommandLine): string {
  const arms = commands.map((command) => {
    const specs = [
      ...command.options.flatMap((option) => optionSpecs(option)),
      ...command.arguments.map(
        (argument) => `${argument.isRepeatable ? '*' : ''}:${valueSpec(argument)}`,
      ),
    ];
    return `    ${command.name})\n      _arguments ${specs.map(quote).join(' \\\n        ')} ;;`;
  });
  const described = commands.map(({ name, summary }) =>
    quote(`${name}:${summary.replaceAll(/[\\:]/g, '\\$&')}`),
  );
  return `#compdef pysync
# Completion of pysync ${version} for zsh, made by: pysync completion zsh

_pysync() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  _arguments -C ${options.flatMap(frontDoorSpecs).map(quote).join(' \\\n    ')} \\
    '1: :_pysync_commands' '*:: :->arguments'
  [[ $state == arguments ]] || return
  curcontext="\${curcontext%:*:*}:pysync-$line[1]:"
  case $line[1] in
${arms.join('\n')}
  esac
}

_pysync_commands() {
  local -a known=(
    ${described.join('\n    ')}
  )
  _describe -t commands command known
}

# Sets known to what pysync knows of, one on each line; compadd quotes what a path may hold.
_pysync_ask() { known=(\${(f)"$(command pysync completion zsh --offer $1 2>/dev/null)"}); }

_pysync_peers() {
  local -a known expl
  _pysync_ask peers
  _wanted peers expl peer compadd -a known
}
_pysync_volumes() {
  local -a known expl
  _pysync_ask volumes
  _wanted shares expl share compadd -f -a known
}
_pysync_folders() {
  local -a known
  _pysync_ask shares
  _alternative 'shares:share:compadd -f -a known' 'folders:folder:_files -/'
}

# Loaded from a folder of fpath this file is the function; sourced, it has to be made known.
if [[ $funcstack[1] == _pysync ]]; then
  _pysync "$@"
else
  compdef _pysync pysync
fi
`;
}

/** Behind an option of pysync itself no command can follow; `--json` goes with everything. */
function frontDoorSpecs(option: OptionUsage): string[] {
  return optionSpecs(option, option.long === '--json' ? [] : ['1', '*']);
}

function optionSpecs(option: OptionUsage, excluded: readonly string[] = []): string[] {
  const all = spellings(option);
  const summary = option.summary.replaceAll(/[\\\][:]/g, '\\$&');
  const value = option.value === undefined ? '' : `:${valueSpec(option.value)}`;
  return all.map((spelling) => {
    const others = [...excluded, ...(option.isRepeatable ? [] : all)].join(' ');
    const first = `(${others})${option.isRepeatable ? '*' : ''}`;
    const joins = option.value !== undefined && spelling.startsWith('--') ? '=' : '';
    return `${first}${spelling}${joins}[${summary}]${value}`;
  });
}

/** `NAME:ACTION`. */
function valueSpec({ name, kind }: Value): string {
  return `${name}:${typeof kind === 'string' ? actions[kind] : `(${kind.join(' ')})`}`;
}

const actions = {
  free: ' ',
  file: '_files',
  folder: '_pysync_folders',
  peer: '_pysync_peers',
  volume: '_pysync_volumes',
  command: '_pysync_commands',
} as const;
