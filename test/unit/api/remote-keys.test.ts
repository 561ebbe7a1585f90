import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import type { RequestHandler } from 'express';
import { chooseKey, readClientKeys } from '../../../api/oauth/client-keys.ts';
import { createRemoteKeys } from '../../../api/oauth/remote-keys.ts';
import type { RemoteKeys } from '../../../api/oauth/remote-keys.ts';
import { serveApp } from '../../support/serve.ts';
import type { ServedApp } from '../../support/serve.ts';

const ec = (kid: string) => ({ kty: 'EC', crv: 'P-384', x: 'x', y: 'y', kid });
const rsa = (kid: string) => ({ kty: 'RSA', n: 'n', e: 'AQAB', kid });

describe('the key of an assertion', () => {
  const keys = readClientKeys({ keys: [ec('a'), rsa('a'), ec('b')] });

  it('is the one of its kid and type', () => {
    expect(chooseKey(keys, { alg: 'RS384', kid: 'a' })).toEqual(rsa('a'));
    expect(chooseKey(keys, { alg: 'ES384', kid: 'b' })).toEqual(ec('b'));
  });

  it('is none where several fit, or none does', () => {
    expect(chooseKey(keys, { alg: 'ES384' })).toBeUndefined();
    expect(chooseKey(keys, { alg: 'RS384', kid: 'b' })).toBeUndefined();
    expect(chooseKey([...keys, ...keys], { alg: 'RS384', kid: 'a' })).toBeUndefined();
  });

  it('without a kid is the only one of its type', () => {
    expect(chooseKey(keys, { alg: 'RS384' })).toEqual(rsa('a'));
  });

  it('is no key that is for something else, and private members are dropped', () => {
    const set = { keys: [{ ...ec('a'), use: 'enc' }, { ...ec('b'), d: 'private' }, { kty: 'oct', k: 'k' }, 'text'] };
    expect(readClientKeys(set)).toEqual([ec('b')]);
  });
});

describe('keys by URL', () => {
  let served: ServedApp;
  let requests: number;
  let keys: object[];
  let answer: RequestHandler;
  let clock: number;
  let remote: RemoteKeys;
  const find = (kid: string) => remote.find(`${served.url}/jwks`, { alg: 'ES384', kid });

  beforeEach(async () => {
    requests = 0;
    clock = 1_000_000;
    keys = [ec('old')];
    answer = (_req, res) => void res.set('Cache-Control', 'max-age=600').json({ keys });
    const app = express().get('/jwks', (req, res, next) => {
      requests += 1;
      answer(req, res, next);
    });
    served = await serveApp(app);
    remote = createRemoteKeys(() => clock);
  });
  afterEach(() => served.close());

  it('are fetched once for many assertions', async () => {
    await Promise.all([find('old'), find('old'), find('old')]);
    expect(await find('old')).toEqual(ec('old'));
    expect(requests).toBe(1);
  });

  it('are fetched again for a key that is not known, but not on every call', async () => {
    await find('old');
    keys = [ec('old'), ec('new')];
    expect(await find('new')).toEqual(ec('new'));
    expect(requests).toBe(2);
    for (let call = 0; call < 20; call++) expect(await find('nobody')).toBeUndefined();
    expect(requests).toBe(3);
    clock += 2000;
    expect(await find('nobody')).toBeUndefined();
    expect(requests).toBe(4);
  });

  it('are kept no longer than the client says: a key that is withdrawn is out', async () => {
    await find('old');
    keys = [];
    clock += 599_000;
    expect(await find('old')).toEqual(ec('old'));
    clock += 2000;
    expect(await find('old')).toBeUndefined();
  });

  it('are not kept at all where the client forbids it', async () => {
    answer = (_req, res) => void res.set('Cache-Control', 'no-store').json({ keys });
    await find('old');
    keys = [];
    expect(await find('old')).toBeUndefined();
  });

  it.each<[string, RequestHandler]>([
    ['an error', (_req, res) => void res.status(500).end()],
    ['a redirect', (_req, res) => res.redirect('/elsewhere')],
    ['more than a set of keys can be', (_req, res) => void res.json({ keys: [], filler: 'x'.repeat(300_000) })],
    ['no JSON', (_req, res) => void res.send('<html>')],
  ])('that are answered with %s are a failure', async (_name, handler) => {
    answer = handler;
    await expect(find('old')).rejects.toThrow();
  });

  it('that could not be had are asked for again', async () => {
    const good = answer;
    answer = (_req, res) => void res.status(503).end();
    await expect(find('old')).rejects.toThrow();
    answer = good;
    expect(await find('old')).toEqual(ec('old'));
  });
});
