import { ExchangeError } from '../fhir/errors.ts';
import { readBytes, readRefusal, refusalError } from './answer.ts';
import { sendAuthorized, sendOpen } from './authorized.ts';
import type { PeerConnection } from './authorized.ts';
import { fhirBase } from './discovery.ts';

export interface Attachment {
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
}

/**
 * The bytes behind `Attachment.url`. The FHIR server itself gets the token; another allowed host only where it asks for it.
 * @throws ExchangeError `host-not-allowed`, `peer-refused`, `peer-invalid` for more than `limit` bytes, and what may pass
 */
export async function getAttachment(
  connection: PeerConnection,
  {
    url,
    contentType,
    limit,
  }: { readonly url: string; readonly contentType: string | undefined; readonly limit: number },
): Promise<Attachment> {
  const headers = { accept: contentType ?? '*/*', 'accept-encoding': 'identity' };
  const isFhirServer = new URL(url).origin === new URL(fhirBase(connection.payer)).origin;
  let response = await (isFhirServer ? sendAuthorized : sendOpen)(connection, { method: 'GET', url, headers });
  if (response.status === 401 && !isFhirServer) {
    await response.body.dump();
    response = await sendAuthorized(connection, { method: 'GET', url, headers });
  }
  if (response.status !== 200) throw refusalError(await readRefusal(response, connection.now()));
  const length = Number(response.header('content-length') ?? 0);
  if (length > limit) {
    response.body.on('error', () => undefined).destroy();
    throw new ExchangeError('peer-invalid', { detail: `an attachment of ${length} bytes` });
  }
  return { bytes: await readBytes(response, limit), contentType: response.header('content-type') };
}
