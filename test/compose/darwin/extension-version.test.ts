import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stepsOf } from "../../../src/model/plan.ts";
import { sampleConfig } from "../../support/config.ts";
import { MacBook } from "./macbook.ts";

const BUNDLE = "com.example.app.System";
const KEY = `system-extension/${BUNDLE}` as const;
const CONFIG = sampleConfig(`default: { via: direct }
killSwitch: { enabled: false }
systemExtension: { bundle: ${BUNDLE} }
`);
const APPLIED = { onEvent: () => undefined, shouldStop: () => undefined };

describe("which version of a system extension a Mac has", () => {
  let mac: MacBook;
  beforeEach(() => {
    mac = new MacBook();
  });
  afterEach(() => mac[Symbol.dispose]());

  const extensions = () => mac.world.machine.extensions;
  const asked = () => extensions().requests.filter((request) => request !== "describe");
  const standing = () => extensions().listed.map(({ version, state }) => `${version} ${state}`);

  /** A new process, and whether somebody sits at its terminal: what it plans, and then does. */
  async function apply(isAttended: boolean, replace: readonly string[] = []) {
    mac.startAgain(isAttended);
    const loaded = await mac.session.load([{ name: "awg.yaml", text: CONFIG, mode: 0o600 }]);
    const selection = replace.length === 0 ? undefined : { target: [], exclude: [], replace };
    const planned = await mac.session.plan(loaded, selection);
    await mac.session.apply(planned, APPLIED);
    return stepsOf(planned.plan).map(({ key, action, changes, reason }) => ({ key, action, changes, reason }));
  }

  test("an app that brings another version has it replaced, by a daemon too; then nothing is left to do", async () => {
    await apply(false);
    extensions().approve(BUNDLE);
    expect(await apply(false)).toEqual([]);
    extensions().carried = "1.3/35";
    const changes = [expect.objectContaining({ field: "/version", before: "1.2/34", after: "1.3/35" })];
    const reason = "the app carries another version";
    expect(await apply(false)).toEqual([{ key: KEY, action: "replace", changes, reason }]);
    expect(standing()).toEqual(["1.2/34 terminated waiting to uninstall on reboot", "1.3/35 activated enabled"]);
    expect(await apply(true)).toEqual([]);
    expect(asked()).toEqual(["activate", "activate"]);
  });

  test("one that waits to be allowed is asked for again where a user sits there, and by no daemon", async () => {
    await apply(true);
    expect(await apply(false)).toEqual([]);
    expect(asked()).toEqual(["activate"]);
    const changes = [expect.objectContaining({ field: "/approval" })];
    expect(await apply(true)).toMatchObject([{ key: KEY, action: "replace", changes }]);
    expect(asked()).toEqual(["activate", "activate"]);
    expect(standing()).toEqual(["1.2/34 activated waiting for user"]);
    extensions().approve(BUNDLE);
    expect(await apply(true)).toEqual([]);
  });

  test("the same version is replaced when --replace names it, whoever sits there", async () => {
    await apply(false);
    extensions().approve(BUNDLE);
    const reason = "requested by --replace";
    expect(await apply(false, [KEY])).toEqual([{ key: KEY, action: "replace", changes: [], reason }]);
    expect(asked()).toEqual(["activate", "activate"]);
    expect(await apply(false)).toEqual([]);
  });

  test("one that its user switched off stays off, whatever the app brings", async () => {
    await apply(false);
    for (const one of extensions().listed) one.state = "activated disabled";
    extensions().carried = "1.3/35";
    expect(await apply(true)).toEqual([]);
    expect(asked()).toEqual(["activate"]);
  });
});
