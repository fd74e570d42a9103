import type { FieldChange } from "../../model/resource.ts";
import type { TunnelSpec } from "../../model/resources/tunnel.ts";
import { SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";

/** What both ends must have alike (docs/reference/amneziawg.md); a mismatch is met with silence. */
const SHARED = new Set(
  ["s1", "s2", "s3", "s4", "h1", "h2", "h3", "h4", "random_trailers", SECRET_OBFUSCATION_KEY].map(
    (name) => `/obfuscation/${name}`,
  ),
);

const ANEW = "not make-before-break: its engine ends and another begins, sessions are made anew";
const PRESHARED =
  "sessions go on; from the next handshake, in two minutes or three, nothing passes unless the other end has it too";

/** By engine: our own (docs/reference/engine.md), and one over UAPI, whose sessions end with their key (wireguard-go, amneziawg-go). */
const WORDS = {
  embedded: {
    key: "make-before-break: sessions go on until the peer has answered under the new key; where it does not know that key they end within three minutes",
    form: "make-before-break: a peer is sent the former until it is heard in the new, three minutes at most; then nothing passes until the other end has it too",
  },
  other: {
    key: "not make-before-break: this engine ends every session, nothing passes until new handshakes are done",
    form: "not make-before-break: from now on nothing passes until the other end has it too",
  },
} as const;

/**
 * Says of each change of keys, obfuscation and engine what it interrupts. What both ends must have alike is told once,
 * at the first of such changes. A tunnel that does not run loses nothing.
 */
export function withInterruptions(changes: readonly FieldChange[], engine: TunnelSpec["engine"]): FieldChange[] {
  if (changes.some(({ field }) => field === "/running")) return [...changes];
  const words = engine === "embedded" ? WORDS.embedded : WORDS.other;
  const firstShared = changes.find(({ field }) => SHARED.has(field));
  const firstAnew = changes.find(({ field }) => field === "/engine" || field === "/protocol" || field === "/device");
  if (firstAnew !== undefined)
    return changes.map((change) => (change === firstAnew ? { ...change, interruption: ANEW } : change));
  return changes.map((change) => {
    if (change.field === "/privateKey") return { ...change, interruption: words.key };
    if (change === firstShared) return { ...change, interruption: words.form };
    return /^\/peers\/[0-9]+\/presharedKey$/.test(change.field) ? { ...change, interruption: PRESHARED } : change;
  });
}
