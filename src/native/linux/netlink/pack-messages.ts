/**
 * Packs as many messages from `first` on as fit one datagram, at most `most`, one after another (their lengths are
 * aligned). Pure.
 *
 * @param packet the buffer; a message longer than it is copied alone
 */
export function packMessages(
  messages: readonly Uint8Array[],
  first: number,
  most: number,
  packet: Uint8Array,
): { end: number; bytes: Uint8Array } {
  const only = messages[first] as Uint8Array;
  if (only.length > packet.length) return { end: first + 1, bytes: only.slice() };
  let used = 0;
  let end = first;
  while (end < messages.length && end - first < most) {
    const message = messages[end] as Uint8Array;
    if (used + message.length > packet.length) break;
    packet.set(message, used);
    used += message.length;
    end++;
  }
  return { end, bytes: packet.subarray(0, used) };
}
