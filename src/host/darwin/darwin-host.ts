import { join } from "node:path";
import type { SecretStore } from "../../model/secret-store.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import type { Host } from "../ports/host.ts";
import type { RunCommand } from "./command.ts";
import { darwinEngines, type EngineHolder } from "./engines.ts";
import { darwinFacts } from "./facts/facts.ts";
import { darwinFirewall } from "./firewall/darwin-firewall.ts";
import { darwinLinks } from "./links/darwin-links.ts";
import type { UtunHolder } from "./links/utun-holder.ts";
import { linksWithFirewall, namedFirewall } from "./named-firewall.ts";
import { darwinResolver } from "./resolver/darwin-resolver.ts";
import { darwinRoutes } from "./routes/darwin-routes.ts";
import { launchdServices } from "./services/launchd-services.ts";
import { darwinSysctl } from "./sysctl.ts";
import { darwinSystemExtensions } from "./system-extension/system-extensions.ts";

export interface DarwinHostDeps {
  /** libSystem, or a test double. */
  readonly system: LibSystem;
  /** Runs pfctl, scutil, launchctl and other programs. */
  readonly run: RunCommand;
  /** The process that holds the utun descriptors and starts engines: the keeper. */
  readonly holder: UtunHolder & EngineHolder;
  readonly secrets: SecretStore;
  /** Folder, mode 0700, removed at reboot. */
  readonly runDir: string;
  /** Folder, mode 0700, kept across reboots. */
  readonly stateDir: string;
  /** Absolute path and first arguments of this program. */
  readonly program: readonly string[];
  readonly sleep: (ms: number) => Promise<void>;
  /** A user started this process, so macOS can ask about a system extension. */
  readonly isAttended?: boolean;
  /** Folder used instead of /. */
  readonly root?: string;
}

/** A Mac, by libSystem's calls and its own programs. Opens nothing until a port is used. */
export function darwinHost(deps: DarwinHostDeps): Host {
  const { system, run, holder, secrets, runDir, stateDir, program, sleep, root = "/" } = deps;
  const held = () => holder.held();
  const filter = darwinFirewall({ run, system, runDir, root });
  const named = { filter, held, namesFile: join(runDir, "firewall-names.json") };
  const firewall = namedFirewall(named);
  return {
    name: "darwin",
    facts: darwinFacts({ system, run, held, root }),
    links: linksWithFirewall(firewall, darwinLinks({ system, holder }), named),
    engines: darwinEngines({ secrets, run, holder, root }),
    routes: darwinRoutes({ system, holder }),
    firewall,
    probes: {
      run: async (probe) => (await import("./probes.ts")).darwinProbes({ system, held }).run(probe),
    },
    sysctl: darwinSysctl(),
    resolver: darwinResolver({ run, stateDir, root }),
    systemExtensions: darwinSystemExtensions({ run, sleep, root, isAttended: deps.isAttended === true }),
    services: launchdServices({ run, sleep, program, runDir, root, ownPid: system.getpid() }),
    [Symbol.asyncDispose]: async () => {},
  };
}
