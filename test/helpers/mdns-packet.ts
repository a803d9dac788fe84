/**
 * Packets of multicast DNS, byte by byte (RFC 1035): what an honest library would not write, such as
 * labels with line breaks.
 */

/** A name as its labels. */
type Name = readonly string[];

const local: Name = ['_pysync', '_tcp', 'local'];
const types = { A: 1, PTR: 12, TXT: 16, AAAA: 28, SRV: 33 };

export interface Claims {
  /** The first label of the service's name. */
  readonly name: string | Buffer;
  readonly address: string;
  readonly port?: number;
  /** The words of the TXT record. */
  readonly words: readonly (string | Buffer)[];
  readonly ttl?: number;
}

/** One service with all that is known of it, as a receiver announces it. */
export function announcementPacket({
  name,
  address,
  port = 2222,
  words,
  ttl = 120,
}: Claims): Buffer {
  const label = Buffer.from(name);
  const service = Buffer.concat([Buffer.of(label.length), label, encodeName(local)]);
  const host = encodeName(['pysync-0', 'local']);
  const records = [
    record(encodeName(local), types.PTR, ttl, service),
    record(service, types.SRV, ttl, Buffer.concat([Buffer.of(0, 0, 0, 0), word(port), host])),
    record(service, types.TXT, ttl, Buffer.concat(words.map(encodeWord))),
    record(host, types.A, ttl, Buffer.from(address.split('.').map(Number))),
  ];
  return packet(0x8400, [], records);
}

/** As many questions as given, each `_pysync._tcp.local`, in one packet. */
export function questionPacket(count: number): Buffer {
  const first = Buffer.concat([encodeName(local), word(types.PTR), word(1)]);
  // A pointer to the name of the first: 6 bytes for each.
  const another = Buffer.concat([Buffer.of(0xc0, 12), word(types.PTR), word(1)]);
  return packet(0, [first, ...Array.from({ length: count - 1 }, () => another)], []);
}

function packet(flags: number, questions: readonly Buffer[], answers: readonly Buffer[]): Buffer {
  const header = [0, flags, questions.length, answers.length, 0, 0].map(word);
  return Buffer.concat([...header, ...questions, ...answers]);
}

function record(name: Buffer, type: number, ttl: number, data: Buffer): Buffer {
  const time = Buffer.alloc(4);
  time.writeUInt32BE(ttl);
  return Buffer.concat([name, word(type), word(1), time, word(data.length), data]);
}

function encodeName(labels: Name): Buffer {
  return Buffer.concat([...labels.map(encodeWord), Buffer.of(0)]);
}

function encodeWord(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([Buffer.of(bytes.length), bytes]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
