import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Call, Reply } from './answers.ts';
import { fhirAnswer, operationOutcome, Refusal } from './answers.ts';
import { mergeInto } from './json.ts';
import { completeMember, loadMemberFromDirectory } from './members.ts';
import { defaultBehaviour } from './options.ts';
import type { Behaviour, Patch, ResponderOptions } from './options.ts';
import { route, TOKEN_PATH } from './router.ts';
import type {
  ClientRegistration,
  DirectorySource,
  IssuedToken,
  Job,
  MemberInput,
  RequestRecord,
  State,
} from './state.ts';

export interface Responder {
  readonly baseUrl: string;
  readonly tokenEndpoint: string;
  /** Scheme, host and port of the main and of the second listener. */
  readonly origin: string;
  readonly otherOrigin: string;
  /** Mutable; read at each request. */
  readonly behaviour: Behaviour;
  readonly requests: RequestRecord[];
  readonly jobs: ReadonlyMap<string, Job>;
  /** Merges into `behaviour`: objects deeply, arrays and values replace. */
  set(patch: Patch<Behaviour>): void;
  registerClient(client: ClientRegistration): void;
  setMember(member: MemberInput): void;
  removeMember(patientId: string): void;
  loadMember(source: DirectorySource): Promise<MemberInput>;
  /** A token that another authorization server issued for this payer. */
  acceptToken(token: string, issued: IssuedToken): void;
  /** Every token issued so far is refused from now on. */
  revokeTokens(): void;
  /** Forgets what clients matched. */
  forgetMatches(): void;
  close(): Promise<void>;
}

/** Starts a responding payer on 127.0.0.1, on two ports. */
export async function startResponder(options: ResponderOptions = {}): Promise<Responder> {
  const pending: { state: State | undefined } = { state: undefined };
  const servers = (['main', 'other'] as const).map((origin) =>
    createServer((request, response) => {
      if (pending.state) void handle(pending.state, origin, request, response);
      else response.destroy();
    }),
  ) as [Server, Server];
  const [origin, otherOrigin] = await Promise.all([
    listen(servers[0], options.port ?? 0),
    listen(servers[1], options.otherPort ?? 0),
  ]);
  const state = createState(options, origin, otherOrigin);
  for (const client of options.clients ?? []) state.clients.set(client.clientId, client);
  for (const member of options.members ?? []) state.members.set(member.patientId, completeMember(member));
  for (const source of options.memberDirectories ?? []) await load(state, source);
  pending.state = state;
  return responderOf(state, servers);
}

function createState(options: ResponderOptions, origin: string, otherOrigin: string): State {
  const basePath = options.basePath ?? '/r4/payer-a';
  const behaviour = defaultBehaviour();
  mergeInto(behaviour, options.behaviour ?? {});
  return {
    basePath,
    origin,
    otherOrigin,
    baseUrl: `${origin}${basePath}`,
    tokenEndpoint: `${origin}${TOKEN_PATH}`,
    payer: options.payer,
    behaviour,
    linkSecret: randomBytes(32),
    clients: new Map(),
    tokens: new Map(),
    usedAssertions: new Set(),
    members: new Map(),
    matches: new Map(),
    jobs: new Map(),
    pages: new Map(),
    requests: [],
  };
}

function responderOf(state: State, servers: readonly Server[]): Responder {
  return {
    baseUrl: state.baseUrl,
    tokenEndpoint: state.tokenEndpoint,
    origin: state.origin,
    otherOrigin: state.otherOrigin,
    behaviour: state.behaviour,
    requests: state.requests,
    jobs: state.jobs,
    set: (patch) => mergeInto(state.behaviour, patch),
    registerClient: (client) => void state.clients.set(client.clientId, client),
    setMember: (member) => void state.members.set(member.patientId, completeMember(member)),
    removeMember: (patientId) => void state.members.delete(patientId),
    loadMember: (source) => load(state, source),
    acceptToken: (token, issued) => void state.tokens.set(token, issued),
    revokeTokens: () => state.tokens.clear(),
    forgetMatches: () => state.matches.clear(),
    close: async () => {
      await Promise.all(servers.map(closeServer));
    },
  };
}

async function load(state: State, source: DirectorySource): Promise<MemberInput> {
  const member = await loadMemberFromDirectory(source);
  state.members.set(member.patientId, completeMember(member));
  return member;
}

function listen(server: Server, port: number): Promise<string> {
  // Longer than any test lets a connection rest, so that none is closed under a request.
  server.keepAliveTimeout = 120_000;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address) resolve(`http://127.0.0.1:${address.port}`);
      else reject(new Error('no address'));
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function handle(
  state: State,
  origin: 'main' | 'other',
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const record: RequestRecord = {
    time: Date.now(),
    origin,
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    body: '',
    status: undefined,
  };
  state.requests.push(record);
  try {
    record.body = await readBody(request);
    if (state.behaviour.latencyMs > 0) await wait(state.behaviour.latencyMs);
    const url = new URL(record.path, state.origin);
    const call: Call = { request, response, origin, method: record.method, url, body: record.body };
    response.once('close', () => {
      record.status = response.headersSent ? response.statusCode : undefined;
    });
    const reply: Reply = await route(state, call).catch((error: unknown): Reply => {
      if (error instanceof Refusal) return error.answer;
      throw error;
    });
    if (typeof reply !== 'string') record.status = reply.status;
    send(response, reply);
  } catch (error) {
    // A request that broke off, or a fault of this server: the client must see the latter as a failure of its test.
    const issue = { severity: 'fatal', code: 'exception', diagnostics: String(error) } as const;
    if (!response.headersSent) send(response, fhirAnswer(500, operationOutcome([issue])));
    else response.destroy();
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, reply: Reply): void {
  if (reply === 'handled') return;
  if (reply === 'disconnect') {
    response.socket?.destroy();
    return;
  }
  response.writeHead(reply.status, reply.headers);
  response.end(reply.body);
}
