/**
 * @module A process of its own that takes spans over OTLP/HTTP and throws them away, so that the measured process pays
 * for its own side only. Tells its port and, whenever asked, the requests and bytes it took.
 */
import { createServer } from 'node:http';

let requests = 0;
let bytes = 0;
const server = createServer((request, response) => {
  request.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  request.on('end', () => {
    requests += 1;
    response.writeHead(200, { 'content-type': 'application/x-protobuf', 'content-length': 0 }).end();
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 });
});
process.on('message', () => process.send?.({ requests, bytes }));
process.on('disconnect', () => process.exit(0));
