import { NOBLE_CRYPTO } from "../../../src/engine/crypto/noble.ts";
import { cryptoContract } from "./crypto-contract.ts";

cryptoContract(NOBLE_CRYPTO);
