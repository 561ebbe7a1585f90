import { bench } from '../bench/main.ts';
import { fail } from './fail.ts';

await bench(process.argv.slice(2)).then((code) => process.exit(code), fail);
