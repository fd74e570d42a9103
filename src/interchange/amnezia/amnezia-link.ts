import { isFault } from "../../config/field/leaf.ts";
import { checkTunnelName } from "../../config/section/path.ts";
import { parseIp } from "../../model/ip.ts";
import { finish, hasErrors, type Imported, type ImportOptions, keyLike, tunnelName } from "../import-config.ts";
import { type ImportFinding, importError, importNote } from "../import-finding.ts";
import { importTunnel } from "../imported-tunnel.ts";
import { itemsOf, joinEndpoint, objectOf, objectsOf, parseJson, wordOf } from "../json/json-value.ts";
import { OBFUSCATION_KEYS } from "../wg-quick/conf-keys.ts";
import { type ConfEntry, type ConfSection, parseConf } from "../wg-quick/conf-sections.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Imports a `vpn://` link of AmneziaVPN: JSON with `containers`, of which `defaultContainer` counts. That has `awg` or
 * `wireguard` with `last_config`, JSON in a text, whose `config` is a conf (amnezia-client issue 2988).
 */
export function importAmnezia(document: Json, options: ImportOptions): Imported {
  const findings: ImportFinding[] = [];
  const sections = sectionsOf(document, options.source, findings);
  const described = keyLike(wordOf(document["description"]) ?? "");
  const isUsable = options.name === undefined && !isFault(checkTunnelName(described));
  const name = tunnelName(isUsable ? { ...options, name: described } : options, findings);
  if (hasErrors(findings)) return { text: "", secrets: [], findings };
  reportAccess(document, options.source, findings);
  const tunnel = importTunnel({ ...options, name, sections, place: options.source }, findings);
  return finish({ ...options, tunnels: [tunnel], program: "AmneziaVPN", routing: { kind: "allowed-ips" } }, findings);
}

function sectionsOf(document: Json, source: string, findings: ImportFinding[]): readonly ConfSection[] {
  const found = lastConfigOf(document, source, findings);
  if (found === undefined) return [];
  const { lastConfig, isAmnezia } = found;
  const inner = objectOf(typeof lastConfig === "string" ? parseJson(lastConfig) : lastConfig);
  const conf = inner === undefined ? lastConfig : inner["config"];
  if (typeof conf !== "string" || conf.trim() === "") return inner === undefined ? [] : fieldSections(inner, source);
  const parsed = parseConf(withDns(conf, document), `${source} (config)`);
  findings.push(...parsed.findings);
  const fields =
    isAmnezia || inner?.["isObfuscationEnabled"] === true ? changedFields(inner, parsed.sections, source) : [];
  const hasMtu = parsed.sections.some(({ entries }) => entries.some(({ key }) => key.toLowerCase() === "mtu"));
  const mtu = hasMtu ? undefined : wordOf(inner?.["mtu"]);
  // The client reads the MTU from a field beside the conf, which has none.
  const entries = mtu === undefined ? fields : [...fields, { key: "MTU", value: mtu, place: `${source} (mtu)` }];
  return entries.length === 0 ? parsed.sections : [...parsed.sections, { kind: "interface", place: source, entries }];
}

/**
 * AmneziaWG parameters beside the conf with other values. The app connects with these, and its settings change only
 * these. For a server of plain WireGuard they exist only there (amnezia-client, localsocketcontroller.cpp,
 * processNativeWireGuardConfig).
 */
function changedFields(inner: Json | undefined, sections: readonly ConfSection[], source: string): ConfEntry[] {
  const written = new Map<string, string>();
  for (const { kind, entries } of sections)
    if (kind === "interface") for (const { key, value } of entries) written.set(key.toLowerCase(), value);
  return OBFUSCATION_KEYS.flatMap(({ name }) => {
    const value = wordOf(inner?.[name]);
    if (value === undefined || value === written.get(name.toLowerCase())) return [];
    return [{ key: name, value, place: `${source} (${name})` }];
  });
}

interface FoundConfig {
  readonly lastConfig: unknown;
  readonly isAmnezia: boolean;
}

function lastConfigOf(document: Json, source: string, findings: ImportFinding[]): FoundConfig | undefined {
  const containers = objectsOf(document["containers"]);
  const wanted = containers.filter(({ container }) => container === document["defaultContainer"]);
  for (const container of [...wanted, ...containers]) {
    const awg = objectOf(container["awg"]);
    const lastConfig = (awg ?? objectOf(container["wireguard"]))?.["last_config"];
    if (lastConfig !== undefined) return { lastConfig, isAmnezia: awg !== undefined };
  }
  const message = "the link contains no client configuration of AmneziaWG or WireGuard";
  findings.push(importError(source, message, "share the connection again as AmneziaWG, or import its conf"));
  return undefined;
}

/** The client replaces these words by its DNS servers when it connects. */
function withDns(conf: string, { dns1, dns2 }: Json): string {
  const address = (value: unknown): string => {
    const word = wordOf(value);
    return word !== undefined && parseIp(word) !== undefined ? word : "";
  };
  return conf.replaceAll("$PRIMARY_DNS", address(dns1)).replaceAll("$SECONDARY_DNS", address(dns2));
}

/** Links made by other programs may have fields only. */
function fieldSections(fields: Json, source: string): ConfSection[] {
  const entry = (key: string, from: string): ConfEntry[] =>
    itemsOf(fields[from]).flatMap((one) => {
      const value = wordOf(one);
      return value === undefined ? [] : [{ key, value, place: `${source} (${from})`, spelled: from }];
    });
  const [host, port] = [wordOf(fields["hostName"]), wordOf(fields["port"])];
  const endpoint =
    host === undefined || port === undefined
      ? []
      : [{ key: "Endpoint", value: joinEndpoint(host, port), place: `${source} (hostName)` }];
  return [
    {
      kind: "interface",
      place: source,
      entries: [
        ...entry("PrivateKey", "client_priv_key"),
        ...entry("Address", "client_ip"),
        ...entry("MTU", "mtu"),
        ...OBFUSCATION_KEYS.flatMap(({ name }) => entry(name, name)),
      ],
    },
    {
      kind: "peer",
      place: source,
      entries: [
        ...entry("PublicKey", "server_pub_key"),
        ...entry("PresharedKey", "psk_key"),
        ...entry("AllowedIPs", "allowed_ips"),
        ...entry("PersistentKeepalive", "persistent_keep_alive"),
        ...endpoint,
      ],
    },
  ];
}

function reportAccess({ userName, password }: Json, source: string, findings: ImportFinding[]): void {
  if (userName === undefined && password === undefined) return;
  const message = "the link also contains the server's login (userName, password), which is not imported";
  findings.push(importNote(source, message, "share links without the login"));
}
