/** The operating system of this process. Files outside src/compose ask here, so that a test can list them. */
export const SYSTEM: "linux" | "darwin" = process.platform === "darwin" ? "darwin" : "linux";
