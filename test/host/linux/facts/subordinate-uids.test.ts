import { describe, expect, test } from "vitest";
import { subordinateUidsIn, usersAmong } from "../../../../src/host/linux/service-user.ts";

const PASSWD = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n";
const SUBUID = "alice:100000:65536\nbob:165536:65536\n1000:300000:10\n";
/** Names of alice's uid, and lines that getpwnam(3) reads otherwise than as their names. */
const OTHERS =
  "alice2:x:1000:1000::/:/bin/sh\nfrank:x:01000:1000::/:/bin/sh\njan:x: 1000:1000::/:/bin/sh\n dave:x:1000:1::/:\n";
const NOBODIES =
  "bob:x:1000:1000::/:/bin/sh\n#carol:x:1000:1000::/:/bin/sh\n+erin:x:1000:1000::/:/bin/sh\ngus:x:1000:x::/:\n";

const USUAL = [{ from: 100_000, to: 165_535 }];
const LAST = 4_294_967_294;

describe("the numbers that subuid(5) gives to users", () => {
  test("are found by name and by number, however the file names the user", () => {
    const alices = [
      { from: 100_000, to: 165_535 },
      { from: 300_000, to: 300_009 },
    ];
    expect(subordinateUidsIn(SUBUID, PASSWD, ["alice", "1001", "1000", "01000", "root"])).toEqual({
      alice: alices,
      1000: alices,
      "01000": alices,
      1001: [{ from: 165_536, to: 231_071 }],
    });
    expect(subordinateUidsIn("5000:7:2\n05000:9:2\n", PASSWD, ["5000"])).toEqual({ 5000: [{ from: 7, to: 8 }] });
  });

  // What alice was granted by newuidmap of Debian's uidmap 1:4.13+dfsg1-1+deb12u2 with such a line.
  test.each<[string, readonly { from: number; to: number }[]]>([
    ["alice:100000:65536", USUAL],
    ["alice:0x186a0:65536", USUAL],
    ["alice:0X186A0:0x10000", USUAL],
    ["alice:0100000:65536", [{ from: 32_768, to: 98_303 }]],
    ["alice:100000:65536:x", USUAL],
    ["alice: 100000:65536", USUAL],
    ["alice:100000: 65536", USUAL],
    ["alice:\t+100000:65536", USUAL],
    ["alice:-18446744073709451616:65536", USUAL],
    ["alice:100000:99999999999", [{ from: 100_000, to: LAST }]],
    ["alice:4294967290:65536", [{ from: 4_294_967_290, to: LAST }]],
    ["alice:0:0", [{ from: 0, to: LAST }]],
    ["alice:0:-1", [{ from: 0, to: LAST }]],
    ["1000:100000:65536", USUAL],
    ["alice2:100000:65536", USUAL],
    ["frank:100000:65536", USUAL],
    ["jan:100000:65536", USUAL],
    ["dave:100000:65536", USUAL],
    [
      "alice2:100000:1\n\nalice:100001:65535",
      [
        { from: 100_000, to: 100_000 },
        { from: 100_001, to: 165_535 },
      ],
    ],
    ["01000:100000:65536", []],
    [" alice:100000:65536", []],
    ["#alice:100000:65536", []],
    ["+alice:100000:65536", []],
    ["bob:100000:65536", []],
    ["carol:100000:65536", []],
    ["#carol:100000:65536", []],
    ["+erin:100000:65536", []],
    ["gus:100000:65536", []],
    ["alice:100000:65536 ", []],
    ["alice:100000:65536\r", []],
    [`alice:100000:65536:${"x".repeat(1100)}`, []],
    ["alice:08:10", []],
    ["alice:0x:10", []],
    ["alice:0b101:10", []],
    ["alice:100000:0", []],
    ["alice:100000:-1", []],
    ["alice:-1:5", []],
    ["alice:18446744073709551617:10", []],
    ["alice:100000:18446744073709551616", []],
    ["alice:4294967296:5", []],
    ["alice:100000", []],
    ["alice:100000:", []],
    ["alice::5", []],
  ])("are those that newuidmap grants: %j", (line, granted) => {
    const found = subordinateUidsIn(`${line}\n`, `${PASSWD}${OTHERS}${NOBODIES}`, ["alice"]);
    expect(found).toEqual(granted.length === 0 ? {} : { alice: granted });
  });

  test("contain users of their own, which are reported by name", () => {
    const among = (subuid: string) => usersAmong(subordinateUidsIn(subuid, PASSWD, ["alice", "1001"]), PASSWD);
    expect(among("alice:1001:1\n1001:0:1\n")).toEqual({ root: 0, bob: 1001 });
    expect(among("alice:1000:2\n")).toEqual({ alice: 1000, bob: 1001 });
    expect(among("alice:1002:65536\n")).toEqual({});
  });
});
