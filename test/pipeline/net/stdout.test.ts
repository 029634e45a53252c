/** @module Lines for standard output, with a slow and a vanished reader. */
import { EventEmitter } from 'node:events';
import test from 'ava';
import { stdoutWriter } from '../../../pipeline/net/stdout.ts';

class FakeStream extends EventEmitter {
  writableLength = 0;
  destroyed = false;
  readonly written: string[] = [];
  write(text: string): boolean {
    this.written.push(text);
    this.writableLength += text.length;
    return true;
  }
}

test('lines are refused while more than the limit waits, and taken again afterwards', (t) => {
  const stream = new FakeStream();
  const writer = stdoutWriter(5, stream);
  t.true(writer.write('123456\n'));
  t.false(writer.write('more\n'));
  stream.writableLength = 0;
  t.true(writer.write('again\n'));
  t.deepEqual(stream.written, ['123456\n', 'again\n']);
});

test('a reader that went away takes nothing and ends nothing', (t) => {
  const stream = new FakeStream();
  const writer = stdoutWriter(5, stream);
  stream.emit('error', new Error('EPIPE'));
  t.false(writer.write('x\n'));
});
