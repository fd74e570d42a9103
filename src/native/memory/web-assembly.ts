/** The part of WebAssembly that awg uses: TypeScript declares it only in the browser's types. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

interface WasmNamespace {
  readonly Memory: new (limits: { readonly initial: number; readonly maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => WasmInstance;
}

/** The JavaScript interface of WebAssembly. */
export const wasm: WasmNamespace = (globalThis as unknown as { readonly WebAssembly: WasmNamespace }).WebAssembly;
