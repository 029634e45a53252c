/** @module Requests refused for a trace or span id that is none: told apart from others that cannot be read. */
import { MalformedProtobuf } from '../protobuf/reader.ts';
import { MalformedJson } from './json-fields.ts';

/** An id of another length than its 16 or 8 bytes, which is not empty either. */
export class WrongIdInProtobuf extends MalformedProtobuf {}

/** An id that is no text of just as many hexadecimal digits as it has, nor empty. */
export class WrongIdInJson extends MalformedJson {}
