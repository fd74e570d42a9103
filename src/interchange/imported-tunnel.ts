import { checkDomain } from "../config/field/domain.ts";
import { parseIp } from "../model/ip.ts";
import { canonicalPrefix, parsePrefix, renderPrefix } from "../model/prefix.ts";
import { list, map, type Outline, scalar } from "./config-tree.ts";
import { type ImportFinding, importError, importNote, showWord } from "./import-finding.ts";
import { OBFUSCATION_KEYS } from "./wg-quick/conf-keys.ts";
import type { ConfSection } from "./wg-quick/conf-sections.ts";
import { SectionValues, type Sourced } from "./wg-quick/read-section.ts";
import { reportScripts } from "./wg-quick/scripts.ts";

/** A secret that was found, and the file to write it to. */
export interface ImportedSecret {
  readonly path: string;
  readonly value: string;
}

/** A tunnel to be written, and the facts that the rest of the config follows from. */
export interface ImportedTunnel {
  readonly name: string;
  readonly outline: Outline;
  readonly secrets: readonly ImportedSecret[];
  /** All peers' allowedIPs, canonical, each once. */
  readonly prefixes: readonly Sourced[];
  readonly dnsServers: readonly Sourced[];
  readonly searchDomains: readonly Sourced[];
  /** The first endpoint that is a name. */
  readonly namedEndpoint: Sourced | undefined;
  /** Whether wg-quick would route what peers accept into the tunnel (no `Table = off`, no table of its own). */
  readonly addsRoutes: boolean;
  /** A script of the conf was a kill switch. */
  readonly hadKillSwitch: boolean;
  readonly isObfuscated: boolean;
}

export interface TunnelInput {
  readonly name: string;
  readonly sections: readonly ConfSection[];
  /** Place of problems with the tunnel as a whole. */
  readonly place: string;
  /** Absolute folder of the secrets in references. */
  readonly secretsDir: string;
  /** The existing device that is to be taken over with its engine. */
  readonly adopts?: string | undefined;
  /** How a source that is not a conf spells missing keys. */
  readonly spells?: Readonly<Record<KeyName, string>>;
}

type KeyName = "PrivateKey" | "PublicKey";

function missing(place: string, name: KeyName, spells: TunnelInput["spells"]): ImportFinding {
  const section = name === "PrivateKey" ? "[Interface]" : "this [Peer]";
  return spells === undefined
    ? importError(place, `${name} is missing`, `add it to ${section}`)
    : importError(place, `${spells[name]} is missing`, "add it there");
}

/** Converts the sections of a conf into a tunnel. `findings` gets what it does not import. */
export function importTunnel(input: TunnelInput, findings: ImportFinding[]): ImportedTunnel {
  const { name, sections, place } = input;
  const entries = sections.flatMap((section) => (section.kind === "interface" ? section.entries : []));
  const values = new SectionValues("interface", entries, findings);
  const secrets = new SecretFiles(input);
  const obfuscation = importObfuscation(values, secrets);
  const privateKey = values.key("PrivateKey");
  if (privateKey === undefined) findings.push(missing(place, "PrivateKey", input.spells));
  const peers = sections
    .filter(({ kind }) => kind === "peer")
    .map((peer, index) => importPeer(peer, `peer${index + 1}.psk`, secrets, findings, input.spells));
  if (peers.length === 0) findings.push(importError(place, "there is no [Peer]", "add one"));
  const hadKillSwitch = reportScripts(values, findings);
  reportLeftOut(values, findings);
  const listenPort = values.one("ListenPort");
  const mtu = values.one("MTU");
  const addresses = values.items("Address").map(({ value, place }) => scalar(value, place));
  const { adopts } = input;
  const outline = map({
    interface: adopts === undefined ? undefined : scalar(adopts, place),
    engine: adopts === undefined ? undefined : scalar("userspace"),
    protocol: scalar(obfuscation === undefined ? "wireguard" : "amneziawg"),
    privateKey: privateKey && secrets.add("key", privateKey),
    addresses: addresses.length === 0 ? undefined : list(addresses),
    listenPort: listenPort && number(listenPort),
    mtu: mtu && number(mtu),
    obfuscation,
    peers: list(peers.map((peer) => peer.outline)),
  });
  return {
    name,
    outline,
    secrets: secrets.files,
    prefixes: onceEach(peers.flatMap((peer) => peer.prefixes)),
    ...importDns(values, findings),
    namedEndpoint: peers.flatMap(({ endpoint }) => (endpoint !== undefined && isNamed(endpoint) ? [endpoint] : []))[0],
    addsRoutes: addsRoutes(values, findings),
    hadKillSwitch,
    isObfuscated: obfuscation !== undefined,
  };
}

/** The files for the secrets of one tunnel. */
class SecretFiles {
  readonly files: ImportedSecret[] = [];
  readonly #name: string;
  readonly #folder: string;

  constructor({ name, secretsDir }: TunnelInput) {
    this.#name = name;
    this.#folder = secretsDir.replace(/\/$/, "");
  }

  /** Records the secret for a file of its own and returns the reference to it. */
  add(kind: string, { value, place }: Sourced): Outline {
    const path = `${this.#folder}/${this.#name}.${kind}`;
    this.files.push({ path, value });
    return map({ file: scalar(path, place) });
  }
}

interface ImportedPeer {
  readonly outline: Outline;
  readonly prefixes: readonly Sourced[];
  readonly endpoint: Sourced | undefined;
}

function importPeer(
  { entries, place, name }: ConfSection,
  secretName: string,
  secrets: SecretFiles,
  findings: ImportFinding[],
  spells: TunnelInput["spells"],
): ImportedPeer {
  const values = new SectionValues("peer", entries, findings);
  const publicKey = values.key("PublicKey");
  if (publicKey === undefined) findings.push(missing(place, "PublicKey", spells));
  const presharedKey = values.key("PresharedKey");
  const endpoint = values.one("Endpoint");
  const keepalive = values.one("PersistentKeepalive");
  const isKept = keepalive !== undefined && !/^(off|0+)$/i.test(keepalive.value);
  const prefixes = onceEach(
    values
      .items("AllowedIPs")
      .flatMap((item) => allowed(item, findings))
      .map(canonical),
  );
  const security = values.one("AdvancedSecurity");
  if (security !== undefined && !/^off$/i.test(security.value)) {
    findings.push(importNote(security.place, "AdvancedSecurity is not imported: only the kernel module of 1.0 has it"));
  }
  const hasNoKey = presharedKey === undefined || /^A{43}=$/.test(presharedKey.value);
  const outline = map({
    name: name === undefined ? undefined : scalar(name, place),
    publicKey: publicKey && scalar(publicKey.value, publicKey.place),
    presharedKey: hasNoKey ? undefined : secrets.add(secretName, presharedKey),
    endpoint: endpoint && scalar(endpoint.value, endpoint.place),
    allowedIPs: prefixes.length === 0 ? undefined : list(prefixes.map(({ value, place }) => scalar(value, place))),
    persistentKeepalive: isKept ? number(keepalive) : undefined,
  });
  return { outline, prefixes, endpoint };
}

function importObfuscation(values: SectionValues, secrets: SecretFiles): Outline | undefined {
  const found = OBFUSCATION_KEYS.flatMap(({ name, key, value }): [string, Outline][] => {
    const written = value === "secret" ? values.key(name) : values.one(name);
    if (written === undefined) return [];
    if (value === "secret") return [[key, secrets.add("mask.key", written)]];
    if (value === "text") return [[key, scalar(written.value, written.place)]];
    return [[key, value === "switch" ? onOrOff(written) : number(written)]];
  });
  return found.length === 0 ? undefined : map(Object.fromEntries(found));
}

/** Digits as a number; other text stays text, which is checked when it is read. */
function number({ value, place }: Sourced): Outline {
  return scalar(/^[0-9]{1,15}$/.test(value) ? Number(value) : value, place);
}

/** `on`, `off` or a number, as amneziawg-tools accept. */
function onOrOff({ value, place }: Sourced): Outline {
  if (/^(on|true)$/i.test(value)) return scalar(true, place);
  if (/^(off|false)$/i.test(value)) return scalar(false, place);
  return scalar(/^[0-9]{1,3}$/.test(value) ? Number(value) !== 0 : value, place);
}

/**
 * A prefix without the sign that wireguard-tools accept since 1.0.20250521. `+` adds the prefix, which is the default.
 * `-` removes one that another conf added, and an import has no other.
 */
function allowed({ value, place }: Sourced, findings: ImportFinding[]): Sourced[] {
  if (!value.startsWith("-") || parsePrefix(value.slice(1)) === undefined)
    return [{ value: value.replace(/^\+/, ""), place }];
  const message = `AllowedIPs: ${value} removes what another conf added to the peer, but there is no other conf here`;
  findings.push(importError(place, message, "remove it, and list the prefixes of the peer"));
  return [];
}

/** wg(8) silently clears host bits. */
function canonical({ value, place }: Sourced): Sourced {
  const prefix = parsePrefix(value);
  return { value: prefix === undefined ? value : renderPrefix(canonicalPrefix(prefix)), place };
}

function onceEach(values: readonly Sourced[]): Sourced[] {
  const first = new Map<string, Sourced>();
  for (const one of values) if (!first.has(one.value)) first.set(one.value, one);
  return [...first.values()];
}

function isNamed({ value }: Sourced): boolean {
  const host = /^(.*):[0-9]+$/.exec(value)?.[1] ?? value;
  return parseIp(host.replace(/^\[|\]$/g, "")) === undefined;
}

/** wg-quick treats what is not an address as a search domain. Without servers awg sets no resolver. */
function importDns(
  values: SectionValues,
  findings: ImportFinding[],
): Pick<ImportedTunnel, "dnsServers" | "searchDomains"> {
  const items = values.items("DNS");
  const dnsServers = items.filter(({ value }) => parseIp(value) !== undefined);
  const searchDomains = items.filter(({ value, place }) => {
    if (parseIp(value) !== undefined) return false;
    if (dnsServers.length > 0 && typeof checkDomain(value) === "string") return true;
    const shown = showWord(value.replaceAll(".", " ")) === undefined ? "a domain" : value;
    const why = dnsServers.length > 0 ? "it is not a domain name" : "there is no DNS server beside it";
    findings.push(importNote(place, `the search domain ${shown} is not imported: ${why}`, "use full names"));
    return false;
  });
  return { dnsServers, searchDomains };
}

function addsRoutes(values: SectionValues, findings: ImportFinding[]): boolean {
  const table = values.one("Table");
  if (table === undefined || /^(auto|main|254)$/i.test(table.value)) return true;
  const message = /^off$/i.test(table.value)
    ? "Table = off is kept: no path uses the tunnel yet"
    : "Table is not imported: awg uses a table of its own, and no path uses the tunnel yet";
  findings.push(importNote(table.place, message, "add rules for the tunnel's traffic"));
  return false;
}

function reportLeftOut(values: SectionValues, findings: ImportFinding[]): void {
  const save = values.one("SaveConfig");
  if (save !== undefined && !/^false$/i.test(save.value)) {
    findings.push(importNote(save.place, "SaveConfig is not imported: awg never rewrites its configuration"));
  }
  const mark = values.one("FwMark");
  if (mark !== undefined && !/^(off|0|0x0+)$/i.test(mark.value)) {
    findings.push(importNote(mark.place, "FwMark is not imported: awg marks a tunnel's own packets itself"));
  }
}
