import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { ActivityInterfaceFor } from '@temporalio/workflow';
import type { FrozenScope } from '../activities/responder/freeze-scope.ts';
import type { ResponderActivities } from '../activities/responder/responder-activities.ts';
import { ERRORS } from '../fhir/errors.ts';
import { siblingQueues } from './contract.ts';
import type { RunExportInput, RunExportResult } from './contract.ts';
import { inParallel } from './steps/in-parallel.ts';
import { codeOf } from './steps/undo.ts';

/** Files are taken away when nobody writes any more: by default a cancelled activity is not waited for. */
const ENDED_BEFORE_UNDO = { cancellationType: 'WAIT_CANCELLATION_COMPLETED' } as const;
const RETRY = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' } as const;
const PARALLEL_TYPES = 2;

interface ExportProxies {
  readonly own: Pick<ActivityInterfaceFor<ResponderActivities>, 'removeExport' | 'failExport'>;
  readonly transfer: Pick<
    ActivityInterfaceFor<ResponderActivities>,
    'freezeScope' | 'writeResourceType' | 'writeSmallTypes' | 'finishManifest'
  >;
}

function exportProxies(): ExportProxies {
  const queues = siblingQueues(workflowInfo().taskQueue);
  return {
    own: proxyActivities<ResponderActivities>({
      taskQueue: queues.peer,
      startToCloseTimeout: '5m',
      retry: RETRY,
      ...ENDED_BEFORE_UNDO,
    }),
    transfer: proxyActivities<ResponderActivities>({
      taskQueue: queues.transfer,
      startToCloseTimeout: '24h',
      heartbeatTimeout: '30s',
      retry: { ...RETRY, maximumAttempts: 30 },
      ...ENDED_BEFORE_UNDO,
    }),
  };
}

/** The files of one export: what is exported and as of when is frozen first, then written type by type. */
export async function runExport({ jobId }: RunExportInput): Promise<RunExportResult> {
  const { own, transfer } = exportProxies();
  try {
    setCurrentDetails('**Step:** freeze the scope');
    const scope = await transfer.freezeScope.executeWithOptions({ summary: 'freeze members, consent and instant' }, [
      jobId,
    ]);
    const written = await writeTypes(jobId, scope, transfer);
    await transfer.finishManifest.executeWithOptions({ summary: 'write what goes along, show the manifest' }, [jobId]);
    setCurrentDetails(`**Complete:** ${written.files} files, ${written.resources} records`);
    return written;
  } catch (error) {
    // What an activity made of its cancellation may be a failure by now.
    const isCancelled = isCancellation(error) || CancellationScope.current().consideredCancelled;
    const reason = codeOf(error);
    await CancellationScope.nonCancellable(async () => {
      await own.removeExport.executeWithOptions({ summary: 'take the files away' }, [jobId]);
      if (!isCancelled) await own.failExport.executeWithOptions({ summary: 'say that it failed' }, [jobId, reason]);
    });
    if (isCancelled) throw new CancelledFailure(ERRORS.cancelled.sentence);
    throw ApplicationFailure.create({ type: reason, message: ERRORS[reason].sentence, nonRetryable: true });
  }
}

interface Item {
  readonly types: readonly string[];
  readonly position: number;
}

/** A scope that was frozen before there were groups: small types together, the others each by itself. */
function groupsOf({ types, small = [] }: FrozenScope): readonly (readonly string[])[] {
  const others = types.filter((type) => !small.includes(type)).map((type) => [type]);
  return small.length === 0 ? others : [small, ...others];
}

function itemsOf(scope: FrozenScope): readonly Item[] {
  let position = 0;
  return (scope.groups ?? groupsOf(scope)).map((types) => ({ types, position: (position += types.length) }));
}

async function writeTypes(
  jobId: string,
  scope: FrozenScope,
  transfer: ExportProxies['transfer'],
): Promise<RunExportResult> {
  let files = 0;
  let resources = 0;
  const of = scope.types.length;
  await inParallel(itemsOf(scope), PARALLEL_TYPES, async ({ types: [type = '', ...more], position }) => {
    setCurrentDetails(`**Step:** write files\n\n${position} of ${of} types`);
    const input = { jobId, position, of };
    const written =
      more.length === 0
        ? await transfer.writeResourceType.executeWithOptions({ summary: `write ${type} (${position} of ${of})` }, [
            { ...input, type },
          ])
        : await transfer.writeSmallTypes.executeWithOptions(
            { summary: `write ${more.length + 1} types (up to ${position} of ${of})` },
            [{ ...input, types: [type, ...more] }],
          );
    files += written.files;
    resources += written.resources;
  });
  return { files, resources };
}

/** Takes away the files of an export that its partner deleted, or whose time is over. */
export async function removeExport({ jobId }: RunExportInput): Promise<void> {
  await exportProxies().own.removeExport.executeWithOptions({ summary: 'take the files away' }, [jobId]);
}
