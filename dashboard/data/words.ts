// Numbers and times as people read them.

/** Three digits, such as `0.12`, `6.9`, `412`, `12 300`; whole numbers as they are. */
export function figure(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1_000 ? String(value) : rate(value);
}

/** As `figure`, but with a decimal even if that is 0: for what changes every second. */
export function rate(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1_000)
    return Math.round(value)
      .toString()
      .replace(/\B(?=(\d{3})+$)/g, "\u202f");
  if (size >= 100) return String(Math.round(value));
  return size >= 10 ? value.toFixed(1) : value.toFixed(size >= 0.1 ? 1 : 2);
}

/** Of a latency in whole milliseconds; nothing for null. */
export function millis(value: number | null): string {
  return value === null ? "–" : figure(value);
}

/** `100 %`, `99.97 %`, `97.1 %`; never rounded up to 100. */
export function percent(share: number | null): string {
  if (share === null) return "–";
  const value = share * 100;
  if (value === 100 || value === 0) return `${value} %`;
  return value >= 99 ? `${(Math.floor(value * 100) / 100).toFixed(2)} %` : `${value.toFixed(1)} %`;
}

export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}

/** `14 s`, `3 min`, `2 h 5 min`, `3 d 4 h`. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `07:24:13`; with `.205` for calls. */
export function clockTime(at: string | number, withMillis = false): string {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return "";
  const two = (value: number) => String(value).padStart(2, "0");
  const text = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return withMillis ? `${text}.${String(time.getMilliseconds()).padStart(3, "0")}` : text;
}

export function count(number: number, one: string, several = `${one}s`): string {
  return `${figure(number)} ${number === 1 ? one : several}`;
}

/** The last part of a path of files. */
export function fileName(path: string): string {
  return path.split("/").at(-1) ?? path;
}
