export { invokeExport } from './invoke-export.ts';
export { housekeeping } from './housekeeping.ts';
