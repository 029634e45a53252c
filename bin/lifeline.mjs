/** @module Loaded before a step's program: ends it in good order when the process that runs it was killed. */
import { Socket } from 'node:net';

const line = new Socket({ fd: 3, readable: true, writable: false });
line.on('error', () => {});
line.on('close', () => process.kill(process.pid, 'SIGTERM'));
line.resume();
line.unref();
