import type { Condition, DaemonLine, ResourceLine, StatusDocument } from "./documents.ts";

/** What the page says at a glance. */
export interface Headline {
  readonly tone: "good" | "warn" | "bad" | "quiet";
  readonly title: string;
  readonly detail: string;
}

/** What keeps a protected host from being ready, by the reason of its condition. */
const READY_TITLES: Readonly<Record<string, string>> = {
  NoNetwork: "no network",
  LoginPage: "this network wants a login",
  NotAsApplied: "not as declared",
  Waiting: "waiting for a tunnel",
};

/** Whether traffic is protected, and why not. Pure. */
export function headlineOf(status: StatusDocument | null, available: boolean): Headline {
  if (!available) {
    return {
      tone: "quiet",
      title: "The daemon does not answer",
      detail: "The rules in the kernel stay. Start it: awg service start",
    };
  }
  if (status === null) return { tone: "quiet", title: "Reading the host …", detail: "" };
  const find = (type: string) => status.conditions.find((one) => one.type === type);
  const [isProtected, ready, stalled] = [find("Protected"), find("Ready"), find("Stalled")];
  if (status.resources.length === 0) {
    return { tone: "quiet", title: "Nothing is applied", detail: "awg does not protect this host's traffic." };
  }
  if (status.override?.what === "pause") {
    return { tone: "warn", title: "Paused", detail: "Traffic goes direct, outside the tunnels." };
  }
  if (stalled?.status === true) return { tone: "bad", title: "awg cannot go on", detail: reasonText(stalled) };
  if (isProtected?.status !== true) {
    const detail = isProtected === undefined ? "The kill switch is off." : reasonText(isProtected);
    return { tone: "bad", title: "Not protected", detail };
  }
  if (ready?.status !== true) {
    const waiting = notConnected(status, ready);
    if (waiting !== undefined) return waiting;
    const title = `Protected, ${READY_TITLES[ready?.reason ?? ""] ?? "not ready"}`;
    return { tone: "warn", title, detail: ready === undefined ? "" : reasonText(ready) };
  }
  const exceptions = exceptionText(status);
  return { tone: "good", title: "Protected", detail: [reasonText(isProtected), ...exceptions].join(" ") };
}

/** What leaves outside the tunnels because a rule says so, as a sentence; none if nothing does. */
function exceptionText({ directRules }: StatusDocument): readonly string[] {
  if (directRules.includes("default")) return ["What no rule names goes direct."];
  const names = directRules.map((origin) => ruleText(origin).replace(/^rule “(.*)”$/, "$1"));
  if (names.length === 0) return [];
  if (names.length > 2) return [`${names[0]} and ${names.length - 1} more go direct, as their rules say.`];
  return [
    names.length === 1
      ? `Only ${names[0]} goes direct, as its rule says.`
      : `Only ${listText(names)} go direct, as their rules say.`,
  ];
}

/** A protected host that waits for tunnels alone; undefined if it waits for something else. */
function notConnected({ resources, fallback }: StatusDocument, ready: Condition | undefined): Headline | undefined {
  const waiting = ready?.reason === "Waiting" ? resources.filter((one) => !one.ready) : [];
  const names = waiting.flatMap((one) => (one.tunnel === undefined ? [] : (tunnelName(one) ?? [])));
  if (names.length === 0 || names.length < waiting.length) return undefined;
  const [only] = names.length === 1 ? waiting : [];
  const isCarried = fallback.some(({ tunnel }) => names.includes(tunnel));
  const silent = only === undefined ? "Their servers do not answer" : "Its server does not answer";
  const blocked =
    only === undefined ? "; their traffic is blocked until they do" : "; its traffic is blocked until it does";
  return {
    tone: "warn",
    title: `Protected, but ${listText(names)} ${only === undefined ? "are" : "is"} not connected`,
    detail: `${silent}${isCarried ? "" : blocked}.${only === undefined ? "" : ` ${handshakeText(only)}`}`,
  };
}

/** When a tunnel was last known to work. */
function handshakeText({ tunnel }: ResourceLine): string {
  const ages = (tunnel?.peers ?? []).flatMap(({ handshakeAgeSeconds }) => handshakeAgeSeconds ?? []);
  return ages.length === 0
    ? "There was no handshake yet."
    : `The last handshake was ${spanText(Math.min(...ages))} ago.`;
}

/** Where the traffic of a tunnel goes while it is down, as a sentence. Pure. */
export function fallbackText({ tunnel, to, rules }: StatusDocument["fallback"][number]): string {
  const takers = listText(rules.map((rule) => (rule === "default" ? "everything that no rule names" : ruleText(rule))));
  const path = to === "direct" ? "direct" : `by ${to}`;
  return `${tunnel} is down: ${takers} ${rules.length === 1 ? "goes" : "go"} ${path} until it is up.`;
}

/** The tunnel of a device, as the config names it. Pure. */
export function deviceName(device: string): string {
  return device.replace(/^awg-/, "");
}

/** "one", "one and two", "one, two and three". Pure. */
export function listText(items: readonly string[]): string {
  return items.length < 2 ? items.join() : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

/** Conditions that a person should know of beside the headline, as sentences. Pure. */
export function warningsOf({ conditions }: StatusDocument): readonly string[] {
  return conditions
    .filter(({ type, status, reason }) => status && (type === "Contended" || reason === "SystemExtension"))
    .map(reasonText);
}

/** Why a condition is as it is, as a sentence. */
export function reasonText({ message }: Condition): string {
  return sentence(message);
}

/** The name of a tunnel resource; undefined for another. */
export function tunnelName({ key }: ResourceLine): string | undefined {
  return key.startsWith("tunnel/") ? key.slice("tunnel/".length) : undefined;
}

const STATES: Readonly<Record<string, string>> = {
  connected: "Connected",
  idle: "Idle: nothing is sent",
  blocked: "No answer from the server",
  down: "Down; its fallback is in use",
};

/** The state of a tunnel in words. */
export function tunnelText({ tunnel, ready }: ResourceLine): string {
  if (tunnel === undefined) return ready ? "Running" : "Not running";
  return STATES[tunnel.state] ?? tunnel.state;
}

/** "12 s", "3 min", "2 h", "5 days". */
export function spanText(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** Bytes with at most three digits: "0 B", "1.5 kB", "23 MB". */
export function bytesText(bytes: number): string {
  let [value, unit] = [Math.max(0, bytes), 0];
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value).toString();
  return `${digits} ${UNITS[unit]}`;
}

/** Bits a second of a rate in bytes a second. */
export function rateText(bytesPerSecond: number): string {
  return `${bytesText(bytesPerSecond * 8).replace("B", "bit")}/s`;
}

/** What the daemon does, for one line. */
export function daemonText(daemon: DaemonLine | null, nowMs: number): string {
  if (daemon === null) return "No daemon runs: nothing repairs what others change.";
  const seconds = daemon.since === null ? 0 : (nowMs - Date.parse(daemon.since)) / 1_000;
  switch (daemon.phase) {
    case "in-sync":
      return daemon.filesNotApplied
        ? "As accepted; the config file on the disk is not applied."
        : `As declared for ${spanText(seconds)}.`;
    case "applying":
      return `Applying the config: ${daemon.keys.join(", ")}`;
    case "repairing":
      return `Repairing what another program changed: ${daemon.keys.join(", ")}`;
    case "waiting":
      return "Trying again soon.";
    default:
      return "Reading the host.";
  }
}

/** A clause as a sentence; a name such as that of a host or a file keeps its first letter. Pure. */
export function sentence(clause: string): string {
  if (clause === "") return "";
  const isWord = /^(?!awg\b)[a-z]+(?=[\s,;:]|$)/.test(clause);
  const begun = isWord ? `${clause.charAt(0).toUpperCase()}${clause.slice(1)}` : clause;
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** A value of a field for people; long ones are cut. */
export function valueText(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

/** What decides, without the number of its paragraph: `rules/0 (media)` becomes `rule “media”`. */
export function ruleText(origin: string): string {
  const rule = origin.replace(/^S[0-9.]+ /, "");
  const [, number, name] = /^rules\/([0-9]+)(?: \((.*)\))?$/.exec(rule) ?? [];
  if (number === undefined) return rule === "default" ? "the default" : rule;
  return name === undefined ? `rule ${Number(number) + 1}` : `rule “${name}”`;
}

/** An entry of the config: its name among the lines of the status, the key that it is under, and its text. */
export interface ConfigEntry {
  readonly entry: string;
  readonly key: string;
  readonly text: string;
}

/** The entry of the config that decides; undefined for what none decides. Pure. */
export function configEntry(origin: string): ConfigEntry | undefined {
  const rule = origin.replace(/^S[0-9.]+ /, "");
  if (rule === "default") return { entry: "default", key: "", text: "default:" };
  const [, number, name] = /^rules\/([0-9]+)(?: \((.*)\))?$/.exec(rule) ?? [];
  if (number === undefined) return undefined;
  const text = name === undefined ? `entry ${Number(number) + 1}` : `name: ${name}`;
  return { entry: rule, key: "rules", text };
}

/** The color of a path by what a rule calls it. Pure. */
export function viaTone(via: string): "good" | "warn" | "bad" {
  if (via === "direct") return "warn";
  return via === "block" ? "bad" : "good";
}
