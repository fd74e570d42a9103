import type { FieldChange } from "../../model/resource.ts";
import type { TunnelSpec } from "../../model/resources/tunnel.ts";
import { SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";

/** Parameters that both peers must share (docs/reference/amneziawg.md); a mismatch gets no answer. */
const SHARED = new Set(
  ["s1", "s2", "s3", "s4", "h1", "h2", "h3", "h4", "random_trailers", SECRET_OBFUSCATION_KEY].map(
    (name) => `/obfuscation/${name}`,
  ),
);

const REPLACED = "not make-before-break: the engine is replaced, and every session is set up again";
const PRESHARED =
  "sessions continue; from the next handshake (2 to 3 minutes) nothing passes unless the peer has the same value";

/**
 * By engine: our own (docs/reference/engine.md), and one over UAPI, which ends sessions with their key (wireguard-go,
 * amneziawg-go).
 */
const WORDS = {
  embedded: {
    key: "make-before-break: sessions continue until the peer answers under the new key; if it does not have that key they end within 3 minutes",
    form: "make-before-break: each peer gets the old form until it uses the new one, at most 3 minutes; then nothing passes until the peer has it too",
  },
  other: {
    key: "not make-before-break: this engine ends every session; nothing passes until the next handshakes",
    form: "not make-before-break: nothing passes until the peer has the same value",
  },
} as const;

/**
 * Notes what each change of keys, obfuscation and engine interrupts. The note on shared parameters is given once, at
 * the first such change. A tunnel that does not run loses nothing.
 */
export function withInterruptions(changes: readonly FieldChange[], engine: TunnelSpec["engine"]): FieldChange[] {
  if (changes.some(({ field }) => field === "/running")) return [...changes];
  const words = engine === "embedded" ? WORDS.embedded : WORDS.other;
  const firstShared = changes.find(({ field }) => SHARED.has(field));
  const firstReplaced = changes.find(
    ({ field }) => field === "/engine" || field === "/protocol" || field === "/device",
  );
  if (firstReplaced !== undefined)
    return changes.map((change) => (change === firstReplaced ? { ...change, interruption: REPLACED } : change));
  return changes.map((change) => {
    if (change.field === "/privateKey") return { ...change, interruption: words.key };
    if (change === firstShared) return { ...change, interruption: words.form };
    return /^\/peers\/[0-9]+\/presharedKey$/.test(change.field) ? { ...change, interruption: PRESHARED } : change;
  });
}
