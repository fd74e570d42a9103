import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { HostParts } from "../../../src/app/parts.ts";
import type { Planned } from "../../../src/app/plan/planned.ts";
import { LAUNCHD } from "../../../src/model/resources/service.ts";
import { readBootSession } from "../../../src/native/darwin/calls.ts";
import { fileStores } from "../../../src/state/file-stores.ts";
import { SecretStore } from "../../../src/state/secret-store.ts";
import { DarwinWorld } from "../../contract/darwin-world.ts";
import { TestSession } from "../../support/test-session.ts";
import { becomeLaptop } from "./laptop-mac.ts";
import { Recorder } from "./recorder.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const KEY = Buffer.alloc(32, 7).toString("base64");
/** The example with the service and a split domain beside; no name is asked of anybody here. */
export const CONFIG = `${readFileSync(`${ROOT}examples/laptop/config.yaml`, "utf8")
  .replace("vpn.example.com", "198.51.100.7")
  .replace("leakProtection: true", "split: { corp.example: [10.0.0.53] }\n  leakProtection: true")}
service: { install: true, autostart: true }
`;

/** Who sits at the screen: the first user of a Mac, or, where a test may give no files away, who runs it. */
const OWN = process.getuid?.() ?? 0;
export const USER = OWN === 0 ? 501 : OWN;

/** The app of the window, and its user with a home. */
function addWindow({ machine, root }: DarwinWorld): void {
  writeFileSync(join(root, LAUNCHD.window), "", { mode: 0o755 });
  const home = join(root, "Users/me");
  mkdirSync(join(home, "Library"), { recursive: true });
  if (OWN === 0) chownSync(home, USER, 20);
  machine.launchd.sessions.add(`gui/${USER}`);
}

/** awg on a Mac that is a double at its borders, everything between them real: session, journal, drivers, host, codecs. */
export class MacBook implements Disposable {
  readonly recorder = new Recorder();
  readonly world: DarwinWorld;
  readonly #environment = { HOME_KEY: KEY };
  #secrets: SecretStore | undefined;
  #session: TestSession;

  /** @param isLaptop the constructed laptop in place of the double's own Mac */
  constructor(isLaptop = false) {
    const { system, run } = this.recorder;
    this.world = new DarwinWorld({ system, run, secrets: (root) => this.#secretsIn(root) });
    if (isLaptop) {
      becomeLaptop(this.world.machine);
      addWindow(this.world);
    }
    this.#session = this.#open();
  }

  get session(): TestSession {
    return this.#session;
  }

  async plan(text = CONFIG): Promise<Planned> {
    const loaded = await this.session.load([{ name: "awg.yaml", text, mode: 0o600 }]);
    return this.session.plan(loaded);
  }

  async apply(planned: Planned): Promise<void> {
    await this.session.apply(planned, { onEvent: () => undefined, shouldStop: () => undefined });
  }

  /**
   * The process that died is followed by another, which finds what lies in the state folder and on the Mac.
   *
   * @param isAttended somebody sits at its terminal
   */
  startAgain(isAttended = false): void {
    this.recorder.dieAtWrite = undefined;
    this.#session = this.#open(isAttended);
  }

  /** A text with this machine's temporary folder left out, and its user's number; nothing else of it. */
  plain(text: string): string {
    return text.replaceAll(this.world.root, "").replaceAll(`gui/${USER}`, "gui/501");
  }

  [Symbol.dispose](): void {
    this.world[Symbol.dispose]();
  }

  #open(isAttended = false): TestSession {
    const { root } = this.world;
    const secrets = this.#secretsIn(root);
    const bootId = readBootSession(this.world.borders.system);
    const parts: HostParts = {
      host: this.world.host(this.world.borders, isAttended),
      stores: this.recorder.mortal(fileStores(join(root, "state"), { bootId, namespace: "macos" }, secrets)),
      stateDir: join(root, "state"),
      isSimulated: false,
      clock: { nowMs: () => 1_700_000_000_000, sleep: async () => undefined },
      resolveSecret: async ({ ref }) => secrets.resolvePrivateKey(ref),
      lock: async () => ({ [Symbol.asyncDispose]: async () => undefined }),
      events: this.world.viewOf(this.world.borders).networkEvents,
      close: async () => undefined,
    };
    const environment = this.#environment;
    return new TestSession(parts, { host: { kind: "linux" }, allowInsecurePermissions: false, environment });
  }

  #secretsIn(root: string): SecretStore {
    const environment = this.#environment;
    this.#secrets ??= new SecretStore(join(root, "state"), { environment, allowInsecurePermissions: false });
    return this.#secrets;
  }
}
