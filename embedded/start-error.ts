/** Why a part could not be started: one sentence for the operator, printed without a stack. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
