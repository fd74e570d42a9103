/** The parts of the document of `awg status --json` that become metrics. */
export interface MeasuredStatus {
  readonly generation: number;
  readonly conditions: readonly { readonly type: string; readonly status: boolean }[];
  readonly resources: readonly {
    readonly key: string;
    readonly ready: boolean;
    readonly drift: readonly unknown[];
    readonly tunnel?: { readonly peers: readonly MeasuredPeer[] };
    readonly droppedPackets?: number;
    readonly droppedByRule?: readonly { readonly rule: string; readonly packets: number }[];
  }[];
  readonly fallback?: readonly { readonly tunnel: string; readonly to: string; readonly rules: readonly string[] }[];
}

/** What the daemon counts since it began. */
export interface MeasuredCounts {
  readonly applies: number;
  readonly repairs: number;
  readonly failures: number;
  readonly fights: number;
  readonly filterRestored: number;
}

interface MeasuredPeer {
  readonly publicKey: string;
  readonly handshakeAgeSeconds: number | null;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** The content type of OpenMetrics 1.0. */
export const OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/**
 * The status as OpenMetrics text (https://github.com/prometheus/OpenMetrics, 1.0). No addresses, endpoints or keys but
 * the first characters of a peer's public key. Pure.
 *
 * @param status null while no daemon answers
 */
export function renderMetrics(status: MeasuredStatus | null, counts?: MeasuredCounts): string {
  const families = [
    family("awg_daemon_up", "gauge", "Whether the daemon answers.", [[{}, status === null ? 0 : 1]]),
    ...(status === null ? [] : statusFamilies(status)),
    ...(counts === undefined ? [] : countFamilies(counts)),
  ];
  return `${families.filter((one) => one !== "").join("")}# EOF\n`;
}

function statusFamilies({ generation, conditions, resources, fallback = [] }: MeasuredStatus): readonly string[] {
  const tunnels = resources.flatMap(({ key, ready, tunnel }) =>
    key.startsWith("tunnel/") ? [{ tunnel: key.slice("tunnel/".length), ready, peers: tunnel?.peers ?? [] }] : [],
  );
  const perPeer = (value: (peer: MeasuredPeer) => number | null): readonly Sample[] =>
    tunnels.flatMap(({ tunnel, peers }) =>
      peers.flatMap((peer): Sample[] => {
        const found = value(peer);
        return found === null ? [] : [[{ tunnel, peer: peer.publicKey.slice(0, 8) }, found]];
      }),
    );
  return [
    family("awg_generation", "gauge", "The accepted generation.", [[{}, generation]]),
    family(
      "awg_condition",
      "gauge",
      "Conditions of the host: 1 where it holds.",
      conditions.map(({ type, status }) => [{ condition: type }, status ? 1 : 0]),
    ),
    family(
      "awg_resource_ready",
      "gauge",
      "Whether the resource is as applied and works.",
      resources.map(({ key, ready }) => [{ resource: key }, ready ? 1 : 0]),
    ),
    family(
      "awg_resource_drift_fields",
      "gauge",
      "Fields that others changed.",
      resources.map(({ key, drift }) => [{ resource: key }, drift.length]),
    ),
    family(
      "awg_firewall_dropped_packets",
      "counter",
      "Refused by the packet filter since it was loaded.",
      resources.flatMap(({ droppedPackets }) => (droppedPackets === undefined ? [] : [[{}, droppedPackets]])),
    ),
    family(
      "awg_rule_dropped_packets",
      "counter",
      "Refused by a blocking rule since the packet filter was loaded; a load begins at 0.",
      ruleSamples(resources.flatMap(({ droppedByRule = [] }) => droppedByRule)),
    ),
    family(
      "awg_tunnel_up",
      "gauge",
      "Whether a peer of the tunnel answers.",
      tunnels.map(({ tunnel, ready }) => [{ tunnel }, ready ? 1 : 0]),
    ),
    family(
      "awg_tunnel_fallback",
      "gauge",
      "1 while traffic of the tunnel goes by another tunnel, or direct.",
      fallback.flatMap(({ tunnel, to, rules }) => (rules.length === 0 ? [] : [[{ tunnel, to }, 1]])),
    ),
    family(
      "awg_peer_handshake_age_seconds",
      "gauge",
      "Since the last handshake.",
      perPeer((peer) => peer.handshakeAgeSeconds),
    ),
    family(
      "awg_peer_received_bytes",
      "counter",
      "Received from the peer.",
      perPeer((peer) => peer.receivedBytes),
    ),
    family(
      "awg_peer_sent_bytes",
      "counter",
      "Sent to the peer.",
      perPeer((peer) => peer.sentBytes),
    ),
  ];
}

/** A rule by its name, or by its place without one: a name stays when rules before it come and go. */
function ruleSamples(drops: readonly { readonly rule: string; readonly packets: number }[]): readonly Sample[] {
  const byName = Map.groupBy(drops, ({ rule }) => /^rules\/[0-9]+ \((.*)\)$/s.exec(rule)?.[1] ?? rule);
  return [...byName].map(([rule, some]) => [{ rule }, some.reduce((sum, { packets }) => sum + packets, 0)]);
}

function countFamilies({ applies, repairs, failures, fights, filterRestored }: MeasuredCounts): readonly string[] {
  const count = (name: string, help: string, ...samples: readonly Sample[]) => family(name, "counter", help, samples);
  const kinds: readonly Sample[] = [
    [{ kind: "apply" }, applies],
    [{ kind: "repair" }, repairs],
  ];
  return [
    count("awg_daemon_changes", "Changes of the host by this daemon.", ...kinds),
    count("awg_daemon_failures", "Changes that failed.", [{}, failures]),
    count("awg_daemon_fights", "Resources that another program kept changing.", [{}, fights]),
    count("awg_firewall_restored", "Times that the packet filter was loaded again.", [{}, filterRestored]),
  ];
}

function family(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return "";
  const sampled = type === "counter" ? `${name}_total` : name;
  const lines = samples.map(([labels, value]) => `${sampled}${labelText(labels)} ${value}\n`);
  return `# TYPE ${name} ${type}\n# HELP ${name} ${help}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`,
  );
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}
