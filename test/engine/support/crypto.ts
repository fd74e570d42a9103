import { chooseCrypto } from "../../../src/dataplane/crypto/openssl-crypto.ts";
import { SeededSources } from "./sources.ts";

const random = new SeededSources(11);

/** What machines use: OpenSSL where it agrees with @noble, else @noble, which makes these tests slower, not weaker. */
export const CRYPTO = chooseCrypto((into) => random.fillRandom(into)).crypto;
