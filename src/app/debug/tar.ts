/** A file of an archive. */
export interface ArchivedFile {
  /** At most 100 letters of ASCII. */
  readonly name: string;
  readonly text: string;
}

const BLOCK = 512;
/** Offsets of the ustar header (POSIX.1-2017, pax, "ustar Interchange Format"). */
const AT = { mode: 100, uid: 108, gid: 116, size: 124, mtime: 136, checksum: 148, type: 156, magic: 257 } as const;

/** An archive of plain files that root owns and only the owner may read. Pure. @param modifiedMs since the epoch */
export function tarOf(files: readonly ArchivedFile[], modifiedMs: number): Uint8Array {
  const parts = files.flatMap(({ name, text }) => {
    const body = Buffer.from(text, "utf8");
    const padding = Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK);
    return [headerOf(name, body.length, modifiedMs), body, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function headerOf(name: string, size: number, modifiedMs: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number): void => {
    header.write(value.toString(8).padStart(length - 1, "0"), at, "latin1");
  };
  header.write(name.slice(0, 100), 0, "latin1");
  octal(0o600, AT.mode, 8);
  octal(0, AT.uid, 8);
  octal(0, AT.gid, 8);
  octal(size, AT.size, 12);
  octal(Math.floor(modifiedMs / 1000), AT.mtime, 12);
  header.write("0", AT.type, "latin1");
  header.write("ustar\u000000", AT.magic, "latin1");
  // The sum is taken with blanks in its own place.
  header.fill(" ", AT.checksum, AT.checksum + 8);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, AT.checksum, "latin1");
  return header;
}
