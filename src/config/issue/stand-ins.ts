type Plain = Record<string, unknown>;

/** The file of a private key that is missing or invalid: no file can have that name. */
export const STAND_IN_FILE = "/";

/** A peer with only a key, which is valid and used nowhere else. */
const PEER = { publicKey: "c3RhbmQtaW4gZm9yIGEga2V5IG5vdCByZWFkYWJsZS4=", allowedIPs: ["0.0.0.0/0"] };

/**
 * Inserts harmless values for missing or unreadable keys, so that one mistake does not hide all others in the same
 * tunnel or rule. Such a config is only checked, never returned: its problem is already reported.
 */
export function withStandIns(root: unknown): unknown {
  const plain = root as Plain;
  plain["apiVersion"] ??= "awg/v1";
  plain["default"] = withKeys(plain["default"] ?? {}, { via: "block" });
  for (const [name, tunnel] of Object.entries(asMap(plain["tunnels"]))) {
    const protocol = asMap(tunnel)["protocol"];
    const isNoise = protocol === "wireguard" || protocol === "amneziawg";
    const keys = isNoise ? { privateKey: { file: STAND_IN_FILE }, peers: [PEER] } : { server: "127.0.0.1:1" };
    asMap(plain["tunnels"])[name] = withKeys(tunnel, keys);
  }
  if (Array.isArray(plain["rules"])) plain["rules"] = plain["rules"].map((rule) => withKeys(rule, { via: "block" }));
  return plain;
}

function withKeys(value: unknown, keys: Plain): unknown {
  const map = asMap(value);
  for (const [key, standIn] of Object.entries(keys)) {
    const isEmpty = Array.isArray(map[key]) && map[key].length === 0;
    if (map[key] === undefined || isEmpty) map[key] = standIn;
  }
  return value;
}

function asMap(value: unknown): Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Plain) : {};
}
