/**
 * @module From the bytes of a target's page to values in its series table, by predicting the page from the last one.
 *
 * A steady page costs, per wanted line, one comparison of every byte of its series with the remembered text and one
 * loop over the digits of its value; per other line, one comparison of its name and one vectorised search for its end.
 * Nothing is allocated. Any line that is not as expected is looked up, and only what was never seen is parsed.
 */
import type { ScrapeNumber, SeriesTable } from '../../model/series.ts';
import {
  BRACE_CLOSE,
  BRACE_OPEN,
  CARRIAGE_RETURN,
  HASH,
  hasControlByte,
  isBlank,
  NEWLINE,
  SPACE,
  skipBlanks,
} from './bytes.ts';
import { LineCarry } from './carry.ts';
import { likelySeriesEnd, nameEnd, SeriesReader } from './labels.ts';
import { ID, LineMemory, NEXT, SEEN } from './line-memory.ts';
import { NameTable } from './name-table.ts';
import { readRest } from './number.ts';
import { PageTally } from './page-tally.ts';
import {
  DEFAULT_LINE_BYTES,
  excerptOf,
  LIMITED_SERIES,
  type LineFault,
  type ScanLimits,
  type ScannerSettings,
  type ScanResult,
} from './scan-types.ts';
import { SkippedName } from './skipped-name.ts';
import { StrayNames } from './stray-names.ts';
import { isEofLine, TypeLines } from './type-lines.ts';
import { WINDOW } from './window.ts';

const ZERO = 0x30;
/** Integers of at most so many digits add up exactly in a double. */
const EXACT_DIGITS = 15;
/** Scrapes after which a line that stays away is forgotten when room is short. */
const FORGET_AFTER = 8;
const SLACK_LINES = 256;
const NONE = -1;
const READER = new SeriesReader(WINDOW);

/** One per target; lives across its scrapes. Not re-entrant: `resolve` must not feed a scanner. */
export class ExpositionScanner {
  readonly #names: NameTable;
  /** Index of the empty name, under which lines with their name inside the braces are remembered. */
  readonly #nameless: number;
  readonly #resolve: ScannerSettings['resolve'];
  readonly #limits: ScanLimits;
  readonly #lineBytes: number;
  readonly #types: TypeLines;
  readonly #memory: LineMemory;
  readonly #reader = READER;
  readonly #carry = new LineCarry();
  readonly #strays: StrayNames;
  readonly #skippedName = new SkippedName();
  #skippedStray = false;
  /** Value of the line at hand, outside the hot loop; a plain number would be boxed on its way. */
  readonly #value = new Float64Array(1);

  /** Counts pages by itself, so that failed ones count too. */
  #generation = 0;
  /** Different lines with a value on the last good page, and on this one so far. */
  #liveBefore = 0;
  #live = 0;
  #added = 0;
  #expected = NONE;
  #previous = NONE;

  #table: SeriesTable | null = null;
  #scrape: ScrapeNumber = 0;
  #tally = new PageTally();

  constructor(settings: ScannerSettings) {
    const names = [...settings.wanted.keys()];
    this.#nameless = names.length;
    this.#names = new NameTable([...names, '']);
    this.#resolve = settings.resolve;
    this.#limits = settings.limits;
    this.#lineBytes = settings.limits.lineBytes ?? DEFAULT_LINE_BYTES;
    this.#strays = new StrayNames(settings.strays ?? null);
    this.#types = new TypeLines(settings.wanted.values());
    this.#memory = new LineMemory(WINDOW, this.#names, settings.hashSeed ?? 0);
  }

  /** Wanted lines remembered from earlier pages. */
  get rememberedLines(): number {
    return this.#memory.count;
  }

  /** Bytes this target's memory holds between scrapes. */
  get memoryBytes(): number {
    return this.#memory.memoryBytes + this.#carry.memoryBytes;
  }

  /** Starts a page whose values go to `table` under `scrape`. A page begun before and not ended is abandoned. */
  begin(table: SeriesTable, scrape: ScrapeNumber): void {
    this.#table = table;
    this.#scrape = scrape;
    this.#tally = new PageTally();
    this.#generation += 1;
    this.#live = 0;
    this.#added = 0;
    this.#expected = this.#memory.first;
    this.#previous = NONE;
    this.#carry.clear();
    this.#skippedName.clear();
  }

  /** Takes the next bytes of the page, split anywhere; they are not kept. Does nothing after a failure. */
  feed(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#tally.arrived(piece);
    if (this.#tally.failure !== null) return;
    const start = WINDOW.lookInto(piece);
    this.#take(piece, start, start + piece.length);
    WINDOW.lookHome();
  }

  /**
   * Ends the page. A last line without newline is read like any other; whether the page was cut is the caller's to
   * judge by `endsMark`. O(lines) when lines have come or have to be forgotten, else O(1).
   */
  end(): ScanResult {
    this.#finishLastLine();
    this.#tidy();
    this.#table = null;
    return this.#tally.result();
  }

  /**
   * Forgets lines of which none of the last `pages` pages brought a value, so that the caller may give the ids it has
   * not seen stored in them to other series; failed pages count. O(bytes remembered). Not between `begin` and `end`.
   */
  forgetOlderThan(pages: number): void {
    this.#memory.rebuild(this.#generation - pages + 1);
  }

  /** Forgets the lines of these series, whose ids may then go to others. O(bytes remembered). Not inside a page. */
  forgetSeries(ids: ReadonlySet<number>): void {
    this.#memory.rebuild(0, ids);
  }

  /** Of the series `ids`, in this order, those of which a line is remembered, and that line. O(lines remembered). */
  remembered(ids: ReadonlySet<number>): Map<number, number> {
    return this.#memory.recordsOf(ids);
  }

  /** Sample and labels of a remembered line, read again. Allocates. Not from inside `resolve`. */
  seriesOf(line: number): { readonly sample: string; readonly labels: ReadonlyMap<string, string> } {
    const end = this.#memory.show(line);
    const { bytes, view } = WINDOW;
    const stop = nameEnd(bytes, 0, end);
    const name = this.#names.find(bytes, view, 0, stop);
    if (stop > 0 && name >= 0) {
      this.#reader.readAfterName(stop, end);
      return { sample: this.#names.names[name]!, labels: this.#reader.labels };
    }
    const sample = this.#reader.readQuotedName(0, end) ?? '';
    this.#reader.readFurther();
    return { sample, labels: this.#reader.labels };
  }

  /**
   * Reads the whole lines of a piece, which lies in the window in [start, end), and keeps the rest. Only a line that
   * began in an earlier piece is copied.
   */
  #take(piece: Uint8Array, start: number, end: number): void {
    if (this.#carry.length > 0) {
      start = this.#finishCarried(piece, start);
      WINDOW.lookInto(piece);
    }
    const rest = lastLineEnd(start, end);
    if (this.#tally.failure !== null) return;
    if (rest > start) this.#scan(start, rest);
    if (this.#tally.failure !== null || rest === end) return;
    this.#carry.keep(WINDOW, rest, end);
    if (this.#carry.length > this.#lineBytes) this.#endlessLine();
  }

  /** Reads the line that began earlier if it ends in this piece; returns where what is left of the piece begins. */
  #finishCarried(piece: Uint8Array, start: number): number {
    const next = piece.indexOf(NEWLINE) + 1;
    if (next === 0) return start;
    this.#carry.keep(WINDOW, start, start + next);
    this.#scan(0, this.#carry.moveTo(WINDOW));
    return start + next;
  }

  #endlessLine(): void {
    const end = this.#carry.moveTo(WINDOW);
    this.#tally.lines += 1;
    if (!this.#isHtml(0, end)) this.#failTooLong();
  }

  #finishLastLine(): void {
    if (this.#tally.failure !== null || this.#carry.length === 0) return;
    this.#carry.endLine();
    this.#scan(0, this.#carry.moveTo(WINDOW));
  }

  /** Keeps the memory near the size of the page: forgets what has been away, and gives back slack. */
  #tidy(): void {
    const bound = 2 * Math.max(this.#live, this.#liveBefore) + SLACK_LINES;
    if (this.#memory.count > bound) {
      let age = FORGET_AFTER;
      while (age > 0 && this.#memory.countSince(this.#generation - age) > bound) age >>= 1;
      this.#memory.rebuild(this.#generation - age);
    } else if (this.#added > 0) this.#memory.trim();
    if (this.#added > 0) this.#table?.trim();
    if (this.#tally.failure === null) this.#liveBefore = this.#live;
    this.#carry.clear();
  }

  /**
   * Reads the lines of the window in [pos, end), the last byte of which is a newline; stops early when the page fails.
   * This is the hot loop, kept in one function and in local variables so that all it touches stays in registers; a
   * number handed through a call would be boxed.
   */
  #scan(pos: number, end: number): void {
    const memory = this.#memory;
    const bytes = WINDOW.bytes;
    const scrape = this.#scrape;
    const generation = this.#generation;
    const lineBytes = this.#lineBytes;
    const table = this.#table!;
    let { records } = memory;
    let { values, seen, repeats } = table;
    let expected = this.#expected;
    let previous = this.#previous;
    let room = this.#room();
    let matched = 0;
    while (pos < end) {
      const seriesEnd = expected < 0 ? NONE : memory.match(expected, pos, end);
      if (seriesEnd >= 0 && bytes[seriesEnd] === SPACE) {
        let value = 0;
        let at = seriesEnd + 1;
        for (let digit = bytes[at]! - ZERO; digit >= 0 && digit <= 9; digit = bytes[at]! - ZERO) {
          value = value * 10 + digit;
          at += 1;
        }
        const digits = at - seriesEnd - 1;
        const id = records[expected + ID]!;
        if (
          bytes[at] === NEWLINE &&
          at < end &&
          digits > 0 &&
          digits <= EXACT_DIGITS &&
          id >= 0 &&
          at - pos <= lineBytes &&
          matched < room &&
          seen[id] !== scrape &&
          records[expected + SEEN] !== generation
        ) {
          seen[id] = scrape;
          values[id] = value;
          repeats[id] = 1;
          records[expected + SEEN] = generation;
          matched += 1;
          previous = expected;
          expected = records[expected + NEXT]!;
          pos = at + 1;
          continue;
        }
      }
      this.#countMatched(matched, previous, expected);
      const next = this.#other(pos, expected, seriesEnd);
      if (next < 0) return;
      pos = next;
      matched = 0;
      expected = this.#expected;
      previous = this.#previous;
      room = this.#room();
      // A new series or a new line may have replaced them by longer ones.
      records = memory.records;
      values = table.values;
      seen = table.seen;
      repeats = table.repeats;
    }
    this.#countMatched(matched, previous, expected);
  }

  /** Brings the counts up to the `matched` lines which the hot loop has read alone. */
  #countMatched(matched: number, previous: number, expected: number): void {
    this.#tally.samples += matched;
    this.#tally.lines += matched;
    this.#live += matched;
    this.#previous = previous;
    this.#expected = expected;
  }

  /** Samples the page may still hold. */
  #room(): number {
    return this.#limits.sampleLimit - this.#tally.samples - this.#tally.limited;
  }

  /** Any line the hot loop leaves. Returns the start of the next, -1 when the page has failed. */
  #other(pos: number, expected: number, seriesEnd: number): number {
    const newline = WINDOW.bytes.indexOf(NEWLINE, pos);
    this.#tally.lines += 1;
    const lineEnd = withoutReturn(pos, newline);
    if (seriesEnd >= 0 && newline - pos <= this.#lineBytes && endsSeries(seriesEnd, lineEnd)) {
      this.#note(this.#knownLine(expected, seriesEnd, lineEnd, false), pos, lineEnd);
    } else this.#line(pos, newline);
    return this.#tally.failure === null ? newline + 1 : NONE;
  }

  /** One whole line, already counted, that lies in the window from `start` to before `newline`. */
  #line(start: number, newline: number): void {
    if (this.#isHtml(start, newline)) return;
    if (newline - start > this.#lineBytes) {
      this.#failTooLong();
      return;
    }
    if (this.#skippedName.heads(WINDOW, start, newline)) {
      if (this.#skippedStray) this.#tally.strays += 1;
      return;
    }
    const end = withoutReturn(start, newline);
    const at = skipBlanks(WINDOW.bytes, start, end);
    const first = WINDOW.bytes[at];
    if (at === end) this.#tally.sawBlankLine();
    else if (first === HASH) this.#comment(at, end);
    else this.#note(first === BRACE_OPEN ? this.#quotedNameLine(at, end) : this.#namedLine(at, end), at, end);
  }

  #comment(start: number, end: number): void {
    if (isEofLine(WINDOW.bytes, start, end)) {
      this.#tally.sawEofLine();
      return;
    }
    const contradiction = this.#types.contradiction(WINDOW.bytes, WINDOW.view, start, end);
    if (contradiction !== null) this.#tally.fail('type_changed', contradiction);
  }

  #namedLine(start: number, end: number): LineFault | null {
    const { bytes, view } = WINDOW;
    const stop = nameEnd(bytes, start, end);
    const name = this.#names.find(bytes, view, start, stop);
    if (name < 0) {
      this.#passOver(start, stop, end);
      return null;
    }
    const seriesEnd = likelySeriesEnd(bytes, stop, end);
    const known = seriesEnd >= 0 && endsSeries(seriesEnd, end) ? this.#memory.find(start, seriesEnd) : NONE;
    if (known >= 0) return this.#knownLine(known, seriesEnd, end, true);
    const fault = this.#reader.readAfterName(stop, end);
    return this.#parsedLine(fault, name, this.#names.names[name]!, start, end, seriesEnd);
  }

  /** A line of a name that nobody reads. */
  #passOver(start: number, stop: number, end: number): void {
    this.#skippedName.remember(WINDOW, start, stop);
    this.#skippedStray = this.#strays.has(WINDOW, start, stop);
    if (!this.#skippedStray) return;
    this.#tally.strays += 1;
    if (this.#tally.firstStray === '') this.#tally.firstStray = excerptOf(WINDOW.bytes, start, end);
  }

  #quotedNameLine(start: number, end: number): LineFault | null {
    const seriesEnd = likelySeriesEnd(WINDOW.bytes, start, end);
    const known = seriesEnd > start ? this.#memory.find(start, seriesEnd) : NONE;
    if (known >= 0) return this.#knownLine(known, seriesEnd, end, true);
    const sample = this.#reader.readQuotedName(start, end);
    if (sample === null || sample === '' || !this.#names.names.includes(sample)) return null;
    return this.#parsedLine(this.#reader.readFurther(), this.#nameless, sample, start, end, seriesEnd);
  }

  /** A series just read by the reader, and whether it is well-formed. It is not the text [start, `tried`). */
  #parsedLine(fault: LineFault | null, name: number, sample: string, start: number, end: number, tried: number) {
    if (this.#reader.sawControlByte) return 'control_byte';
    if (fault !== null) return hasControlByte(WINDOW.bytes, WINDOW.view, start, end) ? 'control_byte' : fault;
    const seriesEnd = this.#reader.end;
    const known = seriesEnd === tried ? NONE : this.#memory.find(start, seriesEnd);
    if (known >= 0) return this.#knownLine(known, seriesEnd, end, true);
    if (hasControlByte(WINDOW.bytes, WINDOW.view, seriesEnd, end)) return 'control_byte';
    if (!this.#withinLabelLimits()) return null;
    const restFault = readRest(WINDOW, seriesEnd, end, this.#value);
    if (restFault === null) this.#newLine(name, sample, start, seriesEnd);
    return restFault;
  }

  #newLine(name: number, sample: string, start: number, seriesEnd: number): void {
    this.#tally.unexpected += 1;
    const id = this.#resolve(sample, this.#reader.labels);
    if (id <= LIMITED_SERIES) {
      if (this.#countable()) this.#tally.limited += 1;
      return;
    }
    if (!this.#store(id)) return;
    const record = this.#memory.add(name, start, seriesEnd, id, this.#generation);
    this.#memory.insert(this.#previous, record);
    this.#added += 1;
    this.#live += 1;
    this.#arriveAt(record);
  }

  /** A line whose series is that of `record`; `moved` when it was not expected here. */
  #knownLine(record: number, seriesEnd: number, end: number, moved: boolean): LineFault | null {
    this.#tally.sawContent = true;
    if (moved) {
      this.#tally.unexpected += 1;
      this.#memory.link(this.#previous, record);
    }
    this.#arriveAt(record);
    const fault = readRest(WINDOW, seriesEnd, end, this.#value);
    if (fault !== null || !this.#store(this.#memory.records[record + ID]!)) return fault;
    const { records } = this.#memory;
    if (records[record + SEEN] !== this.#generation) this.#live += 1;
    records[record + SEEN] = this.#generation;
    return null;
  }

  #arriveAt(record: number): void {
    this.#previous = record;
    this.#expected = this.#memory.records[record + NEXT]!;
  }

  /** Stores the value at hand, unless nobody wants it. False when the page has too many. */
  #store(id: number): boolean {
    if (id < 0) {
      this.#tally.unwanted += 1;
      return true;
    }
    if (!this.#countable()) return false;
    this.#tally.samples += 1;
    this.#table!.store(id, this.#value[0]!, this.#scrape);
    return true;
  }

  #countable(): boolean {
    if (this.#room() > 0) return true;
    this.#tally.fail('sample_limit', `the page has more than ${this.#limits.sampleLimit} wanted samples`);
    return false;
  }

  #withinLabelLimits(): boolean {
    const { labelLimit, labelNameLengthBytes, labelValueLengthBytes } = this.#limits;
    const { labels, nameBytes, valueBytes } = this.#reader;
    const tally = this.#tally;
    if (labels.size > labelLimit) tally.fail('label_limit', `a series has ${labels.size} labels, limit ${labelLimit}`);
    else if (nameBytes > labelNameLengthBytes) {
      tally.fail('label_name_length_limit', `a label's name has ${nameBytes} bytes, limit ${labelNameLengthBytes}`);
    } else if (valueBytes > labelValueLengthBytes) {
      tally.fail('label_value_length_limit', `a label's value has ${valueBytes} bytes, limit ${labelValueLengthBytes}`);
    }
    return tally.failure === null;
  }

  #note(fault: LineFault | null, start: number, end: number): void {
    if (fault !== null) this.#tally.skip(fault, WINDOW.bytes, start, end);
  }

  /** Looks no further than a line may be long, so that the answer does not depend on how the page was split. */
  #isHtml(start: number, end: number): boolean {
    return (
      this.#tally.samples === 0 && this.#tally.failsAsHtml(WINDOW.bytes, start, Math.min(end, start + this.#lineBytes))
    );
  }

  #failTooLong(): void {
    this.#tally.fail('line_too_long', `a line has more than ${this.#lineBytes} bytes`);
  }
}

/** Behind the last newline of the window in [start, end), `start` when there is none. */
function lastLineEnd(start: number, end: number): number {
  const { bytes } = WINDOW;
  while (end > start && bytes[end - 1] !== NEWLINE) end--;
  return end;
}

function withoutReturn(start: number, newline: number): number {
  return newline > start && WINDOW.bytes[newline - 1] === CARRIAGE_RETURN ? newline - 1 : newline;
}

/** True when a series text that ends at `at` is whole: it ends in a brace, or its name is followed by no label. */
function endsSeries(at: number, end: number): boolean {
  if (at > end) return false;
  if (at === end || WINDOW.bytes[at - 1] === BRACE_CLOSE) return true;
  const next = skipBlanks(WINDOW.bytes, at, end);
  return isBlank(WINDOW.bytes[at]!) && (next === end || WINDOW.bytes[next] !== BRACE_OPEN);
}
