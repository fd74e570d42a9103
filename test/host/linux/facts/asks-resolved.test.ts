import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { asksResolved } from "../../../../src/host/linux/facts/resolver-method.ts";
import { temporaryFolder } from "../../../support/folder.ts";

const folder = temporaryFolder("nsswitch");

test.each([
  ["hosts: files resolve [!UNAVAIL=return] dns\n", true],
  ["passwd: files\n  hosts:\tresolve\n", true],
  ["hosts: files dns\n", false],
  ["hosts: files dns # not resolve\n", false],
  ["#hosts: resolve\nhosts: files\n", false],
  ["networks: resolve\nhosts: files myhostname\n", false],
])("nsswitch.conf %j lets programs resolve by the bus of systemd-resolved: %s", (text, asks) => {
  const [nsswitch, socket] = ["nsswitch.conf", "socket"].map((name) => join(folder, name)) as [string, string];
  writeFileSync(nsswitch, text);
  writeFileSync(socket, "");
  expect(asksResolved(nsswitch, socket)).toBe(asks);
  expect(asksResolved(nsswitch, join(folder, "no-socket"))).toBe(false);
});
