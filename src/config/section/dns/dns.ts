import { z } from "zod";
import type { NameServer } from "../../../model/dns/name-server.ts";
import { keyMeta } from "../../feature/support.ts";
import { ipAddress } from "../../field/address.ts";
import { checkDomain } from "../../field/domain.ts";
import { duration } from "../../field/duration.ts";
import { isFault, leaf } from "../../field/leaf.ts";
import { DOMAIN_PATTERN } from "../../field/patterns.ts";
import { boolean } from "../../field/scalar.ts";
import { DNS_CONSTRAINTS } from "../constraints.ts";
import { type Via, via } from "../path.ts";
import { dnsServer } from "./dns-server.ts";

const domainKey = z
  .string()
  .refine((name) => !isFault(checkDomain(name)), {
    params: { id: "domain-syntax", remedy: "for example corp.example" },
    error: "the key is not a domain name",
  })
  .meta({ pattern: DOMAIN_PATTERN });

const domainName = leaf({ type: "string", pattern: DOMAIN_PATTERN }, checkDomain);

const split = z.record(domainKey, z.array(dnsServer).min(1)).transform((servers) => {
  const bySuffix: Record<string, NameServer[]> = {};
  for (const [name, addresses] of Object.entries(servers)) {
    const suffix = checkDomain(name);
    if (!isFault(suffix)) bySuffix[suffix] = addresses;
  }
  return bySuffix;
});

/** Which DNS servers are asked and by which path. */
export const dnsSchema = z
  .strictObject({
    servers: z
      .array(dnsServer)
      .meta(keyMeta("Servers for all names without an entry in split.", "dns.encrypted"))
      .prefault([]),
    search: z.array(domainName).describe("Domains in which programs look for names without a dot.").exactOptional(),
    via: via()
      .describe("Path to the servers: a tunnel's name or direct; the default path when absent.")
      .exactOptional(),
    bootstrap: z
      .array(ipAddress())
      .describe(
        "Servers queried for the names of endpoints only; they pass the kill switch. Without any: the host's own servers.",
      )
      .prefault([]),
    leakProtection: boolean()
      .describe("Allow DNS to these servers only, whatever server a program uses.")
      .prefault(true),
    blockEncryptedDns: boolean()
      .meta(
        keyMeta(
          "Block DNS over TLS and QUIC (port 853), and HTTPS to known public resolvers, on every path.",
          "dns.blockEncryptedDns",
        ),
      )
      .prefault(false),
    split: split.meta(keyMeta("Servers for single domains: { corp.example: [10.0.0.53] }.", "dns.split")).prefault({}),
    grace: duration(0, 86400)
      .describe("How long an address stays in the rules of its domain after its TTL: 5m when absent.")
      .exactOptional(),
  })
  .meta(DNS_CONSTRAINTS);

export type DnsInput = z.output<typeof dnsSchema>;

/** DNS with its path known. */
export type Dns = Omit<DnsInput, "via"> & { via: Via };
