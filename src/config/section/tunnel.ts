import { z } from "zod";
import { isDeviceName } from "../../model/resources/tunnel-key.ts";
import { keyMeta } from "../feature/support.ts";
import { interfaceAddress, ipAddress, prefix } from "../field/address.ts";
import { durationRange } from "../field/duration.ts";
import { otherEnd } from "../field/endpoint.ts";
import { publicKey } from "../field/key.ts";
import { type Fault, fault, leaf, quote, wrongType } from "../field/leaf.ts";
import { absolutePath, boolean, checkWholeNumber, oneOf, text, wholeNumber } from "../field/scalar.ts";
import { secretKey, secretText } from "../field/secret-ref.ts";
import { PLAIN_CONSTRAINTS, TUNNEL_CONSTRAINTS } from "./constraints.ts";
import { type Obfuscation, obfuscationSchema } from "./obfuscation.ts";
import { tunnelList } from "./path.ts";

export const ENGINES = ["auto", "embedded", "userspace", "kernel"] as const;

/**
 * Names that wg-quick and the kernel accept (1 to 15 bytes without slash, colon, percent or blank, dev_valid_name of
 * net/core/dev.c). Not accepted: a leading dash or dot, `lo`, and the names of settings for every device
 * (/proc/sys/net/ipv4/conf).
 */
const interfaceName = leaf(
  { type: "string", minLength: 1, maxLength: 15, pattern: "^[A-Za-z0-9_][A-Za-z0-9_=+.-]*$" },
  (input): string | Fault => {
    if (typeof input !== "string") return wrongType(input, "an interface name");
    const isTaken = ["lo", "all", "default"].includes(input);
    if (isDeviceName(input) && !isTaken) return input;
    const what = isTaken ? "is reserved by the kernel" : "is not an interface name";
    const remedy = isTaken ? "use another name" : "use 1 to 15 letters, digits or _; after the first also . = + or -";
    return fault("interface-name", `${quote(input)} ${what}`, remedy);
  },
);

const mtu = leaf(
  { anyOf: [{ const: "auto" }, { type: "integer", minimum: 576, maximum: 65535 }] },
  (input): number | "auto" | Fault => {
    if (input === "auto") return "auto";
    return typeof input === "number"
      ? checkWholeNumber(input, 576, 65535)
      : wrongType(input, "auto or a number of bytes");
  },
);

const common = {
  enabled: boolean().meta(keyMeta("Whether the tunnel exists.", "tunnel.disabled")).prefault(true),
  failover: z
    .strictObject({
      tunnels: tunnelList().describe("Tunnels that take over, in order."),
      mode: oneOf(["hot", "cold", "prewarmed"]).describe("Whether they are up beforehand.").prefault("cold"),
    })
    .meta(keyMeta("Tunnels that carry this one's traffic while it is down.", "tunnel.failover"))
    .exactOptional(),
};

const peer = z
  .strictObject({
    name: text(64).describe("A name for status.").exactOptional(),
    publicKey: publicKey().describe("The peer's public key in base64."),
    presharedKey: secretKey
      .meta(keyMeta("Preshared key: a reference to 32 bytes in base64.", "secret.keychain"))
      .exactOptional(),
    endpoint: otherEnd()
      .describe("host:port of the peer; absent for a peer that connects to this host.")
      .exactOptional(),
    allowedIPs: z
      .array(prefix())
      .describe("Addresses that the peer may send from, and that are sent to it.")
      .prefault([]),
    persistentKeepalive: durationRange(0, 65535)
      .describe("Send an empty packet after this much silence: 25, 25s or 20-30; 0 is off.")
      .exactOptional(),
  })
  .meta({ id: "Peer" });

const noise = {
  ...common,
  privateKey: secretKey.meta(
    keyMeta("This host's private key: { file: /path }, { env: NAME } or { keychain: name }.", "secret.keychain"),
  ),
  addresses: z.array(interfaceAddress()).describe("Addresses of the interface, with prefix lengths.").prefault([]),
  listenPort: wholeNumber(0, 65535).describe("UDP port to listen on; 0 lets the kernel choose.").prefault(0),
  mtu: mtu.describe("auto: path MTU of the endpoint's interface less overhead; or a number of bytes.").prefault("auto"),
  engine: oneOf(ENGINES)
    .meta(
      keyMeta(
        "embedded: awg's own. userspace: an external wireguard-go or amneziawg-go. auto is embedded.",
        "tunnel.engine.embedded",
        "tunnel.engine.userspace",
        "tunnel.engine.kernel",
      ),
    )
    .prefault("auto"),
  peers: z.array(peer).min(1).describe("Peers, as wg(8) has them."),
  interface: interfaceName
    .meta(keyMeta("Interface name instead of awg-<tunnel>; on macOS utun and a number.", "tunnel.interface"))
    .exactOptional(),
  table: wholeNumber(1, 4294967295).meta(keyMeta("Routing table of the tunnel.", "tunnel.table")).exactOptional(),
  fwmark: wholeNumber(1, 4294967295)
    .meta(keyMeta("Firewall mark of the tunnel's own packets.", "tunnel.fwmark"))
    .exactOptional(),
  dns: z.array(ipAddress()).meta(keyMeta("DNS servers reached through this tunnel.", "tunnel.dns")).exactOptional(),
  forward: boolean()
    .meta(keyMeta("Forward packets between the tunnel and other interfaces.", "tunnel.forward"))
    .prefault(false),
  masquerade: boolean()
    .meta(keyMeta("Translate forwarded packets to this host's address.", "tunnel.masquerade"))
    .prefault(false),
};

const wireguard = z
  .strictObject({ protocol: z.literal("wireguard").describe("Plain WireGuard."), ...noise })
  .meta({ id: "WireGuardTunnel", ...PLAIN_CONSTRAINTS });
const amneziawg = z
  .strictObject({
    protocol: z.literal("amneziawg").describe("WireGuard with obfuscation."),
    ...noise,
    obfuscation: obfuscationSchema
      .meta(keyMeta("AmneziaWG parameters, by their usual names.", "tunnel.obfuscation"))
      .exactOptional(),
  })
  .meta({ id: "AmneziaTunnel", ...TUNNEL_CONSTRAINTS });

const proxy = {
  ...common,
  server: otherEnd().describe("host:port of the proxy."),
  auth: z
    .strictObject({
      username: text().describe("User name."),
      password: secretText.meta(keyMeta("Reference to the password.", "secret.keychain")),
    })
    .describe("Name and password for the proxy.")
    .exactOptional(),
};

const proxyTls = z
  .strictObject({
    serverName: text().describe("Name in the proxy's certificate (default: the host of server).").exactOptional(),
    ca: absolutePath()
      .describe("File of the accepted certificate authorities in PEM (default: Node's own list).")
      .exactOptional(),
  })
  .describe("TLS to the proxy. {} uses the defaults.");

const socks5 = z
  .strictObject({
    protocol: z.literal("socks5").meta(keyMeta("A SOCKS5 proxy.", "tunnel.proxy")),
    ...proxy,
    udp: boolean().describe("Whether the proxy carries UDP (UDP ASSOCIATE); if not, UDP is dropped.").prefault(true),
  })
  .meta({ id: "Socks5Tunnel" });
const http = z
  .strictObject({
    protocol: z.literal("http").meta(keyMeta("An HTTP proxy (CONNECT), for TCP only.", "tunnel.proxy")),
    ...proxy,
    tls: proxyTls.exactOptional(),
  })
  .meta({ id: "HttpTunnel" });

/** A WireGuard or AmneziaWG tunnel, or a proxy. */
export const tunnelSchema = z.discriminatedUnion("protocol", [amneziawg, wireguard, socks5, http]);

export type TunnelInput = z.output<typeof tunnelSchema>;
export type Peer = z.output<typeof peer>;
export type ProxyTunnel = z.output<typeof socks5> | z.output<typeof http>;

/** A WireGuard or AmneziaWG tunnel; its obfuscation's version is known. */
export type NoiseTunnel = Omit<z.output<typeof wireguard>, "protocol"> & {
  protocol: "wireguard" | "amneziawg";
  obfuscation?: Obfuscation;
};
export type Tunnel = NoiseTunnel | ProxyTunnel;
