import { isFault } from "../config/field/leaf.ts";
import { loadConfig } from "../config/load-config.ts";
import { checkTunnelName } from "../config/section/path.ts";
import { type Outline, renderOutline } from "./config-tree.ts";
import { type ImportFinding, importError, importNote } from "./import-finding.ts";
import { type MachineInput, machineOutline } from "./imported-config.ts";
import { type ImportedSecret, type ImportedTunnel, importTunnel } from "./imported-tunnel.ts";
import { parseConf } from "./wg-quick/conf-sections.ts";

/** What is known besides the text. */
export interface ImportOptions {
  /** Name of the text in findings: a path, or `-`. */
  readonly source: string;
  /** Key of the tunnel; made from the source's name when absent. */
  readonly name?: string;
  /** Absolute folder of the secrets in references. */
  readonly secretsDir: string;
  /** DNS servers for endpoints that are names. */
  readonly bootstrap: readonly string[];
  /** The path of the config to be written, as a word of a shell. */
  readonly target?: string;
  /** The tunnel is up on a device that wg-quick named after the file: the config takes it over. */
  readonly adopt?: boolean;
}

/** The result of an import; unusable if a finding is an error. */
export interface Imported {
  /** YAML that `loadConfig` accepts. */
  readonly text: string;
  readonly secrets: readonly ImportedSecret[];
  readonly findings: readonly ImportFinding[];
}

/** Reads a wg-quick or awg-quick conf. Pure; never throws, whatever the text contains. */
export function importConf(text: string, options: ImportOptions): Imported {
  const { sections, findings: wrong } = parseConf(text, options.source);
  const findings = [...wrong];
  const name = tunnelName(options, findings);
  if (hasErrors(findings)) return { text: "", secrets: [], findings };
  const adopts = options.adopt === true ? fileName(options.source) : undefined;
  const tunnel = importTunnel({ ...options, name, sections, place: options.source, adopts }, findings);
  const adopted = adopts === undefined ? [] : [name];
  return finish(
    { ...options, tunnels: [tunnel], program: programOf(tunnel), routing: { kind: "allowed-ips" }, adopted },
    findings,
  );
}

/** Confs with obfuscation are those of awg-quick. */
function programOf({ isObfuscated }: ImportedTunnel): string {
  return isObfuscated ? "awg-quick" : "wg-quick";
}

/** Whether the import failed: some finding is an error. */
export function hasErrors(findings: readonly ImportFinding[]): boolean {
  return findings.some(({ severity }) => severity === "error");
}

/** Writes the config and checks it as `awg validate` would; problems are reported at the place they came from. */
export function finish(input: MachineInput, findings: ImportFinding[]): Imported {
  const outline: Outline = machineOutline(input, findings);
  const secrets = input.tunnels.flatMap((tunnel) => tunnel.secrets);
  if (hasErrors(findings)) return { text: "", secrets: [], findings };
  const { text, places } = renderOutline(outline);
  for (const { severity, line, message, remedy } of loadConfig([{ name: input.source, text }]).problems) {
    const place = places[line - 1] || input.source;
    findings.push(severity === "error" ? importError(place, message, remedy) : importNote(place, message, remedy));
  }
  return hasErrors(findings) ? { text: "", secrets: [], findings } : { text, secrets, findings };
}

const MAX_NAME = 32;

/** The key of a tunnel: --name, else the file's name, reduced to valid characters. */
export function tunnelName(
  { name, source }: Pick<ImportOptions, "name" | "source">,
  findings: ImportFinding[],
): string {
  if (name !== undefined) {
    const checked = checkTunnelName(name);
    if (!isFault(checked)) return checked;
    findings.push(importError("--name", checked.message, checked.remedy));
    return "vpn";
  }
  const file = fileName(source);
  const made = keyLike(file);
  const isUsable = made !== "" && !isFault(checkTunnelName(made));
  const key = isUsable ? made : "vpn";
  if (file !== key && file !== "-") findings.push(importNote(source, nameWords(file, key), "--name sets another name"));
  return key;
}

function nameWords(file: string, key: string): string {
  if (file.length <= MAX_NAME) return `the tunnel is named ${key}`;
  return `the name is shortened to ${key} (${MAX_NAME} characters at most)`;
}

/** A file's name without folders and extension: wg-quick's name for the device. */
function fileName(source: string): string {
  return source.slice(source.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "");
}

/** A word reduced to a valid tunnel key; may be empty. */
export function keyLike(word: string): string {
  return word
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, MAX_NAME)
    .replace(/-+$/, "");
}
