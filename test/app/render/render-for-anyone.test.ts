import { expect, test } from "vitest";
import { desiredForAnyone } from "../../../src/app/render/render-offline.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { tunnelConfig } from "../../support/config.ts";

const TEXT = tunnelConfig({
  keyFile: "/nowhere/office.key",
  more: "name: lab\n",
});

test("law 8: a rendering needs neither the machine's state nor a secret, which appears as the hash of its reference", async () => {
  const { config, problems, hash } = loadConfig([{ name: "c.yaml", text: TEXT }]);
  const { desired } = await desiredForAnyone({}, { config, problems, hash, sources: ["c.yaml"] });
  expect(desired.resources.map(({ key }) => key)).toEqual(
    expect.arrayContaining(["firewall/machine", "link/office", "tunnel/office", "routes/office", "routes/policy"]),
  );
  const tunnel = desired.resources.find((resource) => resource.kind === "tunnel");
  expect(tunnel?.spec.privateKey).toMatch(/^[0-9a-f]{64}$/);
});

test("what no machine gets from this version is refused as a plan refuses it", async () => {
  const text = TEXT.replace("protocol: wireguard", "protocol: wireguard\n    engine: kernel");
  const { config, problems, hash } = loadConfig([{ name: "c.yaml", text }]);
  await expect(desiredForAnyone({}, { config, problems, hash, sources: [] })).rejects.toMatchObject({
    kind: "unsupported",
  });
});

test("services are rendered as systemd would run them", async () => {
  const text = TEXT.replace("enabled: true", "enabled: true, atBoot: true").concat("service: {}\n");
  const { config, problems, hash } = loadConfig([{ name: "c.yaml", text }]);
  const { desired } = await desiredForAnyone({}, { config, problems, hash, sources: ["c.yaml"] });
  const keys = desired.resources.flatMap(({ kind, key }) => (kind === "service" ? [key] : []));
  expect(keys).toEqual(["keeper", "daemon", "api", "api-socket", "boot"].map((name) => `service/${name}`));
});
