import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { HostOptions } from "../../../src/app/host-options.ts";
import { PRIVATE_KEY, tunnelConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { openTestSession, type TestSession } from "../../support/test-session.ts";

const configOf = (key: string, more = ""): string =>
  tunnelConfig({
    keyFile: key,
    more: `name: laptop
dns: { servers: [10.8.0.1], via: office }
${more}`,
  });

/** A simulated machine in a folder of its own, with its config. */
export interface SimulatedFolder extends Disposable {
  readonly folder: string;
  readonly file: string;
  readonly config: string;
  readonly state: string;
  readonly options: HostOptions;
  /** Plans and applies the config, with more lines at its end. */
  apply(more?: string): Promise<void>;
}

export function simulatedFolder(): SimulatedFolder {
  const folder = temporaryFolder("doctor");
  const [file, config, key] = ["machine.json", "config.yaml", "key"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(key, `${PRIVATE_KEY}\n`, { mode: 0o600 });
  writeFileSync(config, configOf(key));
  const options: HostOptions = {
    host: { kind: "simulated", file },
    allowInsecurePermissions: false,
    environment: {},
  };
  return {
    folder,
    file,
    config,
    state: `${file}.state`,
    options,
    apply: async (more = "") => {
      await using session: TestSession = await openTestSession(options);
      const planned = await session.plan(await session.load([{ name: config, text: configOf(key, more) }]));
      await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
