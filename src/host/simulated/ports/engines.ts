import { AwgError } from "../../../model/error.ts";
import type { PeerObserved, TunnelObserved, TunnelSpec } from "../../../model/resources/tunnel.ts";
import type { EnginePort } from "../../ports/engines.ts";
import type { SimulatedMachine } from "../machine.ts";

/** Engines of the simulated host: their configuration, and handshakes with the peers that answer. */
export function simulatedEngines(machine: SimulatedMachine): EnginePort {
  return {
    async read(device) {
      machine.checkAlive("engines.read");
      return machine.live.engines.find((engine) => engine.device === device);
    },
    async readAll(known) {
      machine.checkAlive("engines.readAll");
      return machine.live.engines.map((engine) => known?.get(engine.device) ?? engine);
    },
    async ensure(spec) {
      machine.checkAlive("engines.ensure");
      checkPossible(machine, spec);
      checkPort(machine, spec);
      const before = machine.live.engines.find((engine) => engine.device === spec.device);
      if (before === undefined)
        machine.perform("engine.start", () => machine.live.engines.push(blankEngine(spec)), spec.device);
      else if (before.engine !== spec.engine) {
        throw new AwgError("host", `the engine of ${spec.device} is ${before.engine}, not ${spec.engine}`);
      }
      machine.perform(
        "engine.configure",
        () => {
          machine.live.engines = machine.live.engines.map((engine) =>
            engine.device === spec.device ? configured(engine, spec) : engine,
          );
        },
        spec.device,
      );
    },
    async remove(device) {
      machine.checkAlive("engines.remove");
      if (!machine.live.engines.some((engine) => engine.device === device)) return;
      machine.perform(
        "engine.stop",
        () => {
          machine.live.engines = machine.live.engines.filter((engine) => engine.device !== device);
        },
        device,
      );
    },
  };
}

function checkPossible(machine: SimulatedMachine, spec: TunnelSpec): void {
  const link = machine.link(spec.device);
  if (link === undefined) {
    throw new AwgError("host", `device ${spec.device} does not exist, so no engine can serve it`);
  }
  const { capabilities } = machine.live;
  const isPlain = spec.protocol === "wireguard";
  const possible = {
    kernel: capabilities.kernelWireguard && link.type === "wireguard",
    userspace: isPlain ? capabilities.userspaceWireguard : capabilities.userspaceAmneziawg,
    embedded: capabilities.tun,
  }[spec.engine];
  if (!possible) {
    throw new AwgError("unsupported", `this host has no ${spec.engine} engine for ${spec.protocol}`, {
      facts: { device: spec.device },
    });
  }
}

function checkPort({ live }: SimulatedMachine, { device, listenPort }: TunnelSpec): void {
  const holder = live.engines.find((engine) => engine.listenPort === listenPort && engine.device !== device);
  if (listenPort === 0 || holder === undefined) return;
  throw new AwgError("host", `the engine of ${device} refused its configuration (EADDRINUSE)`, {
    facts: { errno: "EADDRINUSE", device, holder: holder.device },
  });
}

function blankEngine({ device, protocol, engine }: TunnelSpec): TunnelObserved {
  return {
    device,
    protocol,
    engine,
    running: true,
    privateKey: undefined,
    listenPort: 0,
    fwmark: 0,
    peers: [],
    obfuscation: {},
  };
}

function configured(before: TunnelObserved, spec: TunnelSpec): TunnelObserved {
  const known = new Map(before.peers.map((peer) => [peer.publicKey, peer]));
  const { peers, ...rest } = structuredClone(spec);
  return {
    ...rest,
    running: true,
    peers: peers.map((peer) => ({ ...NEVER_SEEN, ...statistics(known, peer), ...peer })),
  };
}

const NEVER_SEEN = { lastHandshakeSeconds: 0, receivedBytes: 0, sentBytes: 0 };

/** Peers that stay keep their sessions. */
function statistics(known: ReadonlyMap<string, PeerObserved>, { publicKey }: { publicKey: string }): object {
  const before = known.get(publicKey);
  if (before === undefined) return {};
  const { lastHandshakeSeconds, receivedBytes, sentBytes } = before;
  return { lastHandshakeSeconds, receivedBytes, sentBytes };
}
