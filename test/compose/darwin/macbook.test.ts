import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { Planned } from "../../../src/app/plan/planned.ts";
import { renderPlan } from "../../../src/cli/verbs/plan/plan.human.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { stepsOf } from "../../../src/model/plan.ts";
import { SOURCES } from "./laptop-mac.ts";
import { KEY, MacBook, USER } from "./macbook.ts";

const GOLDEN = fileURLToPath(new URL("macbook/", import.meta.url));
function written(planned: Planned): string {
  return `${renderPlan(planned.plan, planned.traffic, styleFor(false))}\n`;
}

describe("a MacBook (constructed, doubles at both borders)", () => {
  test("what macOS gets is what the golden folder holds", async () => {
    using mac = new MacBook(true);
    const { host } = mac.world.contract();
    const observed = {
      links: await host.links.read(),
      routes: await host.routes.readRoutes(),
      resolver: await host.resolver.read(),
      firewall: await host.firewall.read(),
    };
    const planned = await mac.plan();
    await mac.apply(planned);
    const { commands, routeMessages, requests } = mac.recorder;
    const files: Record<string, string> = {
      "sources.txt": SOURCES,
      "observed.txt": `${JSON.stringify(observed, null, 2)}\n`,
      "plan.txt": written(planned),
      "routes.hex": `${routeMessages.join("\n\n")}\n`,
      "interface.hex": `${requests.filter((one) => one.startsWith("SIOC")).join("\n\n")}\n`,
      "scutil.txt": textsOf(
        commands.filter(({ path, input = "" }) => path.endsWith("/scutil") && input.includes("set ")),
      ),
      "pf.txt": textsOf(commands.filter(({ path, args }) => path === "/sbin/pfctl" && args.includes("-f"))),
      "launchctl.txt": `${commands
        .filter(({ path }) => path === "/bin/launchctl")
        .map(({ args }) => args.join(" "))
        .join("\n")}\n`,
    };
    for (const path of globSync("{etc/resolver,Library/LaunchDaemons,Users/me/Library/LaunchAgents}/*", {
      cwd: mac.world.root,
    })) {
      files[path.replaceAll("/", "_")] = readFileSync(join(mac.world.root, path), "utf8");
    }
    expect(JSON.stringify([files, commands])).not.toContain(KEY);
    if (process.env["AWG_UPDATE"] === "1") {
      mkdirSync(GOLDEN, { recursive: true });
      for (const [name, text] of Object.entries(files)) writeFileSync(join(GOLDEN, name), mac.plain(text));
    }
    expect(globSync("*", { cwd: GOLDEN }).toSorted()).toEqual(Object.keys(files).toSorted());
    for (const [name, text] of Object.entries(files)) {
      expect(mac.plain(text), name).toBe(readFileSync(join(GOLDEN, name), "utf8"));
    }
  });

  test("apply, apply again with no write at all, destroy: the Mac is as it was", async () => {
    using mac = new MacBook(true);
    const { machine } = mac.world;
    const before = snapshot(mac);
    await mac.apply(await mac.plan());
    expect(machine.pf.enabled).toBe(true);
    expect([...machine.launchd.jobs.keys()].toSorted()).toEqual([
      `gui/${USER}/com.awg.split-tunnel.gui`,
      "system/com.awg.split-tunnel",
      "system/com.awg.split-tunnel.api",
      "system/com.awg.split-tunnel.keeper",
    ]);
    const { writes } = mac.recorder;
    const again = await mac.plan();
    expect(stepsOf(again.plan)).toEqual([]);
    await mac.apply(again);
    expect(mac.recorder.writes).toBe(writes);
    await mac.apply(await mac.session.planDestroy());
    expect(snapshot(mac)).toEqual(before);
  });
});

function textsOf(
  commands: readonly { readonly path: string; readonly args: readonly string[]; readonly input?: string }[],
): string {
  return commands.map(({ path, args, input = "" }) => `$ ${[path, ...args].join(" ")}\n${input}`).join("\n");
}

/** What of the Mac awg has to put back. */
function snapshot({ world: { machine, root } }: MacBook): unknown {
  return {
    interfaces: machine.interfaces.map(({ name }) => name),
    routes: machine.routes.map(({ prefix, flags }) => [prefix.family, String(prefix.address), prefix.length, flags]),
    pf: [machine.pf.enabled, machine.pf.tokens.length, [...machine.pf.anchors.keys()], machine.pf.main.length],
    store: [...machine.store.keys.keys()],
    jobs: [...machine.launchd.jobs.keys()],
    files: globSync("{etc,Library,Users/me/Library/LaunchAgents}/**/*", { cwd: root }).toSorted(),
  };
}
