import { tunnelOfDevice } from "../resources/tunnel-key.ts";

/** Config names of packet policy fields, by the start of their pointer. */
const NAMES: readonly (readonly [field: RegExp, name: string])[] = [
  [/^killSwitch$/, "killSwitch.enabled"],
  [/^(allow|allowLan)(?=\/|$)/, "killSwitch.$1"],
  [/^bootstrapDns(?=\/|$)/, "dns.bootstrap"],
  [/^dns\/path(?=\/|$)/, "dns.via"],
  [/^dns\/blockEncrypted$/, "dns.blockEncryptedDns"],
  [/^default$/, "default.via"],
  [/^endpoints\/0\/(address|port)$/, "endpoint $1"],
  [/^rules\/([0-9]+)\/match\/uids(?=\/|$)/, "rules.$1.users"],
  [/^rules\/([0-9]+)\/match\//, "rules.$1."],
  [/^rules\/([0-9]+)\/path(?=\/|$)/, "rules.$1.via"],
  [/^rules\/([0-9]+)\/origin$/, "rules.$1.name"],
  // Derived from other parts of the config.
  [/^rules\/([^/]*[^/0-9][^/]*)\/(?:match\/)?/, "$1: "],
];

/**
 * The name of a differing field (a JSON pointer) for people: the config's name for the packet policy, else its path
 * with dots. Pure.
 */
export function fieldName(field: string): string {
  // Names of kernel settings contain dots themselves, so `values` is left out.
  const inside = field.replace(/^\/(?:values\/)?/, "").replaceAll("/", ".");
  // A packet filter differs as a whole only if nothing is known of it.
  return policyField(field) ?? (inside || "policy");
}

/** The config's name for a field of the packet policy; undefined for any other. Pure. */
export function policyField(field: string): string | undefined {
  const inside = field.replace(/^\/(?:layers\/0\/flows|steering|layers\/0)\//, "");
  if (inside === field) return undefined;
  const device = /^tunnels\/([^/]+)\//.exec(inside)?.[1];
  if (device !== undefined) return `tunnels.${tunnelOfDevice(device)}.${inside.slice(`tunnels/${device}/`.length)}`;
  const [from, to] = NAMES.find(([one]) => one.test(inside)) ?? [];
  return (from === undefined || to === undefined ? inside : inside.replace(from, to))
    .replaceAll("/", ".")
    .replaceAll("~1", "/")
    .replaceAll("~0", "~");
}
