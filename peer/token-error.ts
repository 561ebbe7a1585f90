import { ClientError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { ExchangeError } from '../fhir/errors.ts';
import { exchangeErrorIn } from './peer-error.ts';

/**
 * The causes of the library's errors hold requests and answers, tokens among them: they end here.
 * @param secrets what was sent: a server may repeat it in what it says of an error
 */
export function tokenError(error: unknown, secrets: readonly string[] = []): unknown {
  const known = exchangeErrorIn(error);
  if (known !== undefined) return known;
  if (error instanceof ResponseBodyError) {
    const { status, error: code } = error;
    const description = withoutSecrets(error.error_description, secrets);
    const detail = `HTTP ${status}: ${code}${description === undefined ? '' : ` (${description})`}`;
    return code === 'temporarily_unavailable'
      ? new ExchangeError('peer-unreachable', { detail })
      : new ExchangeError('token-refused', { detail });
  }
  if (error instanceof WWWAuthenticateChallengeError) {
    return new ExchangeError('token-refused', { detail: `HTTP ${error.status}, asked for other credentials` });
  }
  if (error instanceof ClientError) return clientError(error);
  return error;
}

function clientError({ code = 'unknown', cause }: ClientError): ExchangeError {
  const status = cause instanceof Response ? cause.status : undefined;
  const isRefusal = status !== undefined && status >= 400;
  const detail = `token endpoint: ${status === undefined ? '' : `HTTP ${status}, `}${code}`;
  return new ExchangeError(isRefusal ? 'token-refused' : 'peer-invalid', { detail });
}

function withoutSecrets(text: string | undefined, secrets: readonly string[]): string | undefined {
  return secrets.reduce<string | undefined>((left, secret) => left?.replaceAll(secret, '…'), text);
}
