// Whether the browser runs WebAssembly: the player's terminal is such a module.

/** The smallest module there is: the magic number and the version. */
const EMPTY_MODULE = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

/** False where it is switched off (lockdown modes) or forbidden by policy; the player would wait for ever there. */
export async function runsWebAssembly(): Promise<boolean> {
  try {
    await WebAssembly.compile(EMPTY_MODULE);
    return true;
  } catch {
    return false;
  }
}
