import { describe, expect, test } from "vitest";
import { rootSchema } from "../../src/config/section/root.ts";
import { isPrintableLine } from "../../src/model/text/printable.ts";
import { THIRD_PEER_KEY } from "../support/config.ts";
import { sized } from "../support/size.ts";
import { HOSTILE_STRINGS } from "./hostile-strings.ts";
import { schemaFields } from "./schema-fields.ts";
import { pairs, passPairs } from "./through-loader.ts";

const fields = schemaFields();
/** Which of the pairs of a field and a string are tried: every n-th; at full size the loader reads all of them. */
const SCHEMA_STRIDE = 16;
const STRIDE = sized(64, 1);

describe("law 7: the corpus through every field of the schema", () => {
  test("the walk meets every field, and the corpus is as large as it says", () => {
    expect(HOSTILE_STRINGS.length).toBeGreaterThanOrEqual(300);
    expect(fields.length).toBeGreaterThanOrEqual(400);
    expect(new Set(fields.map(({ path }) => path)).size).toBe(fields.length);
    for (const path of [
      "name",
      "tunnels{}",
      "tunnels.*<0>.peers[].name",
      "rules[].all[].apps<1>[]",
      "dns.split{}",
      "conflicts{}",
    ])
      expect(fields.map((field) => field.path)).toContain(path);
  });

  test("the smallest configuration of each field is one: a value that fits is accepted there", () => {
    const fitting = [
      "a",
      "awg/v1",
      true,
      1,
      1500,
      "direct",
      "10.0.0.0/8",
      "10.0.0.1",
      "a.example:1",
      "/a",
      "out",
      "tcp",
      "80",
      "5m",
    ];
    const others = [
      "2.0",
      "block",
      "http",
      "absent",
      "stable",
      "assert",
      "hot",
      "10mbit",
      "de",
      "127.0.0.1:1",
      "auto",
      "02:00:00:aa:bb:cc",
    ];
    const more = [
      "wireguard",
      "amneziawg",
      "socks5",
      ">=0.1",
      "enforced",
      "best-effort",
      `RW${"A".repeat(54)}`,
      THIRD_PEER_KEY,
      "corp.example",
      "cut",
      "high",
    ];
    // A list by URL has both of its keys, or it is none; an encrypted name server has its address, too.
    const alone = fields.filter(({ path }) => !/(\.list<1>\.(url|sha256)|\[\]<2>\.\w+)$/.test(path));
    const closed = alone.filter(
      ({ instance }) =>
        ![...fitting, ...others, ...more].some((value) => rootSchema.safeParse(instance(value)).success),
    );
    expect(closed.map(({ path }) => path)).toEqual([]);
  });

  test(`every ${SCHEMA_STRIDE}th pair through the schema: no throw, and no message repeats a control character`, () => {
    let refused = 0;
    for (const [{ path, instance }, text] of pairs(fields, SCHEMA_STRIDE)) {
      const { error } = rootSchema.safeParse(instance(text));
      if (error === undefined) continue;
      refused += 1;
      for (const { message } of error.issues) if (!isPrintableLine(message)) expect([path, text]).toEqual([]);
    }
    expect(refused).toBeGreaterThan(5_000);
  });

  test(`every ${STRIDE}th pair through the loader: refused with its place, or it is there as written`, () => {
    const { complaints, accepted } = passPairs(fields, STRIDE);
    expect(complaints).toEqual([]);
    expect(accepted).toBeGreaterThan(sized(250, 20_000));
  });
});
