import { RESOURCE_TYPES } from '../../fhir/resource-types.ts';

/** Tasks mirror exchanges, and Subscriptions are this server's own: routes of theirs answer. The others are no records. */
const ELSEWHERE: ReadonlySet<string> = new Set(['OperationOutcome', 'Parameters', 'Subscription', 'Task']);

/** The types whose records are read, searched and written by the interactions of FHIR REST. */
export const REST_TYPES: ReadonlySet<string> = new Set([...RESOURCE_TYPES].filter((type) => !ELSEWHERE.has(type)));
