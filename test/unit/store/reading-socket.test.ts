import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { databaseSocket, ReadingSocket, takeBytes } from '../../../store/postgres/reading-socket.ts';
import { eventually } from '../../support/eventually.ts';

/** So that no two pieces of it are the same. */
const SENT = Buffer.from(Array.from({ length: 300_000 }, (_, n) => `${n} `).join(''));

let server: Server;
let socket: Socket;
let sender: Socket;

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  socket = databaseSocket();
  const [[accepted]] = (await Promise.all([
    once(server, 'connection'),
    once(socket.connect(port, '127.0.0.1'), 'connect'),
  ])) as [[Socket], unknown];
  sender = accepted;
});

afterEach(async () => {
  sender.destroy();
  socket.destroy();
  server.close();
  await once(server, 'close');
});

describe('a socket that reads into the same memory', () => {
  it('gives whoever listens bytes of their own, all of them', async () => {
    const kept: Buffer[] = [];
    socket.on('data', (chunk) => kept.push(chunk));
    sender.end(SENT);
    await once(socket, 'end');
    expect(Buffer.concat(kept).equals(SENT)).toBe(true);
  });

  it('reads no more while whoever listens has enough, and loses nothing', async () => {
    const all = Buffer.concat(Array.from({ length: 8 }, () => SENT));
    const kept: Buffer[] = [];
    let mostWaiting = 0;
    const resumeAfter = (turns: number): void => {
      mostWaiting = Math.max(mostWaiting, socket.readableLength);
      setImmediate(() => (turns === 0 ? socket.resume() : resumeAfter(turns - 1)));
    };
    socket.on('data', (chunk) => {
      kept.push(chunk);
      socket.pause();
      resumeAfter(10);
    });
    sender.end(all);
    await once(socket, 'end');
    expect(Buffer.concat(kept).equals(all)).toBe(true);
    expect(mostWaiting).toBeLessThan(256 * 1024);
  });

  it('gives what is taken to the taker alone, and all behind it to those who listened', async () => {
    const [heard, taken]: [Buffer[], Buffer[]] = [[], []];
    const length = (chunks: readonly Buffer[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const until = (chunks: readonly Buffer[], bytes: number): Promise<true> =>
      eventually(() => (length(chunks) === bytes ? true : undefined), 'the bytes');
    socket.on('data', (chunk) => heard.push(chunk));
    sender.write(SENT.subarray(0, 1000));
    await until(heard, 1000);
    const takenBytes = takeBytes(socket, (bytes) => taken.push(Buffer.from(bytes)));
    sender.write(SENT.subarray(1000, 900_000));
    await until(taken, 899_000);
    takenBytes.pass(Buffer.from('passed on'));
    takenBytes.end();
    sender.end(SENT.subarray(900_000));
    await once(socket, 'end');
    expect(Buffer.concat(taken).equals(SENT.subarray(1000, 900_000))).toBe(true);
    const others = [SENT.subarray(0, 1000), Buffer.from('passed on'), SENT.subarray(900_000)];
    expect(Buffer.concat(heard).equals(Buffer.concat(others))).toBe(true);
  });

  it('is none where the bytes come by TLS', () => {
    expect(databaseSocket({ ssl: { rejectUnauthorized: true } })).not.toBeInstanceOf(ReadingSocket);
    expect(databaseSocket({ ssl: false })).toBeInstanceOf(ReadingSocket);
  });
});
