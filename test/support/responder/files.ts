import type { Answer, Call, Reply } from './answers.ts';
import { failureAt, failureReply, refuse } from './answers.ts';
import { requireBearer } from './bearer.ts';
import { representationOf } from './file-content.ts';
import { chooseRange } from './file-range.ts';
import { planTransmission, transmit } from './file-transmission.ts';
import { fileLink, FILES_PATH, signature } from './file-links.ts';
import type { FileBehaviour } from './file-options.ts';
import type { ExportFile, Job, State } from './state.ts';

const NO_FAULTS: FileBehaviour['faults'] = {
  types: null,
  failures: [],
  cut: null,
  truncatedGzip: null,
  shortBody: null,
  drip: null,
};

/** GET of an exported file: bearer or pre-signed, whole or a range, with the faults that are set. */
export async function answerFile(state: State, call: Call): Promise<Reply> {
  if (call.method !== 'GET') throw refuse(405, 'not-supported', 'only GET');
  const found = findFile(state, call.url.pathname);
  if (!found) throw refuse(404, 'not-found', 'no such file');
  const denied = checkAccess(state, call, found.job);
  if (denied) return denied;
  const options = state.behaviour.files;
  if (options.redirect && call.url.searchParams.get('via') !== 'redirect') {
    const location = `${state.otherOrigin}${fileLink(state, found.job, found.file, 'redirect')}`;
    return { status: 302, headers: { location } };
  }
  const { file } = found;
  const faults = options.faults.types?.includes(file.type) === false ? NO_FAULTS : options.faults;
  const failure = failureAt(faults.failures, file.attempts);
  file.attempts += 1;
  if (failure) return failureReply(failure);
  return serve(state, call, file, faults);
}

function findFile(state: State, path: string): { job: Job; file: ExportFile } | undefined {
  const [jobId, name] = path.slice(FILES_PATH.length).split('/');
  const job = state.jobs.get(jobId ?? '');
  const file = job?.files.find((each) => each.number === Number(name?.split('.')[0]));
  return job && file && !job.deleted ? { job, file } : undefined;
}

/** Pre-signed links refuse a second credential, as object stores do. @throws Refusal 401 or 403 */
function checkAccess(state: State, call: Call, job: Job): Answer | undefined {
  const via = call.url.searchParams.get('via') ?? '';
  const { rejectsToken } = state.behaviour.files;
  const presigned = rejectsToken !== null || !job.requiresAccessToken || via === 'redirect';
  if (presigned && call.request.headers.authorization !== undefined) {
    if (rejectsToken === 401) return storeError(401, 'InvalidToken', 'The token is of another service');
    return storeError(400, 'InvalidArgument', 'Only one auth mechanism allowed');
  }
  if (!presigned && requireBearer(state, call).clientId !== job.clientId) {
    throw refuse(403, 'forbidden', 'the file of another client');
  }
  const expires = call.url.searchParams.get('expires') ?? '';
  if (signature(state, call.url.pathname, via, expires) !== call.url.searchParams.get('signature')) {
    return storeError(403, 'SignatureDoesNotMatch', 'The signature does not match');
  }
  if (Number(expires) <= Date.now())
    return storeError(state.behaviour.files.expiredStatus, 'AccessDenied', 'Request has expired');
  return undefined;
}

function storeError(status: number, code: string, message: string): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

async function serve(state: State, call: Call, file: ExportFile, faults: FileBehaviour['faults']): Promise<Reply> {
  const options = state.behaviour.files;
  const { headers } = call.request;
  const wrapped = isWrapped(options.wrap, headers.accept ?? '');
  const acceptEncoding = [headers['accept-encoding'] ?? []].flat().join(',');
  const whole = representationOf(state, file, { acceptEncoding, wrapped });
  const n = file.served;
  file.served += 1;
  const ifRange = [headers['if-range'] ?? []].flat()[0];
  const range = options.range ? chooseRange(headers.range, ifRange, whole.etag, whole.bytes.length) : undefined;
  if (range === 'unsatisfiable') {
    return { status: 416, headers: { 'content-range': `bytes */${whole.bytes.length}` } };
  }
  const body = range ? whole.bytes.subarray(range.start, range.end + 1) : whole.bytes;
  const plan = planTransmission(body, faults, n, whole.encoding !== undefined);
  call.response.writeHead(range ? 206 : 200, {
    'content-type': wrapped ? 'application/fhir+json' : options.contentType,
    vary: 'accept-encoding',
    ...(options.contentLength ? { 'content-length': plan.declaredLength } : {}),
    ...(options.range ? { 'accept-ranges': 'bytes' } : {}),
    ...(whole.encoding ? { 'content-encoding': whole.encoding } : {}),
    ...(whole.etag ? { etag: whole.etag } : {}),
    ...(range ? { 'content-range': `bytes ${range.start}-${range.end}/${whole.bytes.length}` } : {}),
  });
  await transmit(call.response, plan);
  return 'handled';
}

function isWrapped(wrap: FileBehaviour['wrap'], accept: string): boolean {
  if (wrap !== 'binary-unless-accepted') return wrap === 'binary';
  return !accept.split(',').some((each) => each.trim() === 'application/fhir+ndjson');
}
