/** @module Entry of `npm run demo`: hands the process to `runDemo`. The first signal ends it well, a second one at once. */
import { runDemo } from './demo.ts';

const { promise, resolve } = Promise.withResolvers<void>();
let signals = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    signals += 1;
    if (signals > 1) process.exit(130);
    resolve();
  });
}
// Whoever read the output has gone (`weir demo | head`): there is nobody left to show anything to.
process.stdout.on('error', () => resolve());

const code = await runDemo(process.argv.slice(2), {
  output: process.stdout,
  writeError: (text) => process.stderr.write(text),
  env: process.env,
  stopped: promise,
});
process.stdout.write('', () => process.exit(code));
