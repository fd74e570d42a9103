/** One captured frame: when the kernel saw it (milliseconds since the epoch) and its bytes from the Ethernet header on. */
export interface WireFrame {
  readonly atMs: number;
  readonly frame: Uint8Array;
}

const nanosecondMagic = 0xa1b23c4d;
const fileHeaderBytes = 24;
const recordHeaderBytes = 16;

/**
 * Reads a little-endian nanosecond pcap file (libpcap's savefile format). A record cut short at the end is left out,
 * because the capture may still be writing. Throws when the header is not that of such a file.
 */
export function parsePcap(file: Uint8Array): WireFrame[] {
  if (file.length < fileHeaderBytes) return [];
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (view.getUint32(0, true) !== nanosecondMagic) throw new Error("the capture is not a nanosecond pcap file");
  const frames: WireFrame[] = [];
  let offset = fileHeaderBytes;
  while (offset + recordHeaderBytes <= file.length) {
    const length = view.getUint32(offset + 8, true);
    const end = offset + recordHeaderBytes + length;
    if (end > file.length) break;
    const atMs = view.getUint32(offset, true) * 1000 + view.getUint32(offset + 4, true) / 1e6;
    frames.push({ atMs, frame: file.subarray(offset + recordHeaderBytes, end) });
    offset = end;
  }
  return frames;
}
