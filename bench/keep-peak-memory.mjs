// Loaded into the worker where no /proc tells the most memory that a process had: written as it ends.
import { writeFileSync } from 'node:fs';

const file = new URL(import.meta.url).searchParams.get('file');

process.on('exit', () => {
  writeFileSync(file, String(process.resourceUsage().maxRSS * 1024));
});
