/**
 * node scene.mjs FOLDER, started by record.mjs: sets the stage, plays the story, films it.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createFilm } from './film.mjs';
import { openScreen, press, read, type, waitForPrompt, wrappedLines } from './screen.mjs';
import {
  asUser,
  buildGround,
  createHosts,
  createUser,
  gif,
  ground,
  run,
  startSshd,
} from './stage.mjs';

const bob = {
  user: 'bob',
  name: 'laptop',
  address: '192.168.1.42',
  role: 'sender',
  colour: '#7ee787',
};
const anna = {
  user: 'anna',
  name: 'desk',
  address: '192.168.1.23',
  role: 'receiver',
  colour: '#79c0ff',
  rows: 18,
};

const say = (text) => console.error(`demo: ${text}`);

say('setting the stage');
buildGround(process.argv[2]);
await createHosts(bob, anna);
createUser(bob);
createUser(anna);
await startSshd(anna);
// They have met before, so ssh does not ask about the host's key; big files need not be full.
run(
  ...asUser(bob),
  'sh',
  '-c',
  `umask 077; mkdir .ssh; ssh-keygen -q -t ed25519 -N '' -C bob@laptop -f .ssh/id_ed25519
   ssh-keyscan -t ed25519 ${anna.address} > .ssh/known_hosts 2> /dev/null
   truncate -s 400M big.iso; truncate -s 100G 100gb.img`,
);
run('install', '-o', 'anna', '-g', 'anna', '/home/bob/.ssh/id_ed25519.pub', '/home/anna/bob.pub');

const film = createFilm(await openScreen([bob, anna]));

/**
 * Types a command, or with 'again' fetches the last, and runs it. What it takes longer than
 * `shown` seconds is cut. Then the pane has to show `outcome`, for `pause` seconds.
 */
async function play(host, command, { outcome, shown = 3, pause }) {
  if (command === 'again') press(host, 'Up');
  else await type(host, command);
  await delay(500);
  press(host, 'Enter');
  const finished = waitForPrompt(host);
  const soon = await Promise.race([finished.then(() => true), delay(shown * 1000, false)]);
  if (!soon) {
    await film.cut();
    await finished;
    await film.roll();
  }
  if (!read(host).includes(outcome)) throw new Error(`no '${outcome}' in:\n${read(host)}`);
  await delay(pause * 1000);
}

say('recording');
const to = `anna@${anna.address}:`;
await film.roll();
await delay(600);
await play(bob, `rsync -avP big.iso ${to}`, { outcome: 'Permission denied', pause: 1.8 });
await play(anna, 'pysync -i bob.pub --size 1G', { outcome: 'capped at', shown: 2, pause: 3.5 });
await play(bob, 'again', { outcome: '100%', pause: 2 });
await play(bob, `rsync -av --partial 100gb.img ${to}`, {
  outcome: 'pysync: what was sent does not fit',
  pause: 3.5,
});
await play(anna, 'pysync log', { outcome: 'no space left', pause: 4.5 });
await film.cut();

say('developing');
const seconds = film.develop(join(ground, gif));
say(`${Math.round(seconds)} seconds`);
for (const host of [bob, anna]) {
  for (const line of wrappedLines(host)) say(`too long for the pane: ${line}`);
}
process.exit(0);
