/** @module Errors carry a code and a retry, and read as one line from the outside in. */
import test from 'ava';
import {
  codeOf,
  ERROR_CODES,
  errorText,
  NotConnectedError,
  RefusedError,
  RejectedError,
  StoppedError,
  TimeoutError,
  WeirError,
} from '../../pipeline/errors.ts';

test('each class has its code and says whether to come again', (t) => {
  t.like(new RefusedError('full', 500), { code: 'WEIR_ADMISSION_REFUSED', retry: 'after', retryAfterMs: 500 });
  t.like(new RejectedError('bad'), { code: 'WEIR_INPUT_REJECTED', retry: 'never', retryAfterMs: null });
  t.like(new NotConnectedError('gone'), { code: 'WEIR_NET_NOT_CONNECTED', retry: 'later' });
  t.like(new TimeoutError('slow'), { code: 'WEIR_NET_TIMEOUT', retry: 'later' });
  t.like(new StoppedError('over'), { code: 'WEIR_SERVICE_STOPPED', retry: 'never' });
  for (const code of Object.keys(ERROR_CODES)) t.regex(code, /^WEIR_[A-Z]+_[A-Z_]+$/);
});

test('the text names the causes, each once and without a stack', (t) => {
  const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
  const error = new WeirError('WEIR_SERVICE_START_FAILED', 'exporter kafka', { cause });
  t.is(errorText(error), 'exporter kafka: connect ECONNREFUSED 127.0.0.1:9');
  t.is(errorText(new Error('send: gone', { cause: new Error('gone') })), 'send: gone');
  t.is(errorText(new AggregateError([], '')), 'AggregateError');
  t.is(errorText('text'), 'text');
});

test('the code of any error is read, and nothing else is one', (t) => {
  t.is(codeOf(Object.assign(new Error('x'), { code: 'EPIPE' })), 'EPIPE');
  for (const value of [null, undefined, 'EPIPE', {}, { code: 5 }]) t.is(codeOf(value), '');
});
