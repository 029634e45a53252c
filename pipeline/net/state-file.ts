/**
 * @module A file in which one life of a process leaves something for the next: written whole or not at all, read once; and
 * beside it the word of the life whose file it is.
 */
import { access, constants, type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** The file of one owner; no two have the same. */
export interface StateFile {
  /** Text of the file; null when there is none. Rejects with what the file system says, and with `TooLarge`. */
  read(): Promise<string | null>;
  /** Removes it, so that no later life reads it again. Rejects with what the file system says. */
  remove(): Promise<void>;
  /** Rejects with what the file system says when nothing could be written there now. */
  check(): Promise<void>;
  /** Replaces it by `text`, which is on the disk then. Rejects with what the file system says; then the old one stands. */
  write(text: string): Promise<void>;
  /**
   * Says that the file is that of `life` (letters and digits), whatever life said so before: that one may have crashed, and if
   * it has not, it sees this by `owner`. Rejects with what the file system says, and where something else stands in that place.
   */
  claim(life: string): Promise<void>;
  /** The life that claimed the file last; null when none did, or that one released it. Rejects as `claim`. */
  owner(): Promise<string | null>;
  /** Takes back what `life` has claimed; changes nothing when another one did. Rejects as `claim`. */
  release(life: string): Promise<void>;
}

export class TooLarge extends Error {}
/** A folder, a pipe or a device is there. */
export class NotAFile extends Error {}

/** Only its owner may read or write the file. */
const MODE = 0o600;
/** Beside the file, and how it begins. */
const OWNER_SUFFIX = '.owner';
const OWNER_WORD = 'weir life ';
const MAX_OWNER_BYTES = 200;

/** The file at `path`, of at most `maxBytes`. */
export function stateFile(path: string, maxBytes: number): StateFile {
  const whole = resolve(path);
  return {
    read: () => readWhole(whole, maxBytes),
    remove: () => removeWhole(whole),
    check: () => access(dirname(whole), constants.W_OK | constants.X_OK),
    write: (text) => writeWhole(whole, text),
    ...ownerOf(`${whole}${OWNER_SUFFIX}`),
  };
}

/** A file of its own, so that the one file may be removed while it is somebody's. */
function ownerOf(path: string): Pick<StateFile, 'claim' | 'owner' | 'release'> {
  const owner = async () => {
    const text = await readWhole(path, MAX_OWNER_BYTES);
    if (text === null || text === '') return null;
    if (!text.startsWith(OWNER_WORD)) throw new Error(`${path} holds something else`);
    return text.slice(OWNER_WORD.length).trimEnd();
  };
  return {
    owner,
    claim: async (life) => {
      await owner();
      // Two lives may begin at the same time.
      await writeWhole(path, `${OWNER_WORD}${life}\n`, `${path}.${life}.tmp`);
    },
    release: async (life) => {
      if ((await owner()) === life) await removeWhole(path);
    },
  };
}

async function readWhole(path: string, maxBytes: number): Promise<string | null> {
  try {
    const found = await stat(path);
    // A pipe or a device would be read for ever.
    if (!found.isFile()) throw new NotAFile('it is no file');
    if (found.size > maxBytes) throw new TooLarge(`it has ${found.size} bytes, more than ${maxBytes}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function removeWhole(path: string): Promise<void> {
  await rm(path);
  await syncFolder(path);
}

/** A reader sees the old file or the new one: the new one gets its name when all of it is on the disk. */
async function writeWhole(path: string, text: string, temporary = `${path}.tmp`): Promise<void> {
  await rm(temporary, { force: true });
  try {
    // What stands there in between, such as a link that somebody made, is not written through.
    await written(await open(temporary, 'wx', MODE), text);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(path);
}

async function written(file: FileHandle, text: string): Promise<void> {
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A name is on the disk when its folder is. Where folders cannot be synced, their file system does without. */
async function syncFolder(path: string): Promise<void> {
  let folder: FileHandle | null = null;
  try {
    folder = await open(dirname(path), 'r');
    await folder.sync();
  } catch {
    // The file is there all the same.
  } finally {
    await folder?.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
