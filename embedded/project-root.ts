import { existsSync } from 'node:fs';
import path from 'node:path';

/** The folder of package.json: the same for the sources and for what `npm run build` writes to `dist/`. */
export function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error('No package.json above the program.');
    folder = parent;
  }
  return folder;
}

/** Where downloads and bundles that can be made again are kept. */
export function cacheFolder(): string {
  return path.join(projectRoot(), '.cache');
}
