import assert from "node:assert/strict";
import type { Route } from "../../../src/host/ports/routes.ts";
import type { LinkObserved } from "../../../src/model/resources/link.ts";
import {
  answersOrRefuses,
  type Clause,
  linkSpec,
  NO_CHANGE,
  policy,
  refuses,
  rule,
  tunnelRoutes,
  tunnelSpec,
} from "../contract-world.ts";

const KEEPERS = { darwin: "engines are the keeper's, which hears root alone (test/keeper/darwin)" } as const;
const SETTING = "net.ipv4.conf.all.arp_ignore";

/** Without the link-local addresses and routes that a kernel gives a new device when it likes. */
const isLinkLocal = (text: string) => /^(fe80|ff00):/.test(text);
const steadyRoutes = (routes: readonly Route[]) => routes.filter(({ destination }) => !isLinkLocal(destination));
const steadyLinks = (links: readonly LinkObserved[]) =>
  links.map((link) => ({ ...link, addresses: link.addresses.filter((address) => !isLinkLocal(address)) }));

/** What every host promises to somebody without root's rights: an answer, or that it takes more rights; never a change. */
export const REFUSED_CONTRACT: readonly Clause[] = [
  {
    port: "links",
    promise: "without root no device, route or packet filter is changed",
    covers: [
      ["facts.read", "refused"],
      ["links.read", "refused"],
      ["links.ensure", "refused"],
      ["links.remove", "refused"],
      ["routes.readRoutes", "refused"],
      ["routes.readRules", "refused"],
      ["routes.change", "refused"],
      ["firewall.load", "refused"],
      ["firewall.read", "refused"],
    ],
    shares: true,
    async check(world) {
      const { host, kind } = world;
      await host.links.ensure(linkSpec(world));
      const links = steadyLinks(await host.links.read());
      const routes = steadyRoutes(await host.routes.readRoutes());
      await world.asViewer?.(async (viewer) => {
        await answersOrRefuses(() => viewer.links.read());
        await answersOrRefuses(() => viewer.firewall.read());
        await viewer.facts.read({ users: [], hosts: [] });
        assert.deepEqual(steadyRoutes(await viewer.routes.readRoutes()), routes);
        await viewer.routes.readRules();
        await refuses("permission", () => viewer.links.ensure({ ...linkSpec(world), mtuBytes: 1300 }));
        // On macOS a device that this process does not hold is nobody's to remove, whatever its rights.
        await refuses(kind === "darwin" ? "conflict" : "permission", () =>
          viewer.links.remove(kind === "darwin" ? world.uplink : world.device),
        );
        await refuses("permission", () => viewer.routes.change({ ...NO_CHANGE, addRoutes: tunnelRoutes(world) }));
        if (kind !== "darwin") {
          await refuses("permission", () => viewer.routes.change({ ...NO_CHANGE, addRules: [rule(10_100)] }));
        }
        await refuses("permission", () => viewer.firewall.load(policy(world)));
      });
      assert.deepEqual(steadyLinks(await host.links.read()), links);
      assert.deepEqual(steadyRoutes(await host.routes.readRoutes()), routes);
      assert.equal((await host.firewall.read()).policy, null);
    },
  },
  {
    port: "engines",
    promise: "without root no engine is started, configured or stopped",
    covers: [
      ["engines.read", "refused"],
      ["engines.readAll", "refused"],
      ["engines.ensure", "refused"],
      ["engines.remove", "refused"],
    ],
    notOn: KEEPERS,
    shares: true,
    async check(world) {
      const { host } = world;
      await host.links.ensure(linkSpec(world));
      const spec = tunnelSpec(world);
      await host.engines.ensure(spec);
      await world.asViewer?.(async (viewer) => {
        await answersOrRefuses(() => viewer.engines.read(world.device));
        await answersOrRefuses(() => viewer.engines.readAll());
        await refuses("permission", () => viewer.engines.ensure({ ...spec, listenPort: 51_999 }));
        await refuses("permission", () => viewer.engines.remove(world.device));
      });
      const engine = await host.engines.read(world.device);
      assert.deepEqual([engine?.running, engine?.privateKey], [true, spec.privateKey]);
    },
  },
  {
    port: "sysctl",
    promise: "without root settings are read and not changed",
    covers: [
      ["sysctl.read", "refused"],
      ["sysctl.write", "refused"],
    ],
    notOn: { darwin: "macOS has no setting that awg sets" },
    shares: true,
    async check(world) {
      const before = await world.host.sysctl.read([SETTING]);
      await world.asViewer?.(async (viewer) => {
        assert.deepEqual(await viewer.sysctl.read([SETTING]), before);
        await refuses("permission", () => viewer.sysctl.write({ [SETTING]: "2" }));
      });
      assert.deepEqual(await world.host.sysctl.read([SETTING]), before);
    },
  },
  {
    port: "resolver",
    promise: "without root the resolver is read and not changed",
    covers: [
      ["resolver.read", "refused"],
      ["resolver.ensure", "refused"],
      ["resolver.restore", "refused"],
      ["resolver.replaced", "refused"],
    ],
    notOn: { darwin: "see the clause of the dynamic store's halves" },
    shares: true,
    async check(world) {
      const spec = { method: "file", servers: ["10.8.0.1"], search: [], device: world.device } as const;
      world.others.writeResolver("nameserver 192.0.2.53\n");
      await world.host.resolver.ensure(spec);
      const before = world.others.readResolver();
      await world.asViewer?.(async (viewer) => {
        await answersOrRefuses(() => viewer.resolver.read());
        await answersOrRefuses(async () => viewer.resolver.replaced?.());
        await refuses("permission", () => viewer.resolver.ensure({ ...spec, servers: ["10.8.0.9"] }));
        await refuses("permission", () => viewer.resolver.restore());
      });
      assert.equal(world.others.readResolver(), before);
    },
  },
  {
    port: "services",
    promise: "without root services are read and not changed",
    covers: [
      ["services.readManager", "refused"],
      ["services.read", "refused"],
      ["services.ensure", "refused"],
      ["services.remove", "refused"],
      ["services.readAutostart", "refused"],
      ["services.ensureAutostart", "refused"],
      ["services.control", "refused"],
    ],
    shares: true,
    async check(world) {
      const spec = world.serviceSpec("");
      await world.services().ensure(spec);
      await world.services().ensureAutostart({ service: spec.name, enabled: true });
      const before = await world.services().read(spec);
      await world.asViewer?.(async (_host, { services }) => {
        await services.readManager();
        assert.deepEqual(await services.read(spec), before);
        assert.equal((await services.readAutostart({ service: spec.name })).enabled, true);
        await refuses("permission", () => services.ensureAutostart({ service: spec.name, enabled: false }));
        await refuses("permission", () => services.control(spec, "restart"));
        await refuses("permission", () => services.ensure(world.serviceSpec("another")));
        await refuses("permission", () => services.remove(spec));
      });
      assert.deepEqual(await world.services().read(spec), before);
    },
  },
  {
    port: "systemExtensions",
    promise: "without an administrator's word no extension is asked for",
    covers: [
      ["systemExtensions.readSupport", "refused"],
      ["systemExtensions.read", "refused"],
      ["systemExtensions.activate", "refused"],
      ["systemExtensions.deactivate", "refused"],
    ],
    notOn: { linux: "only macOS has system extensions" },
    shares: true,
    async check(world) {
      const bundle = "com.example.app.System";
      await world.host.systemExtensions?.activate(bundle);
      world.others.approve(bundle);
      await world.asViewer?.(async ({ systemExtensions: extensions }) => {
        assert.ok(extensions);
        assert.equal(await extensions.readSupport(), undefined);
        assert.equal((await extensions.read(bundle)).state, "enabled");
        await refuses("permission", () => extensions.activate("com.example.app.Other"));
        await refuses("permission", () => extensions.deactivate(bundle));
      });
      assert.equal((await world.host.systemExtensions?.read(bundle))?.state, "enabled");
    },
  },
];
