import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";
import { type CommandResult, makeNamespace, type TestNamespace } from "../support/netns.ts";

const KEY = "uL2p0e6DRyzAEuSjEfZdDvkEO0V7rL5ZOx8d2mSYJ2k=";
const PEER = "4S2kTW2rNBqTfqBGBZmHCD8Rk1nkC+0YyYbEXz6pZ0s=";

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
    writeFileSync(join(this.#folder, "key"), `${KEY}\n`, { mode: 0o600 });
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
      `apiVersion: awg/v1
tunnels:
  ${this.#tunnel}:
    protocol: wireguard
    privateKey: { file: ${join(this.#folder, "key")} }
    addresses: [10.8.0.2/32]
    peers: [{ publicKey: ${PEER}, endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }]
rules: ${rules}
default: { via: ${this.#tunnel} }
killSwitch: { ${killSwitch} }
`,
    );
    return path;
  }

  [Symbol.dispose](): void {
    this.awg("destroy", "--auto-approve");
    this.namespace[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
