import { z } from 'zod';
import type { PrismaClient } from '../prisma/generated/client.ts';
import { EXPORT_FORMS } from '../fhir/export-form.ts';
import type { ExportForm } from '../fhir/export-form.ts';
import { ADVERTISED_FORMS } from '../fhir/payer-capabilities.ts';

const form = z.enum(EXPORT_FORMS);
const instant = z.string();

/** What was learned of a payer in exchanges with it, so that the next one starts right. Nothing of a member. */
const payerKnowledge = z.object({
  /** Of its CapabilityStatement. */
  capabilities: z
    .object({
      readAt: instant,
      software: z.string().optional(),
      fhirVersion: z.string().optional(),
      match: z.boolean(),
      batch: z.boolean(),
      exportForms: z.array(z.enum(ADVERTISED_FORMS)),
      searches: z.record(z.string(), z.string()),
    })
    .optional(),
  /** The form that brought the last export to its end, and how long it took to its manifest. */
  export: z.object({ form, at: instant, seconds: z.number().optional() }).optional(),
  /** Forms that it does not have: the status with which it said so. */
  refusedForms: z.partialRecord(form, z.object({ status: z.number(), at: instant })).optional(),
  /** Parameters that it does not know, and without which an export means the same. */
  leftOut: z.array(z.string()).optional(),
  /** What a match answers with: the id of the Patient, or an identifier that has to be looked up. */
  matchAnswer: z.enum(['id', 'identifier']).optional(),
  /** How that is looked up. */
  lookup: z.enum(['POST', 'GET']).optional(),
  /** A download that was cut could go on where it stood. */
  ranges: z.boolean().optional(),
});
export type PayerKnowledge = Readonly<z.infer<typeof payerKnowledge>>;

export interface PayerKnowledgeStore {
  /** Empty where nothing is known, or only of another endpoint. */
  load(payer: KnownPayer): Promise<PayerKnowledge>;
  /** Replaces these entries; the others stay. */
  learn(payer: KnownPayer, learned: PayerKnowledge): Promise<void>;
}

export interface KnownPayer {
  readonly pid: number;
  readonly fhirEndpoint: string;
}

/** The same form as JSON Schema, for OpenAPI. */
export const payerKnowledgeSchema = payerKnowledge;

/** How long a payer's word that it does not have a form holds. */
const REFUSAL_MS = 30 * 24 * 3600 * 1000;

export function refusedForms({ refusedForms: refused = {} }: PayerKnowledge, now: number): readonly ExportForm[] {
  return EXPORT_FORMS.filter((each) => {
    const said = refused[each];
    return said !== undefined && now - Date.parse(said.at) < REFUSAL_MS;
  });
}

export function createPayerKnowledgeStore(prisma: PrismaClient): PayerKnowledgeStore {
  return {
    async load({ pid, fhirEndpoint }) {
      const where = { payerPid_endpoint: { payerPid: pid, endpoint: fhirEndpoint } };
      const row = await prisma.payerKnowledge.findUnique({ where });
      const read = payerKnowledge.safeParse(row?.knowledge ?? {});
      // Written by another version of ours: it is learned again.
      return read.success ? read.data : {};
    },
    async learn({ pid, fhirEndpoint }, learned) {
      await prisma.$executeRaw`INSERT INTO "payer_knowledge" AS k ("payer_pid", "endpoint", "knowledge")
        VALUES (${pid}, ${fhirEndpoint}, ${JSON.stringify(learned)}::jsonb)
        ON CONFLICT ("payer_pid", "endpoint")
        DO UPDATE SET "knowledge" = k."knowledge" || excluded."knowledge", "updated_at" = CURRENT_TIMESTAMP`;
    },
  };
}
