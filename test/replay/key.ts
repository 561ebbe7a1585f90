import { createDataConverter } from '../../temporal/data-converter.ts';

/** Opens the recorded histories and nothing else. */
export const RECORDING_KEYS = [{ id: 'recording', key: new Uint8Array(32).fill(7) }];

export const recordingConverter = createDataConverter(RECORDING_KEYS);
