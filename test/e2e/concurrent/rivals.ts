import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeNamespace, type TestNamespace } from "../../support/netns.ts";

const limitMs = 120_000;

/** How one apply ended. */
export interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

/** A namespace in which several awg apply at once, each a config of its own: no tunnel, so that an apply is quick. */
export class Rivals implements Disposable {
  readonly #space: TestNamespace = makeNamespace("rivals");
  readonly #folder = mkdtempSync(join(tmpdir(), "awg-rivals-"));
  readonly #inode = statSync(`/run/netns/${this.#space.name}`).ino;
  readonly #program: string;

  /** @param program what node runs */
  constructor(program: string) {
    this.#program = program;
  }

  /** Writes the config of one rival, told from the others by one port, and gives its path. */
  config(rival: number): string {
    const path = join(this.#folder, `config-${rival}.yaml`);
    const text = `apiVersion: awg/v1
rules: [{ destinations: [192.0.2.${rival + 1}], via: block }]
default: { via: direct }
killSwitch: { enabled: true, allow: [{ direction: in, protocol: tcp, ports: [${2000 + rival}] }] }
`;
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  /** Runs awg in the namespace to its end. */
  awg(...verb: readonly string[]): Promise<Ended> {
    const where = ["--netns", this.#space.name, "--state-dir", join(this.#folder, "state")];
    const program = ["--disable-warning=ExperimentalWarning", this.#program, ...verb, ...where];
    const child = spawn(process.execPath, program, { stdio: ["ignore", "ignore", "pipe"], timeout: limitMs });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    return new Promise((resolve) => child.on("close", (status) => resolve({ status, stderr })));
  }

  /** As many processes as there are configs apply theirs this often, all at once. */
  async compete(configs: readonly string[], times: number): Promise<readonly Ended[]> {
    const one = async (config: string): Promise<Ended[]> => {
      const ended: Ended[] = [];
      for (let time = 0; time < times; time++) ended.push(await this.awg("apply", "-f", config, "--auto-approve"));
      return ended;
    };
    return (await Promise.all(configs.map(one))).flat();
  }

  /** Which of the configs the machine is exactly. */
  async holding(configs: readonly string[]): Promise<readonly string[]> {
    const found: string[] = [];
    for (const config of configs) if ((await this.awg("diff", "-f", config)).status === 0) found.push(config);
    return found;
  }

  [Symbol.dispose](): void {
    const pids = this.#space.run(["ip", "netns", "pids", this.#space.name], { mayFail: true }).stdout;
    for (const pid of pids.split("\n").filter(Boolean)) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    this.#space[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
    for (const left of [`netns-${this.#inode}`, `lock.${this.#inode}`])
      rmSync(`/run/awg/${left}`, { recursive: true, force: true });
  }
}

/** What is wrong with how rivals ended: each applied its config, or was told who was at work. */
export function wrongEnds(ended: readonly Ended[]): readonly Ended[] {
  return ended.filter(
    ({ status, stderr }) => status !== 0 && !(status === 10 && /\(process \d+\)|another awg/.test(stderr)),
  );
}
