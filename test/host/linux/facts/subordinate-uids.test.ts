import { describe, expect, test } from "vitest";
import { subordinateUidsIn } from "../../../../src/host/linux/service-user.ts";

const PASSWD = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n";
const SUBUID = "alice:100000:65536\nbob:165536:65536\n1000:300000:10\n";

describe("the numbers that subuid(5) gives to users", () => {
  test("are found by name and by number, however the file names the user", () => {
    const alices = [
      { from: 100_000, to: 165_535 },
      { from: 300_000, to: 300_009 },
    ];
    expect(subordinateUidsIn(SUBUID, PASSWD, ["alice", "1001", "1000", "root"])).toEqual({
      alice: alices,
      1000: alices,
      1001: [{ from: 165_536, to: 231_071 }],
    });
  });

  test("what is no line of the file is left out, and no number is beyond the last", () => {
    const text =
      "\n# alice:1:2\nalice:7\nalice:x:5\nalice:5:0\nalice:-1:5\nalice:4294967290:65536\nalice:4294967296:2\n";
    expect(subordinateUidsIn(text, PASSWD, ["alice"])).toEqual({ alice: [{ from: 4_294_967_290, to: 4_294_967_294 }] });
    expect(subordinateUidsIn("", PASSWD, ["alice"])).toEqual({});
  });
});
