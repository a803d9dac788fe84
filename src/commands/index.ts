/**
 * Every subcommand: how it is spelled, and where it is. A command's file is loaded only when the
 * command is run, so that `pysync --help` need not wait for any of them.
 */
import type { Command } from 'commander';
import { accesses } from '../gate/policy.js';

/** A command's `run` gets its arguments, then the options that were given. */
export interface CommandModule {
  readonly run: (
    args: readonly string[],
    options: Readonly<Record<string, unknown>>,
  ) => Promise<void>;
}

export interface CommandEntry {
  /** Name and arguments as commander reads them: `revoke <key>`. */
  readonly usage: string;
  readonly summary: string;
  /** How to fix the mistake that is made most with this command. */
  readonly hint?: string;
  /** Adds the command's own options; `--json` and `--help` come by themselves. */
  readonly options?: (command: Command) => void;
  /**
   * What is told after Ctrl-C as it completes "interrupted: …"; without it: nothing was changed. The
   * empty text where Ctrl-C is the usual end.
   */
  readonly ifInterrupted?: string;
  readonly load: () => Promise<CommandModule>;
}

const accessMeaning = `what the key may do: ${accesses.join(', ')} (default: ${accesses[0] ?? ''})`;

export const commands: readonly CommandEntry[] = [
  {
    usage: 'status',
    summary: 'show shares, peers, how peers reach this machine, and how they are confined',
    load: () => import('./status.js'),
  },
  {
    usage: 'serve',
    summary: 'receive files without an ssh server of the system, until Ctrl-C',
    options: (command) => {
      command
        .option('--port <port>', 'the port to listen on (default: 2222)')
        .option('--any-network', 'answer clients beyond the networks of this machine, too')
        .option('--pair', 'ask about strangers who knock (default: on a terminal)')
        .option('--no-pair', 'refuse strangers')
        .option('--code', 'let in, once, who gives a code that is shown here')
        .option('--no-announce', 'do not let pysync find show this machine')
        .option('--install', 'have systemd run it with these options, from now and each login on')
        .option('--uninstall', 'have systemd run it no longer')
        .option('--dry-run', 'with these two: show the unit or what would go, and change nothing')
        .optionsGroup('What strangers who are let in may do:')
        .option('--dir <dir>', sharePurpose)
        .option('--size <size>', 'cap that share first, as in 10G');
      policyOptions(command).optionsGroup('Options:');
    },
    ifInterrupted: '',
    load: () => import('./serve.js'),
  },
  {
    usage: 'knocks',
    summary: 'list strangers who wait at pysync serve, or have waited',
    load: () => import('./knocks.js'),
  },
  {
    usage: 'let-in <fingerprint>',
    summary: 'let in a stranger who has knocked, by the fingerprint of their key',
    hint: 'pysync knocks shows who has knocked, with their fingerprints',
    options: (command) => {
      command.option('--dir <dir>', sharePurpose);
      policyOptions(command);
    },
    ifInterrupted: 'the key may be imported by now; pysync keys shows it',
    load: () => import('./let-in.js'),
  },
  {
    usage: 'keys',
    summary: 'list the imported keys and what each may do',
    load: () => import('./keys.js'),
  },
  {
    usage: 'revoke [peer...]',
    summary: 'revoke keys, by name, fingerprint or source, and end their transfers',
    options: (command) => {
      command
        .option('--expired', 'revoke all expired keys')
        .option('--dry-run', 'show what would be removed, and change nothing');
    },
    ifInterrupted: 'keys may have been taken out by now; pysync keys shows which are left',
    load: () => import('./revoke.js'),
  },
  {
    usage: 'refresh [peer...]',
    summary: 'ask GitHub and https:// sources for changed keys, and follow them with --yes',
    options: (command) => {
      command
        .option('--yes', 'revoke keys that are gone there, and import new ones')
        .option('--dry-run', 'show what has changed there, and change nothing');
    },
    ifInterrupted:
      'keys may have changed by now; pysync keys shows them, and refresh can be run again',
    load: () => import('./refresh.js'),
  },
  {
    usage: 'log',
    summary: 'show who sent or fetched what, when, how much, and how it ended',
    options: (command) => {
      command
        .option('-n, --count <count>', 'how many of the last connections (default: 20)')
        .option('-f, --follow', 'continue with what happens, until Ctrl-C')
        .option('--peer <peer>', 'only those of this peer, by name or fingerprint')
        .option('--since <when>', 'only later ones: 12h, 2d, 2w, or a date as 2026-12-31');
    },
    ifInterrupted: '',
    load: () => import('./log.js'),
  },
  {
    usage: 'find',
    summary: 'list receivers on this network, with the command to send to each',
    options: (command) => {
      command.option('--wait <seconds>', 'how long to listen for answers (default: 2)');
    },
    ifInterrupted: '',
    load: () => import('./find.js'),
  },
  {
    usage: 'mount [share...]',
    summary: 'mount capped shares (the first transfer does so by itself)',
    ifInterrupted: 'nothing is lost; the next pysync or transfer mounts what is not',
    load: () => import('./mount.js'),
  },
  {
    usage: 'unmount [share...]',
    summary: 'unmount capped shares, until the next transfer',
    options: (command) => {
      command.option('--wait', 'wait for running transfers to end');
    },
    ifInterrupted: 'nothing is lost; pysync status shows what is mounted',
    load: () => import('./unmount.js'),
  },
  {
    usage: 'explain <server-command>',
    summary: 'show what would be done with a server command, and why; runs nothing',
    hint: "the server command is one argument: pysync explain 'rsync --server …'",
    options: (command) => {
      command
        .option('--access <access>', accessMeaning)
        .option('--allow-delete', 'as if the key may delete in the share')
        .option('--dir <dir>', 'the share (default: ~/public)');
    },
    load: () => import('./explain.js'),
  },
  {
    usage: 'doctor [check...]',
    summary: 'check all that a transfer needs, and prove that peers are confined',
    options: (command) => {
      command
        .option('--fix', 'fix what can be fixed without more rights')
        .option('--deep', 'also what takes long: start libguestfs');
    },
    ifInterrupted: 'what was fixed by now stays so; pysync doctor can be run again',
    load: () => import('./doctor.js'),
  },
  {
    usage: 'config [words...]',
    summary: 'show or change a preference: config NAME [VALUE], or get, set, unset NAME [VALUE]',
    options: (command) => {
      command.option('--unset', 'go back to the default');
    },
    load: () => import('./config.js'),
  },
  {
    usage: 'completion <shell>',
    summary: 'print what makes a shell complete the words of pysync: bash, zsh or fish',
    hint: 'the shell is bash, zsh or fish',
    options: (command) => {
      // For the scripts: peers and shares, as they are at the time.
      command.addOption(command.createOption('--offer <what>').hideHelp());
    },
    load: () => import('./completion.js'),
  },
  {
    usage: 'uninstall',
    summary: 'remove what pysync put on this machine; the files in shares stay',
    options: (command) => {
      command
        .option('--yes', 'do it without asking')
        .option('--delete-files', 'delete all files in the shares, too')
        .option('--dry-run', 'show what would be removed, and change nothing');
    },
    ifInterrupted:
      'what was removed by now stays removed; pysync uninstall continues with the rest',
    load: () => import('./uninstall.js'),
  },
];

const sharePurpose = 'the share: where files land (default: ~/public)';

/** What a key may do. */
function policyOptions(command: Command): Command {
  return command
    .option('--access <access>', accessMeaning)
    .option('--allow-delete', 'let the peer delete in folders of the share (rsync --delete)')
    .option('--from <addresses>', 'only from these: lan, or addresses and networks with commas')
    .option('--expires <when>', 'only until then: 12h, 30d, 2w, or a date as 2026-12-31')
    .option('--name <name>', 'what to call this peer');
}

/** The two flags that are the front door, and what goes with them. */
export function frontDoorOptions(program: Command): void {
  program
    .option(
      '-i, --import <source>',
      'let a peer in by their public key: a key in quotes, a key file, - for standard input, a GitHub user name, or an https:// URL (repeatable; gh: and file: force a reading)',
      (value: string, earlier: string[] | undefined) => [...(earlier ?? []), value],
    )
    .option('--size <size>', 'cap how big the share may grow, as in 10G; none takes the cap away')
    .option('--dir <dir>', sharePurpose)
    .option('--serve', 'then receive, as pysync serve does')
    .optionsGroup('What the key may do, with -i:');
  policyOptions(program)
    .option('--confine <level>', 'with none: go without a sandbox where none works')
    .optionsGroup('How the share is capped, with --size:')
    .option('--engine <engine>', 'what makes the volume: libguestfs (default) or e2fsprogs')
    .option(
      '--image-dir <dir>',
      "the folder for the disk image (default: pysync's own, or beside a share on another disk)",
    )
    .option('--kernel-mount', 'mount the volume by the kernel, which is faster; asks for sudo once')
    .option('--wait', 'wait for running transfers to end before the size is changed')
    .option('--yes', 'remove what was moved into or out of a volume, once it is proved')
    .optionsGroup('Options:')
    .option('--dry-run', 'show the lines for authorized_keys, and change nothing')
    .option('--json', 'print the result as JSON');
}
