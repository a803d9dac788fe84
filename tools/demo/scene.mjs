/**
 * node scene.mjs FOLDER, started by record.mjs: sets the stage, plays the story, films it.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createFilm } from './film.mjs';
import { openScreen, press, prompt, type, waitToShow, wrappedLines } from './screen.mjs';
import { asUser, buildGround, createHosts, createUser, gif, ground, run } from './stage.mjs';

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
  rows: 23,
};

const say = (text) => console.error(`demo: ${text}`);

/** Runs a script off screen. */
function asBob(script) {
  run(...asUser(bob), 'sh', '-c', script);
}

say('setting the stage');
buildGround(process.argv[2]);
await createHosts(bob, anna);
createUser(bob);
createUser(anna);
// Big files need not be full.
asBob(`umask 077; mkdir .ssh; ssh-keygen -q -t ed25519 -N '' -C bob@laptop -f .ssh/id_ed25519
       truncate -s 400M big.iso; truncate -s 100G 100gb.img`);

const film = createFilm(await openScreen([bob, anna]));

async function enter(host, command) {
  await type(host, command);
  await delay(500);
  press(host, 'Enter');
}

/** Waits until the pane shows it; what that takes longer than `shown` seconds is cut. */
async function until(host, pattern, shown = 3) {
  const waiting = waitToShow(host, pattern);
  const soon = await Promise.race([waiting.then(() => true), delay(shown * 1000, false)]);
  if (soon) return;
  await film.cut();
  await waiting;
  await film.roll();
}

const pause = (seconds) => delay(seconds * 1000);

say('recording');
await film.roll();
await pause(0.6);
await enter(anna, 'pysync serve --size 1G');
await until(anna, /you are asked here/, 2);
// So ssh does not ask about the host key.
asBob(`ssh-keyscan -p 2222 -t ed25519 ${anna.address} > .ssh/known_hosts 2> /dev/null`);
await pause(3);

// Without a user before the address, so Bob knocks by his own name.
await enter(bob, `rsync -avP -e 'ssh -p 2222' big.iso ${anna.address}:`);
await until(anna, /y: let them in/);
await pause(3.5);
press(anna, 'y');
await until(bob, /100%.*\$$/s);
await until(anna, /  done$/);
await pause(2.5);

await enter(bob, `rsync -av -e 'ssh -p 2222' 100gb.img ${anna.address}:`);
await until(bob, /pysync: what was sent does not fit.*\$$/s);
await until(anna, /no space left/);
await pause(3.5);

press(anna, 'C-c');
await until(anna, prompt);
await pause(0.8);
await enter(anna, 'pysync log');
await until(anna, prompt);
await pause(4.5);
await film.cut();

say('developing');
const seconds = film.develop(join(ground, gif));
say(`${Math.round(seconds)} seconds`);
for (const host of [bob, anna]) {
  for (const line of wrappedLines(host)) say(`too long for the pane: ${line}`);
}
process.exit(0);
