/** The addresses of the lab's world. All are documentation or private ranges (RFC 5737, 3849, 1918, 4193). */
export const place = {
  v4: {
    router: "192.168.77.1",
    client: "192.168.77.2",
    neighbour: "192.168.77.3",
    broadcast: "192.168.77.255",
    linkLocal: "169.254.77.53",
    echo: "198.51.100.10",
    resolver: "198.51.100.53",
    server: "203.0.113.9",
    tunnel: "10.8.0.2",
    tunnelServer: "10.8.0.1",
  },
  v6: {
    router: "fd77::1",
    client: "fd77::2",
    neighbour: "fd77::3",
    broadcast: "",
    linkLocal: "fe80::77:53",
    echo: "2001:db8:100::10",
    resolver: "2001:db8:100::53",
    server: "2001:db8:9::9",
    tunnel: "fd08::2",
    tunnelServer: "fd08::1",
  },
  secondServer: { v4: "203.0.113.10", v6: "2001:db8:9::10", tunnel4: "10.9.0.1", tunnel6: "fd09::1" },
  /** The client's link to the router: what a laptop calls wlan0. */
  device: "uplink",
  serverPort: 51820,
  /** The firewall mark of the tunnel's own packets in the hand-written set-ups; the prober tries to wear it. */
  mark: 0xca6c,
} as const;
