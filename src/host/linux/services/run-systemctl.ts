import { execFile } from "node:child_process";

/** A program's output and exit status; -1 when it could not be run or was killed. */
export interface ProgramAnswer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs systemctl with these arguments; tests replace it here. */
export type RunSystemctl = (args: readonly string[]) => Promise<ProgramAnswer>;

const SYSTEMCTL = "/usr/bin/systemctl";
const LONGEST_RUN_MS = 120_000;

/** Runs the host's systemctl without a pager or prompts, with output independent of the locale. */
export const runSystemctl: RunSystemctl = (args) =>
  new Promise((done) => {
    const options = { env: { LC_ALL: "C", PATH: "/usr/bin:/bin" }, timeout: LONGEST_RUN_MS, maxBuffer: 1024 * 1024 };
    const words = ["--no-pager", "--no-ask-password", "--quiet", ...args];
    const child = execFile(SYSTEMCTL, words, options, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      done({ status, stdout, stderr: stderr === "" && error !== null ? error.message : stderr });
    });
    child.stdin?.end();
  });
