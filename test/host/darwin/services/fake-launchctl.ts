import { existsSync, readFileSync } from "node:fs";
import type { CommandResult, RunCommand } from "../../../../src/host/darwin/command.ts";

interface FakeJob {
  text: string;
  state: string;
  pid: number;
  /** How many looks it still takes to be gone after bootout. */
  draining: number;
}

const OK: CommandResult = { status: 0, stdout: "", stderr: "" };

/**
 * A strict double of launchctl, after darwin-notes.md section 8: print gives 113 for what is not loaded, bootout drains for
 * a while, bootstrap gives 5 meanwhile, when loaded, and when disabled; a domain without a session gives 125. A verb, path
 * or target that it does not know throws. Its texts are constructed from the notes.
 */
export class FakeLaunchctl {
  readonly calls: string[] = [];
  readonly jobs = new Map<string, FakeJob>();
  readonly disabled = new Set<string>();
  readonly sessions = new Set<string>(["system"]);
  /** Looks that a job takes to end. */
  drainingLooks = 0;
  /** Bootstraps that fail with 5 for no reason that can be seen. */
  spuriousFailures = 0;
  waitedMs = 0;
  #pid = 400;

  readonly run: RunCommand = async ({ path, args }) => {
    if (path !== "/bin/launchctl") throw new Error(`no program ${path} here`);
    const [verb = "", ...rest] = args;
    if (!verb.startsWith("print")) this.calls.push(args.join(" "));
    return this.#answer(verb, rest);
  };

  readonly sleep = async (ms: number): Promise<void> => {
    this.waitedMs += ms;
  };

  #answer(verb: string, rest: readonly string[]): CommandResult {
    const target = rest.at(-1) ?? "";
    switch (verb) {
      case "print":
        return this.#print(target);
      case "print-disabled": {
        const names = [...this.disabled].filter((one) => one.startsWith(`${target}/`));
        const lines = names.map((one) => `\t\t"${one.slice(target.length + 1)}" => disabled\n`);
        return { ...OK, stdout: `\tdisabled services = {\n${lines.join("")}\t}\n` };
      }
      case "enable":
        this.disabled.delete(target);
        return OK;
      case "disable":
        this.disabled.add(target);
        return OK;
      case "bootout":
        return this.#bootout(target);
      case "bootstrap":
        return this.#bootstrap(rest[0] ?? "", target);
      case "kickstart":
        return this.#kickstart(target, rest.includes("-k"));
      default:
        throw new Error(`launchctl has no verb ${verb} here`);
    }
  }

  #print(target: string): CommandResult {
    const [domain = "", label = ""] = split(target);
    if (!this.sessions.has(domain))
      return { status: 125, stdout: "", stderr: "Domain does not support specified action\n" };
    const job = this.jobs.get(target);
    if (job !== undefined && job.state === "SIGTERMed" && job.draining-- <= 0) this.jobs.delete(target);
    const held = this.jobs.get(target);
    const missing = `Bad request.\nCould not find service "${label}" in domain for system\n`;
    if (held === undefined) return { status: 113, stdout: "", stderr: missing };
    const pid = held.pid > 0 ? `\tpid = ${held.pid}\n` : "";
    return {
      ...OK,
      stdout: `${target} = {\n\tactive count = 1\n\tpath = /x\n\tstate = ${held.state}\n\targuments = {\n\t\tpid = 9\n\t}\n${pid}\tlast exit code = (never exited)\n}\n`,
    };
  }

  #bootout(target: string): CommandResult {
    const job = this.jobs.get(target);
    if (job === undefined) return { status: 3, stdout: "", stderr: "Boot-out failed: 3: No such process\n" };
    Object.assign(job, { state: "SIGTERMed", draining: this.drainingLooks });
    return this.drainingLooks > 0 ? { status: 36, stdout: "", stderr: "36: Operation now in progress\n" } : OK;
  }

  #bootstrap(domain: string, path: string): CommandResult {
    const label = /([^/]+)\.plist$/.exec(path)?.[1] ?? "";
    const target = `${domain}/${label}`;
    const failed = { status: 5, stdout: "", stderr: "Bootstrap failed: 5: Input/output error\n" };
    if (!existsSync(path)) throw new Error(`bootstrap of ${path}, which is not there`);
    if (!this.sessions.has(domain)) return { status: 125, stdout: "", stderr: "125: Domain does not support\n" };
    if (this.jobs.has(target) || this.disabled.has(target) || this.spuriousFailures-- > 0) return failed;
    const text = readFileSync(path, "utf8");
    this.jobs.set(target, { text, state: "running", pid: ++this.#pid, draining: 0 });
    return OK;
  }

  #kickstart(target: string, again: boolean): CommandResult {
    const job = this.jobs.get(target);
    if (job === undefined) return { status: 113, stdout: "", stderr: "Could not find service\n" };
    if (job.state !== "running" || again) Object.assign(job, { state: "running", pid: ++this.#pid });
    return OK;
  }
}

function split(target: string): readonly [string, string] {
  const at = target.lastIndexOf("/");
  return [target.slice(0, at), target.slice(at + 1)];
}
