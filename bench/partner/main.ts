import { createReadStream, readdirSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { readSet } from '../data.ts';
import type { PreparedSet } from '../data.ts';

/*
 * A responding payer that costs next to nothing: it serves prepared files. Bulk Data Access kick-off, status, manifest
 * and files; any assertion gets a token. `node main.ts FOLDER` prints its address.
 */
const folder = process.argv[2] ?? '';
const TOKEN = 'bench';

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    // The other side has gone away, or the file has: nothing can be said any more.
    response.destroy(error instanceof Error ? error : undefined);
  });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`ready http://127.0.0.1:${address.port}\n`);
});
process.once('SIGTERM', () => process.exit(0));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://partner');
  const base = `http://${request.headers.host ?? ''}`;
  const [, what = '', name = '', file = ''] = pathname.split('/');
  if (pathname === '/token') return json(response, 200, tokenAnswer());
  if (pathname === '/fhir/metadata') return json(response, 200, capabilityStatement(base));
  if (request.headers.authorization !== `Bearer ${TOKEN}`) return json(response, 401, {});
  if (pathname === '/fhir/Patient/$export') {
    const set = setOf(patientIn(await textOf(request)));
    if (set === undefined) return json(response, 404, {});
    response.writeHead(202, { 'content-location': `${base}/status/${set.name}` }).end();
    return;
  }
  const set = readSet(path.join(folder, path.basename(name)));
  if (set === undefined) return json(response, 404, {});
  if (what === 'status' && request.method === 'DELETE') return void response.writeHead(202).end();
  if (what === 'status') return json(response, 200, manifest(set, base));
  if (what === 'files') return sendFile(request, response, path.join(folder, set.name, path.basename(file)));
  return json(response, 404, {});
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function tokenAnswer(): object {
  return { access_token: TOKEN, token_type: 'bearer', expires_in: 3600, scope: 'system/*.rs' };
}

function capabilityStatement(base: string): object {
  const operation = [
    { name: 'export', definition: 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export' },
  ];
  return {
    ...{ resourceType: 'CapabilityStatement', status: 'active', kind: 'instance', fhirVersion: '4.0.1' },
    ...{ date: '2026-11-01', format: ['json'], implementation: { description: 'Prepared files', url: base } },
    rest: [{ mode: 'server', resource: [{ type: 'Patient', operation }] }],
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function patientIn(body: string): string | undefined {
  return /"reference"\s*:\s*"Patient\/([^"]+)"/.exec(body)?.[1];
}

function setOf(patientId: string | undefined): PreparedSet | undefined {
  return readdirSync(folder)
    .map((name) => readSet(path.join(folder, name)))
    .find((set) => set?.patientId === patientId);
}

function manifest({ name, files }: PreparedSet, base: string): object {
  return {
    ...{ transactionTime: '2026-11-01T00:00:00Z', request: `${base}/fhir/Patient/$export`, requiresAccessToken: true },
    output: files.map((file) => ({ type: file.type, count: file.count, url: `${base}/files/${name}/${file.name}` })),
    ...{ error: [], deleted: [] },
  };
}

/** As it lies on disk for whoever takes gzip, in ranges too; else unpacked on the way. */
async function sendFile(request: IncomingMessage, response: ServerResponse, file: string): Promise<void> {
  const { size, mtimeMs } = statSync(file);
  const headers = { 'content-type': 'application/fhir+ndjson', etag: `"${size}-${mtimeMs}"`, 'accept-ranges': 'bytes' };
  if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
    response.writeHead(200, { 'content-type': headers['content-type'] });
    return pipeline(createReadStream(file), createGunzip(), response);
  }
  const ifRange = request.headers['if-range'];
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const start = from !== undefined && (ifRange === undefined || ifRange === headers.etag) ? Number(from) : undefined;
  const common = { ...headers, 'content-encoding': 'gzip', 'content-length': size - (start ?? 0) };
  if (start !== undefined && start < size) {
    response.writeHead(206, { ...common, 'content-range': `bytes ${start}-${size - 1}/${size}` });
  } else response.writeHead(200, { ...common, 'content-length': size });
  return pipeline(createReadStream(file, { start: start !== undefined && start < size ? start : 0 }), response);
}
