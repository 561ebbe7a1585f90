/*
 * Arrays of one dimension in the binary format of COPY (Postgres, array_send): dimensions, whether there are NULLs, the type
 * of the elements, how many they are, the index of the first one; then each behind its length.
 */

const HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const NULL_LENGTH = -1;
const [TEXT_OID, BIGINT_OID, BIGINT_BYTES] = [25, 20, 8];
const [INT_OID, INT_BYTES] = [23, 4];

/** `text[]` of ASCII. */
export function textArray(values: readonly (string | undefined)[]): Buffer {
  let bytes = HEADER_BYTES;
  for (const value of values) bytes += LENGTH_BYTES + (value?.length ?? 0);
  const array = Buffer.allocUnsafe(bytes);
  let at = writeHeader(array, TEXT_OID, values.length, values.includes(undefined));
  for (const value of values) {
    at = array.writeInt32BE(value?.length ?? NULL_LENGTH, at);
    if (value !== undefined) at += array.write(value, at, 'latin1');
  }
  return array;
}

/** `bigint[]`. */
export function bigintArray(values: readonly (bigint | undefined)[]): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + values.length * (LENGTH_BYTES + BIGINT_BYTES));
  let at = writeHeader(array, BIGINT_OID, values.length, values.includes(undefined));
  for (const value of values) {
    at = array.writeInt32BE(value === undefined ? NULL_LENGTH : BIGINT_BYTES, at);
    if (value !== undefined) at = array.writeBigInt64BE(value, at);
  }
  return array.subarray(0, at);
}

/** `integer[]`. */
export function intArray(values: readonly number[]): Buffer {
  const array = Buffer.allocUnsafe(HEADER_BYTES + values.length * (LENGTH_BYTES + INT_BYTES));
  let at = writeHeader(array, INT_OID, values.length, false);
  for (const value of values) {
    at = array.writeInt32BE(INT_BYTES, at);
    at = array.writeInt32BE(value, at);
  }
  return array;
}

function writeHeader(array: Buffer, element: number, length: number, hasNull: boolean): number {
  let at = 0;
  for (const word of [1, hasNull ? 1 : 0, element, length, 1]) at = array.writeInt32BE(word, at);
  return at;
}
