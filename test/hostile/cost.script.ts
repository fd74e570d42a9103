import { readFileSync } from "node:fs";

// Reads the texts of a JSON list on standard input, each as a config, and tells what that cost: CPU time, and how far the
// process grew at its largest.
const { loadConfig } = await import("../../src/config/load-config.ts");
const texts = JSON.parse(readFileSync(0, "utf8")) as readonly string[];
// What a first use compiles is not the texts' doing.
loadConfig([{ name: "warm.yaml", text: "apiVersion: awg/v1\ndefault: { via: direct }\n" }]);
const peakKb = process.resourceUsage().maxRSS;
const cpuMs = texts.map((text) => {
  const before = process.cpuUsage();
  loadConfig([{ name: "a.yaml", text }]);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
});
process.stdout.write(JSON.stringify({ cpuMs, grownKb: process.resourceUsage().maxRSS - peakKb }));
