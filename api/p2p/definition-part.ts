import { Router } from 'express';
import { z } from 'zod';
import { ExchangeError } from '../../fhir/errors.ts';
import { withoutSecrets } from '../../fhir/oidc-definitions.ts';
import type { OidcClient, OidcServer } from '../../fhir/oidc-definitions.ts';
import { bodyJson } from '../body.ts';
import { describePaths } from './definition-paths.ts';
import type { Json, P2pPart } from './part.ts';
import { readInput } from './p2p-error.ts';
import { pidOf } from './pid.ts';

interface Store<Input, Stored> {
  list(): Promise<readonly Stored[]>;
  read(pid: number): Promise<Stored>;
  create(input: Input): Promise<Stored>;
  update(pid: number, input: Input): Promise<Stored>;
  remove(pid: number): Promise<void>;
}

export interface DefinitionOptions<Input, Stored> {
  /** `/api/oidc_servers`. */
  readonly path: string;
  /** Key of the list in its answer: `servers`. */
  readonly listName: string;
  /** Name of the schema: `OidcServer`. */
  readonly name: string;
  /** What a definition is, in a sentence. */
  readonly summary: string;
  readonly input: z.ZodType<Input>;
  /** Write-only. */
  readonly secrets: readonly (keyof Input & string)[];
  readonly store: Store<Input, Stored>;
  /** @throws ExchangeError for what the schema cannot see */
  readonly check?: (input: Input) => void;
}

/** Routes of a list of definitions, and their description, both from one schema. */
export function definitionPart<Input extends object, Stored extends OidcServer | OidcClient>(
  options: DefinitionOptions<Input, Stored>,
): P2pPart {
  return {
    router: definitionRouter(options),
    paths: describePaths(options),
    schemas: describeSchemas(options),
  };
}

function definitionRouter<Input extends object, Stored extends OidcServer | OidcClient>(
  options: DefinitionOptions<Input, Stored>,
): Router {
  const { path, listName, store, check } = options;
  const router = Router();
  const checked = (value: unknown): Input => {
    const input = readInput(options.input, value);
    check?.(input);
    return input;
  };

  router.get(path, async (_req, res) => {
    const definitions = await store.list();
    res.json({ [listName]: definitions.map(({ pid, name }) => ({ pid, name })) });
  });

  router.post(path, async (req, res) => {
    const created = await store.create(checked(bodyJson(req)));
    res.status(201).setHeader('Location', `${path}/${created.pid}`).json(shown(created));
  });

  router.get(`${path}/:pid`, async (req, res) => {
    res.json(shown(await store.read(pidOf(req))));
  });

  router.put(`${path}/:pid`, async (req, res) => {
    const pid = pidOf(req);
    const known = await store.read(pid);
    const input = checked(withKeptSecrets(bodyJson(req), known, options.secrets));
    res.json(shown(await store.update(pid, input)));
  });

  router.delete(`${path}/:pid`, async (req, res) => {
    await store.remove(pidOf(req));
    res.status(204).end();
  });

  return router;
}

/** The definition as it may be seen, its pid first. */
function shown(definition: OidcServer | OidcClient): object {
  return { pid: definition.pid, ...withoutSecrets<Partial<OidcServer> | Partial<OidcClient>>(definition) };
}

/** What was read may be sent back: its own pid is no field, secrets that are left out stay, null takes one away. */
function withKeptSecrets(body: unknown, known: OidcServer | OidcClient, secrets: readonly string[]): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const { pid, ...fields } = body as Readonly<Record<string, unknown>>;
  if (pid !== undefined && pid !== known.pid) {
    throw new ExchangeError('request-invalid', { expression: 'pid', diagnostics: 'the pid of the path, or none' });
  }
  const stored: Readonly<Record<string, unknown>> = { ...known };
  const kept = Object.fromEntries(secrets.filter((name) => !(name in fields)).map((name) => [name, stored[name]]));
  const given = Object.entries(fields).filter(([name, value]) => !(secrets.includes(name) && value === null));
  return { ...kept, ...Object.fromEntries(given) };
}

/** The schema of what is posted, and that of what is answered: with a pid, and without the secrets. */
function describeSchemas<Input, Stored>({
  input,
  name,
  secrets,
}: DefinitionOptions<Input, Stored>): Record<string, Json> {
  const posted = jsonSchema(input, 'input');
  const answered = jsonSchema(input, 'output');
  const properties = { ...(posted['properties'] as Record<string, Json>) };
  for (const secret of secrets) properties[secret] = { ...properties[secret], writeOnly: true };
  const visible = Object.entries(answered['properties'] as Record<string, Json>).filter(
    ([field]) => !(secrets as readonly string[]).includes(field),
  );
  return {
    [`${name}Input`]: { ...posted, properties },
    [name]: {
      ...answered,
      properties: { pid: { type: 'integer', minimum: 1 }, ...Object.fromEntries(visible) },
      required: ['pid', ...((answered['required'] ?? []) as string[])],
    },
  };
}

export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
