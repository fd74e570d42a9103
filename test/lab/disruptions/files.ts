import { existsSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sampleConfig } from "../../support/config.ts";
import { place } from "../world/place.ts";
import { type Disruption, type Scene, sleep } from "./disruption.ts";

/** What editors, DHCP clients and provisioning tools do to files. */
export const fileDisruptions: readonly Disruption[] = [
  {
    name: "resolv.conf overwritten in place",
    play: async ({ product }) => writeFileSync(product.resolvConf, `nameserver ${place.v4.router}\n`),
  },
  {
    name: "resolv.conf renamed over",
    play: async ({ product }) => {
      writeFileSync(`${product.resolvConf}.dhclient`, `# dhclient\nnameserver ${place.v4.router}\nsearch lan\n`);
      renameSync(`${product.resolvConf}.dhclient`, product.resolvConf);
    },
  },
  {
    name: "resolv.conf made a symlink",
    play: async ({ product }) => {
      const stub = join(dirname(product.resolvConf), "stub-resolv.conf");
      writeFileSync(stub, `nameserver ${place.v4.router}\n`);
      rmSync(product.resolvConf, { force: true });
      symlinkSync("stub-resolv.conf", product.resolvConf);
    },
  },
  { name: "resolv.conf deleted", play: async ({ product }) => rmSync(product.resolvConf, { force: true }) },
  {
    name: "resolv.conf fought over, ten times a second",
    play: async ({ product, chance }) => {
      for (let left = chance.between(3, 12); left > 0; left -= 1) {
        writeFileSync(product.resolvConf, `nameserver 192.168.77.${left}\n`);
        await sleep(100);
      }
    },
  },
  { name: "config renamed over", play: async (scene) => swapConfig(scene) },
  {
    name: "config written in place by halves",
    play: async (scene) => {
      const text = nextText(scene);
      if (existsSync(scene.product.configFile)) rmSync(scene.product.configFile);
      writeFileSync(scene.product.configFile, text.slice(0, scene.chance.between(1, text.length - 1)));
      await sleep(scene.chance.between(0, 500));
      writeFileSync(scene.product.configFile, text);
    },
  },
  {
    name: "config a symlink that flips",
    play: async (scene) => {
      const target = `${scene.product.configFile}.${scene.variant === 0 ? "b" : "a"}`;
      writeFileSync(target, nextText(scene));
      rmSync(`${scene.product.configFile}.link`, { force: true });
      symlinkSync(target, `${scene.product.configFile}.link`);
      renameSync(`${scene.product.configFile}.link`, scene.product.configFile);
    },
  },
  {
    name: "config full of errors, then right",
    play: async (scene) => {
      writeFileSync(`${scene.product.configFile}.new`, sampleConfig("default: { via: nowhere\n"));
      renameSync(`${scene.product.configFile}.new`, scene.product.configFile);
      await sleep(scene.chance.between(0, 800));
      swapConfig(scene);
    },
  },
];

function swapConfig(scene: Scene): void {
  writeFileSync(`${scene.product.configFile}.new`, nextText(scene));
  renameSync(`${scene.product.configFile}.new`, scene.product.configFile);
}

function nextText(scene: Scene): string {
  scene.variant = scene.variant === 0 ? 1 : 0;
  return scene.product.configText(scene.variant);
}
