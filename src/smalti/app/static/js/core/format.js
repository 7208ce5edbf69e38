/** Numbers as people read them. */

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

export const whole = (number) => plain.format(number);

/** Three digits that count: 0.0123, 1.23, 12.3, 1,234. */
export const short = (number) => new Intl.NumberFormat("en", { maximumSignificantDigits: Math.abs(number) < 1000 ? 3 : 15, maximumFractionDigits: Math.abs(number) < 1000 ? 6 : 0 }).format(number);

/** Three digits, zeros at the end included, so that columns align: 0.877, 5.00, 16.2, 1,234. */
export const three = (number) => (number >= 1000 ? whole(number) : number ? number.toPrecision(3) : "0");

export const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 2 : 1)} %`;

export function bytes(count) {
  if (count === null || count === undefined) return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(count, 1)) / 3));
  return `${short(Number((count / 1000 ** step).toPrecision(3)))} ${units[step]}`;
}

export function duration(seconds) {
  const all = Math.max(0, Math.round(seconds));
  if (all < 60) return `${all} s`;
  const [hours, minutes] = [Math.floor(all / 3600), Math.floor((all % 3600) / 60)];
  return hours ? `${hours} h ${minutes} min` : `${minutes} min ${all % 60} s`;
}

export const megapixels = (pixels) => `${short(Number((pixels / 1e6).toPrecision(3)))} MPix`;

export const clock = (time) => new Date(typeof time === "number" ? time * 1000 : time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const named = (word) => capital(word.replaceAll("_", " "));
