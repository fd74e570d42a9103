import { expect, test } from "vitest";
import { chooseCrypto } from "../../../src/dataplane/crypto/openssl-crypto.ts";
import { SeededSources } from "../support/sources.ts";
import { cryptoContract } from "./crypto-contract.ts";

const random = new SeededSources(11);
const { crypto, fallbackReason } = chooseCrypto((into) => random.fillRandom(into));

if (fallbackReason === undefined) cryptoContract(crypto);
else test.skip(`crypto port: openssl (${fallbackReason})`, () => expect.unreachable());
