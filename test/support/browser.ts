// A real browser on the pages of a process: Debian's Chromium, driven by playwright-core.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { chromium, type Browser, type Page } from "playwright-core";
import { builtDashboard } from "./dashboard.ts";
import { hasPeer } from "./peers.ts";

/** As wide as a desk, and as a phone. */
export const widths = [1280, 390] as const;

/** Pictures for people to look at; git ignores them, CI keeps them. */
const pictures = "screenshots";

export interface OpenPage extends Page {
  /** Keeps a picture of the whole page. */
  picture(name: string): Promise<void>;
}

interface PageOptions {
  readonly width?: number;
  readonly colorScheme?: "light" | "dark";
}

export interface TestBrowser {
  /** Opens an address of the process. Whatever the page reports as an error fails the test. */
  open(url: string, options?: PageOptions): Promise<OpenPage>;
}

/** A test with a browser, which closes before the process that it looks at. Skipped where there is none. */
export function browserTest(
  name: string,
  body: (t: TestContext, chromium: TestBrowser) => Promise<void>,
): void {
  test(name, async (t) => {
    if (!hasPeer(t, "chromium")) return;
    builtDashboard();
    const launched = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
    const errors: string[] = [];
    try {
      await body(t, { open: (url, options = {}) => openPage(launched, url, options, errors) });
    } finally {
      await launched.close();
    }
    assert.deepEqual(errors, [], "what the pages reported");
  });
}

/** Tests run as root, where Chromium has no sandbox, and the pages are ours. */
const args = ["--no-sandbox", "--disable-dev-shm-usage"];

async function openPage(
  launched: Browser,
  url: string,
  { width = 1280, colorScheme = "light" }: PageOptions,
  errors: string[],
): Promise<OpenPage> {
  const page = await launched.newPage({ viewport: { width, height: 900 }, colorScheme });
  page.setDefaultTimeout(20_000);
  page.on("pageerror", ({ message }) => errors.push(message));
  page.on("console", (said) => {
    // A script or style that the policy of the page refuses is reported here, too.
    if (said.type() === "error") errors.push(said.text());
  });
  page.on("dialog", (dialog) => {
    errors.push(`a script of somebody else ran: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  const picture = async (name: string) => {
    mkdirSync(pictures, { recursive: true });
    await page.screenshot({
      path: `${pictures}/${name}-${width}-${colorScheme}.png`,
      fullPage: true,
    });
  };
  return Object.assign(page, { picture });
}

/** Nothing sticks out to the right. */
export async function assertFits(page: Page): Promise<void> {
  const excess = await page.evaluate(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
  assert.equal(excess, 0, `${page.url()} is wider than the window`);
}
