const NAME_BYTES = 16;

/** A name as the kernel takes it for maps and programs (BPF_OBJ_NAME_LEN): 15 characters of [A-Za-z0-9_.] at most. */
export function nameField(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length >= NAME_BYTES || !/^[\w.]+$/.test(name)) throw new RangeError(`${name} is no name of a BPF object`);
  const field = new Uint8Array(NAME_BYTES);
  field.set(bytes);
  return field;
}
