import {
  demandSize,
  readCharacters,
  readUnsigned,
  readUnsigned64,
  type StructLayout,
  writeCharacters,
} from "./struct.codec.ts";

/** The requests about single rules (bsd/net/pfvar.h). */
export const PF_RULE = {
  DIOCGETRULES: 0xcc204406,
  DIOCGETRULE: 0xcc204407,
  DIOCINSERTRULE: 0xcc20441b,
  DIOCDELETERULE: 0xcc20441c,
} as const;

/** struct pfioc_rule of bsd/net/pfvar.h, as far as it is read or written here; every field left zero means any. */
export const PFIOC_RULE = {
  size: 3104,
  fields: {
    ticket: [4, 4],
    nr: [12, 4],
    anchor: [16, 1024],
    anchor_call: [1040, 1024],
    "rule.ticket": [2752, 8],
  },
} as const satisfies StructLayout;

/** Ticket and number of the filter rules of a ruleset, as DIOCGETRULES wrote them; the ticket changes with each load. */
export interface PfRuleCount {
  readonly ticket: number;
  readonly count: number;
}

/** The argument of DIOCGETRULES for the filter rules (action pass, 0) of an anchor by its path, "" for the main ruleset. */
export function ruleCountRequest(anchor = ""): Uint8Array {
  const bytes = new Uint8Array(PFIOC_RULE.size);
  writeCharacters(bytes, 0, PFIOC_RULE.fields.anchor, anchor);
  return bytes;
}

/** What DIOCGETRULES wrote. */
export function decodeRuleCount(argument: Uint8Array): PfRuleCount {
  demandSize(argument, PFIOC_RULE.size, "pfioc_rule");
  return {
    ticket: readUnsigned(argument, 0, PFIOC_RULE.fields.ticket),
    count: readUnsigned(argument, 0, PFIOC_RULE.fields.nr),
  };
}

/** The argument of DIOCGETRULE for one of the rules that a DIOCGETRULES with this ticket counted. */
export function ruleRequest(ticket: number, index: number): Uint8Array {
  const bytes = new Uint8Array(PFIOC_RULE.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(PFIOC_RULE.fields.ticket[0], ticket, true);
  view.setUint32(PFIOC_RULE.fields.nr[0], index, true);
  return bytes;
}

/** The anchor that a rule calls, "" for none, and the ticket that identifies the rule. */
export function decodeRuleCall(argument: Uint8Array): { readonly anchor: string; readonly ticket: bigint } {
  demandSize(argument, PFIOC_RULE.size, "pfioc_rule");
  return {
    anchor: readCharacters(argument, 0, PFIOC_RULE.fields.anchor_call),
    ticket: readUnsigned64(argument, 0, PFIOC_RULE.fields["rule.ticket"]),
  };
}

/** The argument of DIOCINSERTRULE for a rule of the main ruleset that calls an anchor for every packet. */
export function encodeAnchorCall(anchor: string): Uint8Array {
  const bytes = new Uint8Array(PFIOC_RULE.size);
  writeCharacters(bytes, 0, PFIOC_RULE.fields.anchor_call, anchor);
  return bytes;
}

/** The argument of DIOCDELETERULE for the rule of that ticket. */
export function encodeRuleRemoval(ticket: bigint): Uint8Array {
  const bytes = new Uint8Array(PFIOC_RULE.size);
  new DataView(bytes.buffer).setBigUint64(PFIOC_RULE.fields["rule.ticket"][0], ticket, true);
  return bytes;
}
