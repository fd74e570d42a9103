/** The form of a conf key's value in a config. */
export type ConfValue = "number" | "text" | "switch" | "secret";

/** AmneziaWG's keys of [Interface], in the order awg-quick's examples have them. */
export const OBFUSCATION_KEYS = [
  { name: "Jc", key: "jc", value: "number" },
  { name: "Jmin", key: "jmin", value: "number" },
  { name: "Jmax", key: "jmax", value: "number" },
  { name: "S1", key: "s1", value: "number" },
  { name: "S2", key: "s2", value: "number" },
  { name: "S3", key: "s3", value: "number" },
  { name: "S4", key: "s4", value: "number" },
  { name: "H1", key: "h1", value: "number" },
  { name: "H2", key: "h2", value: "number" },
  { name: "H3", key: "h3", value: "number" },
  { name: "H4", key: "h4", value: "number" },
  { name: "I1", key: "i1", value: "text" },
  { name: "I2", key: "i2", value: "text" },
  { name: "I3", key: "i3", value: "text" },
  { name: "I4", key: "i4", value: "text" },
  { name: "I5", key: "i5", value: "text" },
  { name: "J1", key: "j1", value: "text" },
  { name: "J2", key: "j2", value: "text" },
  { name: "J3", key: "j3", value: "text" },
  { name: "Itime", key: "itime", value: "number" },
  { name: "HeaderProtectionKey", key: "headerProtectionKey", value: "secret" },
  { name: "ContentPaddingAddition", key: "contentPaddingAddition", value: "number" },
  { name: "RekeyAfterTime", key: "rekeyAfterTime", value: "number" },
  { name: "RekeyTimeout", key: "rekeyTimeout", value: "number" },
  { name: "RejectAfterTime", key: "rejectAfterTime", value: "number" },
  { name: "KeepaliveTimeout", key: "keepaliveTimeout", value: "number" },
  { name: "MaxHandshakeAttempts", key: "maxHandshakeAttempts", value: "number" },
  { name: "RandomTrailers", key: "randomTrailers", value: "switch" },
  { name: "DisableCookies", key: "disableCookies", value: "switch" },
] as const satisfies readonly { name: string; key: string; value: ConfValue }[];

/** Keys that run programs. */
export const SCRIPT_KEYS = ["PreUp", "PostUp", "PreDown", "PostDown"] as const;

/** Keys of wg(8) and wg-quick(8) in [Interface]. */
const INTERFACE_KEYS = [
  ...["PrivateKey", "ListenPort", "FwMark", "Address", "DNS", "MTU", "Table", "SaveConfig"],
  ...SCRIPT_KEYS,
];

/** Keys of [Peer]; AdvancedSecurity is that of AmneziaWG 1.0's kernel module. */
const PEER_KEYS = ["PublicKey", "PresharedKey", "AllowedIPs", "Endpoint", "PersistentKeepalive", "AdvancedSecurity"];

/** Every key of a section, in its documented spelling. */
export const KNOWN_KEYS = {
  interface: [...INTERFACE_KEYS, ...OBFUSCATION_KEYS.map(({ name }) => name)],
  peer: PEER_KEYS,
} as const;

/** Keys that may be repeated, each adding values. */
export const REPEATED_KEYS: readonly string[] = ["Address", "DNS", "AllowedIPs", ...SCRIPT_KEYS];
