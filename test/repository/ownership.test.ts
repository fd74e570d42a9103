import { expect, test } from "vitest";
import { CALLING_ANCHOR, PF_ANCHOR } from "../../src/host/darwin/pf/render-pf.ts";
import { RESOLVER_SERVICE } from "../../src/host/darwin/resolver/scutil.ts";
import {
  FILE_HEADER,
  LINK_ALIAS_PREFIX,
  MARK_MASK,
  markOfPath,
  NFT_BOOT_TABLE,
  NFT_TABLE,
  PATH_NUMBERS,
  pathOfMark,
  ROUTE_PROTOCOL,
  RULE_PREFERENCES,
  TABLE_BASE,
} from "../../src/model/ownership.ts";
import { read } from "./sources.ts";

const page = read("docs/ownership.md");

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
  `tunnels ${PATH_NUMBERS.firstTunnel}–${PATH_NUMBERS.lastTunnel}`,
  `${PATH_NUMBERS.direct} direct`,
  `${PATH_NUMBERS.block} block`,
  `${PATH_NUMBERS.engine} our own sockets`,
])("law 6: docs/ownership.md states %s", (value) => {
  expect(page).toContain(value);
});

test("law 6: marks keep clear of Tailscale's, Kubernetes' and Cilium's bits, and name every path", () => {
  expect(MARK_MASK & (0x00ff0000 | 0xc000 | 0x0fff)).toBe(0);
  for (let path = 1; path <= PATH_NUMBERS.engine; path += 1) {
    expect(markOfPath(path) & ~MARK_MASK).toBe(0);
    expect(pathOfMark(markOfPath(path) | 0x00ff4fff)).toBe(path);
  }
});
