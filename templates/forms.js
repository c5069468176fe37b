(() => {
  "use strict";
  // Sends what a person has to say, with the token that was typed, and shows what came of it.
  const patience = 20000;

  const read = (form) => {
    const said = {};
    for (const { name, type, value, checked, required, dataset } of form.elements) {
      if (!name || dataset.secret !== undefined) continue;
      if (type === "checkbox") {
        if (checked) said[name] = dataset.as === "flag" ? true : [...(said[name] || []), value];
      } else if (value.trim() || (required && dataset.as !== "time")) {
        // A blank name is sent as it is: the answer says what is wrong with it.
        said[name] = dataset.as === "time" ? new Date(value).toISOString() : value.trim();
      }
    }
    return said;
  };

  const send = async (form) => {
    const token = form.elements.token.value.trim();
    if (!/^[\x21-\x7e]+$/.test(token)) return [false, "A token is one word of plain letters, digits and signs."];
    let answer;
    try {
      answer = await fetch(form.dataset.post, {
        method: "POST",
        headers: { Authorization: "Bearer " + token, "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(read(form)),
        signal: AbortSignal.timeout(patience),
      });
    } catch {
      return [false, "No answer came. It may have been recorded: look before you send it again."];
    }
    if (answer.ok) return [true, "Recorded."];
    const problem = await answer.json().catch(() => ({}));
    return [false, [problem.title || "Refused (" + answer.status + ")", problem.detail].filter(Boolean).join(": ")];
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.dataset.post) return;
    event.preventDefault();
    if (form.dataset.sending) return;
    form.dataset.sending = "yes";
    const told = form.querySelector("output");
    told.className = "";
    told.textContent = "Sending…";
    const [recorded, text] = await send(form);
    delete form.dataset.sending;
    if (recorded) form.reset();
    told.className = recorded ? "done" : "refused";
    told.textContent = text;
    if (recorded) document.dispatchEvent(new Event("look"));
  });
})();
