import { describe, expect, test } from "vitest";
import { AwgError } from "../../../src/model/error.ts";
import { forbidDumps } from "../../../src/native/darwin/forbid-dumps.ts";
import { decodeTeam, decodeWord, signatureStatus } from "../../../src/native/darwin/process/code-signature.codec.ts";
import { SIGNATURE_FLAGS } from "../../../src/native/darwin/process/process-constants.ts";

const { CS_VALID, CS_SIGNED, CS_ADHOC, CS_DEBUGGED, CS_PLATFORM_BINARY } = SIGNATURE_FLAGS;
const DEVELOPER_ID = 6;

/** What csops writes for a team identifier. */
function blob(text: string, { length = text.length + 9 } = {}): Uint8Array {
  const bytes = new Uint8Array(73);
  new DataView(bytes.buffer).setUint32(4, length);
  bytes.set(new TextEncoder().encode(text), 8);
  return bytes;
}

describe("what a signature is worth", () => {
  test.each([
    ["one of Apple's certificates", CS_VALID | CS_SIGNED, DEVELOPER_ID, "certified"],
    ["the App Store's", CS_VALID | CS_SIGNED, 4, "certified"],
    ["a program of the system", CS_VALID | CS_SIGNED | CS_PLATFORM_BINARY, 1, "platform"],
    ["a program of the system, before macOS 13", CS_VALID | CS_SIGNED | CS_PLATFORM_BINARY, undefined, "platform"],
    ["made on this machine", CS_VALID | CS_SIGNED, 7, "uncertified"],
    ["ad hoc, whatever team it names", CS_VALID | CS_SIGNED | CS_ADHOC, DEVELOPER_ID, "uncertified"],
    ["a page was changed since", CS_SIGNED, DEVELOPER_ID, "uncertified"],
    ["a debugger may change any", CS_VALID | CS_SIGNED | CS_DEBUGGED, DEVELOPER_ID, "uncertified"],
    ["a debugged program of the system", CS_VALID | CS_DEBUGGED | CS_PLATFORM_BINARY, 1, "uncertified"],
    ["none at all", 0, undefined, "uncertified"],
    ["by somebody, before macOS 13", CS_VALID | CS_SIGNED, undefined, "unknown"],
  ] as const)("%s", (_what, flags, category, standing) => {
    expect(signatureStatus(flags, category)).toBe(standing);
  });

  test("a team is letters and digits behind the header, with its NUL", () => {
    expect(decodeTeam(blob("EQHXZ8M8AV"))).toBe("EQHXZ8M8AV");
    for (const wrong of ["", "A B", "a\u001b[2J", "EQ\0M8"]) expect(decodeTeam(blob(wrong))).toBeUndefined();
    for (const length of [0, 8, 9, 18, 74, 0xffff_ffff])
      expect(decodeTeam(blob("EQHXZ8M8AV", { length }))).toBeUndefined();
    expect(decodeTeam(new Uint8Array(7))).toBeUndefined();
    expect(() => decodeWord(new Uint8Array(3))).toThrow(AwgError);
  });
});

describe("a process that holds keys", () => {
  const refusing = (call: "setrlimit" | "ptrace") => {
    const said = { setrlimit: { value: 0, errno: 0 }, ptrace: { value: 0, errno: 0 }, [call]: { value: -1, errno: 1 } };
    return { setrlimit: () => said.setrlimit, ptrace: () => said.ptrace };
  };

  test("has a core limit of 0, which its children inherit, and then takes no debugger", () => {
    const calls: unknown[] = [];
    const note = (...call: unknown[]) => {
      calls.push(call);
      return { value: 0, errno: 0 };
    };
    forbidDumps({ setrlimit: note, ptrace: note });
    expect(calls).toEqual([
      [4, new Uint8Array(16)],
      [31, 0],
    ]);
  });

  test("says which of the two the kernel refused", () => {
    expect(() => forbidDumps(refusing("setrlimit"))).toThrow("setting the limit of core dumps failed");
    expect(() => forbidDumps(refusing("ptrace"))).toThrow("denying debuggers access to this process failed");
  });
});
