import type { Command, CommandResult } from "../../../../../src/host/darwin/command.ts";
import { PfSyntaxError } from "../../pf/pf-lexer.ts";
import type { PfParsedRule } from "../../pf/pf-ruleset.ts";
import { UnfaithfulCall } from "../accepted.ts";
import type { FakePf } from "./fake-pf.ts";
import { printRules, printTableEntry } from "./print-pf.ts";

const ALTQ = "No ALTQ support in kernel\nALTQ related functions disabled\n";
const FLUSH_NOTE =
  "pfctl: Use of -f option, could result in flushing of rules\npresent in the main ruleset added by the system at startup.\nSee /etc/pf.conf for further details.\n\n";

interface PfctlOptions {
  anchor?: string;
  show?: string;
  file?: string;
  optimize?: string;
  flush?: string;
  table?: string;
  tableCommand?: string;
  verbose: boolean;
  quiet: boolean;
  kills: string[];
  interface?: string;
}

/** /sbin/pfctl over the double's PF. What would touch other programs' rules is refused (darwin-notes 6). */
export function fakePfctl(pf: FakePf, { args, input = "" }: Command, isRoot: boolean): CommandResult {
  if (!isRoot) return { status: 1, stdout: "", stderr: "pfctl: /dev/pf: Permission denied\n" };
  const options = parseOptions(args);
  if (options.file !== undefined) return load(pf, options, input);
  if (options.table !== undefined) return showTable(pf, options);
  if (options.kills.length > 0) return kill(pf, options);
  if (options.flush !== undefined) return flush(pf, options);
  if (options.show !== undefined) return show(pf, options);
  throw new UnfaithfulCall("pfctl", `nothing to do in ${args.join(" ")}`);
}

function parseOptions(args: readonly string[]): PfctlOptions {
  const options: PfctlOptions = { verbose: false, quiet: false, kills: [] };
  const words = args.flatMap((word) => (/^-s[a-zA-Z]+$/.test(word) ? ["-s", word.slice(2)] : [word]));
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (word === "-q") options.quiet = true;
    else if (/^-v+$/.test(word)) options.verbose = true;
    else {
      at += 1;
      const value = words[at];
      if (value === undefined) throw new UnfaithfulCall("pfctl", `${word} without its value`);
      takeOption(options, word, value);
    }
  }
  return options;
}

function takeOption(options: PfctlOptions, word: string, value: string): void {
  if (word === "-a") options.anchor = value;
  else if (word === "-s") options.show = value;
  else if (word === "-f") options.file = value;
  else if (word === "-o") options.optimize = value;
  else if (word === "-F") options.flush = value;
  else if (word === "-t") options.table = value;
  else if (word === "-T") options.tableCommand = value;
  else if (word === "-k") options.kills.push(value);
  else if (word === "-i") options.interface = value;
  else throw new UnfaithfulCall("pfctl", `${word} ${value}: unknown, or everybody's rules would change`);
}

function load(pf: FakePf, { anchor, file, optimize, quiet }: PfctlOptions, input: string): CommandResult {
  if (anchor === undefined || anchor === "") throw new UnfaithfulCall("pfctl -f", "without -a: everybody's rules");
  if (file !== "-") throw new UnfaithfulCall("pfctl -f", `${file} instead of standard input`);
  if (optimize !== "none") throw new UnfaithfulCall("pfctl -f", "without -o none the rules read back differ");
  const noise = quiet ? ALTQ : `${FLUSH_NOTE}${ALTQ}`;
  try {
    pf.load(anchor, input);
    return { status: 0, stdout: "", stderr: noise };
  } catch (error) {
    if (!(error instanceof PfSyntaxError)) throw error;
    return {
      status: 1,
      stdout: "",
      stderr: `${noise}${error.message}\npfctl: Syntax error in config file: pf rules not loaded\n`,
    };
  }
}

function show(pf: FakePf, { anchor = "", show: what, verbose }: PfctlOptions): CommandResult {
  const done = (lines: readonly string[]) => ({
    status: 0,
    stdout: lines.map((line) => `${line}\n`).join(""),
    stderr: ALTQ,
  });
  switch (what) {
    case "r":
    case "rules": {
      const rules = anchor === "" ? pf.main.map(({ rule }) => rule) : rulesOf(pf, anchor);
      if (rules === undefined) {
        return { status: 0, stdout: "", stderr: `${ALTQ}pfctl: DIOCGETRULES: Invalid argument\n` };
      }
      const counters = (rule: PfParsedRule) =>
        verbose
          ? [
              `  [ Evaluations: 1         Packets: ${pf.matched.get(rule) ?? 0}         Bytes: 0           States: 0     ]`,
            ]
          : [];
      return done([
        ...(anchor === "" ? ['scrub-anchor "com.apple/*" all fragment reassemble'] : []),
        ...rules.flatMap((rule) => printRules([rule]).flatMap((line) => [line, ...counters(rule)])),
      ]);
    }
    case "nat": {
      const rules = pf.translations.get(anchor) ?? (pf.anchors.has(anchor) ? [] : undefined);
      if (rules !== undefined) return done(rules);
      return { status: 0, stdout: "", stderr: `${ALTQ}pfctl: DIOCGETRULES: Invalid argument\n` };
    }
    case "Anchors":
      return done(anchorsBelow(pf, anchor, verbose).map((path) => `  ${path}`));
    case "Interfaces":
      return done(["lo0", "en0", "utun0"].map((name) => `${name}${pf.skipped.has(name) ? " (skip)" : ""}`));
    case "Tables":
      return done([...(pf.anchors.get(anchor)?.tables.keys() ?? [])]);
    case "info":
      return done([`Status: ${pf.enabled ? "Enabled" : "Disabled"} for 0 days 00:00:12           Debug: Urgent`]);
    case "states":
      return done(
        pf.states.map(
          (one) => `${one.interface} ${one.protocol} ${one.from} -> ${one.to}       ESTABLISHED:ESTABLISHED`,
        ),
      );
    case "References":
      return done([
        "TOKENS:",
        "PID      Process Name                 TOKEN                    TIMESTAMP",
        ...pf.tokens.map(({ pid, program, token }) => `${pid}      ${program}      ${token}     0 days 00:00:12`),
      ]);
    default:
      throw new UnfaithfulCall("pfctl -s", String(what));
  }
}

/** The filter rules of an anchor; none, yet it is there, where it has translations alone. */
function rulesOf(pf: FakePf, anchor: string): readonly PfParsedRule[] | undefined {
  return pf.anchors.get(anchor)?.rules ?? (pf.translations.has(anchor) ? [] : undefined);
}

/** Direct children; with -v all of them. The root's are those of the main ruleset and Apple's. */
function anchorsBelow(pf: FakePf, anchor: string, verbose: boolean): string[] {
  const all = new Set(["com.apple"]);
  for (const path of [...pf.anchors.keys(), ...[...pf.translations.keys()].filter((one) => one !== "")]) {
    const parts = path.split("/");
    for (let count = 1; count <= parts.length; count += 1) all.add(parts.slice(0, count).join("/"));
  }
  const depth = anchor === "" ? 0 : anchor.split("/").length;
  return [...all]
    .filter((path) => (anchor === "" || path.startsWith(`${anchor}/`)) && path !== anchor)
    .filter((path) => verbose || path.split("/").length === depth + 1)
    .sort();
}

function showTable(pf: FakePf, { anchor = "", table = "", tableCommand }: PfctlOptions): CommandResult {
  if (tableCommand !== "show") throw new UnfaithfulCall("pfctl -T", String(tableCommand));
  const entries = pf.anchors.get(anchor)?.tables.get(table);
  if (entries === undefined) return { status: 255, stdout: "", stderr: `${ALTQ}pfctl: Table does not exist.\n` };
  return { status: 0, stdout: entries.map((host) => `${printTableEntry(host)}\n`).join(""), stderr: ALTQ };
}

function kill(pf: FakePf, { kills }: PfctlOptions): CommandResult {
  const [from, to] = kills;
  const isFrom = (one: string, host: string | undefined) => host === undefined || one.startsWith(`${host}:`);
  const kept = pf.states.filter((state) => !(isFrom(state.from, from) && isFrom(state.to, to)));
  const count = pf.states.length - kept.length;
  pf.states = kept;
  return {
    status: 0,
    stdout: "",
    stderr: `${ALTQ}killed ${count} states from 1 sources and ${kills.length - 1} destinations\n`,
  };
}

function flush(pf: FakePf, { anchor, flush: what }: PfctlOptions): CommandResult {
  if (anchor === undefined || anchor === "") throw new UnfaithfulCall("pfctl -F", "without -a: everybody's rules");
  if (!["all", "rules", "Tables", "nat"].includes(String(what))) throw new UnfaithfulCall("pfctl -F", String(what));
  if (what === "rules" || what === "all") pf.load(anchor, "\n");
  return { status: 0, stdout: "", stderr: `${ALTQ}rules cleared\n` };
}
