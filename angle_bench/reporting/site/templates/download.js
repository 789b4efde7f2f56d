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
