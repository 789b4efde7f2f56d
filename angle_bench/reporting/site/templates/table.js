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
