// JSON pages of the process, read once or again and again while the page is seen.
import { useEffect, useState } from "preact/hooks";

export type Loaded<T> =
  | { readonly name: "loading" }
  | { readonly name: "ok"; readonly value: T }
  /** `status` 0: no response. 404: this process has no such page. */
  | { readonly name: "failed"; readonly status: number; readonly why: string };

export async function readJson<T>(url: string, init?: RequestInit): Promise<Loaded<T>> {
  try {
    const response = await fetch(url, init);
    const text = await response.text();
    if (response.ok) return { name: "ok", value: JSON.parse(text) as T };
    return { name: "failed", status: response.status, why: errorIn(text) };
  } catch (error) {
    return { name: "failed", status: 0, why: error instanceof Error ? error.message : "" };
  }
}

function errorIn(text: string): string {
  try {
    return (JSON.parse(text) as { readonly error: string }).error;
  } catch {
    return text.split("\n")[0] ?? "";
  }
}

/** `url` null: nothing is read. `periodMs` null: once. What was read last stays while the next is on its way. */
export function useJson<T>(url: string | null, periodMs: number | null): Loaded<T> {
  const [loaded, show] = useState<Loaded<T>>({ name: "loading" });
  useEffect(() => {
    show({ name: "loading" });
    if (url === null) return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      if (!document.hidden) {
        const found = await readJson<T>(url);
        if (isOver) return;
        show(found);
      }
      if (periodMs !== null) timer = setTimeout(() => void read(), periodMs);
    };
    void read();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [url, periodMs]);
  return loaded;
}
