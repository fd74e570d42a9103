import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AwgError } from "../../../src/model/error.ts";
import {
  decodeStatus,
  decodeToken,
  decodeTokens,
  newStatus,
  tokensRequest,
} from "../../../src/native/darwin/pf.codec.ts";
import { decodeRuleCall, decodeRuleCount, ruleCountRequest } from "../../../src/native/darwin/pf-rule.codec.ts";
import { SEED } from "../../support/seeded.ts";

const TOKEN_BYTES = 84;

/** The answer, or the typed error of bytes that make no sense; anything else that is thrown fails the test. */
function typed<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    expect(error).toBeInstanceOf(AwgError);
    return undefined;
  }
}

describe("what PF writes, cut short, too long and at random", () => {
  const bytes = fc.uint8Array({ maxLength: 4000 });

  it("is read or refused by a typed error, whatever it is", () => {
    const decoders = [decodeStatus, decodeToken, decodeRuleCount, decodeRuleCall] as const;
    fc.assert(
      fc.property(bytes, fc.constantFrom(...decoders), (one, decode) => void typed(() => decode(one))),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("is refused at every length short of the last field", () => {
    for (let length = 0; length < 384; length += 1) {
      expect(
        typed(() => decodeStatus(newStatus().subarray(0, length))),
        `${length} bytes`,
      ).toBeUndefined();
    }
    expect(decodeStatus(newStatus())).toEqual({ enabled: false, states: 0 });
    expect(typed(() => decodeRuleCount(ruleCountRequest().subarray(0, 15)))).toBeUndefined();
  });

  it("never tells of more references than there is room for, however many it claims", () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.integer({ min: 0, max: 5 }), fc.nat(83), (claimed, count, more) => {
        const { argument } = tokensRequest(count);
        new DataView(argument.buffer).setUint32(0, claimed, true);
        const tokens = decodeTokens(argument, new Uint8Array(count * TOKEN_BYTES + more));
        // The size is an int: what claims more than 2 GiB claims less than nothing.
        expect(tokens).toHaveLength(Math.min(count, Math.floor(Math.max(0, claimed | 0) / TOKEN_BYTES)));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});
