import { execFile } from "node:child_process";

/** What a program answered; status -1 when it could not be run or was ended. */
export interface ProgramAnswer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs systemctl with these arguments; the border at which a test double stands for it. */
export type RunSystemctl = (args: readonly string[]) => Promise<ProgramAnswer>;

const SYSTEMCTL = "/usr/bin/systemctl";
const LONGEST_RUN_MS = 120_000;

/** Runs the machine's own systemctl, without a pager, without a question, in words that don't depend on the locale. */
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
