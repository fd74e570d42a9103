import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describePacket } from "../../../src/config/check/obfuscation/packet-tags.ts";
import { versionNeededBy } from "../../../src/config/section/amnezia-version.ts";
import { AMNEZIA_VERSIONS } from "../../../src/config/section/obfuscation.ts";
import type { UapiParameters } from "../../../src/engine/awg/parameters.ts";
import { parseParameters } from "../../../src/engine/awg/parse-parameters.ts";
import { PAPER_TIMING } from "../../../src/engine/constants.ts";
import { AwgError } from "../../../src/model/error.ts";
import { configOf, KEY_A } from "../../resources/sample.ts";
import { readFacts } from "../../support/facts.ts";
import { ownPart, sharedPart } from "./obfuscation-arbitrary.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);

type Probes = Readonly<Record<string, Readonly<Record<string, { readonly errno: string }>>>>;

const fromProbe = (probe: string): UapiParameters =>
  Object.fromEntries(probe.split("|").map((pair) => pair.split(/=(.*)/s) as [string, string]));

function isAccepted(values: UapiParameters, generation?: Parameters<typeof parseParameters>[1]): boolean {
  try {
    parseParameters(values, generation);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(AwgError);
    expect((error as AwgError).kind).toBe("config");
    return false;
  }
}

/** What released programs took, and crash, hang or misread on later; or what only part of a generation takes. */
const REFUSED_HERE: readonly string[] = [
  "jc=128",
  "jc=129",
  "jc=100000",
  "jc=3",
  "jc=3|jmin=50|jmax=40",
  "jc=3|jmin=50|jmax=65535",
  "jc=3|jmin=50|jmax=65536",
  "s1=-1",
  "s1=65386",
  "s1=65387",
  "s1=65535",
  "s1=65536",
  "s1=15|s2=71",
  "h1=2",
  "h1=4",
  "i1=abc",
  "i1=<b abcd>",
  "i1=<b 0xabc>",
  "i1=<b 0X12>",
  "i1=<b 0x>",
  "i1=<r 0>",
  "i1=<r -1>",
  "i1=<t 5>",
  "i1=<d>",
  "i1=<ds>",
  "i1=<wt 100>",
  "i1=xx<b 0x00>yy",
  "content_padding_addition=100000",
];

/** Taken here, though no single release takes them all: the engine sends what 1.5 and current programs know. */
const WIDER_THAN_RELEASES: readonly string[] = ["i1=<c><c>"];

describe("parameters over UAPI", () => {
  test("law 7: of the recorded probes only those are accepted that every program can handle", () => {
    const probes = readFacts<Probes>("amneziawg/uapi_validation.json");
    const refused: string[] = [];
    const wider: string[] = [];
    for (const [probe, answers] of Object.entries(probes)) {
      const wasTaken = Object.values(answers).some(({ errno }) => errno === "0");
      const accepted = isAccepted(fromProbe(probe));
      if (wasTaken && !accepted) refused.push(probe);
      if (accepted && !wasTaken) wider.push(probe);
    }
    expect(Object.keys(probes).length).toBe(90);
    expect(refused.toSorted()).toEqual(REFUSED_HERE.toSorted());
    expect(wider.toSorted()).toEqual(WIDER_THAN_RELEASES.toSorted());
  });

  test.each<[string, UapiParameters, string]>([
    ["a junk packet that may be empty", { jc: "3", jmax: "10" }, "jmin is 0"],
    ["junk sizes exchanged", { jmin: "5", jmax: "4" }, "jmin is above jmax"],
    [
      "too little padding for a mask",
      { s1: "11", s2: "12", s3: "12", s4: "12", header_protection_key: "01".repeat(32) },
      "s1 is 11",
    ],
    ["two messages of one size", { s1: "15", s2: "71" }, "s1 and s2 give two messages"],
    ["headers that overlap", { h1: "10-20", h2: "20-30" }, "h1 and h2 share the value 20"],
    ["a header that meets another's default", { h1: "2" }, "h1 and h2 share the value 2"],
    ["what only 1.5 has beside what it has not", { j1: "<r 4>", h1: "10-20" }, "exist only in 1.5"],
    ["an unknown name", { i6: "<r 4>" }, "i6"],
    ["a word for a flag", { random_trailers: "on" }, "not 0, 1, true or false"],
    ["a number with a blank", { jc: " 4" }, "jc"],
    ["hexadecimal", { h1: "0x10" }, "h1"],
    ["a range backwards", { rekey_timeout: "7-3" }, "rekey_timeout"],
    ["a time with an argument", { i1: "<t 5>" }, "i1 cannot be used: <t> takes no argument"],
    ["a wait without a number", { i1: "<wt><r 4>" }, "<wt> needs a number of milliseconds up to 5000"],
    ["a wait of six seconds", { i1: "<wt 6000><r 4>" }, "up to 5000"],
    ["a wait beside what came with 2.0", { i1: "<wt 5><r 4>", h1: "10-20" }, "<wt> was removed with 2.0"],
    ["a gap in 1.5", { i1: "<r 4>", i3: "<r 4>", itime: "9" }, "i3 cannot be used: i2 is missing"],
    ["letters in 1.5", { i1: "<rc 4>", awg_generation: "1.5" }, "it is 1.5, but other parameters need 2.0"],
    ["many random bytes in 1.5", { i1: "<r 5000>", awg_generation: "1.5" }, "it is 1.5"],
    ["two times in 1.5", { i1: "<t>", i2: "<t><t>", itime: "9" }, "exist only in 1.5"],
    ["a generation that had no such packets", { i1: "<r 4>", awg_generation: "1.0" }, "it is 1.0"],
  ])("%s is refused", (_name, values, why) => {
    expect(() => parseParameters(values)).toThrow(why);
  });

  test("law 7: of a packet it refuses what validate refuses, whatever the generation", () => {
    const words = ["t", "c", "wt", "r", "rc", "rd", "d", "ds", "dz", "b", "zz"];
    const argument = fc.constantFrom("", " 0", " 4", " 1000", " 1001", " 5000", " 5001", " 0xc0ff", " 0xc0f", " -1");
    const tag = fc.tuple(fc.constantFrom(...words), argument).map(([name, rest]) => `<${name}${rest}>`);
    const text = fc.oneof(
      fc.array(tag, { minLength: 1, maxLength: 3 }).map((tags) => tags.join("")),
      fc.constant("x<t>"),
    );
    const tally = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(text, fc.constantFrom(...AMNEZIA_VERSIONS.slice(1)), (i1, version) => {
        const isOfOlder = version === "1.5" && versionNeededBy("i1", i1) !== "1.5";
        const isWrong = describePacket(i1, version).problems.some(({ id }) => id === "obfuscation-tag");
        expect(isAccepted({ i1, awg_generation: version }), `${version} ${i1}`).toBe(!isWrong && !isOfOlder);
        tally[isWrong || isOfOlder ? "refused" : "taken"] += 1;
      }),
      { seed, numRuns: 600 },
    );
    expect(Math.min(tally.taken, tally.refused)).toBeGreaterThan(30);
  });

  test("law 8: a wrong header protection key is not shown", () => {
    const text = "canary".repeat(5);
    expect(() => parseParameters({ header_protection_key: text })).toThrow("not 64 hexadecimal digits");
    expect(() => parseParameters({ header_protection_key: text })).not.toThrow(text);
  });

  test.each<[string, UapiParameters, string]>([
    ["nothing", {}, "1.0"],
    ["junk", { jc: "3", jmin: "4", jmax: "9" }, "1.0"],
    ["padding of data", { s4: "5" }, "1.5"],
    ["controlled junk", { j1: "<r 4>" }, "1.5"],
    ["ranges", { h2: "100-200" }, "2.0"],
    ["letters before a handshake", { i1: "<rc 4>" }, "2.0"],
    ["times", { rekey_timeout: "3-7" }, "3.0"],
    ["a key of zeros and a flag of 0", { header_protection_key: "00".repeat(32), random_trailers: "0" }, "3.0"],
    ["no cookies", { disable_cookies: "true" }, "3.1"],
  ])("the generation of %s is found", (_name, values, generation) => {
    expect(parseParameters(values).generation).toBe(generation);
  });

  test("a generation that is named rules: its tags, its junk, its peculiarities", () => {
    const values = { i1: "<t>", jc: "1", jmin: "4", jmax: "9" };
    expect(parseParameters(values)).toMatchObject({ generation: "1.5", signature: [{ sizeBytes: 4 }] });
    const named = (generation: string) => parseParameters({ ...values, awg_generation: generation });
    expect(named("1.5")).toMatchObject({ generation: "1.5", signature: [{ sizeBytes: 8 }] });
    expect(named("2.0")).toMatchObject({ generation: "2.0", signature: [{ sizeBytes: 4 }] });
    expect(() => named("4.0")).toThrow("awg_generation is not a version");
  });

  test("times are ranges in seconds, 0 is the paper's", () => {
    const { timing } = parseParameters({
      rekey_timeout: "3-7",
      reject_after_time: "0",
      max_handshake_attempts: "15-20",
    });
    expect(timing).toEqual({
      ...PAPER_TIMING,
      rekeyTimeout: { low: 3000, high: 7000 },
      maxHandshakeAttempts: { low: 15, high: 20 },
    });
  });

  test("no cookies are sent where they are disabled", () => {
    expect(parseParameters({ disable_cookies: "1" }).disablesCookies).toBe(true);
    expect(parseParameters({ disable_cookies: "false" }).disablesCookies).toBe(false);
  });

  test("law 7: the engine takes whatever a valid configuration gives it", () => {
    const inConfig = (values: UapiParameters): string =>
      JSON.stringify(
        Object.fromEntries(
          Object.entries(values).map(([key, value]) => {
            const name = key.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
            if (key === "header_protection_key") return [name, { file: "/h" }];
            return [
              name,
              ["random_trailers", "disable_cookies"].includes(key)
                ? true
                : /^[0-9]+$/.test(value)
                  ? Number(value)
                  : value,
            ];
          }),
        ),
      );
    fc.assert(
      fc.property(ownPart, sharedPart, (own, shared) => {
        const values = { ...own, ...shared };
        configOf(`
tunnels:
  a:
    protocol: amneziawg
    privateKey: { file: /k }
    addresses: [10.0.0.1/32]
    obfuscation: ${inConfig(values)}
    peers: [{ publicKey: ${KEY_A}, allowedIPs: [10.0.0.0/8] }]
default: { via: direct }`);
        expect(isAccepted(values)).toBe(true);
      }),
      { seed, numRuns: 60 },
    );
  });
});
