/**
 * @module A process of its own that serves pages of one shape on many ports, so that the measured process pays for its
 * own side only. Started by `weir-process.ts` with a shape and a number of ports; tells the ports over IPC.
 */
import { createServer } from 'node:http';
import { MovingPage } from '../../demo/shapes/moving-page.ts';
import { createShape, type ShapeName } from '../../demo/shapes/shapes.ts';

const [shapeName = 'linkerd-2k', ports = '1'] = process.argv.slice(2);

/** A target of its own: values move on every scrape. A scrape ends before the next one of its target begins. */
async function listen(): Promise<number> {
  const page = new MovingPage(createShape(shapeName as ShapeName));
  const server = createServer((_request, response) => {
    if (!page.advance()) throw new Error('the counters of the page have no room left');
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': page.bytes.length }).end(page.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const bound: number[] = [];
for (let i = 0; i < Number(ports); i++) bound.push(await listen());
const { samples, wantedSamples } = createShape(shapeName as ShapeName);
process.send?.({ ports: bound, samples, wanted: wantedSamples });
process.on('disconnect', () => process.exit(0));
