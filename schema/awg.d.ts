/* Written by scripts/generate from awg.schema.json; do not edit. The configuration as it may be written. */

export type SecretKey =
  | string
  | {
      file: string;
    }
  | {
      env: string;
    }
  | {
      keychain: string;
    }
  | {
      inline: string;
    };
export type SecretText =
  | string
  | {
      file: string;
    }
  | {
      env: string;
    }
  | {
      keychain: string;
    }
  | {
      inline: string;
    };
export type AppMatcher =
  | string
  | {
      path: string;
    }
  | {
      dir: string;
    }
  | {
      contains: string;
    }
  | {
      regex: string;
    }
  | {
      bundleId: string;
    }
  | {
      signer: string;
    };
export type Destination =
  | string
  | {
      domain: string;
    }
  | {
      list: string;
    }
  | {
      geoip: string;
    };
export type Fallback =
  | ("block" | "direct" | "allow_direct" | "drop" | "next_rule")
  | {
      /**
       * @minItems 1
       */
      failover: string[];
    };

/**
 * What the network path of one machine is to be: tunnels, rules, kill switch, DNS.
 */
export interface AwgConfiguration {
  /**
   * Version of this language: awg/v1.
   */
  apiVersion: "awg/v1";
  /**
   * Name of the machine or of the configuration, for status.
   */
  name?: string;
  /**
   * Version of awg that is needed, such as ">=0.1".
   */
  requires?: string;
  /**
   * More files, read relative to this one.
   */
  include?: string[];
  /**
   * Ways out, by name.
   */
  tunnels?: {
    [k: string]: AmneziaTunnel | WireGuardTunnel | Socks5Tunnel | HttpTunnel;
  };
  /**
   * Which traffic takes which path; the first match wins.
   */
  rules?: Rule[];
  /**
   * The path of what no rule matches.
   */
  default: {
    /**
     * A tunnel's name, block, or direct: then only matching programs use a tunnel.
     */
    via: string;
    /**
     * While the tunnel is down, as in rules.
     */
    fallback?: Fallback;
  };
  /**
   * Drop everything on physical interfaces that is not granted. Must be stated when the default is a tunnel.
   */
  killSwitch?: {
    /**
     * Drop all that no rule, default or exception grants.
     */
    enabled?: boolean;
    /**
     * Let the local network and multicast through; DNS is judged before.
     */
    allowLan?: boolean;
    /**
     * Block from early boot on, before awg runs.
     */
    atBoot?: boolean;
    /**
     * Keep blocking while no process of awg lives.
     */
    persist?: boolean;
    /**
     * Exceptions, such as incoming SSH.
     */
    allow?: {
      /**
       * A name for status.
       */
      name?: string;
      /**
       * in: others open the connection; out: this machine does.
       */
      direction: "in" | "out";
      /**
       * tcp, udp, icmp, icmpv6, sctp, gre or esp.
       */
      protocol: "tcp" | "udp" | "icmp" | "icmpv6" | "sctp" | "gre" | "esp";
      /**
       * Local ports for in, remote ports for out.
       */
      ports?: (number | string) | (number | string)[];
      /**
       * Addresses at the other end; all when absent.
       */
      remote?: string | string[];
    }[];
  };
  /**
   * DNS servers, their path, and what else may be asked.
   */
  dns?: {
    /**
     * Servers for all names that split does not take.
     */
    servers?: string[];
    /**
     * Path to the servers: a tunnel's name or direct; the default path when absent.
     */
    via?: string;
    /**
     * Servers asked only for the tunnels' own endpoints, past the kill switch.
     */
    bootstrap?: string[];
    /**
     * Let DNS go to these servers only, whatever a program asks for.
     */
    leakProtection?: boolean;
    /**
     * Also block DNS over TLS and QUIC (port 853), and HTTPS to a table of public resolvers, on every path.
     */
    blockEncryptedDns?: boolean;
    /**
     * Servers for single domains: { corp.example: [10.0.0.53] }.
     */
    split?: {
      /**
       * @minItems 1
       */
      [k: string]: string[];
    };
  };
  /**
   * auto: carried where the tunnel carries it, else blocked.
   */
  ipv6?: "auto" | "block";
  /**
   * The system service.
   */
  service?: {
    /**
     * Install the system service.
     */
    install?: boolean;
    /**
     * Start it at boot.
     */
    autostart?: boolean;
    /**
     * Tell who sits at the screen when protection is lost, fought over or cannot be repaired.
     */
    notifications?: boolean;
  };
  /**
   * A macOS system extension.
   */
  systemExtension?: {
    /**
     * Bundle identifier, such as com.example.app.
     */
    bundle: string;
    /**
     * Whether it is to be installed.
     */
    state?: "present" | "absent";
  };
  /**
   * Updates of awg.
   */
  update?: {
    /**
     * Which releases are offered.
     */
    channel?: "stable" | "beta";
    /**
     * Install updates without asking.
     */
    automatic?: boolean;
    /**
     * minisign public key that releases must be signed with.
     */
    publicKey?: string;
  };
  /**
   * What must never, or always, be true; proven before apply.
   */
  invariants?: {
    /**
     * A name for messages.
     */
    name?: string;
    /**
     * No packet this matches may take this path.
     */
    never?: PathClaim;
    /**
     * Every packet this matches takes this path, or none.
     */
    always?: PathClaim;
  }[];
  /**
   * Resources that may not be destroyed, that stay, and fields that are left to others.
   */
  lifecycle?: {
    /**
     * Resources, as kind/name, that must not be destroyed.
     */
    protect?: string[];
    /**
     * Resources that stay on the machine when they leave the configuration.
     */
    retain?: string[];
    /**
     * Fields that others may change, as drift prints them: /link/office/mtuBytes. Neither drift nor repaired.
     */
    ignore?: string[];
  };
  /**
   * Tunnels with new names.
   */
  moved?: {
    /**
     * Old name of a tunnel: tunnel/office.
     */
    from: string;
    /**
     * Its new name: tunnel/work. It keeps its device, its table and its sessions.
     */
    to: string;
  }[];
  /**
   * Checks of the network.
   */
  probes?: {
    /**
     * A name for status.
     */
    name: string;
    /**
     * How the target is asked.
     */
    type: "ping" | "tcp" | "http" | "dns";
    /**
     * An address, host:port, URL or name.
     */
    target: string;
    /**
     * Path it takes; the default path when absent.
     */
    via?: string;
    /**
     * Roll an apply back when it fails.
     */
    required?: boolean;
    /**
     * How often it runs.
     */
    every?: number | string;
    /**
     * When it counts as failed.
     */
    timeout?: number | string;
  }[];
  /**
   * When the machine is looked at again.
   */
  reconcile?: {
    /**
     * Wait until events have been quiet for so long.
     */
    quiet?: number | string;
    /**
     * Wait no longer than this while events keep coming.
     */
    longest?: number | string;
    /**
     * Read the whole machine this often although nothing happened.
     */
    driftEvery?: number | string;
  };
  /**
   * Per field, as drift prints it, what to do where another program holds or changes it: assert (put it back, the default), yield (leave it), adopt (take the device over with its engine: /link/office/device).
   */
  conflicts?: {
    [k: string]: "assert" | "yield" | "adopt";
  };
  /**
   * Networks with a sign-in page.
   */
  captivePortal?: {
    /**
     * Open the way to the portal, and only there, until it is passed.
     */
    allow?: boolean;
    /**
     * Close it after so long in any case.
     */
    longest?: number | string;
  };
  /**
   * The daemon's interfaces.
   */
  api?: {
    /**
     * Unix group whose members may use the socket.
     */
    group?: string;
    /**
     * The HTTP interface; it always needs a token.
     */
    http?: {
      /**
       * Loopback address and port, such as 127.0.0.1:8080.
       */
      listen: string;
    };
  };
  /**
   * Taking the configuration from a repository.
   */
  fleet?: {
    /**
     * Repository or URL the configuration comes from.
     */
    source: string;
    /**
     * Branch of the repository.
     */
    branch?: string;
    /**
     * Keys of which one must have signed it.
     *
     * @minItems 1
     */
    publicKeys: string[];
    /**
     * How often it is looked at.
     */
    every?: number | string;
  };
  /**
   * Made-up addresses so that rules can match domains.
   */
  fakeIp?: {
    /**
     * Answer names with made-up addresses.
     */
    enabled?: boolean;
    /**
     * Where the addresses are taken from.
     */
    ranges?: string | string[];
  };
}
export interface AmneziaTunnel {
  /**
   * WireGuard with obfuscation.
   */
  protocol: "amneziawg";
  /**
   * Whether the tunnel is to exist.
   */
  enabled?: boolean;
  /**
   * Tunnels that take this one's traffic while it is down.
   */
  failover?: {
    /**
     * Tunnels that take over, in order.
     *
     * @minItems 1
     */
    tunnels: string[];
    /**
     * Whether they are up beforehand.
     */
    mode?: "hot" | "cold" | "prewarmed";
  };
  /**
   * Reference to this machine's private key: { file: /path }, { env: NAME } or { keychain: name }.
   */
  privateKey: SecretKey;
  /**
   * The interface's own addresses with prefix lengths.
   */
  addresses?: string[];
  /**
   * UDP port to listen on; 0 lets the kernel choose.
   */
  listenPort?: number;
  /**
   * auto: path MTU of the endpoint's interface less overhead; or a number of bytes.
   */
  mtu?: "auto" | number;
  /**
   * auto, which is embedded (awg's own); userspace (an external wireguard-go or amneziawg-go); or kernel.
   */
  engine?: "auto" | "embedded" | "userspace" | "kernel";
  /**
   * The other ends.
   *
   * @minItems 1
   */
  peers: Peer[];
  /**
   * Interface name instead of awg-<tunnel>; on macOS utun and a number.
   */
  interface?: string;
  /**
   * Routing table instead of a free one.
   */
  table?: number;
  /**
   * Firewall mark of the tunnel's own packets.
   */
  fwmark?: number;
  /**
   * DNS servers reached through this tunnel.
   */
  dns?: string[];
  /**
   * Forward packets between the tunnel and other interfaces (a server).
   */
  forward?: boolean;
  /**
   * Translate forwarded packets to this machine's address (a server).
   */
  masquerade?: boolean;
  /**
   * AmneziaWG parameters, by their usual names.
   */
  obfuscation?: {
    /**
     * AmneziaWG version both ends speak: 1.0, 1.5, 2.0, 3.0 or 3.1; found from the parameters when absent.
     */
    version?: "1.0" | "1.5" | "2.0" | "3.0" | "3.1" | 1 | 1.5 | 2 | 3 | 3.1;
    /**
     * How many junk packets precede a handshake; 4 to 12 is usual.
     */
    jc?: number;
    /**
     * Smallest junk packet in bytes.
     */
    jmin?: number;
    /**
     * Largest junk packet in bytes; at most 1280 stays whole on every path.
     */
    jmax?: number;
    /**
     * Random bytes before a handshake initiation. Same on both ends.
     */
    s1?: number;
    /**
     * Random bytes before a handshake response. Same on both ends.
     */
    s2?: number;
    /**
     * Random bytes before a cookie reply. Same on both ends. Since 1.5.
     */
    s3?: number;
    /**
     * Random bytes before each data packet; costs that much of the MTU. Same on both ends. Since 1.5.
     */
    s4?: number;
    /**
     * Header of handshake initiations: a number, or a range a-b (2.0). Same on both ends.
     */
    h1?: number | string;
    /**
     * Header of handshake responses. Same on both ends.
     */
    h2?: number | string;
    /**
     * Header of cookie replies. Same on both ends.
     */
    h3?: number | string;
    /**
     * Header of data packets. Same on both ends.
     */
    h4?: number | string;
    /**
     * Packet 1 sent before a handshake, in the tag language: <b 0xHEX> <r N> <rc N> <rd N> <t>. Since 1.5.
     */
    i1?: string;
    /**
     * Packet 2 sent before a handshake, in the tag language: <b 0xHEX> <r N> <rc N> <rd N> <t>. Since 1.5.
     */
    i2?: string;
    /**
     * Packet 3 sent before a handshake, in the tag language: <b 0xHEX> <r N> <rc N> <rd N> <t>. Since 1.5.
     */
    i3?: string;
    /**
     * Packet 4 sent before a handshake, in the tag language: <b 0xHEX> <r N> <rc N> <rd N> <t>. Since 1.5.
     */
    i4?: string;
    /**
     * Packet 5 sent before a handshake, in the tag language: <b 0xHEX> <r N> <rc N> <rd N> <t>. Since 1.5.
     */
    i5?: string;
    /**
     * Controlled junk packet 1. Only 1.5.
     */
    j1?: string;
    /**
     * Controlled junk packet 2. Only 1.5.
     */
    j2?: string;
    /**
     * Controlled junk packet 3. Only 1.5.
     */
    j3?: string;
    /**
     * Seconds before packets i1 to i5 are sent again. Only 1.5.
     */
    itime?: number | string;
    /**
     * Key that masks headers, a reference to 32 bytes in base64. Same on both ends. Since 3.0.
     */
    headerProtectionKey?: SecretKey;
    /**
     * Zero bytes added to each packet's content, a number or a range. Since 3.0.
     */
    contentPaddingAddition?: number | string;
    /**
     * Random bytes behind handshake messages. Same on both ends. Since 3.1.
     */
    randomTrailers?: boolean;
    /**
     * Stay silent instead of sending cookie replies under load. Since 3.1.
     */
    disableCookies?: boolean;
    /**
     * Age of a session at which it is renewed, in seconds or a range of them. Since 3.0.
     */
    rekeyAfterTime?: number | string;
    /**
     * Wait before a handshake is repeated, in seconds or a range of them. Since 3.0.
     */
    rekeyTimeout?: number | string;
    /**
     * Age of a session at which it is refused, in seconds or a range of them. Since 3.0.
     */
    rejectAfterTime?: number | string;
    /**
     * Silence after which an empty packet is sent, in seconds or a range of them. Since 3.0.
     */
    keepaliveTimeout?: number | string;
    /**
     * Handshakes tried before a peer is given up, a number or a range. Since 3.0.
     */
    maxHandshakeAttempts?: number | string;
  };
}
export interface Peer {
  /**
   * A name for status.
   */
  name?: string;
  /**
   * The peer's public key in base64.
   */
  publicKey: string;
  /**
   * Reference to the shared key, 32 bytes in base64.
   */
  presharedKey?: SecretKey;
  /**
   * Where the peer is reached, host:port; absent for a peer that dials in.
   */
  endpoint?: string;
  /**
   * Addresses the peer may send from and is sent to.
   */
  allowedIPs?: string[];
  /**
   * Send an empty packet after so much silence: 25, 25s or 20-30; 0 is off.
   */
  persistentKeepalive?: number | string;
}
export interface WireGuardTunnel {
  /**
   * Plain WireGuard.
   */
  protocol: "wireguard";
  /**
   * Whether the tunnel is to exist.
   */
  enabled?: boolean;
  /**
   * Tunnels that take this one's traffic while it is down.
   */
  failover?: {
    /**
     * Tunnels that take over, in order.
     *
     * @minItems 1
     */
    tunnels: string[];
    /**
     * Whether they are up beforehand.
     */
    mode?: "hot" | "cold" | "prewarmed";
  };
  /**
   * Reference to this machine's private key: { file: /path }, { env: NAME } or { keychain: name }.
   */
  privateKey: SecretKey;
  /**
   * The interface's own addresses with prefix lengths.
   */
  addresses?: string[];
  /**
   * UDP port to listen on; 0 lets the kernel choose.
   */
  listenPort?: number;
  /**
   * auto: path MTU of the endpoint's interface less overhead; or a number of bytes.
   */
  mtu?: "auto" | number;
  /**
   * auto, which is embedded (awg's own); userspace (an external wireguard-go or amneziawg-go); or kernel.
   */
  engine?: "auto" | "embedded" | "userspace" | "kernel";
  /**
   * The other ends.
   *
   * @minItems 1
   */
  peers: Peer[];
  /**
   * Interface name instead of awg-<tunnel>; on macOS utun and a number.
   */
  interface?: string;
  /**
   * Routing table instead of a free one.
   */
  table?: number;
  /**
   * Firewall mark of the tunnel's own packets.
   */
  fwmark?: number;
  /**
   * DNS servers reached through this tunnel.
   */
  dns?: string[];
  /**
   * Forward packets between the tunnel and other interfaces (a server).
   */
  forward?: boolean;
  /**
   * Translate forwarded packets to this machine's address (a server).
   */
  masquerade?: boolean;
}
export interface Socks5Tunnel {
  /**
   * A SOCKS5 proxy.
   */
  protocol: "socks5";
  /**
   * Whether the tunnel is to exist.
   */
  enabled?: boolean;
  /**
   * Tunnels that take this one's traffic while it is down.
   */
  failover?: {
    /**
     * Tunnels that take over, in order.
     *
     * @minItems 1
     */
    tunnels: string[];
    /**
     * Whether they are up beforehand.
     */
    mode?: "hot" | "cold" | "prewarmed";
  };
  /**
   * Where the proxy is reached, host:port.
   */
  server: string;
  /**
   * Name and password for the proxy.
   */
  auth?: {
    /**
     * User name.
     */
    username: string;
    /**
     * Reference to the password.
     */
    password: SecretText;
  };
}
export interface HttpTunnel {
  /**
   * An HTTP proxy (CONNECT).
   */
  protocol: "http";
  /**
   * Whether the tunnel is to exist.
   */
  enabled?: boolean;
  /**
   * Tunnels that take this one's traffic while it is down.
   */
  failover?: {
    /**
     * Tunnels that take over, in order.
     *
     * @minItems 1
     */
    tunnels: string[];
    /**
     * Whether they are up beforehand.
     */
    mode?: "hot" | "cold" | "prewarmed";
  };
  /**
   * Where the proxy is reached, host:port.
   */
  server: string;
  /**
   * Name and password for the proxy.
   */
  auth?: {
    /**
     * User name.
     */
    username: string;
    /**
     * Reference to the password.
     */
    password: SecretText;
  };
}
export interface Rule {
  /**
   * A name for plans, status and explain; unique.
   */
  name?: string;
  /**
   * Programs: an exact name, or { path | dir | contains | regex | bundleId | signer }; a path may hold * and **.
   */
  apps?: AppMatcher | AppMatcher[];
  /**
   * Users the program runs as: names or numbers.
   */
  users?: (string | number) | (string | number)[];
  /**
   * Linux control groups, as paths below the root group.
   */
  cgroups?: string | string[];
  /**
   * Regular expressions, found anywhere in the command line.
   */
  commandLine?: string | string[];
  /**
   * A program among the ancestors, written as in apps.
   */
  parent?: AppMatcher | AppMatcher[];
  /**
   * Prefixes or addresses, or { domain | list | geoip }.
   */
  destinations?: Destination | Destination[];
  /**
   * Destination ports, each 443 or 8000-8999.
   */
  ports?: (number | string) | (number | string)[];
  /**
   * tcp, udp, icmp, icmpv6, sctp, gre or esp.
   */
  protocol?:
    | ("tcp" | "udp" | "icmp" | "icmpv6" | "sctp" | "gre" | "esp")
    | ("tcp" | "udp" | "icmp" | "icmpv6" | "sctp" | "gre" | "esp")[];
  /**
   * Networks in which the rule holds.
   */
  when?: NetworkCondition | NetworkCondition[];
  /**
   * Matches that must all hold.
   *
   * @minItems 1
   */
  all?: Match[];
  /**
   * Matches of which one must hold.
   *
   * @minItems 1
   */
  any?: Match[];
  /**
   * A match that must not hold.
   */
  not?: Match;
  /**
   * Where matching traffic goes: a tunnel's name, direct, or block.
   */
  via: string;
  /**
   * While the tunnel is down: block (the default), direct, drop, next_rule, or { failover: [tunnels] }.
   */
  fallback?: Fallback;
  /**
   * direct lets these programs ask their own DNS servers although DNS is protected.
   */
  dns?: "direct";
  /**
   * Rate limits.
   */
  limit?: {
    /**
     * Most that may come in.
     */
    down?: string;
    /**
     * Most that may go out.
     */
    up?: string;
  };
  /**
   * Refuse to apply unless this machine keeps the rule at least this well.
   */
  require?: "enforced" | "best-effort" | "advisory";
}
export interface NetworkCondition {
  /**
   * Name of the wireless network.
   */
  ssid?: string;
  /**
   * Hardware address of the gateway.
   */
  gatewayMac?: string;
  /**
   * Interface that carries the default route.
   */
  interface?: string;
  /**
   * Whether the network is wired.
   */
  wired?: boolean;
}
export interface Match {
  /**
   * Programs: an exact name, or { path | dir | contains | regex | bundleId | signer }; a path may hold * and **.
   */
  apps?: AppMatcher | AppMatcher[];
  /**
   * Users the program runs as: names or numbers.
   */
  users?: (string | number) | (string | number)[];
  /**
   * Linux control groups, as paths below the root group.
   */
  cgroups?: string | string[];
  /**
   * Regular expressions, found anywhere in the command line.
   */
  commandLine?: string | string[];
  /**
   * A program among the ancestors, written as in apps.
   */
  parent?: AppMatcher | AppMatcher[];
  /**
   * Prefixes or addresses, or { domain | list | geoip }.
   */
  destinations?: Destination | Destination[];
  /**
   * Destination ports, each 443 or 8000-8999.
   */
  ports?: (number | string) | (number | string)[];
  /**
   * tcp, udp, icmp, icmpv6, sctp, gre or esp.
   */
  protocol?:
    | ("tcp" | "udp" | "icmp" | "icmpv6" | "sctp" | "gre" | "esp")
    | ("tcp" | "udp" | "icmp" | "icmpv6" | "sctp" | "gre" | "esp")[];
  /**
   * Networks in which the rule holds.
   */
  when?: NetworkCondition | NetworkCondition[];
  /**
   * Matches that must all hold.
   *
   * @minItems 1
   */
  all?: Match[];
  /**
   * Matches of which one must hold.
   *
   * @minItems 1
   */
  any?: Match[];
  /**
   * A match that must not hold.
   */
  not?: Match;
}
export interface PathClaim {
  /**
   * Programs: an exact name, or { path | dir | contains | regex | bundleId | signer }; a path may hold * and **.
   */
  apps?: AppMatcher | AppMatcher[];
  /**
   * Users the program runs as: names or numbers.
   */
  users?: (string | number) | (string | number)[];
  /**
   * Linux control groups, as paths below the root group.
   */
  cgroups?: string | string[];
  /**
   * Regular expressions, found anywhere in the command line.
   */
  commandLine?: string | string[];
  /**
   * A program among the ancestors, written as in apps.
   */
  parent?: AppMatcher | AppMatcher[];
  /**
   * Prefixes or addresses, or { domain | list | geoip }.
   */
  destinations?: Destination | Destination[];
  /**
   * Destination ports, each 443 or 8000-8999.
   */
  ports?: (number | string) | (number | string)[];
  /**
   * tcp, udp, icmp, icmpv6, sctp, gre or esp.
   */
  protocol?:
    | ("tcp" | "udp" | "icmp" | "icmpv6" | "sctp" | "gre" | "esp")
    | ("tcp" | "udp" | "icmp" | "icmpv6" | "sctp" | "gre" | "esp")[];
  /**
   * Networks in which the rule holds.
   */
  when?: NetworkCondition | NetworkCondition[];
  /**
   * Matches that must all hold.
   *
   * @minItems 1
   */
  all?: Match[];
  /**
   * Matches of which one must hold.
   *
   * @minItems 1
   */
  any?: Match[];
  /**
   * A match that must not hold.
   */
  not?: Match;
  /**
   * The path that is forbidden (never) or demanded (always).
   */
  via: string;
}
