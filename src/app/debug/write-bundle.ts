import { execFile } from "node:child_process";
import { closeSync, constants, existsSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { redactConfig } from "../../config/source/redact-config.ts";
import { messageOf } from "../../model/error.ts";
import type { SourceFile } from "../load/loaded-config.ts";
import { allForms, formsOf, scrub } from "./scrub.ts";
import { type ArchivedFile, tarOf } from "./tar.ts";

const LIMITS = { ms: 30_000, bytes: 4 * 1024 * 1024 } as const;

/** What of awg itself is asked; each part as its own process, so that a failure affects one part only. */
const VERBS: readonly (readonly string[])[] = [
  ["version", "--json"],
  ["capabilities", "--json"],
  ["status", "--json"],
  ["drift", "--json"],
  ["doctor", "--json"],
  ["history", "--json"],
  ["history", "--audit", "--json"],
  ["get", "--json"],
  ["get", "--desired", "--json"],
  ["events", "--json"],
];

/** What of the system is asked, where the program is installed. */
const COMMANDS: readonly (readonly string[])[] = [
  ["uname", "-srvm"],
  ["nft", "list", "ruleset"],
  ["ip", "-details", "address"],
  ["ip", "rule"],
  ["ip", "-6", "rule"],
  ["ip", "route", "show", "table", "all"],
  ["ip", "-6", "route", "show", "table", "all"],
  ["journalctl", "--unit=awg", "--unit=awg-keeper", "--lines=2000", "--no-pager", "--output=short-iso"],
];

export interface BundleOptions {
  /** awg itself: the program and its first words. */
  readonly program: readonly string[];
  /** Words that name the host. */
  readonly hostWords: readonly string[];
  readonly isSimulated: boolean;
  readonly stateDir: string;
  readonly configs: readonly SourceFile[];
  readonly environment: NodeJS.ProcessEnv;
}

/** Writes an archive of what a maintainer needs, without secrets, to a new private file; the names of its parts. */
export async function writeBundle(path: string, options: BundleOptions): Promise<readonly string[]> {
  const configs = options.configs.map(({ name, text }) => ({ name, redacted: redactConfig(text) }));
  const inline = configs.flatMap(({ redacted }) => redacted?.secrets ?? []);
  const referred = configs.flatMap(({ redacted }) => referredSecrets(redacted?.values, options.environment));
  const secrets = allForms([...inline, ...referred, ...storedSecrets(options.stateDir)]);
  const files: ArchivedFile[] = configs.map(({ redacted }, index) => ({
    name: `config-${index + 1}.json`,
    text: redacted === undefined ? "left out: it is no YAML map\n" : `${JSON.stringify(redacted.values, null, 2)}\n`,
  }));
  for (const words of VERBS) {
    const [program = "", ...first] = options.program;
    const name = `awg-${words
      .filter((word) => word !== "--json")
      .join("-")
      .replaceAll("--", "")}.json`;
    files.push({ name, text: await outputOf(program, [...first, ...words, ...options.hostWords], options) });
  }
  for (const [program = "", ...words] of options.isSimulated ? [] : COMMANDS) {
    const name = `${[program, ...words.filter((word) => !word.startsWith("--"))].join("-").replaceAll("--", "-")}.txt`;
    files.push({ name, text: await outputOf(program, words, options) });
  }
  const clean = files.map(({ name, text }) => ({ name, text: scrub(text, secrets) }));
  writePrivate(path, gzipSync(tarOf(clean, Date.now())));
  return clean.map(({ name }) => name);
}

/** What a command prints; where it prints nothing and fails, why. A verb that found something exits with a code, too. */
function outputOf(program: string, words: readonly string[], { environment }: BundleOptions): Promise<string> {
  const { PATH = "/usr/sbin:/usr/bin:/sbin:/bin" } = environment;
  const env = { PATH: `${PATH}:/usr/sbin:/sbin`, NO_COLOR: "1", LC_ALL: "C" };
  return new Promise((resolve) => {
    execFile(program, words, { timeout: LIMITS.ms, maxBuffer: LIMITS.bytes, env }, (error, out, err) => {
      resolve(error === null || out !== "" ? out : `${err}\n${messageOf(error).slice(0, 500)}\n`);
    });
  });
}

/** The secrets that awg keeps, in each form of their bytes. */
function storedSecrets(stateDir: string): readonly string[] {
  const folder = join(stateDir, "secrets");
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => formsOf(readFileSync(join(folder, name))));
}

/** The contents of the files and variables that a config names. One that cannot be read is in no output either. */
function referredSecrets(values: unknown, environment: NodeJS.ProcessEnv): readonly string[] {
  if (Array.isArray(values)) return values.flatMap((one) => referredSecrets(one, environment));
  if (typeof values !== "object" || values === null) return [];
  return Object.entries(values).flatMap(([key, value]) => {
    if (typeof value !== "string") return referredSecrets(value, environment);
    if (key === "env") return environment[value] ?? [];
    if (key !== "file") return [];
    try {
      return readFileSync(value, "utf8").trim();
    } catch {
      return [];
    }
  });
}

function writePrivate(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
  } finally {
    closeSync(fd);
  }
}
