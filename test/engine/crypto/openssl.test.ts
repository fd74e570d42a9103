import { expect, test } from "vitest";
import { chooseCrypto } from "../../../src/dataplane/crypto/openssl-crypto.ts";
import { openEvpCrypto } from "../../../src/native/openssl/evp-crypto.ffi.ts";
import { SeededSources } from "../support/sources.ts";
import { fromHex, toHex, vectors } from "../support/vectors.ts";
import { cryptoContract, type WycheproofAead } from "./crypto-contract.ts";

const random = new SeededSources(11);
const { crypto, fallbackReason } = chooseCrypto((into) => random.fillRandom(into));

if (fallbackReason === undefined) cryptoContract(crypto);
else test.skip(`crypto port: openssl (${fallbackReason})`, () => expect.unreachable());

test.skipIf(fallbackReason !== undefined)(
  "OpenSSL's ChaCha20-Poly1305 passes Wycheproof with nonces of any form",
  () => {
    const evp = openEvpCrypto();
    const groups = vectors<WycheproofAead>("wycheproof/chacha20_poly1305_test.json").testGroups;
    const cases = groups.filter(({ ivSize }) => ivSize === 96).flatMap(({ tests }) => tests);
    expect(cases.length).toBeGreaterThan(200);
    for (const { tcId, key, iv, aad, msg, ct, tag, result } of cases) {
      const opened = evp.open(fromHex(key), fromHex(iv), fromHex(ct + tag), fromHex(aad));
      expect(toHex(opened), `case ${tcId}`).toBe(result === "valid" ? msg : undefined);
      if (result !== "valid") continue;
      expect(toHex(evp.seal(fromHex(key), fromHex(iv), fromHex(msg), fromHex(aad)))).toBe(ct + tag);
    }
  },
);
