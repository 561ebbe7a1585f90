import path from 'node:path';
import { z } from 'zod';
import type { ConfigProblems } from './config-problems.ts';
import { mailTemplates } from './fhir/notification.ts';
import { oidcClientInput, oidcServerInput } from './fhir/oidc-definitions.ts';

export const defaultConfigFile = 'carryover.config.json';

const MIB = 1024 * 1024;
const text = z.string().min(1);

const organization = z.looseObject({
  resourceType: z.literal('Organization'),
  id: z.string().regex(/^[A-Za-z0-9.-]{1,64}$/, 'a FHIR id: 1 to 64 letters, digits, dots and hyphens'),
});

/** Fields of a demographic match that may be asked to agree. */
export const MATCH_FIELDS = [
  'memberId',
  'subscriberId',
  'coverageId',
  'family',
  'given',
  'birthDate',
  'gender',
  'coverageDates',
] as const;

/** The configuration file; a key that is not here is a mistake. */
export const fileSchema = z.strictObject({
  organizations: z.array(organization).default([]),
  ownOrganization: text.optional(),
  oidcServers: z.array(oidcServerInput).default([]),
  oidcClients: z.array(oidcClientInput).default([]),
  /** Absent: no identifier is asked of the local patient. */
  referenceSystem: text.optional(),
  responderIdentifierSystem: text.default('http://payer-to-payer-exchange/NamingSystem/responder-id'),
  migratedTag: z.strictObject({ system: text, code: text, display: text.optional() }).default({
    system: 'http://smilecdr.com/fhir/tags',
    code: 'migrated',
    display: 'Resource imported from external payer',
  }),
  provenanceProfile: z.enum(['vendor', 'pdex']).default('vendor'),
  provenanceVersionedReferences: z.boolean().default(false),
  mdmPatientIdentifier: z.strictObject({ system: text, type: text }).optional(),
  matching: z
    .strictObject({
      require: z.array(z.enum(MATCH_FIELDS)).min(1).optional(),
      maxFailures: z.int().min(1).default(10),
      module: text.optional(),
    })
    .prefault({}),
  consent: z.strictObject({ module: text.optional() }).prefault({}),
  export: z
    .strictObject({
      /** Absent: all types. */
      types: z.array(text).min(1).optional(),
      /** By date of service; a payer must be able to give five years. */
      lookBackYears: z.int().min(5).max(150).default(5),
      withholdDeniedAuthorizations: z.boolean().default(true),
      withholdDrugAuthorizations: z.boolean().default(true),
      /** Remittances and cost-sharing of claims. */
      withholdFinancials: z.boolean().default(true),
      maxFileBytes: z
        .int()
        .min(MIB)
        .default(128 * MIB),
      expirySeconds: z.int().min(60).default(86_400),
    })
    .prefault({}),
  import: z
    .strictObject({
      maxRefusedLines: z.int().min(0).default(100),
      maxLineBytes: z
        .int()
        .min(1024)
        .default(64 * MIB),
      attachmentInlineBytes: z.int().min(0).default(MIB),
      /** 0: what an export leaves out is not asked for. */
      maxFetchedReferences: z.int().min(0).default(1000),
      /** Identifier systems. */
      knownBy: z.array(z.string().min(1)).default(['http://hl7.org/fhir/sid/us-npi']),
      foreignLines: z.enum(['refuse', 'fail']).default('refuse'),
    })
    .prefault({}),
  notifications: z
    .strictObject({
      /** `host:port` of receivers of events in one's own network. */
      privateHosts: z.array(z.string().regex(/^[^\s/:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/)).default([]),
      /** Tries of one notification; then it is laid aside. */
      attempts: z.int().min(1).default(20),
      firstWaitSeconds: z.number().min(0.01).default(5),
      longestWaitSeconds: z.number().min(0.01).default(3600),
      mails: mailTemplates.prefault({}),
    })
    .prefault({}),
});

/** Paths of modules are absolute. */
export type FileConfig = Readonly<z.infer<typeof fileSchema>>;

/** Reads the file; what is wrong is added to `problems`, and the defaults stand in for it. */
export function readConfigFile(
  file: string,
  named: string | undefined,
  readText: (file: string) => string | undefined,
  problems: ConfigProblems,
): FileConfig {
  const defaults = fileSchema.parse({});
  const content = readText(file);
  if (content === undefined) {
    if (named) problems.add('CONFIG_FILE', named, 'the path of a file that is there');
    return defaults;
  }
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch {
    // The parser's message repeats part of the text, which may be a secret.
    problems.add(`${file}: the content`, undefined, 'JSON');
    return defaults;
  }
  const result = fileSchema.safeParse(json);
  if (!result.success) {
    for (const issue of result.error.issues) problems.addIssue(file, json, issue);
    return defaults;
  }
  checkReferences(file, result.data, problems);
  return withModulePaths(result.data, path.dirname(path.resolve(file)));
}

/** What a schema of single values cannot see: names that must be there, or occur once. */
function checkReferences(file: string, config: FileConfig, problems: ConfigProblems): void {
  const own = config.ownOrganization;
  if (own !== undefined && !config.organizations.some(({ id }) => id === own)) {
    problems.add(`${file}: ownOrganization`, own, 'the id of one of organizations');
  }
  const once = (name: string, values: readonly string[]): void => {
    for (const value of new Set(values.filter((text, at) => values.indexOf(text) !== at))) {
      problems.add(`${file}: ${name}`, value, 'a value that occurs once');
    }
  };
  once(
    'oidcServers[].issuer',
    config.oidcServers.map(({ issuer }) => issuer.replace(/\/+$/, '')),
  );
  once(
    'oidcClients[].clientId',
    config.oidcClients.map(({ clientId }) => clientId),
  );
  once(
    'organizations[].id',
    config.organizations.map(({ id }) => id),
  );
}

function withModulePaths(config: FileConfig, folder: string): FileConfig {
  const absolute = <T extends { module?: string | undefined }>(part: T): T =>
    part.module === undefined ? part : { ...part, module: path.resolve(folder, part.module) };
  return { ...config, matching: absolute(config.matching), consent: absolute(config.consent) };
}
