import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Planned } from "../../src/app/plan/planned.ts";
import type { Status } from "../../src/app/status/status-report.ts";
import { PRIVATE_KEY } from "../support/config.ts";
import { openTestSession } from "../support/test-session.ts";

let made = 0;

/** Plans, saves and applies a configuration on a simulated machine of its own, and asks for its status. */
export async function planConfigFor(
  text: string,
  folder: string,
): Promise<{ readonly planned: Planned; readonly saved: string; readonly status: Status }> {
  made += 1;
  const key = join(folder, "key");
  writeFileSync(key, PRIVATE_KEY, { mode: 0o600 });
  const file = join(folder, `machine-${made}.json`);
  const host = { kind: "simulated", file } as const;
  await using session = await openTestSession({ host, allowInsecurePermissions: false, environment: {} });
  const source = { name: join(folder, "config.yaml"), text: text.replace('"/k"', JSON.stringify(key)) };
  const planned = await session.plan(await session.load([source]));
  const saved = session.renderSavedPlan(planned);
  await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
  return { planned, saved, status: await session.status() };
}
