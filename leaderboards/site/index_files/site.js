"use strict";
// What all parts of a page use: its values, the state in its address, files that are loaded later.
const angleBench = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const folder = document.currentScript && document.currentScript.dataset.folder;
  const minus = "\u2212";
  const absent = "\u2013";
  const element = (id) => document.getElementById(id);

  const signed = (value, decimals = data.decimals) => {
    const text = Math.abs(value).toFixed(decimals);
    if (Number(text) === 0) return text;
    return (value < 0 ? minus : "+") + text;
  };

  const make = (name, text, values = {}) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    return made;
  };

  // The state is what differs from the page as it was made; parts read it and are told of changes.
  const listeners = [];
  const read = () => new Map(new URLSearchParams(location.hash.slice(1)));
  let state = read();
  const address = () => {
    const text = new URLSearchParams([...state].filter(([, value]) => value !== "")).toString();
    return text ? `#${text}` : location.pathname + location.search;
  };
  const get = (key) => state.get(key) || "";
  const tell = () => listeners.forEach((each) => each());
  // `step` is a place that the back button returns to; typing in a field is none
  const set = (values, step = true) => {
    const before = address();
    for (const [key, value] of Object.entries(values)) state.set(key, String(value));
    if (address() === before) return;
    history[step ? "pushState" : "replaceState"](null, "", address());
    tell();
  };
  const back = () => {
    state = read();
    tell();
  };
  window.addEventListener("popstate", back);
  window.addEventListener("hashchange", back);

  // files beside the page are scripts that hand over compressed JSON; a single page has them inside
  const waiting = new Map();
  const kept = new Map();
  const unpack = async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };
  const put = (name, text) => waiting.get(name)(text);
  const load = (name) => {
    if (!kept.has(name)) {
      const inside = element(`packed-${name}`);
      const text = inside ? Promise.resolve(inside.textContent) : new Promise((resolve, reject) => {
        waiting.set(name, resolve);
        const script = make("script", undefined, { src: `${folder}/${name}.js` });
        script.onerror = () => reject(new Error(`${name}.js is not beside the page`));
        document.head.append(script);
      });
      kept.set(name, text.then(unpack));
    }
    return kept.get(name);
  };

  return { data, folder, absent, element, signed, make, get, set, tell, put, load, changed: (each) => listeners.push(each) };
})();

// The table: base, sort, filters, columns of tasks.
(() => {
  const { data, folder, absent, element, signed, make, get, set, changed } = angleBench;
  const head = document.querySelector("#scores thead tr");
  const body = document.querySelector("#scores tbody");
  const rows = [...body.rows];
  const numbers = new Map(rows.map((row, at) => [row, at]));
  const labels = new Map(data.rows.map((row, at) => [row.label, at]));
  const column = new Map(data.columns.map((each, at) => [each.key, at]));
  const inputs = rows.map((row) => ({ base: row.querySelector("[name=base]"), tick: row.querySelector(".tick") }));
  const place = [...head.cells].findIndex((each) => each.dataset.key === "difference");
  const first = (key) => [...head.cells].findIndex((each) => each.dataset.key === key);
  let base = data.base;

  // Over the headline where both have it, else over the tasks that both have, by the suite's rule.
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const difference = (row, other) => {
    const [mine, theirs] = [data.rows[row].scores, data.rows[other].scores];
    if (mine[data.headline] !== null && theirs[data.headline] !== null) return { value: mine[data.headline] - theirs[data.headline], share: "" };
    const both = data.counted.filter((at) => mine[at] !== null && theirs[at] !== null);
    if (!both.length) return null;
    const gap = (at) => mine[at] - theirs[at];
    const kinds = data.average === "types" ? [...new Set(both.map((at) => data.columns[at].type))] : [];
    const value = kinds.length ? mean(kinds.map((kind) => mean(both.filter((at) => data.columns[at].type === kind).map(gap)))) : mean(both.map(gap));
    return { value, share: both.length < data.counted.length ? `${both.length} of ${data.counted.length}` : "" };
  };

  const showBase = () => {
    const wanted = labels.has(get("base")) ? labels.get(get("base")) : data.base;
    inputs[wanted].base.checked = true;
    if (wanted === base) return;
    base = wanted;
    rows.forEach((row) => {
      const at = numbers.get(row);
      const found = at === base ? null : difference(at, base);
      const text = at === base ? "base" : found === null ? absent : signed(found.value);
      row.cells[place].textContent = found && found.share ? `${text} (${found.share})` : text;
    });
    const verdicts = [...document.querySelectorAll(".verdict")];
    for (const each of verdicts) each.hidden = Number(each.dataset.base) !== base;
    if (verdicts.length) element("no-verdict").hidden = verdicts.some((each) => !each.hidden);
  };

  // Values by which rows are sorted; null stays last, whichever way the others go.
  const value = (key) => {
    if (key === "model") return (at) => data.rows[at].label;
    if (key === "difference") return (at) => (at === base ? 0 : (difference(at, base) || { value: null }).value);
    if (key === "coverage") return (at) => data.rows[at].scored;
    if (key === "rank") return (at) => (data.rows[at].rank ? data.rows[at].rank[0] + data.rows[at].rank[1] / 1e6 : null);
    if (key === "borda") return (at) => data.rows[at].borda ?? null;
    if (["zero_shot", "seen"].includes(key)) return (at) => data.rows[at][key] ?? null;
    if (key.startsWith("fact:")) return (at) => data.rows[at].facts[key.slice(5)] ?? null;
    return (at) => data.rows[at].scores[column.get(key)];
  };
  const upwards = (key) => ["model", "rank", "borda", "fact:licence", "fact:base", "fact:dtype", "fact:parameters", "fact:disk"].includes(key);
  const known = (key) => [...head.cells].some((each) => each.dataset.key === key);

  let sorted = "";
  const showSort = () => {
    const said = get("sort");
    if (said === sorted) return;
    const key = said.replace(/^[-+]/, "");
    sorted = said;
    limit = most;
    const down = said.startsWith("-");
    for (const each of head.cells) if (each.hasAttribute("aria-sort")) each.setAttribute("aria-sort", each.dataset.key === key ? (down ? "descending" : "ascending") : "none");
    if (!said || !known(key)) rows.sort((one, other) => numbers.get(one) - numbers.get(other));
    else {
      const values = data.rows.map((_, at) => value(key)(at));
      rows.sort((one, other) => {
        const [a, b] = [values[numbers.get(one)], values[numbers.get(other)]];
        if (a === null || b === null) return (a === null) - (b === null) || numbers.get(one) - numbers.get(other);
        const order = typeof a === "string" ? a.localeCompare(b) : a - b;
        return (down ? -order : order) || numbers.get(one) - numbers.get(other);
      });
    }
    showLimit();
    body.append(...rows);
    box.scrollTop = 0;
  };

  // Of many rows the first are drawn, and more as the reader comes to their end: sorting stays quick.
  const most = 40;
  let limit = most;
  const box = document.querySelector(".tall");
  const showLimit = () => {
    let count = 0;
    for (const row of rows) {
      const later = !row.hidden && count >= limit;
      if (row.classList.contains("later") !== later) row.classList.toggle("later", later);
      count += !row.hidden;
    }
  };
  const grow = () => {
    while (limit < rows.length && box.clientHeight && box.scrollTop + box.clientHeight > box.scrollHeight - 400) {
      limit += most;
      showLimit();
    }
  };
  box.addEventListener("scroll", grow);
  window.addEventListener("resize", grow);

  const texts = data.rows.map((row) => [row.label, ...Object.values(row.facts).filter((each) => typeof each === "string"), ...Object.values(row.facts.settings || {})].join("\n").toLowerCase());
  const showRows = () => {
    const search = get("search");
    if (element("search").value !== search) element("search").value = search;
    const ticked = new Set(get("ticked").split("\n").filter(Boolean));
    element("ticked").checked = get("only") === "ticked";
    element("complete").checked = get("complete") === "1";
    const words = search.toLowerCase().split(",").map((word) => word.trim()).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const at = numbers.get(row);
      inputs[at].tick.checked = ticked.has(data.rows[at].label);
      const shown = (!words.length || words.some((word) => texts[at].includes(word)))
        && (get("only") !== "ticked" || inputs[at].tick.checked)
        && (get("complete") !== "1" || data.rows[at].scores[data.headline] !== null);
      if (row.hidden === shown) row.hidden = !shown;
      count += shown;
    }
    showLimit();
    element("count").textContent = count === rows.length ? `${count} models` : `${count} of ${rows.length} models`;
    const hidden = new Set(rows.filter((row) => row.hidden).map((row) => String(numbers.get(row))));
    for (const each of document.querySelectorAll("#scatter [data-row]")) each.classList.toggle("out", hidden.has(each.dataset.row));
  };

  const trained = (cell) => {
    cell.classList.add("trained");
    cell.title = data.trained;
  };

  // Columns of tasks that are not in the page are made when they are first asked for.
  let made = !element("tasks");
  const makeTasks = () => {
    made = true;
    const tasks = data.columns.map((each, at) => ({ ...each, at })).filter((each) => each.kind === "task");
    const before = [...head.cells].findIndex((each) => /^(borda|zero_shot|seen|fact:|coverage)/.test(each.dataset.key || ""));
    head.cells[before].before(...tasks.map((task) => {
      const cell = make("th", undefined, { scope: "col", "aria-sort": "none", "data-key": task.key });
      cell.append(make("button", task.header, { type: "button" }));
      return cell;
    }));
    const order = new Map(tasks.map((task, at) => [task.key, at]));
    for (const row of rows) {
      const own = data.rows[numbers.get(row)];
      row.cells[before].before(...tasks.map((task) => {
        const cell = make("td");
        if (own.trained?.includes(order.get(task.key))) trained(cell);
        const score = own.scores[task.at];
        if (score === null) cell.textContent = absent;
        else cell.append(make("a", score.toFixed(data.decimals) + (own.marks ? own.marks[order.get(task.key)] : ""), { href: `${folder}/${own.page}#${encodeURIComponent(task.key)}` }));
        return cell;
      }));
    }
  };

  const chosen = () => {
    const types = get("types") ? new Set(get("types").split("\n")) : null;
    const language = get("language");
    return (each) => {
      if (each.kind !== "task" && each.kind !== "type") return true;
      if (types && !types.has(each.type)) return false;
      if (each.kind === "type") return !language || data.columns.some((task) => task.kind === "task" && task.type === each.type && task.languages.includes(language));
      if (element("tasks") && get("tasks") !== "1" && !language) return false;
      return !language || each.languages.includes(language);
    };
  };
  let before = "";
  const showColumns = () => {
    const said = [get("types"), get("language"), get("tasks")].join("\t");
    if (said === before) return;
    before = said;
    const types = get("types").split("\n");
    for (const each of document.querySelectorAll("#types input")) each.checked = !get("types") || types.includes(each.value);
    if (element("language")) element("language").value = get("language");
    if (element("tasks")) element("tasks").checked = get("tasks") === "1";
    if (!made && (get("tasks") === "1" || get("language"))) makeTasks();
    const shown = chosen();
    const hidden = [...head.cells].map((cell) => column.has(cell.dataset.key) && !shown(data.columns[column.get(cell.dataset.key)]));
    for (const row of [head, ...rows]) hidden.forEach((gone, at) => { if (row.cells[at].hidden !== gone) row.cells[at].hidden = gone; });
  };

  const show = () => {
    showBase();
    showColumns();
    showSort();
    showRows();
    requestAnimationFrame(grow); // a high screen holds more
  };

  head.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const key = button.parentElement.dataset.key;
    const now = get("sort");
    const down = now === `-${key}` ? false : now === `+${key}` ? true : !upwards(key);
    set({ sort: (down ? "-" : "+") + key });
  });
  body.addEventListener("change", (event) => {
    if (event.target.name === "base") set({ base: data.rows[event.target.value].label });
    else set({ ticked: data.rows.filter((_, at) => inputs[at].tick.checked).map((row) => row.label).join("\n") });
  });
  const filters = element("filters");
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("input", (event) => {
    const { id, checked } = event.target;
    if (id === "search") set({ search: event.target.value }, false);
    if (id === "ticked") set({ only: checked ? "ticked" : "" });
    if (id === "complete") set({ complete: checked ? "1" : "" });
    if (id === "tasks") set({ tasks: checked ? "1" : "" });
    if (id === "language") set({ language: event.target.value });
    if (event.target.name === "type") {
      const boxes = [...document.querySelectorAll("#types input")];
      const on = boxes.filter((each) => each.checked).map((each) => each.value);
      set({ types: on.length === boxes.length ? "" : on.join("\n") || "\n" });
    }
  });
  changed(show);
  Object.assign(angleBench, {
    base: () => base,
    shownRows: () => rows.filter((row) => !row.hidden).map((row) => numbers.get(row)),
    shownColumn: (key) => { const at = first(key); return at < 0 ? chosen()(data.columns[column.get(key)]) : !head.cells[at].hidden; },
    labels,
  });
  show();
})();

// The view as JSON or CSV: what `leaderboard --json` has of the rows and tasks that are shown.
(() => {
  const { data, element, load, make, base, shownRows, shownColumn } = angleBench;
  const identity = ["model", "name", "kind", "revision", "settings", "coverage"];

  const round = (value) => (value === null ? null : Number(value.toFixed(12)));
  const whole = (row, key) => {
    if (row.averages[key]) return row.averages[key].partial ? null : row.averages[key].score;
    return row.scores[key] ? row.scores[key].score : null;
  };

  const view = (board) => {
    // a task that no filter leaves out is in the file, whether its column is open or not
    const filtered = angleBench.get("types") || angleBench.get("language");
    const keep = (key) => !filtered || !data.columns.some((each) => each.key === key) || shownColumn(key);
    const kept = (values) => Object.fromEntries(Object.entries(values).filter(([key]) => keep(key)));
    const same = board.base !== null && data.rows[base()].label === board.base;
    const other = board.rows[base()];
    const rows = shownRows().map((at) => {
      const row = { ...board.rows[at], averages: kept(board.rows[at].averages), scores: kept(board.rows[at].scores) };
      if (row.trained_on) row.trained_on = { ...row.trained_on, tasks: kept(row.trained_on.tasks) };
      const gaps = (key) => {
        if (at === base()) return null;
        const [mine, theirs] = [whole(board.rows[at], key), whole(other, key)];
        return mine === null || theirs === null ? null : round(mine - theirs);
      };
      if (same) row.differences = kept(row.differences);
      else if (board.base !== null || base() !== data.base) row.differences = Object.fromEntries(data.columns.map((each) => each.key).filter(keep).map((key) => [key, gaps(key)]));
      return row;
    });
    const suite = { ...board.suite, tasks: board.suite.tasks.filter((task) => keep(task.name)) };
    const named = board.base !== null || base() !== data.base ? data.rows[base()].label : null;
    return { ...board, suite, base: named, rows };
  };

  // texts that a spreadsheet would take for a formula stand behind a quote
  const harmless = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replace(/[\u0000-\u001f\u007f]/g, "?");
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : typeof value === "string" ? harmless(value) : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const csv = (board) => {
    const tasks = new Set(board.suite.tasks.map((task) => task.name));
    const keys = data.columns.map((each) => each.key).filter((key) => tasks.has(key) || board.rows.some((row) => key in row.averages));
    const ranked = board.rows.some((row) => "rank" in row);
    const borda = board.rows.length > 0 && data.rows.length > 1;
    const told = board.rows.some((row) => "trained_on" in row);
    const score = (row, key) => (row.averages[key] || row.scores[key]).score;
    const head = [...identity, ...keys, ...(borda ? ["borda"] : []), ...(ranked ? ["rank best", "rank worst"] : []), ...(told ? ["zero_shot", "seen"] : []), "signature", "command"];
    const lines = board.rows.map((row) => [
      ...identity.map((key) => row[key] ?? ""), ...keys.map((key) => score(row, key)), ...(borda ? [row.borda] : []),
      ...(ranked ? row.rank || ["", ""] : []), ...(told ? [row.trained_on.zero_shot, row.trained_on.seen] : []), row.signature, board.command,
    ]);
    return [head, ...lines].map((line) => line.map(cell).join(",")).join("\n") + "\n";
  };

  const save = (name, type, text) => {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = make("a", undefined, { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
  const name = data.suite.replace(/[^A-Za-z0-9.-]+/g, "-");
  const download = async (kind) => {
    try {
      const found = view(await load("board"));
      if (kind === "csv") save(`${name}.csv`, "text/csv", csv(found));
      else save(`${name}.json`, "application/json", JSON.stringify(found, null, 1) + "\n");
    } catch (error) {
      element("count").textContent = error.message;
    }
  };
  element("as-csv").addEventListener("click", () => download("csv"));
  element("as-json").addEventListener("click", () => download("json"));
})();

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

// Every stored pair: loaded when this part is first shown, filtered and sorted here.
(() => {
  const { data, absent, element, signed, make, get, set, load, changed } = angleBench;
  if (!element("pairs")) return;
  const alone = !element("tabs");
  const labels = data.paired;
  const step = 50;
  let shown = step;
  let found = [];
  let values = null;
  let wanted = "";

  const number = (id) => (element(id).value === "" ? null : Number(element(id).value));
  const fields = { p_task: "pair-task", p_text: "pair-text", p_low: "pair-low", p_high: "pair-high", p_seen: "pair-seen", p_sort: "pair-sort" };
  const select = (id, chosen) => { element(id).value = chosen; };

  // what two models give every pair, one after another
  const gather = (texts, model, base) => {
    const pairs = [];
    texts.parts.forEach((part, at) => {
      const [own, other] = [model[at], base[at]];
      if (!own || !other) return;
      for (let place = 0; place < part.count; place += 1) {
        const here = part.start + place;
        const marks = [own.seen, other.seen].filter(Boolean);
        pairs.push({
          task: part.subset === "default" ? part.task : `${part.task} ${part.subset}`, gold: texts.gold[here], text1: texts.text1[here], text2: texts.text2[here],
          model: own.scores[place], base: other.scores[place], moved: own.errors[place] - other.errors[place],
          seen: marks.length ? marks.some((each) => each[place]) : null,
        });
      }
    });
    return pairs;
  };

  const sorts = {
    moved: (a, b) => Math.abs(b.moved) - Math.abs(a.moved), better: (a, b) => a.moved - b.moved, worse: (a, b) => b.moved - a.moved,
    gold: (a, b) => b.gold - a.gold, base: (a, b) => b.base - a.base, model: (a, b) => b.model - a.model,
    length: (a, b) => b.text1.length + b.text2.length - a.text1.length - a.text2.length,
  };

  const filter = () => {
    const [task, seen, low, high] = [element("pair-task").value, element("pair-seen").value, number("pair-low"), number("pair-high")];
    const words = element("pair-text").value.toLowerCase();
    found = values.filter((pair) => (!task || pair.task === task)
      && (!seen || pair.seen === (seen === "1"))
      && (low === null || pair.gold >= low) && (high === null || pair.gold <= high)
      && (!words || pair.text1.toLowerCase().includes(words) || pair.text2.toLowerCase().includes(words)));
    found.sort(sorts[element("pair-sort").value] || sorts.moved);
    const mean = found.reduce((sum, pair) => sum + pair.moved, 0) / (found.length || 1);
    element("pair-count").textContent = `${found.length.toLocaleString("en")} of ${values.length.toLocaleString("en")} pairs${found.length ? `, mean change ${signed(mean, 2)}` : ""}`;
    draw();
  };

  const draw = () => {
    const lines = found.slice(0, shown).map((pair) => {
      const row = make("tr");
      const texts = make("td", undefined, { class: "texts" });
      texts.append(pair.text1, make("br"), pair.text2);
      const seen = pair.seen === null ? absent : pair.seen ? "seen" : "not seen";
      row.append(...[signed(pair.moved, 1), pair.task, String(pair.gold), pair.base.toFixed(3), pair.model.toFixed(3), seen].map((text, at) => make("td", text, [1, 5].includes(at) ? {} : { class: "number" })), texts);
      return row;
    });
    document.querySelector("#pair-table tbody").replaceChildren(...lines);
    element("pair-more").hidden = found.length <= shown;
  };

  const choose = () => {
    const base = labels.includes(get("base")) ? get("base") : data.rows && labels.includes(data.rows[data.base].label) ? data.rows[data.base].label : labels[0];
    const model = labels.includes(get("model")) && get("model") !== base ? get("model") : labels.find((label) => label !== base) || base;
    return [model, base];
  };

  const show = async () => {
    if (!alone && get("tab") !== "pairs") return;
    const [model, base] = choose();
    select("pair-model", model);
    select("pair-base", base);
    for (const [key, id] of Object.entries(fields)) if (id !== "pair-task" && document.activeElement !== element(id)) element(id).value = get(key) || (id === "pair-sort" ? "moved" : "");
    const asked = `${model}\n${base}`;
    try {
      if (asked !== wanted) {
        wanted = asked;
        element("pair-count").textContent = "Loading \u2026";
        const [texts, mine, theirs] = await Promise.all([load("pairs"), load(`pairs-${labels.indexOf(model)}`), load(`pairs-${labels.indexOf(base)}`)]);
        if (asked !== wanted) return;
        values = gather(texts, mine, theirs);
        const tasks = [...new Set(values.map((pair) => pair.task))];
        element("pair-task").replaceChildren(make("option", "all", { value: "" }), ...tasks.map((task) => make("option", task)));
      }
      if (!values) return;
      select("pair-task", get("p_task"));
      shown = step;
      filter();
    } catch (error) {
      element("pair-count").textContent = error.message;
    }
  };

  for (const id of ["pair-model", "pair-base"]) element(id).append(...labels.map((label) => make("option", label)));
  element("pair-filters").addEventListener("submit", (event) => event.preventDefault());
  element("pair-filters").addEventListener("input", (event) => {
    if (event.target.id === "pair-model") set({ model: event.target.value });
    else if (event.target.id === "pair-base") set({ base: event.target.value });
    else {
      const key = Object.keys(fields).find((each) => fields[each] === event.target.id);
      set({ [key]: event.target.value }, event.target.tagName === "SELECT");
    }
  });
  element("pair-more").addEventListener("click", () => {
    shown += 10 * step;
    draw();
  });
  changed(show);
  show();
})();
