import type { AwgMessage } from "../../api/grpc/awg-proto.ts";

/** The document of `awg status --json` as far as it is read here. */
export interface StatusDocument {
  readonly generation: number;
  readonly conditions: readonly {
    readonly type: string;
    readonly status: boolean;
    readonly reason: string;
    readonly message: string;
    readonly since: string | null;
    readonly observedGeneration: number;
    readonly causedBy: string | null;
  }[];
  readonly resources: readonly {
    readonly key: string;
    readonly ready: boolean;
    readonly summary: string;
    readonly tunnel?: { readonly state: string; readonly wire: string; readonly peers: readonly Peer[] };
  }[];
}

interface Peer {
  readonly endpoint: string | null;
  readonly handshakeAgeSeconds: number | null;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

const KEY = /^tunnel\/(.+)$/;

/** The tunnels of a status. Pure. */
export function tunnelsOf({ resources }: StatusDocument): readonly AwgMessage<"Tunnel">[] {
  return resources.flatMap(({ key, ready, summary, tunnel }) => {
    const name = KEY.exec(key)?.[1];
    if (name === undefined) return [];
    const { state = "", wire = "", peers = [] } = tunnel ?? {};
    const [latest] = peers.toSorted((a, b) => ageOf(a) - ageOf(b));
    return {
      name,
      state,
      ready,
      wire,
      endpoint: latest?.endpoint ?? "",
      ...(latest?.handshakeAgeSeconds == null ? {} : { handshake_age_seconds: latest.handshakeAgeSeconds }),
      received_bytes: peers.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0),
      sent_bytes: peers.reduce((sum, { sentBytes }) => sum + sentBytes, 0),
      summary,
    };
  });
}

function ageOf({ handshakeAgeSeconds }: Peer): number {
  return handshakeAgeSeconds ?? Number.MAX_SAFE_INTEGER;
}
