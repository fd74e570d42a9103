import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { HostOptions } from "../../../src/app/host-options.ts";
import { simulatedParts } from "../../../src/compose/simulated-parts.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { TestSession } from "../../support/test-session.ts";

const folder = temporaryFolder("room");

const KEY = Buffer.alloc(32, 7).toString("base64");

const configOf = (engine: string, tunnels: number): string =>
  sampleConfig(`tunnels:
${Array.from(
  { length: tunnels },
  (_, index) => `  t${index}:
    protocol: wireguard
    engine: ${engine}
    privateKey: { file: ${join(folder, "key")} }
    addresses: [10.9.${index}.2/32]
    peers: [{ publicKey: ${KEY}, endpoint: "192.0.2.1:51820", allowedIPs: [10.20.${index}.0/24] }]
`,
).join("")}default: { via: direct }
`);

test("a plan that starts more programs than there are inotify instances for is refused with the limit that would do", async () => {
  const options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
  writeFileSync(join(folder, "key"), `${KEY}\n`, { mode: 0o600 });
  const parts = { ...simulatedParts(options), inotifyUsage: async () => ({ uid: 0, limit: 128, used: 125 }) };
  await using session = new TestSession(parts, options);
  const plan = async (engine: string, tunnels: number) =>
    session.plan(await session.load([{ name: "a.yaml", text: configOf(engine, tunnels), mode: 0o600 }]));
  await expect(plan("userspace", 4)).rejects.toMatchObject({
    kind: "unsupported",
    message: "4 engines of other programs are to start, and each takes an inotify instance: user 0 has 125 of 128",
    remedy: expect.stringContaining("sysctl fs.inotify.max_user_instances=256, or engine: embedded"),
  });
  await plan("embedded", 4);
  const three = await plan("userspace", 3);
  await session.apply(three, { onEvent: () => {}, shouldStop: () => undefined });
  expect((await plan("userspace", 3)).plan.batches).toEqual([]);
  await expect(plan("userspace", 7)).rejects.toMatchObject({ facts: { starting: 4 } });
});
