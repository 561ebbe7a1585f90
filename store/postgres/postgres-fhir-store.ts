import type { Pool } from 'pg';
import type { FhirStore } from '../fhir-store.ts';
import { nextInstant } from './clock.ts';
import { presentTypes, readCompartment } from './compartment.ts';
import { readRecordsOfType } from './bulk-read.ts';
import { importCounts, refusedLines } from './counts.ts';
import { deleteBatch } from './deletions.ts';
import { importBatch, stageGenerated } from './import.ts';
import {
  broughtByIdentifier,
  countOpenTargets,
  foundTarget,
  knownKeys,
  markTried,
  missingTargets,
  restage,
  searchedTargets,
  settleableLines,
  triedTargets,
} from './open-targets.ts';
import { publish } from './publish.ts';
import {
  linkedPatients,
  linkedPatientsOf,
  readHistory,
  readMany,
  readResource,
  readVersion,
  visibleKeys,
} from './read.ts';
import { readRecordsOfRuns, readRunsOfType } from './read-runs.ts';
import { removeImport } from './remove.ts';
import { countResources, findByIdentifier, findEachByIdentifier, searchResources } from './search.ts';
import { stageAbout } from './stage-about.ts';
import { generatedIds, stagedKeys, stagedText, stagedVersion } from './staged-keys.ts';
import { inTransaction } from './transaction.ts';
import { writeResources } from './write.ts';

/** Member records in our own Postgres: every version of every resource is a row, visible once its publication has an instant. */
export function createPostgresFhirStore(pool: Pool): FhirStore {
  return {
    read: (type, id) => readResource(pool, type, id),
    vread: (type, id, versionId) => readVersion(pool, type, id, versionId),
    history: (type, id, query) => readHistory(pool, type, id, query),
    search: (query) => searchResources(pool, query),
    count: (scope) => countResources(pool, scope),
    write: (writes) => writeResources(pool, writes),

    memberCompartment: (query) => readCompartment(pool, query),
    recordsOfType: (type, query) => readRecordsOfType(pool, type, query),
    runsOfType: (type, query) => readRunsOfType(pool, type, query),
    recordsOfRuns: (type, runs, unmarked) => readRecordsOfRuns(pool, type, runs, unmarked),
    presentTypes: (types, patientIds) => presentTypes(pool, types, patientIds),
    readMany: (keys, instants) => readMany(pool, keys, instants),
    findByIdentifier: (type, identifier) => findByIdentifier(pool, type, identifier),
    findEachByIdentifier: (wanted) => findEachByIdentifier(pool, wanted),
    linkedPatients: (patientId) => linkedPatients(pool, patientId),
    linkedPatientsOf: (patientIds) => linkedPatientsOf(pool, patientIds),
    freeze: () => inTransaction(pool, nextInstant),

    known: (exchangeId, keys) => knownKeys(pool, exchangeId, keys),
    broughtByIdentifier: (exchangeId, type, identifier) => broughtByIdentifier(pool, exchangeId, type, identifier),
    missingTargets: (exchangeId, wanted) => missingTargets(pool, exchangeId, wanted),
    markTried: (exchangeId, targets) => markTried(pool, exchangeId, targets),
    triedTargets: (exchangeId) => triedTargets(pool, exchangeId),
    searchedTargets: (exchangeId) => searchedTargets(pool, exchangeId),
    foundTarget: (exchangeId, target, found) => foundTarget(pool, exchangeId, target, found),
    settleableLines: (exchangeId, limit) => settleableLines(pool, exchangeId, limit),
    restage: (exchangeId, rows, lines) => restage(pool, exchangeId, rows, lines),
    countOpenTargets: (exchangeId) => countOpenTargets(pool, exchangeId),
    visible: (keys) => visibleKeys(pool, keys),

    importBatch: (batch) => importBatch(pool, batch),
    deleteBatch: (batch) => deleteBatch(pool, batch),
    stageGenerated: (exchangeId, rows) => stageGenerated(pool, exchangeId, rows),
    stageAbout: (exchangeId, size, about) => stageAbout(pool, exchangeId, size, about),
    stagedKeys: (exchangeId, types) => stagedKeys(pool, exchangeId, types),
    stagedText: (exchangeId, key) => stagedText(pool, exchangeId, key),
    stagedVersion: (exchangeId) => stagedVersion(pool, exchangeId),
    generatedIds: (exchangeId, type) => generatedIds(pool, exchangeId, type),
    importCounts: (exchangeId) => importCounts(pool, exchangeId),
    refusedLines: (exchangeId, limit) => refusedLines(pool, exchangeId, limit),
    publish: (exchangeId, link) => publish(pool, exchangeId, link),
    removeImport: (exchangeId) => removeImport(pool, exchangeId),
  };
}
