import { describe, expect, test, vi } from "vitest";
import type { FieldAt, StructLayout } from "../../../src/native/darwin/struct.codec.ts";
import { type AbiField, abiTable } from "../../facts/darwin/abi-table.ts";

/** By which readers and writers a field was gone at, while awg did on a Mac's double what it does on a Mac. */
const ways = vi.hoisted(() => new Map<FieldAt, Set<string>>());

vi.mock(import("../../../src/native/darwin/struct.codec.ts"), async (original) => {
  const actual = await original();
  const reported =
    <Rest extends unknown[], Value>(
      name: string,
      call: (bytes: Uint8Array, base: number, field: FieldAt, ...rest: Rest) => Value,
    ) =>
    (bytes: Uint8Array, base: number, field: FieldAt, ...rest: Rest): Value => {
      ways.set(field, (ways.get(field) ?? new Set()).add(name));
      return call(bytes, base, field, ...rest);
    };
  return {
    ...actual,
    readUnsigned: reported("readUnsigned", actual.readUnsigned),
    readSigned: reported("readSigned", actual.readSigned),
    readUnsigned64: reported("readUnsigned64", actual.readUnsigned64),
    readSigned64: reported("readSigned64", actual.readSigned64),
    readCharacters: reported("readCharacters", actual.readCharacters),
    writeNumber: reported("writeNumber", actual.writeNumber),
    writeNumber64: reported("writeNumber64", actual.writeNumber64),
    writeCharacters: reported("writeCharacters", actual.writeCharacters),
  };
});

const { LAYOUTS } = await import("../../../src/native/darwin/layouts.ts");
const { PROCESS_LAYOUTS } = await import("../../../src/native/darwin/process/process-layouts.ts");
const pfRule = await import("../../../src/native/darwin/pf-rule.codec.ts");
const interfaceRequest = await import("../../../src/native/darwin/link/interface-request.codec.ts");
const { decodeProcessEvents, encodeProcessWatch } = await import(
  "../../../src/native/darwin/process/process-event.codec.ts"
);
const { readPeerUid } = await import("../../../src/native/darwin/peer-credentials.ts");
const { fromEmptyToEmpty } = await import("../../host/darwin/mutants/scenario.ts");

/** Signed numbers that are sets of bits: only single bits of them are ever asked for, and their sign is one of those. */
const BIT_SETS = [
  "rt_msghdr.rtm_flags",
  "rt_msghdr.rtm_addrs",
  "if_msghdr.ifm_flags",
  "if_msghdr2.ifm_flags",
  "if_msghdr2.ifm_addrs",
  "ifa_msghdr.ifam_addrs",
  "ifreq.ifr_ifru.ifru_flags",
];

/** Numbers that no reader is asked for: those in front, which frames are cut by, ports in network order, and the idle. */
const CUT_BY_HAND: readonly string[] = [
  "if_msghdr.ifm_addrs",
  "if_msghdr.ifm_data.ifi_type",
  "if_msghdr.ifm_msglen",
  "if_msghdr.ifm_type",
  "if_msghdr.ifm_version",
  "if_msghdr2.ifm_msglen",
  "if_msghdr2.ifm_type",
  "if_msghdr2.ifm_version",
  "ifa_msghdr.ifam_msglen",
  "ifa_msghdr.ifam_type",
  "ifa_msghdr.ifam_version",
  "pfioc_remove_token.refcount",
  "pfioc_token.timestamp",
  "proc_bsdinfo.pbi_pid",
  "rt_msghdr.rtm_inits",
  "rt_msghdr.rtm_rmx.rmx_locks",
  "sockaddr_dl.sdl_alen",
  "sockaddr_dl.sdl_family",
  "sockaddr_dl.sdl_len",
  "sockaddr_dl.sdl_type",
  "sockaddr_in.sin_family",
  "sockaddr_in.sin_len",
  "sockaddr_in.sin_port",
  "sockaddr_in6.sin6_family",
  "sockaddr_in6.sin6_len",
  "sockaddr_in6.sin6_port",
  "sockaddr_un.sun_family",
  "sockaddr_un.sun_len",
  "xinpcb_n.inp_fport",
  "xinpcb_n.inp_lport",
  "xinpcb_n.xi_len",
  "xinpgen.xig_count",
  "xsocket_n.xso_kind",
  "xsocket_n.xso_len",
];

describe("a field of a struct of macOS", () => {
  test("is read with the sign and as the kind of thing that Apple's headers declare", async () => {
    await fromEmptyToEmpty({});
    callTheRest();
    const layouts: Readonly<Record<string, StructLayout>> = {
      ...LAYOUTS,
      ...PROCESS_LAYOUTS,
      pfioc_rule: pfRule.PFIOC_RULE,
    };
    const wrong: string[] = [];
    const untouched: string[] = [];
    const bitSets = new Set<string>();
    let checked = 0;
    let fields = 0;
    for (const [struct, layout] of Object.entries(layouts)) {
      for (const [name, at] of Object.entries(layout.fields)) {
        const full = `${struct}.${name}`;
        const declared = abiTable.structs[struct]?.fields[name];
        const [, size, type, kind] = declared ?? [];
        const used = ways.get(at);
        if (declared === undefined) wrong.push(`${full} is not in the table`);
        if (used === undefined && isNumber(kind)) untouched.push(full);
        if (used !== undefined) fields += 1;
        for (const way of used ?? []) {
          checked += 1;
          const isSigned = kind === "signed";
          const isBitSet = isSigned && way === "readUnsigned" && BIT_SETS.includes(full);
          if (isBitSet) bitSets.add(full);
          else if (declared === undefined || !isFit(way, declared))
            wrong.push(`${full} is ${kind ?? ""} ${type} of ${size} bytes: ${way}`);
        }
      }
    }
    process.stdout.write(`signs and kinds of macOS's fields: ${fields} fields used, ${checked} ways checked\n`);
    expect(wrong).toEqual([]);
    expect(untouched.toSorted()).toEqual(CUT_BY_HAND.toSorted());
    expect([...bitSets].toSorted()).toEqual(BIT_SETS.toSorted());
    expect(checked).toBeGreaterThan(80);
  });
});

function isNumber(kind: AbiField[3]): boolean {
  return kind === "signed" || kind === "unsigned";
}

function isFit(way: string, [, size, type, kind]: AbiField): boolean {
  if (way.endsWith("Characters")) return kind === undefined && type.startsWith("char [");
  if (!isNumber(kind) || way.endsWith("64") !== (size === 8)) return false;
  return way.startsWith("write") || way.startsWith("readSigned") === (kind === "signed");
}

/** What the way from an empty Mac to an empty one does not come by. */
function callTheRest(): void {
  interfaceRequest.mtuOf(interfaceRequest.readMtuRequest("en0"));
  interfaceRequest.flagsOf(interfaceRequest.writeFlagsRequest("en0", 1));
  const rule = pfRule.ruleRequest(1, 0);
  pfRule.decodeRuleCount(rule);
  pfRule.decodeRuleCall(pfRule.encodeAnchorCall("com.awg"));
  const watch = encodeProcessWatch([1]);
  watch[PROCESS_LAYOUTS.kevent.fields.flags[0] + 1] = 0x40;
  decodeProcessEvents(watch, 1);
  readPeerUid({ getsockopt: () => ({ value: 0, errno: 0, length: 76 }) } as never, 3);
}
