import { tunnelOfDevice } from "../resources/tunnel-key.ts";

/** What the configuration calls fields of the packet policy, by what they begin with. */
const NAMES: readonly (readonly [field: RegExp, name: string])[] = [
  [/^killSwitch$/, "killSwitch.enabled"],
  [/^(allow|allowLan)(?=\/|$)/, "killSwitch.$1"],
  [/^bootstrapDns(?=\/|$)/, "dns.bootstrap"],
  [/^dns\/path(?=\/|$)/, "dns.via"],
  [/^dns\/blockEncrypted$/, "dns.blockEncryptedDns"],
  [/^default$/, "default.via"],
  [/^rules\/([0-9]+)\/match\/uids(?=\/|$)/, "rules.$1.users"],
  [/^rules\/([0-9]+)\/match\//, "rules.$1."],
  [/^rules\/([0-9]+)\/path(?=\/|$)/, "rules.$1.via"],
  [/^rules\/([0-9]+)\/origin$/, "rules.$1.name"],
  // Derived from something else that the configuration says.
  [/^rules\/([^/]*[^/0-9][^/]*)\/(?:match\/)?/, "$1: "],
];

/** What a person reads for a field that differs, a JSON pointer: the configuration's words for the packet policy, else its path with dots. Pure. */
export function fieldName(field: string): string {
  // Names of kernel settings hold dots themselves; that they are values goes without saying.
  const inside = field.replace(/^\/(?:values\/)?/, "").replaceAll("/", ".");
  // Only a packet filter of which nothing is known differs as a whole.
  return policyField(field) ?? (inside || "policy");
}

/** What the configuration calls a field of the packet policy; undefined for any other. Pure. */
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
