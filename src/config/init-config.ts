/** What `awg init` may know in advance. All of it is optional; the text then has placeholders. */
export interface InitAnswers {
  readonly name?: string;
  readonly protocol?: "amneziawg" | "wireguard";
  /** host:port of the server. */
  readonly endpoint?: string;
  /** The server's public key in base64. */
  readonly publicKey?: string;
  /** Path of this host's private key; quoted in the text. */
  readonly privateKeyFile?: string;
  /** The public key of that file, if it is known. */
  readonly ownPublicKey?: string;
  /** The tunnel's own addresses. */
  readonly addresses?: readonly string[];
  readonly dnsServers?: readonly string[];
  readonly bootstrapServers?: readonly string[];
}

const DEFAULTS: Required<Omit<InitAnswers, "ownPublicKey">> = {
  name: "laptop",
  protocol: "amneziawg",
  endpoint: "vpn.example.com:51820",
  publicKey: "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
  privateKeyFile: "/etc/awg/vpn.key",
  addresses: ["10.8.0.2/32", "fd00:8::2/128"],
  dnsServers: ["10.8.0.1"],
  bootstrapServers: ["9.9.9.9"],
};

/** A commented config to start from: one tunnel as the default path, with a kill switch and DNS through it. */
export function initConfig(answers: InitAnswers = {}): string {
  const given = { ...DEFAULTS, ...answers };
  return `# yaml-language-server: $schema=./awg.schema.json
# For editors: awg schema > awg.schema.json writes the schema.
# The network path of this host. The server's key and endpoint are examples.
# Check the file: awg validate. See the changes: awg plan. Apply: awg apply
apiVersion: awg/v1
name: ${given.name}

tunnels:
  vpn:
    protocol: ${given.protocol}
${keyComment(given)}    privateKey: { file: ${JSON.stringify(given.privateKeyFile)} }
    addresses: ${list(given.addresses)}
${given.protocol === "amneziawg" ? OBFUSCATION : ""}    peers:
      - publicKey: ${given.publicKey} # the server's
        endpoint: ${JSON.stringify(given.endpoint)}
        allowedIPs: [0.0.0.0/0, "::/0"]
        persistentKeepalive: 25s

# First match wins. Uncomment what you need.
rules: []
#  - { name: local, destinations: [192.168.0.0/16], via: direct }
#  - { name: no-mail, protocol: tcp, ports: [25], via: block }

# All other traffic uses the tunnel, and is dropped while it is down.
default: { via: vpn, fallback: block }

# Only the local network and SSH to this host bypass the tunnel.
killSwitch:
  enabled: true
  allowLan: true
  allow:
    - { direction: in, protocol: tcp, ports: [22] }

dns:
  servers: ${list(given.dnsServers)}
  via: vpn
  # Queried for the tunnel's endpoint only, outside the tunnel.
  bootstrap: ${list(given.bootstrapServers)}
  leakProtection: true

ipv6: auto
`;
}

function keyComment({ ownPublicKey, privateKeyFile }: InitAnswers): string {
  if (ownPublicKey !== undefined) return `    # For the server: public key ${ownPublicKey}\n`;
  return `    # Make a key: (umask 077; awg genkey > ${privateKeyFile})
    # Give its public key to the server: awg pubkey < ${privateKeyFile}
`;
}

const OBFUSCATION = `    # The server must have the same values.
    obfuscation:
      { jc: 4, jmin: 40, jmax: 70, s1: 72, s2: 40,
        h1: 1001, h2: 1002, h3: 1003, h4: 1004 }
`;

/** A flow list; an address with colons needs quotes in some readers, so it has them. */
function list(values: readonly string[]): string {
  return `[${values.map((value) => (value.includes(":") ? JSON.stringify(value) : value)).join(", ")}]`;
}
