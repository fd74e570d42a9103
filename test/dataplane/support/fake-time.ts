import { existsSync } from "node:fs";

/** The library that, loaded before others, tells a process a time of our choosing; undefined where it is not installed. */
export const FAKE_TIME = ["x86_64", "aarch64"]
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
  .find((path) => existsSync(path));

/** Why no clock can be set for one process alone here. */
export const fakeTimeObstacle = FAKE_TIME === undefined ? "needs libfaketime" : undefined;
