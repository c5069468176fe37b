// The pages in a real browser, for Vigie's tests: Debian's Chromium, driven by playwright.
//
//   node page.mjs SCENARIO URL [JSON]
//
// A scenario ends with status 0 where all held, and says what did not on standard error. In every one,
// an error in the console is a fault, a refusal by the page's Content-Security-Policy among them.

import assert from "node:assert/strict";
import axe from "axe-core";
import { chromium } from "playwright-core";
import * as forms from "./page-forms.mjs";

const [scenario, origin, given] = process.argv.slice(2);
const told = JSON.parse(given ?? "{}");
const every = 5_000;

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
});
const complaints = [];

// A page of its own, in a browser of its own.
const open = async (path, { width = 1280, height = 900, clock = false, ...options } = {}) => {
  const context = await browser.newContext({ viewport: { width, height }, ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(`${path}: ${error}`));
  page.on("console", (message) => {
    // A browser calls every answer from 400 on an error; scenarios ask for some.
    const asked = /^Failed to load resource: the server responded with a status of 4/.test(message.text());
    if (message.type() === "error" && !asked) complaints.push(`${path}: ${message.text()}`);
  });
  if (clock) await page.clock.install();
  await page.goto(origin + path);
  return page;
};

const visible = (page) =>
  page.$$eval(".sections a.title", (links) =>
    links.filter((link) => link.checkVisibility()).map((link) => link.getAttribute("href")),
  );

const refresh = async (page) => {
  const fetched = page.waitForResponse((answer) => answer.request().resourceType() === "fetch");
  await page.clock.runFor(every + 100);
  await (await fetched).finished();
  await page.clock.runFor(10);
};

// What serious there is against a page, in the words of axe.
const against = async (page) => {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  return grave.map(({ id, impact, nodes }) => `${id} (${impact}): ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n    ")}`);
};

const scenarios = {
  // Nothing grave against any page, in both schemes, on a phone and on a desk; no scrolling sideways.
  async accessible() {
    const found = [];
    for (const path of told.paths) {
      for (const colorScheme of ["light", "dark"]) {
        for (const width of [360, 1280]) {
          const page = await open(path, { width, colorScheme });
          const place = `${path} ${colorScheme} ${width}`;
          for (const details of await page.$$("main details:not([open])")) {
            await details.evaluate((element) => (element.open = true));
          }
          for (const each of await against(page)) found.push(`${place}: ${each}`);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          if (wide > width) found.push(`${place}: ${wide} pixels wide`);
          await page.context().close();
        }
      }
    }
    assert.deepEqual(found, []);
  },

  // Whatever the address asks for: the server without scripts and the script in the page show the same.
  async filters() {
    for (const query of told.queries) {
      const plain = await open(`/${query}`, { javaScriptEnabled: false });
      const live = await open("/");
      await live.evaluate((to) => {
        history.pushState(null, "", `./${to}`);
        window.dispatchEvent(new PopStateEvent("popstate"));
      }, query);
      assert.deepEqual(await visible(live), await visible(plain), query);
      const chosen = (page) => page.$$eval("[data-filter][aria-current]", (all) => all.map((link) => link.dataset.word));
      assert.deepEqual(await chosen(live), await chosen(plain), query);
      const left = (page) => page.textContent("#_left");
      assert.equal(await left(live), await left(plain), query);
      assert.equal(await left(live), String((await visible(plain)).length), query);
      await plain.context().close();
      await live.context().close();
    }
  },

  // By keyboard and by mouse: search, choose, go back, fold.
  async keyboard() {
    const page = await open("/", { clock: true });
    const everything = await visible(page);
    await page.keyboard.press("/");
    await page.keyboard.type("queue");
    assert.ok(page.url().endsWith("?q=queue"), page.url());
    assert.deepEqual(await visible(page), told.queue);
    assert.ok(await page.isHidden("#_overview"));
    // A refresh leaves what is being typed alone, and the filter too.
    await page.keyboard.type("s ");
    await refresh(page);
    await page.keyboard.type("work");
    assert.equal(await page.inputValue("#_q"), "queues work");
    assert.equal(await page.evaluate(() => document.activeElement.id), "_q");
    assert.ok(page.url().endsWith("?q=queues+work"), page.url());
    await page.keyboard.press("Escape");
    assert.deepEqual(await visible(page), everything);

    await page.focus("[data-word=failing]");
    await page.keyboard.press("Enter");
    assert.deepEqual(await visible(page), told.failing);
    await refresh(page);
    assert.deepEqual(await visible(page), told.failing);
    assert.equal(await page.evaluate(() => document.activeElement.dataset.word), "failing");
    await page.goBack();
    assert.deepEqual(await visible(page), everything);

    // What is folded stays so, through refreshes and visits.
    await page.focus(".section > summary");
    await page.keyboard.press("Enter");
    await page.clock.runFor(10);
    const folded = await visible(page);
    assert.ok(folded.length < everything.length);
    await refresh(page);
    assert.deepEqual(await visible(page), folded);
    await page.reload();
    assert.deepEqual(await visible(page), folded);
    await page.click("#_fold");
    assert.deepEqual(await visible(page), []);
    await page.click("#_fold");
    assert.deepEqual(await visible(page), everything);
    await page.click(".contents li:last-child a");
    assert.ok(await page.locator(".sections .section").last().isVisible());
  },

  // The page heals by itself when what it shows has.
  async updates() {
    const page = await open("/", { clock: true });
    await page.clock.runFor(every + 100);
    await page.getByText("Healed by now").first().waitFor();
    assert.equal(await page.title(), "Everything holds · staging · Vigie");
  },

  // Text from elsewhere is shown as text.
  async foreign() {
    for (const path of told.paths) {
      const page = await open(path);
      assert.ok((await page.textContent("main")).includes("<script>document.title='taken'"), path);
      assert.ok(!(await page.title()).startsWith("taken"), "the script ran");
      assert.equal(await page.locator("#taken, main img, main script").count(), 0, "it became structure");
      await page.context().close();
    }
  },

  // Pictures, for whoever wants to look.
  async pictures() {
    for (const { name, path, full = false, ...options } of told.pictures) {
      const page = await open(path, options);
      await page.screenshot({ path: `${told.folder}/${name}.png`, fullPage: full });
      await page.context().close();
    }
  },

  ...forms.scenarios({ open, refresh, told }),
};

try {
  await scenarios[scenario]();
  assert.deepEqual(complaints, [], "errors in the console");
} finally {
  await browser.close();
}
