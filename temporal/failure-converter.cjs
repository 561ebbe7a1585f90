// CommonJS, because the SDK loads it by `require()`, in Node, in Jest and in the workflow bundle.
const { DefaultFailureConverter } = require('@temporalio/common');

/** Messages and stack traces of failures are payloads too: the codec encrypts them. */
exports.failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
