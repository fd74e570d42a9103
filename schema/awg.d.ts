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
      domain:
        | string
        | {
            exact: string;
          }
        | {
            suffix: string;
          }
        | {
            keyword: string;
          };
    }
  | {
      list:
        | string
        | {
            /**
             * The list's https address.
             */
            url: string;
            /**
             * SHA-256 of its content, in hex.
             */
            sha256: string;
          };
    }
  | {
      geoip: string;
    };
export type Fallback =
  | ("block" | "direct" | "allow_direct" | "drop" | "next_rule")
  | {
      /**
       * @minItems 1
       * @maxItems 7
       */
      failover: string[];
    };
export type DefaultFallback =
  | ("block" | "direct" | "allow_direct" | "drop")
  | {
      /**
       * @minItems 1
       * @maxItems 7
       */
      failover: string[];
    };
export type DnsServer =
  | string
  | {
      /**
       * The server's address.
       */
      address: string;
      /**
       * DNS over TCP, TLS or HTTPS.
       */
      protocol: "tcp" | "tls" | "https";
      /**
       * The name in its certificate; else its address.
       */
      name?: string;
      /**
       * Port: 53 for tcp, 853 for tls and 443 for https when absent.
       */
      port?: number;
      /**
       * Path of https: /dns-query when absent.
       */
      path?: string;
      /**
       * File of the accepted authorities.
       */
      ca?: string;
    };

/**
 * The network path of one host: tunnels, rules, kill switch, DNS.
 */
export interface AwgConfiguration {
  /**
   * Version of the config language: awg/v1.
   */
  apiVersion: "awg/v1";
  /**
   * Name of the host or of the config, for status.
   */
  name?: string;
  /**
   * Version of awg that the config needs, such as ">=0.1".
   */
  requires?: string;
  /**
   * More files, read relative to this one.
   */
  include?: string[];
  /**
   * Tunnels and proxies, by name.
   */
  tunnels?: {
    [k: string]: AmneziaTunnel | WireGuardTunnel | Socks5Tunnel | HttpTunnel;
  };
  /**
   * Rules that choose the path of traffic. The first match wins.
   */
  rules?: Rule[];
  /**
   * Path of traffic that no rule matches.
   */
  default: {
    /**
     * A tunnel's name, block or direct. With direct only matching traffic uses a tunnel.
     */
    via: string;
    /**
     * While the tunnel is down, as in rules; there is no next rule (failover: not implemented on macOS yet).
     */
    fallback?: DefaultFallback;
    /**
     * cut (default) or keep open connections when another tunnel takes over (failover: not implemented on macOS yet).
     */
    openFlows?: "cut" | "keep";
  };
  /**
   * Drop every packet outside the tunnels that is not allowed. Required when the default is a tunnel.
   */
  killSwitch?: {
    /**
     * Drop every packet that no rule, default or exception allows.
     */
    enabled?: boolean;
    /**
     * Allow hosts on the local link outside the tunnels. DNS rules come first.
     */
    allowLan?: boolean;
    /**
     * Block from early boot on, before awg runs (Linux only).
     */
    atBoot?: boolean;
    /**
     * Keep blocking while no process of awg runs (false: not implemented yet).
     */
    persist?: boolean;
    /**
     * The longest awg pause: 1h when absent. 0 refuses every pause.
     */
    longestPause?: number | string;
    /**
     * Exceptions, such as incoming SSH.
     */
    allow?: {
      /**
       * Name for status.
       */
      name?: string;
      /**
       * in: others open the connection. out: this host does.
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
       * Remote addresses; all when absent.
       */
      remote?: string | string[];
    }[];
  };
  /**
   * DNS servers, and the path to them.
   */
  dns?: {
    /**
     * Servers for all names without an entry in split (tcp, tls, https: not implemented on macOS yet).
     */
    servers?: DnsServer[];
    /**
     * Domains in which programs look for names without a dot.
     */
    search?: string[];
    /**
     * Path to the servers: a tunnel's name or direct; the default path when absent.
     */
    via?: string;
    /**
     * Servers queried for the names of endpoints only; they pass the kill switch. Without any: the host's own servers.
     */
    bootstrap?: string[];
    /**
     * Allow DNS to these servers only, whatever server a program uses.
     */
    leakProtection?: boolean;
    /**
     * Block DNS over TLS and QUIC (port 853), and HTTPS to known public resolvers, on every path.
     */
    blockEncryptedDns?: boolean;
    /**
     * Servers for single domains: { corp.example: [10.0.0.53] }.
     */
    split?: {
      /**
       * @minItems 1
       */
      [k: string]: DnsServer[];
    };
    /**
     * How long an address stays in the rules of its domain after its TTL: 5m when absent.
     */
    grace?: number | string;
  };
  /**
   * auto: carried by tunnels that carry IPv6, else blocked.
   */
  ipv6?: "auto" | "block";
  /**
   * The database of countries for rules.
   */
  geoip?: {
    /**
     * A MaxMind DB file with the country of each network.
     */
    database?: string;
  };
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
     * Show a desktop notification when protection is lost or cannot be repaired.
     */
    notifications?: boolean;
  };
  /**
   * A system extension (macOS only).
   */
  systemExtension?: {
    /**
     * Bundle identifier, such as com.example.app.
     */
    bundle: string;
    /**
     * Whether it is installed.
     */
    state?: "present" | "absent";
  };
  /**
   * Updates of awg (not implemented yet).
   */
  update?: {
    /**
     * Releases that are offered.
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
   * Claims about paths that must hold. Proven before an apply.
   */
  invariants?: {
    /**
     * A name for messages.
     */
    name?: string;
    /**
     * No matching packet may take this path.
     */
    never?: PathClaim;
    /**
     * Every matching packet takes this path, or is dropped.
     */
    always?: PathClaim;
  }[];
  /**
   * Resources that are protected or kept, and fields that awg ignores.
   */
  lifecycle?: {
    /**
     * Resources, as kind/name, that must not be destroyed.
     */
    protect?: string[];
    /**
     * Resources that stay on the host when they leave the config.
     */
    retain?: string[];
    /**
     * Fields that awg leaves alone when others change them: /link/office/mtuBytes.
     */
    ignore?: string[];
  };
  /**
   * Tunnels that were renamed.
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
     * Name for status.
     */
    name: string;
    /**
     * How the target is checked.
     */
    type: "ping" | "tcp" | "http" | "dns";
    /**
     * An address, host:port, URL or name.
     */
    target: string;
    /**
     * Path of the probe; the default path when absent (direct: not implemented yet).
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
   * When the daemon reads the host again.
   */
  reconcile?: {
    /**
     * Wait until there were no events for this long.
     */
    quiet?: number | string;
    /**
     * Wait no longer than this while events keep coming.
     */
    longest?: number | string;
    /**
     * Read the whole host this often although nothing happened.
     */
    driftEvery?: number | string;
  };
  /**
   * The reaction to another program's change of a field: assert (restore it), yield (leave it), adopt (take over a device) (adopt: Linux only).
   */
  conflicts?: {
    [k: string]: "assert" | "yield" | "adopt";
  };
  /**
   * Networks that want a login in the browser first (not implemented on macOS yet).
   */
  captivePortal?: {
    /**
     * Allow TCP to the login page, and only there, until the login is done.
     */
    allow?: boolean;
    /**
     * Close it after this time in any case.
     */
    longest?: number | string;
    /**
     * A web server on port 80 that answers 204, or redirects to itself.
     */
    probe?: string;
    /**
     * Also allow a login page outside the local network.
     */
    anywhere?: boolean;
  };
  /**
   * The group that may use the API, and its address (not implemented on macOS yet).
   */
  api?: {
    /**
     * Members of this Unix group may use the API's socket, as good as root. Default: awg.
     */
    group?: string;
    /**
     * Loopback address and port where viewers read status, events and metrics with a token.
     */
    http?: string;
  };
  /**
   * Read the config from a repository (not implemented yet).
   */
  fleet?: {
    /**
     * Repository or URL of the config.
     */
    source: string;
    /**
     * Branch of the repository.
     */
    branch?: string;
    /**
     * The config must be signed by one of these keys.
     *
     * @minItems 1
     */
    publicKeys: string[];
    /**
     * How often it is read.
     */
    every?: number | string;
  };
}
export interface AmneziaTunnel {
  /**
   * WireGuard with obfuscation.
   */
  protocol: "amneziawg";
  /**
   * Whether the tunnel exists (false: not implemented yet).
   */
  enabled?: boolean;
  /**
   * Tunnels that carry this one's traffic while it is down (not implemented on macOS yet).
   */
  failover?: {
    /**
     * Tunnels that take over, in order.
     *
     * @minItems 1
     * @maxItems 7
     */
    tunnels: string[];
    /**
     * Whether they are up beforehand.
     */
    mode?: "hot" | "cold" | "prewarmed";
  };
  /**
   * This host's private key: { file: /path }, { env: NAME } or { keychain: name } (keychain: not implemented yet).
   */
  privateKey: SecretKey;
  /**
   * Addresses of the interface, with prefix lengths.
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
   * embedded: awg's own. userspace: an external wireguard-go or amneziawg-go. auto is embedded (kernel: not implemented yet).
   */
  engine?: "auto" | "embedded" | "userspace" | "kernel";
  /**
   * Peers, as wg(8) has them.
   *
   * @minItems 1
   */
  peers: Peer[];
  /**
   * Interface name instead of awg-<tunnel>; on macOS utun and a number.
   */
  interface?: string;
  /**
   * Routing table of the tunnel (not implemented yet).
   */
  table?: number;
  /**
   * Firewall mark of the tunnel's own packets (not implemented yet).
   */
  fwmark?: number;
  /**
   * DNS servers reached through this tunnel (not implemented on macOS yet).
   */
  dns?: string[];
  /**
   * Forward packets between the tunnel and other interfaces (not implemented yet).
   */
  forward?: boolean;
  /**
   * Translate forwarded packets to this host's address (not implemented yet).
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
     * Key that masks headers: a reference to 32 bytes in base64. Same on both ends. Since 3.0 (keychain: not implemented yet).
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
   * Preshared key: a reference to 32 bytes in base64 (keychain: not implemented yet).
   */
  presharedKey?: SecretKey;
  /**
   * host:port of the peer; absent for a peer that connects to this host.
   */
  endpoint?: string;
  /**
   * Addresses that the peer may send from, and that are sent to it.
   */
  allowedIPs?: string[];
  /**
   * Send an empty packet after this much silence: 25, 25s or 20-30; 0 is off.
   */
  persistentKeepalive?: number | string;
}
export interface WireGuardTunnel {
  /**
   * Plain WireGuard.
   */
  protocol: "wireguard";
  /**
   * Whether the tunnel exists (false: not implemented yet).
   */
  enabled?: boolean;
  /**
   * Tunnels that carry this one's traffic while it is down (not implemented on macOS yet).
   */
  failover?: {
    /**
     * Tunnels that take over, in order.
     *
     * @minItems 1
     * @maxItems 7
     */
    tunnels: string[];
    /**
     * Whether they are up beforehand.
     */
    mode?: "hot" | "cold" | "prewarmed";
  };
  /**
   * This host's private key: { file: /path }, { env: NAME } or { keychain: name } (keychain: not implemented yet).
   */
  privateKey: SecretKey;
  /**
   * Addresses of the interface, with prefix lengths.
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
   * embedded: awg's own. userspace: an external wireguard-go or amneziawg-go. auto is embedded (kernel: not implemented yet).
   */
  engine?: "auto" | "embedded" | "userspace" | "kernel";
  /**
   * Peers, as wg(8) has them.
   *
   * @minItems 1
   */
  peers: Peer[];
  /**
   * Interface name instead of awg-<tunnel>; on macOS utun and a number.
   */
  interface?: string;
  /**
   * Routing table of the tunnel (not implemented yet).
   */
  table?: number;
  /**
   * Firewall mark of the tunnel's own packets (not implemented yet).
   */
  fwmark?: number;
  /**
   * DNS servers reached through this tunnel (not implemented on macOS yet).
   */
  dns?: string[];
  /**
   * Forward packets between the tunnel and other interfaces (not implemented yet).
   */
  forward?: boolean;
  /**
   * Translate forwarded packets to this host's address (not implemented yet).
   */
  masquerade?: boolean;
}
export interface Socks5Tunnel {
  /**
   * A SOCKS5 proxy (not implemented on macOS yet).
   */
  protocol: "socks5";
  /**
   * Whether the tunnel exists (false: not implemented yet).
   */
  enabled?: boolean;
  /**
   * Tunnels that carry this one's traffic while it is down (not implemented on macOS yet).
   */
  failover?: {
    /**
     * Tunnels that take over, in order.
     *
     * @minItems 1
     * @maxItems 7
     */
    tunnels: string[];
    /**
     * Whether they are up beforehand.
     */
    mode?: "hot" | "cold" | "prewarmed";
  };
  /**
   * host:port of the proxy.
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
     * Reference to the password (keychain: not implemented yet).
     */
    password: SecretText;
  };
  /**
   * Whether the proxy carries UDP (UDP ASSOCIATE); if not, UDP is dropped.
   */
  udp?: boolean;
}
export interface HttpTunnel {
  /**
   * An HTTP proxy (CONNECT), for TCP only (not implemented on macOS yet).
   */
  protocol: "http";
  /**
   * Whether the tunnel exists (false: not implemented yet).
   */
  enabled?: boolean;
  /**
   * Tunnels that carry this one's traffic while it is down (not implemented on macOS yet).
   */
  failover?: {
    /**
     * Tunnels that take over, in order.
     *
     * @minItems 1
     * @maxItems 7
     */
    tunnels: string[];
    /**
     * Whether they are up beforehand.
     */
    mode?: "hot" | "cold" | "prewarmed";
  };
  /**
   * host:port of the proxy.
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
     * Reference to the password (keychain: not implemented yet).
     */
    password: SecretText;
  };
  /**
   * TLS to the proxy. {} uses the defaults.
   */
  tls?: {
    /**
     * Name in the proxy's certificate (default: the host of server).
     */
    serverName?: string;
    /**
     * File of the accepted certificate authorities in PEM (default: Node's own list).
     */
    ca?: string;
  };
}
export interface Rule {
  /**
   * Unique name for plan, status and explain.
   */
  name?: string;
  /**
   * Programs: an exact name, or { path | dir | contains | regex | bundleId | signer }; a path may hold * and ** (contains, regex: not implemented on macOS yet).
   */
  apps?: AppMatcher | AppMatcher[];
  /**
   * Users that the program runs as: names or numbers.
   */
  users?: (string | number) | (string | number)[];
  /**
   * Linux control groups, as paths below the root group (Linux only).
   */
  cgroups?: string | string[];
  /**
   * Regular expressions, found anywhere in the command line (not implemented on macOS yet).
   */
  commandLine?: string | string[];
  /**
   * A program among the ancestors, written as in apps (not implemented on macOS yet).
   */
  parent?: AppMatcher | AppMatcher[];
  /**
   * Whether apps also match what these programs start; true unless it is false (not implemented on macOS yet).
   */
  children?: boolean;
  /**
   * Prefixes or addresses, or { domain | list | geoip } (domain, list, geoip: not implemented on macOS yet).
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
   * Networks in which the rule applies (ssid: not implemented on macOS yet).
   */
  when?: NetworkCondition | NetworkCondition[];
  /**
   * Matches that must all hold (not implemented on macOS yet).
   *
   * @minItems 1
   */
  all?: Match[];
  /**
   * Matches of which one must hold (not implemented on macOS yet).
   *
   * @minItems 1
   */
  any?: Match[];
  /**
   * A match that must not hold (not implemented on macOS yet).
   */
  not?: Match;
  /**
   * Path of matching traffic: a tunnel's name, direct or block.
   */
  via: string;
  /**
   * While the tunnel is down: block, direct, drop, next_rule or { failover: [tunnels] } (next_rule, failover: not implemented on macOS yet).
   */
  fallback?: Fallback;
  /**
   * cut (default) or keep open connections when another tunnel takes over (failover: not implemented on macOS yet).
   */
  openFlows?: "cut" | "keep";
  /**
   * direct lets these programs query their own DNS servers although DNS is protected (not implemented yet).
   */
  dns?: "direct";
  /**
   * Rate limits (not implemented on macOS yet).
   */
  limit?: {
    /**
     * Highest rate received, in bits a second: 500kbit, 10mbit.
     */
    download?: string;
    /**
     * Highest rate sent.
     */
    upload?: string;
    /**
     * Whether its packets go before or after others (not implemented on macOS yet).
     */
    priority?: "high" | "normal" | "low";
  };
  /**
   * Refuse to apply unless this host enforces the rule at least this well.
   */
  require?: "enforced" | "best-effort" | "advisory";
}
export interface NetworkCondition {
  /**
   * Name of the wireless network.
   */
  ssid?: string;
  /**
   * MAC address of the gateway.
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
   * Programs: an exact name, or { path | dir | contains | regex | bundleId | signer }; a path may hold * and ** (contains, regex: not implemented on macOS yet).
   */
  apps?: AppMatcher | AppMatcher[];
  /**
   * Users that the program runs as: names or numbers.
   */
  users?: (string | number) | (string | number)[];
  /**
   * Linux control groups, as paths below the root group (Linux only).
   */
  cgroups?: string | string[];
  /**
   * Regular expressions, found anywhere in the command line (not implemented on macOS yet).
   */
  commandLine?: string | string[];
  /**
   * A program among the ancestors, written as in apps (not implemented on macOS yet).
   */
  parent?: AppMatcher | AppMatcher[];
  /**
   * Whether apps also match what these programs start; true unless it is false (not implemented on macOS yet).
   */
  children?: boolean;
  /**
   * Prefixes or addresses, or { domain | list | geoip } (domain, list, geoip: not implemented on macOS yet).
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
   * Networks in which the rule applies (ssid: not implemented on macOS yet).
   */
  when?: NetworkCondition | NetworkCondition[];
  /**
   * Matches that must all hold (not implemented on macOS yet).
   *
   * @minItems 1
   */
  all?: Match[];
  /**
   * Matches of which one must hold (not implemented on macOS yet).
   *
   * @minItems 1
   */
  any?: Match[];
  /**
   * A match that must not hold (not implemented on macOS yet).
   */
  not?: Match;
}
export interface PathClaim {
  /**
   * Programs: an exact name, or { path | dir | contains | regex | bundleId | signer }; a path may hold * and ** (contains, regex: not implemented on macOS yet).
   */
  apps?: AppMatcher | AppMatcher[];
  /**
   * Users that the program runs as: names or numbers.
   */
  users?: (string | number) | (string | number)[];
  /**
   * Linux control groups, as paths below the root group (Linux only).
   */
  cgroups?: string | string[];
  /**
   * Regular expressions, found anywhere in the command line (not implemented on macOS yet).
   */
  commandLine?: string | string[];
  /**
   * A program among the ancestors, written as in apps (not implemented on macOS yet).
   */
  parent?: AppMatcher | AppMatcher[];
  /**
   * Whether apps also match what these programs start; true unless it is false (not implemented on macOS yet).
   */
  children?: boolean;
  /**
   * Prefixes or addresses, or { domain | list | geoip } (domain, list, geoip: not implemented on macOS yet).
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
   * Networks in which the rule applies (ssid: not implemented on macOS yet).
   */
  when?: NetworkCondition | NetworkCondition[];
  /**
   * Matches that must all hold (not implemented on macOS yet).
   *
   * @minItems 1
   */
  all?: Match[];
  /**
   * Matches of which one must hold (not implemented on macOS yet).
   *
   * @minItems 1
   */
  any?: Match[];
  /**
   * A match that must not hold (not implemented on macOS yet).
   */
  not?: Match;
  /**
   * The path that is forbidden (never) or required (always).
   */
  via: string;
}
