import { existsSync, readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { Command, CommandResult } from "../../../../../src/host/darwin/command.ts";
import { UnfaithfulCall } from "../accepted.ts";

/** `launchctl error`: could not find the domain; the domain does not support the action. */
const [NO_DOMAIN, NO_SESSION] = [112, 125];

interface FakeJob {
  readonly label: string;
  readonly path: string;
  /** The plist as it was when it was loaded. */
  readonly text: string;
  pid: number | undefined;
  runs: number;
  /** Looks at it that a job told to go still answers as SIGTERMed. */
  drainingLooks: number;
}

/** launchd as launchctl shows it: jobs by `domain/label`, and the overrides that live outside the plists. */
export class FakeLaunchd {
  readonly jobs = new Map<string, FakeJob>();
  readonly disabled = new Set<string>();
  /** Domains that there are: the machine's, and `gui/<uid>` of who is logged in. */
  readonly sessions = new Set<string>(["system"]);
  /** What launchctl was told to change, in order. */
  readonly changes: string[] = [];
  /** Bootstraps that fail with 5 for no reason that can be seen. */
  spuriousFailures = 0;
  /** What launchctl answers to every look, where it cannot tell. */
  looksFail: { readonly status: number; readonly stderr: string } | undefined;
  /** How long a job takes to go after bootout, in looks (darwin-notes 8: `state = SIGTERMed`). */
  looksToEnd = 2;
  #nextPid = 700;

  nextPid(): number {
    this.#nextPid += 1;
    return this.#nextPid;
  }
}

/** /bin/launchctl with its exit codes (darwin-notes 8). `load` and `unload` are unknown here. */
export function fakeLaunchctl(launchd: FakeLaunchd, { args }: Command, isRoot: boolean): CommandResult {
  const [verb = "", ...words] = args;
  const isReading = verb === "print" || verb === "print-disabled";
  if (!isReading && !isRoot) return said("", 1, "Operation not permitted\n");
  if (!isReading) launchd.changes.push(args.join(" "));
  if (isReading && launchd.looksFail !== undefined) return { stdout: "", ...launchd.looksFail };
  if (verb === "print" && words.length === 1) return print(launchd, words[0] ?? "");
  if (verb === "print-disabled" && words.length === 1) return printDisabled(launchd, words[0] ?? "");
  if ((verb === "enable" || verb === "disable") && words.length === 1) {
    if (verb === "enable") launchd.disabled.delete(targetOf(words[0]));
    else launchd.disabled.add(targetOf(words[0]));
    return said("");
  }
  if (verb === "bootstrap" && words.length === 2) return bootstrap(launchd, words[0] ?? "", words[1] ?? "");
  if (verb === "bootout" && words.length === 1) return bootout(launchd, targetOf(words[0]));
  if (verb === "kickstart") return kickstart(launchd, words);
  throw new UnfaithfulCall("launchctl", args.join(" "));
}

function print(launchd: FakeLaunchd, word: string): CommandResult {
  const target = targetOf(word);
  const { domain, label } = partsOf(target);
  if (!launchd.sessions.has(domain)) {
    return said("", NO_DOMAIN, `Bad request.\nCould not find domain for ${domain.replace("gui/", "user gui: ")}\n`);
  }
  const job = launchd.jobs.get(target);
  if (job === undefined) return notFound(domain, label);
  if (job.drainingLooks > 0) {
    job.drainingLooks -= 1;
    if (job.drainingLooks === 0) launchd.jobs.delete(target);
    return said(`${target} = {\n\tstate = SIGTERMed\n}\n`);
  }
  const state = job.pid === undefined ? ["\tstate = not running"] : ["\tstate = running", `\tpid = ${job.pid}`];
  const lines = [
    "\tactive count = 1",
    `\tpath = ${job.path}`,
    ...state,
    ...commandLine(job.text),
    `\truns = ${job.runs}`,
    "\tlast exit code = (never exited)",
  ];
  return said(`${target} = {\n${lines.join("\n")}\n\n\tendpoints = {\n\t\tstate = active\n\t}\n}\n`);
}

/** Of the plist as it was loaded; a job without any is printed without. */
function commandLine(plist: string): string[] {
  const [, list] = /<key>ProgramArguments<\/key>\s*<array>([\s\S]*?)<\/array>/.exec(plist) ?? [];
  const words = [...(list ?? "").matchAll(/<string>(.*?)<\/string>/gs)].map(([, word = ""]) => plainText(word));
  if (words.length === 0) return [];
  return ["", `\tprogram = ${words[0]}`, "\targuments = {", ...words.map((word) => `\t\t${word}`), "\t}", ""];
}

function plainText(xml: string): string {
  return xml.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function printDisabled(launchd: FakeLaunchd, domain: string): CommandResult {
  const labels = [...launchd.disabled].filter((target) => target.startsWith(`${domain}/`));
  const lines = labels.map((target) => `\t\t"${target.slice(domain.length + 1)}" => disabled`);
  return said(`\tdisabled services = {\n${lines.join("\n")}\n\t}\n\tlogin item associations = {\n\t}\n`);
}

function bootstrap(launchd: FakeLaunchd, domain: string, path: string): CommandResult {
  if (!existsSync(path)) throw new UnfaithfulCall("launchctl bootstrap", `${path} is not there`);
  const text = readFileSync(path, "utf8");
  const label = /<key>Label<\/key>\s*<string>([^<]+)<\/string>/.exec(text)?.[1];
  if (label === undefined || basename(path) !== `${label}.plist`) {
    throw new UnfaithfulCall("launchctl bootstrap", `${path}: the label is not the file's name`);
  }
  checkOwner(path, domain);
  const target = targetOf(`${domain}/${label}`);
  if (!launchd.sessions.has(domain)) {
    return said("", NO_SESSION, "Bootstrap failed: 125: Domain does not support specified action\n");
  }
  const isFailing = launchd.spuriousFailures > 0;
  if (isFailing) launchd.spuriousFailures -= 1;
  if (isFailing || launchd.jobs.has(target) || launchd.disabled.has(target)) {
    return said("", 5, "Bootstrap failed: 5: Input/output error\n");
  }
  const runs = /<key>(?:RunAtLoad|KeepAlive)<\/key>\s*<true\/>/.test(text) ? 1 : 0;
  const pid = runs === 1 ? launchd.nextPid() : undefined;
  launchd.jobs.set(target, { label, path, text, pid, runs, drainingLooks: 0 });
  return said("");
}

/** launchd takes a daemon of root:wheel alone, an agent of its user; a test that is not root can write neither (notes 8). */
function checkOwner(path: string, domain: string): void {
  const { mode, uid, gid } = statSync(path);
  if ((mode & 0o022) !== 0) throw new UnfaithfulCall("launchctl bootstrap", `${path} is writable by others`);
  const isRoot = process.geteuid?.() === 0;
  const isRight = domain === "system" ? uid === 0 && gid === 0 : domain === `gui/${uid}`;
  if (isRoot && !isRight) throw new UnfaithfulCall("launchctl bootstrap", `${path} is of ${uid}:${gid}`);
}

function bootout(launchd: FakeLaunchd, target: string): CommandResult {
  const job = launchd.jobs.get(target);
  if (job === undefined) return said("", 3, "Boot-out failed: 3: No such process\n");
  if (job.drainingLooks > 0) return said("", 37, "Boot-out failed: 37: Operation already in progress\n");
  job.drainingLooks = launchd.looksToEnd;
  return said("", 36, "Boot-out failed: 36: Operation now in progress\n");
}

function kickstart(launchd: FakeLaunchd, words: readonly string[]): CommandResult {
  const isAgain = words[0] === "-k";
  const target = targetOf(words.at(-1));
  const job = launchd.jobs.get(target);
  if (words.length !== (isAgain ? 2 : 1)) throw new UnfaithfulCall("launchctl kickstart", words.join(" "));
  if (job === undefined) {
    const { domain, label } = partsOf(target);
    return notFound(domain, label);
  }
  if (job.pid === undefined || isAgain) {
    job.pid = launchd.nextPid();
    job.runs += 1;
  }
  return said("");
}

function notFound(domain: string, label: string): CommandResult {
  return said("", 113, `Bad request.\nCould not find service "${label}" in domain for ${domain}\n`);
}

function partsOf(target: string): { readonly domain: string; readonly label: string } {
  const at = target.lastIndexOf("/");
  return { domain: target.slice(0, at), label: target.slice(at + 1) };
}

function targetOf(word: string | undefined): string {
  if (word !== undefined && /^(?:system|gui\/\d+)\/[\w.-]+$/.test(word)) return word;
  throw new UnfaithfulCall("launchctl", `${word} is no target`);
}

function said(stdout: string, status = 0, stderr = ""): CommandResult {
  return { status, stdout, stderr };
}
