import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PRIVATE_KEY, tunnelConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { type CommandResult, makeNamespace, type TestNamespace } from "../../support/netns.ts";

/** A machine in a namespace with the uplink `up0`, whose other end is `up1`, and awg with state of its own. */
export class BesideMachine implements Disposable {
  readonly namespace: TestNamespace;
  readonly #folder: string;
  readonly #tunnel: string;
  readonly #program: string;

  /**
   * @param name part of the namespace's; its first letter begins the tunnel's, which no other process may use
   * @param program what node runs
   */
  constructor(name: string, program: string) {
    this.#program = program;
    this.#tunnel = `${name.slice(0, 1)}${process.pid.toString(36)}`;
    this.namespace = makeNamespace(name);
    this.#folder = temporaryFolder(name);
    mkdirSync(join(this.#folder, "state"), { mode: 0o700 });
    writeFileSync(join(this.#folder, "key"), `${PRIVATE_KEY}\n`, { mode: 0o600 });
    this.ip("link add up0 type veth peer name up1");
    this.ip("address add 192.0.2.10/24 dev up0");
    for (const device of ["up0", "up1"]) this.ip(`link set ${device} up`);
    this.ip("route add default via 192.0.2.1");
  }

  awg(...args: readonly string[]): CommandResult {
    const state = ["--state-dir", join(this.#folder, "state")];
    return this.namespace.run([process.execPath, this.#program, ...args, ...state], { mayFail: true });
  }

  ip(line: string): CommandResult {
    return this.namespace.run(["ip", ...line.split(" ")]);
  }

  /** Writes the config of a tunnel that all is led into, and gives its path. */
  config(killSwitch: string, rules = "[]"): string {
    const path = join(this.#folder, "config.yaml");
    writeFileSync(
      path,
      tunnelConfig({
        tunnel: this.#tunnel,
        keyFile: join(this.#folder, "key"),
        killSwitch: `{ ${killSwitch} }`,
        more: `rules: ${rules}
`,
      }),
    );
    return path;
  }

  [Symbol.dispose](): void {
    this.awg("destroy", "--auto-approve");
    this.namespace[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
