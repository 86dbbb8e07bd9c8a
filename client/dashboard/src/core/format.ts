// Numbers and times for people; as the command line has them. No line is broken
// between a number and its unit.

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** 494,710 */
export function thousands(value: number | string): string {
  return grouped.format(Number(value));
}

/** 1 class, 10 classes. */
export function several(count: number, one: string, many = `${one}s`): string {
  return `${thousands(count)} ${count === 1 ? one : many}`;
}

/** Six significant digits, without trailing zeros: 61.2034, 1.5e-7. */
export function number(value: number | undefined, digits = 6): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) {
    return value.toExponential(digits - 1).replace(/\.?0+e/, 'e').replace('e+', 'e');
  }
  return new Intl.NumberFormat('en', { maximumSignificantDigits: digits }).format(value);
}

/** 1,234.50: with so many digits after the point. */
export function fixed(value: number, digits: number): string {
  return new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** 97.53 % */
export function percent(share: number | undefined): string {
  return share === undefined ? '–' : `${(share * 100).toFixed(2)}\u00a0%`;
}

/** 1.9 MB, in powers of 1000. */
export function bytes(count: number | string): string {
  let amount = Number(count);
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (amount >= 1000 && unit + 1 < units.length) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)}\u00a0${units[unit]}`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** 0.085 ms, 0.012 s, 4.2 s, 1 m 12 s, 3 h 05 m. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds > 0 && seconds < 0.0005) return `${number(seconds * 1000, 2)}\u00a0ms`;
  if (seconds < 1) return `${seconds.toFixed(3)}\u00a0s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)}\u00a0s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}\u00a0m ${two(whole % 60)}\u00a0s`;
  return `${Math.floor(whole / 3600)}\u00a0h ${two(Math.floor(whole / 60) % 60)}\u00a0m`;
}

/** The same of an estimate, without fractions: a second, 42 s, 1 m 12 s. */
export function roughly(seconds: number): string {
  if (seconds < 1) return 'a second';
  return seconds < 59.5 ? `${Math.round(seconds)}\u00a0s` : duration(Math.round(seconds));
}

/** Of a duration as proto3 JSON has it: 12.5s -> 12.5 */
export function seconds(text: string): number {
  return parseFloat(text);
}

/** 0.768 Wh, 12.3 mWh. */
export function wattHours(joules: number): string {
  const hours = joules / 3600;
  return hours < 0.1 ? `${number(hours * 1000, 3)}\u00a0mWh` : `${number(hours, 3)}\u00a0Wh`;
}

/** The course notebook's bulb, in watts. */
export const BULB_WATTS = 28;

/** How long the notebook's bulb burns on it, in minutes from one on. */
export function bulbTime(joules: number): string {
  const seconds = joules / BULB_WATTS;
  return seconds < 60 ? duration(seconds) : `${number(seconds / 60, 3)}\u00a0min`;
}

const sameDay = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const otherDay = new Intl.DateTimeFormat('en-GB', {
  year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit',
});

/** Local time; with the date where it is not today. */
export function time(timestamp: string | undefined): string {
  if (!timestamp) return '–';
  const date = new Date(timestamp);
  const today = date.toDateString() === new Date().toDateString();
  return (today ? sameDay : otherDay).format(date);
}

/** users/local/jobs/first -> first */
export function id(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** users/local/jobs/first -> local */
export function owner(name: string): string {
  return name.split('/')[1] ?? '';
}

/** CROSS_ENTROPY -> cross entropy */
export function words(constant: string | undefined): string {
  return (constant ?? '').toLowerCase().replace(/_/g, ' ');
}

/** 784-500-200-10 */
export function architecture(spec: { inputCount: number; layers: { units: number }[] } | undefined): string {
  if (!spec) return '';
  return [spec.inputCount, ...spec.layers.map((layer) => layer.units)].join('-');
}

/** 1 -> 1st */
export function ordinal(value: number): string {
  const tens = value % 100;
  const suffix = tens >= 11 && tens <= 13 ? 'th' : ['th', 'st', 'nd', 'rd'][value % 10] ?? 'th';
  return `${value}${suffix}`;
}
