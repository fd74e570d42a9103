import { expect, test } from "vitest";
import { CALLING_ANCHOR, PF_ANCHOR } from "../../src/host/darwin/pf/render-pf.ts";
import { RESOLVER_SERVICE } from "../../src/host/darwin/resolver/scutil.ts";
import {
  FILE_HEADER,
  isTunnelNumber,
  LINK_ALIAS_PREFIX,
  MARK_MASK,
  MOST_TUNNELS,
  markOfPath,
  NFT_BOOT_TABLE,
  NFT_TABLE,
  PATH_NUMBERS,
  pathOfMark,
  ROUTE_PROTOCOL,
  RULE_PREFERENCES,
  TABLE_BASE,
  tableOfPath,
} from "../../src/model/ownership.ts";
import { read } from "./sources.ts";

const page = read("docs/reference/ownership.md");

test.each([
  `${ROUTE_PROTOCOL}`,
  `${RULE_PREFERENCES.first}–${RULE_PREFERENCES.last}`,
  `0x${TABLE_BASE.toString(16)}`,
  `0x${MARK_MASK.toString(16)}`,
  `\`${NFT_TABLE}\``,
  `\`${NFT_BOOT_TABLE}\``,
  `\`${PF_ANCHOR}\`, \`${CALLING_ANCHOR}\``,
  `\`${RESOLVER_SERVICE}\``,
  `\`${LINK_ALIAS_PREFIX}<tunnel>\``,
  FILE_HEADER.slice(0, 17),
  `tunnels ${PATH_NUMBERS.firstTunnel}–${PATH_NUMBERS.direct - 1} and ${PATH_NUMBERS.engine + 1}–${PATH_NUMBERS.lastTunnel}`,
  `${PATH_NUMBERS.direct} direct`,
  `${PATH_NUMBERS.block} block`,
  `${PATH_NUMBERS.engine} our own sockets`,
])("law 6: docs/reference/ownership.md states %s", (value) => {
  expect(page).toContain(value);
});

test("law 6: marks keep clear of the bits of Tailscale, pbr, Kubernetes, mwan3 and the AWS CNI, and name every path", () => {
  expect(MARK_MASK & (0x00ff0000 | 0xc000 | 0x3f00 | 0x80)).toBe(0);
  const marks = new Set<number>();
  for (let path = 1; path <= PATH_NUMBERS.lastTunnel; path += 1) {
    const mark = markOfPath(path);
    marks.add(mark);
    expect(mark, "a mark is a number as the kernel reads it").toBe(path * 2 ** 24);
    expect((mark & MARK_MASK) >>> 0).toBe(mark);
    expect(pathOfMark(mark | 0x00ff4fff)).toBe(path);
    expect(tableOfPath(path)).toBe(TABLE_BASE + path);
  }
  expect(marks.size).toBe(PATH_NUMBERS.lastTunnel);
});

test("marks and tables of earlier versions mean the same: 60 tunnels of 63 paths under a mask of six bits", () => {
  const earlier = Array.from({ length: 63 }, (_, index) => index + 1);
  expect(earlier.filter(isTunnelNumber)).toEqual(earlier.slice(0, 60));
  expect([61, 62, 63]).toEqual([PATH_NUMBERS.direct, PATH_NUMBERS.block, PATH_NUMBERS.engine]);
  for (const path of earlier) expect(markOfPath(path) & 0x3f00_0000).toBe(markOfPath(path));
});

test("every path number is a tunnel's or one of three others", () => {
  const numbers = Array.from({ length: 300 }, (_, index) => index - 20);
  const { firstTunnel, lastTunnel, direct, block, engine } = PATH_NUMBERS;
  const tunnels = numbers.filter(isTunnelNumber);
  expect(tunnels).toHaveLength(MOST_TUNNELS);
  expect([tunnels[0], tunnels.at(-1)]).toEqual([firstTunnel, lastTunnel]);
  expect([...tunnels, direct, block, engine].toSorted((a, b) => a - b)).toEqual(numbers.slice(21, 21 + lastTunnel));
  expect([0.5, Number.NaN].filter(isTunnelNumber)).toEqual([]);
});
