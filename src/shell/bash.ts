/** The completion for bash. What it offers is in one table, made from the table of commands. */
import { quote } from '../gate/quote.js';
import type { CommandLine, ValueKind } from './command-line.js';
import { spellings } from './command-line.js';

export function bashCompletion({ version, options, commands }: CommandLine): string {
  const names = commands.map(({ name }) => name);
  const all = [{ name: '', options, arguments: [] }, ...commands];
  const flags = all.map(
    (command) =>
      `    ${quote(command.name)}) set -- ${command.options.flatMap(spellings).join(' ')} ;;`,
  );
  const kinds = all.flatMap((command) => [
    ...command.options.flatMap((option) => {
      if (option.value === undefined) return [];
      const places = spellings(option).map((spelling) => `${command.name}:${spelling}`);
      return `    ${places.join(' | ')}) kind=${quote(kindWords(option.value.kind, names))} ;;`;
    }),
    ...command.arguments.map(({ kind, isRepeatable }, i) => {
      const place = `${command.name}:@${isRepeatable ? '*' : i}`;
      return `    ${place}) kind=${quote(kindWords(kind, names))} ;;`;
    }),
  ]);
  return `# Completion of pysync ${version} for bash, made by: pysync completion bash

# What follows option $2 of command $1, or as its argument @0, @1, …; false where nothing does.
_pysync_kind() {
  case $1:$2 in
${kinds.join('\n')}
    *) return 1 ;;
  esac
}

# The options of command $1.
_pysync_flags() {
  case $1 in
${flags.join('\n')}
    *) return ;;
  esac
  _pysync_fill "$@"
}

_pysync() {
  local IFS=$' \\t\\n' line kept before='' current command='' option='' front='' kind='' count=0 i
  COMPREPLY=()
  _pysync_split
  current=\${line[\${#line[@]} - 1]}
  for ((i = 1; i < \${#line[@]} - 1; i++)); do
    if [[ -n $option ]]; then
      option=''
    elif [[ \${line[i]} == -* ]]; then
      if _pysync_kind "$command" "\${line[i]}"; then option=\${line[i]}; fi
      # Options in front of any command are those of pysync itself; --json goes with everything.
      if [[ -z $command && \${line[i]} != --json ]]; then front=1; fi
    elif [[ -n $command || -n $front ]]; then
      count=$((count + 1))
    else
      command=\${line[i]}
    fi
  done
  if [[ -n $option ]]; then
    _pysync_offer
  elif [[ $current == --*=* ]]; then
    before=\${current%%=*}=
    if _pysync_kind "$command" "\${current%%=*}"; then _pysync_offer; fi
  elif [[ $current == -* || -n $front ]]; then
    _pysync_flags "$command"
  elif [[ -n $command ]]; then
    if _pysync_kind "$command" "@$count"; then _pysync_offer; fi
  else
    _pysync_fill ${names.join(' ')}
  fi
}

# Splits what stands before the cursor into words without quotes, in line. Readline replaces only
# what follows the last of COMP_WORDBREAKS: kept is the part of the last word that it leaves alone.
_pysync_split() {
  local text=\${COMP_LINE:0:COMP_POINT} word='' open='' begun='' c i
  line=() kept=''
  for ((i = 0; i < \${#text}; i++)); do
    c=\${text:i:1}
    if [[ -n $open && $c == "$open" ]]; then
      open='' kept=$word
    elif [[ $open == "'" ]]; then
      word+=$c
    elif [[ $c == "\\\\" ]]; then
      i=$((i + 1)) begun=1
      word+=\${text:i:1}
    elif [[ -n $open ]]; then
      word+=$c
    elif [[ $c == "'" || $c == '"' ]]; then
      open=$c begun=1 kept=$word
    elif [[ $c == [[:space:]] ]]; then
      if [[ -n $begun ]]; then line+=("$word"); fi
      word='' begun='' kept=''
    else
      word+=$c begun=1
      if [[ $COMP_WORDBREAKS == *"$c"* ]]; then kept=$word; fi
      # This one it replaces, too (rl_special_prefixes).
      kept=\${kept%@}
    fi
  done
  line+=("$word")
}

_pysync_offer() {
  case $kind in
    file) compopt -o filenames -o default 2>/dev/null ;;
    folder)
      compopt -o filenames -o plusdirs 2>/dev/null
      _pysync_ask shares
      ;;
    volume)
      compopt -o filenames 2>/dev/null
      _pysync_ask volumes
      ;;
    peer) _pysync_ask peers ;;
    words*) _pysync_fill \${kind#words} ;;
  esac
}

# What pysync knows of, one on each line. Of a path that is not there readline leaves $(…) without
# quotes, and Enter would run it: such paths are not offered.
_pysync_ask() {
  local known
  while IFS= read -r known; do
    if [[ $known != *[\\$\\\`]* ]]; then _pysync_fill "$known"; fi
  done < <(command pysync completion bash --offer "$1" 2>/dev/null)
}

# Takes those that begin as the word at the cursor does.
_pysync_fill() {
  local word
  for word; do
    if [[ $before$word == "$current"* ]]; then
      word=$before$word
      COMPREPLY+=("\${word:\${#kept}}")
    fi
  done
}

complete -F _pysync pysync
`;
}

/** A kind as the script writes it; a list is `words` with its words behind. */
function kindWords(kind: ValueKind, commands: readonly string[]): string {
  if (kind === 'command') return ['words', ...commands].join(' ');
  return typeof kind === 'string' ? kind : ['words', ...kind].join(' ');
}
