const LENGTH_BYTES = 2;

/** A message with its length before it (RFC 1035 section 4.2.2). */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES + message.length);
  bytes.writeUInt16BE(message.length, 0);
  bytes.set(message, LENGTH_BYTES);
  return bytes;
}

/** The whole messages at the beginning of a stream, and what is left of it. */
export function messagesIn(stream: Buffer): { readonly messages: readonly Buffer[]; readonly rest: Buffer } {
  const messages: Buffer[] = [];
  let rest = stream;
  while (rest.length >= LENGTH_BYTES && rest.length - LENGTH_BYTES >= rest.readUInt16BE(0)) {
    const end = LENGTH_BYTES + rest.readUInt16BE(0);
    messages.push(Buffer.from(rest.subarray(LENGTH_BYTES, end)));
    rest = rest.subarray(end);
  }
  return { messages, rest };
}
