import { setTimeout as delay } from 'node:timers/promises';

/** Waits until `holds` gives something true, and gives that back. */
export async function waitFor(what, holds, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = holds();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain for ${what}`);
    await delay(30);
  }
}
