import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { loginMs, personMs } from '../../../../src/server/engine/limits.js';
import { Strangers } from '../../../../src/server/engine/strangers.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function arrive(strangers: Strangers): { socket: Socket; isGone: () => boolean } {
  const destroy = vi.fn();
  const socket = Object.assign(new EventEmitter(), { destroy }) as unknown as Socket;
  strangers.add(socket, '192.168.1.7');
  return { socket, isGone: () => destroy.mock.calls.length > 0 };
}

it('gives a client the time of a login, and no more for what it does by itself', () => {
  const strangers = new Strangers();
  const { socket, isGone } = arrive(strangers);
  vi.advanceTimersByTime(loginMs - 1);
  strangers.comesTo(socket, 'greeted');
  strangers.comesTo(socket, 'encrypted');
  expect(isGone()).toBe(false);
  vi.advanceTimersByTime(1);
  expect(isGone()).toBe(true);
});

it('gives a person time to type, once', () => {
  const strangers = new Strangers();
  const { socket, isGone } = arrive(strangers);
  strangers.waits(socket, 'typing');
  vi.advanceTimersByTime(personMs - 1);
  expect(isGone()).toBe(false);
  strangers.waits(socket, 'typing');
  vi.advanceTimersByTime(1);
  expect(isGone()).toBe(true);
});

it('gives the owner time to answer, after that', () => {
  const strangers = new Strangers();
  const { socket, isGone } = arrive(strangers);
  strangers.waits(socket, 'typing');
  vi.advanceTimersByTime(personMs - 1);
  strangers.waits(socket, 'knocking');
  vi.advanceTimersByTime(personMs - 1);
  expect(isGone()).toBe(false);
  vi.advanceTimersByTime(1);
  expect(isGone()).toBe(true);
});
