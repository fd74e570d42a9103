import {
  type ConnectedServer,
  DEFAULT_PORTS,
  type NameServer,
  SERVER_PROTOCOLS,
} from "../../../model/dns/name-server.ts";
import { checkIpAddress } from "../../field/address.ts";
import { checkDomain } from "../../field/domain.ts";
import { nearestWord } from "../../field/edit-distance.ts";
import { type Fault, fault, isFault, leaf, quoteKey, wrongType } from "../../field/leaf.ts";
import { ADDRESS_PATTERN, DOMAIN_PATTERN } from "../../field/patterns.ts";
import { checkPort } from "../../field/port.ts";
import { checkAbsolutePath, checkOneOf, checkText, orList } from "../../field/scalar.ts";

const MOST_PATH = 255;
const URL_PATH = "^/[!-~]*$";
const ADDRESS = {
  anyOf: [
    { type: "string", format: "ipv4", pattern: ADDRESS_PATTERN },
    { type: "string", format: "ipv6", pattern: ADDRESS_PATTERN },
  ],
};

type Reader = (value: unknown) => string | number | Fault;

/** What each key of a server with a protocol makes of its value. */
const READERS: { readonly [K in keyof ConnectedServer]-?: Reader } = {
  address: checkIpAddress,
  protocol: (value) =>
    typeof value === "string" ? checkOneOf(value, SERVER_PROTOCOLS) : wrongType(value, orList(SERVER_PROTOCOLS)),
  name: checkDomain,
  port: (value) => (typeof value === "number" ? checkPort(value) : wrongType(value, "a port number")),
  path: (value) => {
    const path = checkText(value, MOST_PATH);
    if (isFault(path) || new RegExp(URL_PATH).test(path)) return path;
    return fault("path-relative", "the path of the query is not absolute", "for example /dns-query");
  },
  ca: checkAbsolutePath,
};

/** Keys of encrypted protocols. */
const ONLY_ENCRYPTED = ["name", "path", "ca"] as const;

const SERVER = {
  type: "object",
  properties: {
    address: { ...ADDRESS, description: "The server's address." },
    protocol: { enum: SERVER_PROTOCOLS, description: "DNS over TCP, TLS or HTTPS." },
    name: { type: "string", pattern: DOMAIN_PATTERN, description: "The name in its certificate; else its address." },
    port: {
      type: "integer",
      minimum: 1,
      maximum: 65535,
      description: `Port: ${DEFAULT_PORTS.tcp} for tcp, ${DEFAULT_PORTS.tls} for tls and ${DEFAULT_PORTS.https} for https when absent.`,
    },
    path: {
      type: "string",
      maxLength: MOST_PATH,
      pattern: URL_PATH,
      description: "Path of https: /dns-query when absent.",
    },
    ca: {
      type: "string",
      minLength: 1,
      maxLength: 4096,
      pattern: "^/",
      description: "File of the accepted authorities.",
    },
  },
  required: ["address", "protocol"],
  additionalProperties: false,
};

/** A server of names: an address, or a server by protocol and address, with the name in its certificate. */
export const dnsServer = leaf(
  { anyOf: [...ADDRESS.anyOf, SERVER], form: "address or server" },
  (input): NameServer | Fault => (isMap(input) ? readConnected(input) : checkIpAddress(input)),
).meta({ id: "DnsServer" });

function isMap(input: unknown): input is Readonly<Record<string, unknown>> {
  return typeof input === "object" && input !== null && !Array.isArray(input);
}

function readConnected(input: Readonly<Record<string, unknown>>): NameServer | Fault {
  const known = Object.keys(READERS);
  const server: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(input)) {
    const reader = Object.hasOwn(READERS, key) ? READERS[key as keyof ConnectedServer] : undefined;
    if (reader === undefined) {
      const near = nearestWord(key, known);
      const remedy = near === undefined ? `use ${orList(known)}` : `did you mean ${near}?`;
      return fault("unknown-key", `unknown key ${quoteKey(key, near)}`, remedy, [key]);
    }
    const read = reader(value);
    if (isFault(read)) return { ...read, path: [key, ...(read.path ?? [])] };
    server[key] = read;
  }
  for (const key of ["address", "protocol"]) {
    if (server[key] === undefined) return fault("missing-key", "a key is missing", "add it", [key]);
  }
  const foreign = server["protocol"] === "tcp" ? ONLY_ENCRYPTED.find((key) => server[key] !== undefined) : undefined;
  if (foreign !== undefined) return fault("unknown-key", `tcp has no ${foreign}`, "remove it, or use tls", [foreign]);
  return server as unknown as ConnectedServer;
}
