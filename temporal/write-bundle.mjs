// Bundles workflows into a file: a program of its own, for the memory that webpack takes is not given back by a process
// that goes on. Plain JavaScript, so that it runs in whatever starts it.
import { writeFileSync } from 'node:fs';
import { bundleWorkflowCode } from '@temporalio/worker';

const [workflowsPath, failureConverterPath, file] = process.argv.slice(2);

/** The bundler reports its progress; what goes wrong it throws. */
const nothing = () => undefined;
const silent = { log: nothing, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

const { code } = await bundleWorkflowCode({ workflowsPath, failureConverterPath, logger: silent });
writeFileSync(file, code);
