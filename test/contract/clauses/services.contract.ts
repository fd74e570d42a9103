import assert from "node:assert/strict";
import { type Clause, type ContractWorld, refuses } from "../contract-world.ts";

const NO_EXTENSIONS = { linux: "only macOS has system extensions" } as const;
const BUNDLE = "com.example.app.System";

/** What every host promises of awg's services, and of system extensions where there can be any. */
export const SERVICE_CONTRACT: readonly Clause[] = [
  {
    port: "services",
    promise: "ensure defines, loads and starts it, twice is once, remove takes it away, twice as well as once",
    covers: [
      ["services.readManager", "done"],
      ["services.read", "done", "gone"],
      ["services.ensure", "done", "already so"],
      ["services.remove", "done", "already so", "gone"],
    ],
    async check(world) {
      const services = world.services();
      const spec = world.serviceSpec("");
      assert.notEqual((await services.readManager()).kind, "none");
      await services.remove(spec);
      assert.deepEqual(await standing(world), [null, false, false]);
      await services.ensure(spec);
      const first = await services.read(spec);
      assert.deepEqual([first.definition, first.ownedByAwg, first.outdated], [spec.definition, true, false]);
      assert.deepEqual(await standing(world), [spec.definition, true, true]);
      await services.ensure(spec);
      assert.deepEqual(await services.read(spec), first);
      await services.remove(spec);
      await services.remove(spec);
      assert.deepEqual(await standing(world), [null, false, false]);
      await services.ensure(spec);
      assert.deepEqual(await standing(world), [spec.definition, true, true]);
    },
  },
  {
    port: "services",
    promise: "interrupted work is completed: a file that was not loaded, a changed text, a missing file",
    covers: [
      ["services.ensure", "partial", "gone"],
      ["services.remove", "partial"],
    ],
    async check(world) {
      const services = world.services();
      const [old, spec] = [world.serviceSpec("older"), world.serviceSpec("")];
      world.others.writeService(old.definition);
      await services.ensure(old);
      assert.deepEqual(await standing(world), [old.definition, true, true]);
      await services.ensure(spec);
      assert.deepEqual(await standing(world), [spec.definition, true, true]);
      world.others.writeService(null);
      await services.ensure(spec);
      assert.deepEqual(await standing(world), [spec.definition, true, true]);
      world.others.writeService(null);
      await services.remove(spec);
      assert.deepEqual(await standing(world), [null, false, false]);
    },
  },
  {
    port: "services",
    promise: "another program's definition is neither overwritten nor removed",
    covers: [
      ["services.ensure", "done"],
      ["services.remove", "done"],
    ],
    async check(world) {
      const spec = world.serviceSpec("");
      world.others.writeService("somebody else's\n");
      await refuses("conflict", () => world.services().ensure(spec));
      await refuses("conflict", () => world.services().remove(spec));
      const { definition, ownedByAwg } = await world.services().read(spec);
      assert.deepEqual([definition, ownedByAwg], ["somebody else's\n", false]);
    },
  },
  {
    port: "services",
    promise: "it starts at boot or does not, as was said last, and a service that is not there needs no switching off",
    covers: [
      ["services.readAutostart", "done", "gone"],
      ["services.ensureAutostart", "done", "already so", "gone"],
    ],
    async check(world) {
      const services = world.services();
      const spec = world.serviceSpec("");
      const service = spec.name;
      await services.ensureAutostart({ service, enabled: false });
      await services.ensure(spec);
      for (const enabled of [true, true, false, false, true]) {
        await services.ensureAutostart({ service, enabled });
        assert.equal((await services.readAutostart({ service })).enabled, enabled);
      }
      await services.ensureAutostart({ service, enabled: false });
      await services.remove(spec);
      await services.readAutostart({ service });
    },
  },
  {
    port: "services",
    promise: "start, stop and restart do that, twice as well as once; what is not there cannot be started",
    covers: [["services.control", "done", "already so", "gone", "partial"]],
    async check(world) {
      const services = world.services();
      const spec = world.serviceSpec("");
      await refuses("host", () => services.control(spec, "start"));
      await services.ensure(spec);
      for (const [command, running] of [
        ["stop", false],
        ["stop", false],
        ["start", true],
        ["start", true],
        ["restart", true],
        ["stop", false],
        ["restart", true],
      ] as const) {
        await services.control(spec, command);
        assert.equal((await services.read(spec)).running, running, command);
      }
    },
  },
  {
    port: "services",
    promise: "two processes at once end with one service, or with none",
    covers: [
      ["services.readManager", "concurrent"],
      ["services.read", "concurrent"],
      ["services.ensure", "concurrent"],
      ["services.remove", "concurrent"],
      ["services.readAutostart", "concurrent"],
      ["services.ensureAutostart", "concurrent"],
      ["services.control", "concurrent"],
    ],
    async check(world) {
      const [one, two] = [world.services(), world.services()];
      const spec = world.serviceSpec("");
      const autostart = { service: spec.name, enabled: true };
      await Promise.all([one.ensure(spec), two.ensure(spec), two.readManager(), one.read(spec)]);
      assert.deepEqual(await standing(world), [spec.definition, true, true]);
      await Promise.all([one, two].map((each) => each.ensureAutostart(autostart)));
      await Promise.all([one, two].map((each) => each.readAutostart(autostart)));
      await Promise.all([one.control(spec, "start"), two.control(spec, "start")]);
      assert.deepEqual(await standing(world), [spec.definition, true, true]);
      await Promise.all([one.remove(spec), two.remove(spec)]);
      assert.deepEqual(await standing(world), [null, false, false]);
    },
  },
  {
    port: "systemExtensions",
    promise: "a user approves it, which is not waited for; requested again and removed again, it is as before",
    covers: [
      ["systemExtensions.readSupport", "done", "concurrent"],
      ["systemExtensions.read", "done", "gone", "concurrent"],
      ["systemExtensions.activate", "done", "already so", "gone", "partial", "concurrent"],
      ["systemExtensions.deactivate", "done", "already so", "gone", "partial", "concurrent"],
    ],
    notOn: NO_EXTENSIONS,
    async check(world) {
      const [one, two] = [extensionsOf(world.host), extensionsOf(world.second())];
      const state = async () => (await one.read(BUNDLE)).state;
      assert.deepEqual(await Promise.all([one.readSupport(), two.readSupport()]), [undefined, undefined]);
      assert.equal(await one.deactivate(BUNDLE), "completed");
      assert.equal(await state(), "not-installed");
      const results = await Promise.all([one.activate(BUNDLE), two.activate(BUNDLE), two.read(BUNDLE)]);
      assert.deepEqual(results.slice(0, 2), ["awaitingApproval", "awaitingApproval"]);
      assert.equal(await one.activate(BUNDLE), "awaitingApproval");
      assert.equal(await state(), "awaiting-approval");
      world.others.approve(BUNDLE);
      assert.equal(await state(), "enabled");
      for (const each of [one, two]) assert.equal(await each.activate(BUNDLE), "completed");
      assert.deepEqual(await Promise.all([one.deactivate(BUNDLE), two.deactivate(BUNDLE)]), ["completed", "completed"]);
      assert.notEqual(await state(), "enabled");
      assert.equal(await one.deactivate(BUNDLE), "completed");
      assert.equal(await one.activate(BUNDLE), "awaitingApproval");
      assert.equal(await one.deactivate(BUNDLE), "completed");
    },
  },
];

async function standing(world: ContractWorld): Promise<readonly [string | null, boolean, boolean]> {
  const { definition, loaded, running } = await world.services().read(world.serviceSpec(""));
  return [definition, loaded, running];
}

function extensionsOf({ systemExtensions }: ContractWorld["host"]) {
  assert.ok(systemExtensions, "this host has no system extensions");
  return systemExtensions;
}
