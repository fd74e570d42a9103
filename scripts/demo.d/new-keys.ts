import { generateKeyPairSync } from "node:crypto";

/** A Curve25519 pair, both in base64 as WireGuard writes them. */
export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

/** Makes a pair of keys without any program. */
export function newKeys(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  const base64 = (text = ""): string => Buffer.from(text, "base64url").toString("base64");
  return {
    privateKey: base64(privateKey.export({ format: "jwk" }).d),
    publicKey: base64(publicKey.export({ format: "jwk" }).x),
  };
}
