// What people say of an item from its page; part of page.mjs.

import assert from "node:assert/strict";

const local = (date) => new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
const day = 86_400_000;

export const scenarios = ({ open, refresh, told }) => {
  const output = (page, form) => page.locator(`#_${form} output`);

  // Presses the button, and waits until something is said of it.
  const send = async (page, form) => {
    await page.click(`#_${form} button[type=submit]`);
    await page.waitForFunction((id) => {
      const text = document.querySelector(`#_${id} output`).textContent;
      return text && text !== "Sending…";
    }, form);
    return output(page, form).textContent();
  };

  // Refreshes until the page says so.
  const shows = async (page, text) => {
    for (let left = 60; !(await page.textContent("main")).includes(text); left -= 1) {
      assert.ok(left > 0, `the page never says: ${text}`);
      await refresh(page);
    }
  };

  const keptNowhere = async (page) => {
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.ok(!kept.includes(told.token), kept);
    assert.deepEqual(await page.context().cookies(), []);
  };

  return {
    // A wrong token is told; what was typed outlasts it and every refresh; the right one records.
    async attest() {
      const page = await open(`/items/${told.item}`, { clock: true });
      await page.focus("#_attest > summary");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Tab");
      await page.keyboard.type(told.who);
      await page.keyboard.press("Tab");
      await page.keyboard.type("Restored <b>onto</b>");
      await refresh(page);
      await refresh(page);
      await page.keyboard.type(" a copy");
      assert.equal(await page.inputValue("#_attest-note"), "Restored <b>onto</b> a copy");
      assert.equal(await page.inputValue("#_attest-who"), told.who);
      await page.fill("#_attest-link", "https://wiki.example/restore");
      await page.fill("#_attest-token", "not-the-token");
      assert.match(await send(page, "attest"), /^Token unknown: /);
      assert.equal(await page.inputValue("#_attest-note"), "Restored <b>onto</b> a copy", "nothing is lost");
      await page.fill("#_attest-token", "a word too many");
      assert.match(await send(page, "attest"), /^A token is one word/);
      await page.fill("#_attest-token", told.token);
      await page.fill("#_attest-who", "   ");
      assert.match(await send(page, "attest"), /`who` is empty/);
      await page.fill("#_attest-who", told.who);
      await page.fill("#_attest-until", local(new Date(Date.now() - day)));
      assert.match(await send(page, "attest"), /lies in the past/);
      await page.fill("#_attest-until", "");
      await page.focus("#_attest-token");
      await page.keyboard.press("Enter");
      await page.getByText("Recorded.").waitFor();
      assert.equal(await page.inputValue("#_attest-token"), "");
      await shows(page, "Restored <b>onto</b> a copy");
      await shows(page, "Passing");
      assert.equal(await page.locator("a[href='https://wiki.example/restore'][rel~=noreferrer]").count(), 1);
      assert.equal(await page.locator("main b:text('onto')").count(), 0);
      await keptNowhere(page);
    },

    // What fails is waived for its own reasons, and for no longer than allowed.
    async waive() {
      const page = await open(`/items/${told.item}`, { clock: true });
      await shows(page, "Waive it for a time");
      await page.click("#_waive > summary");
      await page.fill("#_waive-who", told.who);
      await page.fill("#_waive-why", "The provider is told");
      await page.fill("#_waive-token", told.token);
      await page.fill("#_waive-until", local(new Date(Date.now() + 400 * day)));
      assert.match(await send(page, "waive"), /further than the item allows/);
      await page.fill("#_waive-until", local(new Date(Date.now() + day)));
      assert.equal(await send(page, "waive"), "Recorded.");
      await shows(page, `waived by ${told.who}`);
      await keptNowhere(page);
    },

    // Without scripts, the page says how to do it from a terminal.
    async mute() {
      const page = await open(`/items/${told.item}`, { javaScriptEnabled: false });
      await page.click("#_attest > summary");
      assert.ok(await page.getByText(`vigie attest ${told.item}`).isVisible());
      assert.equal(await page.locator("form:visible").count(), 0);
    },
  };
};
