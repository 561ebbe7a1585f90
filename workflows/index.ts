export { invokeExport } from './invoke-export.ts';
export { removeExport, runExport } from './run-export.ts';
export { housekeeping } from './housekeeping.ts';
export { repeatExchange } from './repeat-exchange.ts';
export { deliverNotifications } from './deliver-notifications.ts';
