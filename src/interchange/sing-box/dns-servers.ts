import { parseIp } from "../../model/ip.ts";
import { type ImportFinding, importNote } from "../import-finding.ts";
import type { MachineInput } from "../imported-config.ts";
import { itemsOf, objectOf, objectsOf, wordOf } from "../json/json-value.ts";
import type { Target } from "./route-rules.ts";

type Json = Readonly<Record<string, unknown>>;

/** Servers without an address: the system's, and made-up answers. */
const NO_ADDRESS = ["local", "dhcp", "fakeip", "hosts", "rcode", "resolved", "tailscale"];

/**
 * The server of `dns.final`, else the first one, with its path. sing-box may ask different servers for different names;
 * awg asks one list. Everything else is reported.
 *
 * @param rest path of what no rule matches; a server without a detour is asked there
 */
export function importDns(
  dns: unknown,
  { place, target, rest }: { place: string; target: (tag: string | undefined) => Target; rest: string },
  findings: ImportFinding[],
): MachineInput["dns"] {
  const document = objectOf(dns);
  if (document === undefined) return undefined;
  const servers = objectsOf(document["servers"]);
  const final = wordOf(document["final"]);
  const index = final === undefined ? 0 : servers.findIndex((server) => wordOf(server["tag"]) === final);
  reportOthers(document, servers.length, index, place, findings);
  const server = servers[index];
  if (server === undefined) return undefined;
  const at = `${place}.servers[${index}]`;
  const { kind, host } = addressOf(server);
  if (kind === "local" || host === undefined || parseIp(host) === undefined) {
    findings.push(importNote(at, "this DNS server is not imported: it has no IP address", REMEDY));
    return undefined;
  }
  const detour = wordOf(server["detour"]);
  const found = detour === undefined ? ({ kind: "path", via: rest } as const) : target(detour);
  const via = found.kind === "path" ? found.via : "block";
  if (kind === "encrypted" && via === "direct") {
    findings.push(importNote(at, "this encrypted DNS server is not imported", ENCRYPTED_REMEDY));
    return undefined;
  }
  if (kind === "encrypted")
    findings.push(importNote(at, `${host} is asked by plain DNS through ${via}: encrypted DNS is not imported`));
  return { servers: [{ value: host, place: at }], via };
}

const REMEDY = "add dns: { servers: [ADDRESS], via: TUNNEL }";
const ENCRYPTED_REMEDY = "add dns: { servers: [{ address: ADDRESS, protocol: tls, name: NAME }] }";

function reportOthers(document: Json, count: number, used: number, place: string, findings: ImportFinding[]): void {
  for (let index = 0; index < count; index += 1) {
    if (index === used) continue;
    findings.push(importNote(`${place}.servers[${index}]`, "this DNS server is not imported: awg uses dns.final only"));
  }
  for (const [index] of itemsOf(document["rules"]).entries())
    findings.push(
      importNote(`${place}.rules[${index}]`, "this DNS rule is not imported: awg uses dns.final for all names"),
    );
}

/** `1.1.1.1`, `udp://…`, `tls://…`, `https://…` in `address`, or `type` and `server` since sing-box 1.12. */
function addressOf(server: Json): { kind: "plain" | "encrypted" | "local"; host?: string } {
  const text = wordOf(server["address"]) ?? "";
  const [, scheme, rest] = /^([a-z0-9]+):\/\/(.*)$/.exec(text) ?? [undefined, wordOf(server["type"]) ?? "udp", text];
  const host = (wordOf(server["server"]) ?? rest ?? "").replace(/\/.*$/, "").replace(/^\[(.*)\].*$/, "$1");
  if (NO_ADDRESS.includes(scheme ?? "") || NO_ADDRESS.includes(text) || host === "") return { kind: "local" };
  const address = /^[0-9.]+:[0-9]+$/.test(host) ? host.replace(/:[0-9]+$/, "") : host;
  return { kind: scheme === "udp" || scheme === "tcp" ? "plain" : "encrypted", host: address };
}
