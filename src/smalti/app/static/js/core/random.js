/** Random names; `crypto.randomUUID` is missing on pages of plain http. */

export const randomName = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
