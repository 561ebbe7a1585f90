import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { FileBehaviour } from './file-options.ts';
import type { ExportFile, State } from './state.ts';

/** One form of a file: plain or gzip, with the validator of exactly these bytes. */
export interface Representation {
  bytes: Buffer;
  encoding: 'gzip' | undefined;
  etag: string | undefined;
}

/** `wrapped`: as a FHIR Binary resource that holds the file. */
export function representationOf(
  state: State,
  file: ExportFile,
  { acceptEncoding, wrapped }: { acceptEncoding: string; wrapped: boolean },
): Representation {
  const options = state.behaviour.files;
  const content = wrapped ? binaryOf(contentOf(state, file)) : contentOf(state, file);
  const gzip = options.gzip && acceptsGzip(acceptEncoding);
  const bytes = gzip ? gzipSync(content) : content;
  return { bytes, encoding: gzip ? 'gzip' : undefined, etag: etagOf(options.etag, bytes, file.served) };
}

/** The text of the file, fixed when it is first asked for. */
export function contentOf(state: State, file: ExportFile): Buffer {
  file.content ??= writeContent(state, file);
  return file.content;
}

function binaryOf(content: Buffer): Buffer {
  const data = content.toString('base64');
  return Buffer.from(JSON.stringify({ resourceType: 'Binary', contentType: 'application/fhir+ndjson', data }));
}

function acceptsGzip(header: string): boolean {
  return header.split(',').some((each) => {
    const [name, ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
    return (name === 'gzip' || name === '*') && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

function etagOf(kind: FileBehaviour['etag'], bytes: Buffer, served: number): string | undefined {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 24);
  switch (kind) {
    case 'strong':
      return `"${hash}"`;
    case 'weak':
      return `W/"${hash}"`;
    case 'changing':
      return `"${hash}-${served}"`;
    case 'none':
      return undefined;
  }
}

function writeContent(state: State, file: ExportFile): Buffer {
  const options = state.behaviour.files;
  const extra = file.kind === 'output' && file.lastOfType ? (options.extraLines[file.type] ?? []) : [];
  const own = options.absoluteReferences
    ? file.lines.map((line) => withAbsoluteReferences(line, state.baseUrl))
    : file.lines;
  const end = options.crlf ? '\r\n' : '\n';
  const text = [...own, ...extra].join(end) + (options.finalNewline ? end : '');
  return Buffer.from(options.bom ? `\uFEFF${text}` : text, 'utf8');
}

/** Works on the text, so that decimals keep their digits; a quote inside a JSON string is escaped and never matches. */
export function withAbsoluteReferences(line: string, baseUrl: string): string {
  return line.replace(
    /"reference"(\s*:\s*)"([A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64}(?:\/_history\/[A-Za-z0-9.-]{1,64})?)"/g,
    (_whole, colon: string, reference: string) => `"reference"${colon}"${baseUrl}/${reference}"`,
  );
}
