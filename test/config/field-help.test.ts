import { describe, expect, test } from "vitest";
import { fieldHelp, nearestField } from "../../src/config/field-help.ts";
import { configJsonSchema } from "../../src/config/json-schema.ts";

describe("help for one field", () => {
  test("a section: what it is and its keys", () => {
    expect(fieldHelp("killSwitch", 80)).toMatchInlineSnapshot(`
      "killSwitch

        Drop every packet outside the tunnels that is not allowed. Required when the
        default is a tunnel.

        Keys:
          enabled: boolean, default true
              Drop every packet that no rule, default or exception allows.
          allowLan: boolean, default false
              Allow hosts on the local link outside the tunnels. DNS rules come first.
          atBoot: boolean, default false
              Block from early boot on, before awg runs (Linux only).
          persist: boolean, default true
              Keep blocking while no process of awg runs (false: not implemented yet).
          longestPause: duration
              The longest awg pause: 1h when absent. 0 refuses every pause.
          allow: list of map, default []
              Exceptions, such as incoming SSH."
    `);
  });

  test("a value: what it takes", () => {
    expect(fieldHelp("tunnels.office.obfuscation.jc", 80)).toMatchInlineSnapshot(`
      "tunnels.office.obfuscation.jc

        How many junk packets precede a handshake; 4 to 12 is usual.

        Type: integer 0 to 128
        Default: 0"
    `);
  });

  test.each([
    ["killSwitch.allow.ports"],
    ["killSwitch.allow[0].ports"],
    ["killSwitch.allow[].ports"],
    ["tunnels.peers.publicKey"],
    ["tunnels.office.peers.publicKey"],
    ["tunnels.office.auth.password"],
    ["rules.not.apps"],
    ["rules.any.not.ports"],
    ["default.fallback"],
    ["invariants.never.via"],
    [""],
  ])("knows %j", (path) => {
    expect(fieldHelp(path, 80)).toBeTypeOf("string");
  });

  test.each(["nope", "killSwitch.nope", "rules.0.nope", "name.x", "__proto__", "constructor", "tunnels.a.b.c"])(
    "%s is no field",
    (path) => {
      expect(fieldHelp(path, 80)).toBeUndefined();
    },
  );

  test("every key at the top has help that says more than its name", () => {
    for (const key of Object.keys(configJsonSchema()["properties"] as object)) {
      expect(fieldHelp(key, 80)?.split("\n").length, key).toBeGreaterThan(2);
    }
  });
});

test.each([
  ["killswitch", "killSwitch"],
  ["killSwich.alow.port", "killSwitch.allow.ports"],
  ["tunnels.office.peer.endpont", "tunnels.office.peers.endpoint"],
  ["rules[0].destination", "rules[0].destinations"],
  ["xyzzy", undefined],
  ["killSwitch.xyzzy", undefined],
])("the field nearest to %s is %s", (path, expected) => {
  expect(nearestField(path)).toBe(expected);
});
