import { describe, expect, test } from "vitest";
import {
  decodeRuleCall,
  decodeRuleCount,
  encodeAnchorCall,
  encodeRuleRemoval,
  PF_RULE,
  PFIOC_RULE,
  ruleCountRequest,
  ruleRequest,
} from "../../../src/native/darwin/pf-rule.codec.ts";
import { ioctlNumber, ioctlSize, StructView, sizeOf } from "../../host/darwin/fake/abi.ts";

describe("struct pfioc_rule", () => {
  test("is laid out, and its requests numbered, as Apple's headers have it", () => {
    expect(sizeOf("pfioc_rule")).toBe(PFIOC_RULE.size);
    for (const [name, number] of Object.entries(PF_RULE)) {
      expect([name, ioctlNumber(name), ioctlSize(number)]).toEqual([name, number, PFIOC_RULE.size]);
    }
    for (const [field, [offset, size]] of Object.entries(PFIOC_RULE.fields)) {
      const bytes = new Uint8Array(PFIOC_RULE.size);
      new StructView("pfioc_rule", bytes).bytes(field).fill(0xff);
      expect([field, bytes.indexOf(0xff), bytes.lastIndexOf(0xff)]).toEqual([field, offset, offset + size - 1]);
    }
  });

  test("both directions", () => {
    const view = (bytes: Uint8Array) => new StructView("pfioc_rule", bytes);
    const counted = ruleCountRequest();
    expect([view(counted).text("anchor"), view(counted).get("rule.action")]).toEqual(["", 0]);
    view(counted).set("ticket", 0xfedcba98);
    view(counted).set("nr", 3);
    expect(decodeRuleCount(counted)).toEqual({ ticket: 0xfedcba98, count: 3 });
    const asked = view(ruleRequest(0xfedcba98, 2));
    expect([asked.get("action"), asked.get("ticket"), asked.get("nr")]).toEqual([0, 0xfedcba98, 2]);
    const call = encodeAnchorCall("com.awg");
    view(call).set("rule.ticket", 0xffff_8000_1234_5678n);
    expect(decodeRuleCall(call)).toEqual({ anchor: "com.awg", ticket: 0xffff_8000_1234_5678n });
    expect(view(encodeRuleRemoval(0xffff_8000_1234_5678n)).getBig("rule.ticket")).toBe(0xffff_8000_1234_5678n);
  });
});
