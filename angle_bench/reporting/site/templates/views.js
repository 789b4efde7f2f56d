// Tabs, the axis of the scatter plot, two models side by side.
(() => {
  const { data, absent, element, signed, make, get, set, changed, labels, base } = angleBench;
  const panels = [...document.querySelectorAll(".panel")];
  const tabs = element("tabs");
  tabs.setAttribute("role", "tablist");
  tabs.setAttribute("aria-label", "Parts of the page");
  const buttons = panels.map((panel) => {
    const button = make("button", panel.querySelector("h2").textContent, { type: "button", role: "tab", "aria-controls": panel.id, id: `tab-${panel.dataset.tab}` });
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", button.id);
    button.addEventListener("click", () => set({ tab: panel === panels[0] ? "" : panel.dataset.tab }));
    return button;
  });
  tabs.append(...buttons);
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
    next.focus();
    next.click();
    event.preventDefault();
  });
  tabs.hidden = panels.length < 2;
  document.body.classList.toggle("tabbed", !tabs.hidden);

  const showTab = () => {
    const wanted = panels.find((panel) => panel.dataset.tab === get("tab")) || panels[0];
    panels.forEach((panel, at) => {
      panel.hidden = panel !== wanted;
      buttons[at].setAttribute("aria-selected", String(panel === wanted));
      buttons[at].tabIndex = panel === wanted ? 0 : -1;
    });
  };

  const showCost = () => {
    const figures = [...document.querySelectorAll("[data-cost]")];
    const wanted = figures.find((each) => each.dataset.cost === get("cost")) || figures[0];
    for (const each of figures) each.hidden = each !== wanted;
    for (const each of document.querySelectorAll("[name=cost]")) each.checked = each.value === wanted.dataset.cost;
  };
  element("costs")?.addEventListener("change", (event) => set({ cost: event.target.value }));

  const fill = (select) => select.append(...data.rows.map((row, at) => make("option", row.label, { value: at })));
  const table = (caption, heads, lines) => {
    const made = make("table", undefined, { class: "plain" });
    made.append(make("caption", caption));
    const top = made.createTHead().insertRow();
    heads.forEach((each) => top.append(make("th", each, { scope: "col" })));
    const inside = made.createTBody();
    for (const [name, ...cells] of lines) {
      const row = inside.insertRow();
      row.append(make("th", name, { scope: "row" }));
      cells.forEach((each) => row.append(make("td", each, /^[\d\u2212+\u2013]/.test(each) ? { class: "number" } : {})));
    }
    const scroll = make("div", undefined, { class: "scroll", tabindex: 0, role: "region", "aria-label": caption });
    scroll.append(made);
    return scroll;
  };
  const known = (at) => {
    const { settings, ...facts } = data.rows[at].facts;
    if (facts.speed) facts.speed = facts.speed.toPrecision(3);
    if (facts.parameters) facts.parameters = facts.parameters.toLocaleString("en");
    if (facts.disk) facts.disk = `${facts.disk.toLocaleString("en")} bytes`;
    for (const [key, name] of [["zero_shot", "zero-shot, as declared"], ["seen", "texts seen"]]) {
      if (data.rows[at][key] !== undefined) facts[name] = `${Number(data.rows[at][key].toFixed(1))} %`;
    }
    return { ...facts, ...settings };
  };
  const order = new Map(data.columns.filter((each) => each.kind === "task").map((each, at) => [each.key, at]));
  const showTwo = () => {
    const out = element("two-out");
    if (!out || get("tab") !== "two") return;
    const other = labels.has(get("base")) ? base() : data.base;
    const mine = labels.has(get("model")) ? labels.get(get("model")) : data.rows.findIndex((_, at) => at !== other);
    element("two-model").value = mine;
    element("two-base").value = other;
    const [facts, theirs] = [known(mine), known(other)];
    const names = [...new Set([...Object.keys(facts), ...Object.keys(theirs)])];
    const differing = names.filter((name) => String(facts[name]) !== String(theirs[name]));
    const told = (value) => (value === undefined ? absent : String(value));
    const [label, against] = [data.rows[mine].label, data.rows[other].label];
    const settings = differing.map((name) => [name.replaceAll("_", " "), told(facts[name]), told(theirs[name])]);
    const mark = (at, each) => (each.kind === "task" && data.rows[at].marks ? data.rows[at].marks[order.get(each.key)] : "");
    const score = (at, each, column) => (data.rows[at].scores[column] === null ? absent : data.rows[at].scores[column].toFixed(data.decimals) + mark(at, each));
    const lines = data.columns.flatMap((each, column) => {
      const [a, b] = [data.rows[mine].scores[column], data.rows[other].scores[column]];
      if (a === null && b === null) return [];
      const ends = ((data.intervals[other] || {})[mine] || {})[column];
      return [[each.header, score(mine, each, column), score(other, each, column), a === null || b === null ? absent : signed(a - b), ends ? `${signed(ends[0])} to ${signed(ends[1])}` : absent]];
    });
    out.replaceChildren(
      settings.length ? table(`${settings.length} of ${names.length} settings and facts differ`, ["", label, against], settings) : make("p", "No setting or fact that is known differs."),
      table("Scores and differences, 95 % intervals where both have predictions", ["", label, against, "difference", "interval"], lines),
    );
  };
  if (element("two-form")) {
    fill(element("two-model"));
    fill(element("two-base"));
    element("two-form").addEventListener("change", () => set({ model: data.rows[element("two-model").value].label, base: data.rows[element("two-base").value].label }));
    element("two-form").addEventListener("submit", (event) => event.preventDefault());
  }

  const show = () => {
    showTab();
    if (document.querySelector("[data-cost]")) showCost();
    showTwo();
  };
  changed(show);
  show();
})();
