/** The `code` of an error, whichever realm or library it comes from. */
export function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : undefined;
}

/** The code of an error of sockets, TLS, DNS or HTTP framing; undefined for others (an abort's reason, our own). */
export function transportCode(error: unknown): string | undefined {
  const code = codeOf(error) ?? '';
  const isTransport = /^(UND_ERR_|HPE_|E[A-Z]+$|ERR_(?:SSL|TLS|STREAM)_)/.test(code) && code !== 'UND_ERR_ABORTED';
  return isTransport ? code : undefined;
}
