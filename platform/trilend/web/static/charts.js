/* Charts: each is drawn from the table beside it, in the page's colours and its language's way of writing numbers. */

const reduced = window.matchMedia("(prefers-reduced-motion: reduce)");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const language = document.documentElement.lang;
const compact = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
const exact = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const drawn = new Map();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/* The one theme: text, lines and tones are the stylesheet's own. */
function theme() {
  return {
    ink: colour("ink"),
    soft: colour("ink-soft"),
    line: colour("line"),
    surface: colour("surface"),
    tones: {
      brand: colour("brand"),
      success: colour("good"),
      special: colour("tier-special"),
      warning: colour("tier-sub"),
      danger: colour("bad"),
      worst: colour("tier-loss"),
    },
    font: getComputedStyle(document.body).fontFamily,
  };
}

function figuresOf(figure) {
  return [...figure.querySelectorAll("tbody tr")].map((row) => ({
    name: row.cells[0].dataset.short || row.cells[0].textContent.trim(),
    full: row.cells[0].textContent.trim(),
    value: Number(row.querySelector("[data-value]").dataset.value),
    tone: row.dataset.tone || "brand",
  }));
}

function options(figure, look) {
  const figures = figuresOf(figure);
  const upright = figure.dataset.chart === "columns";
  const names = {
    type: "category",
    data: figures.map((entry) => entry.name),
    inverse: !upright,
    axisLine: { lineStyle: { color: look.line } },
    axisTick: { show: false },
    axisLabel: { color: look.soft, hideOverlap: true },
  };
  const amounts = {
    type: "value",
    splitNumber: 4,
    splitLine: { lineStyle: { color: look.line } },
    axisLabel: { color: look.soft, hideOverlap: true, formatter: (value) => compact.format(value) },
  };
  return {
    animation: !reduced.matches,
    textStyle: { fontFamily: look.font, color: look.ink },
    grid: { left: 0, right: upright ? 8 : 64, top: 12, bottom: 0, outerBoundsMode: "same" },
    // Text that the page itself draws: a box of HTML would need styles that the policy forbids.
    tooltip: {
      renderMode: "richText",
      trigger: "axis",
      axisPointer: { type: "shadow" },
      backgroundColor: look.surface,
      borderColor: look.line,
      textStyle: { color: look.ink },
      formatter: ([point]) => `${figures[point.dataIndex].full}  ${exact.format(point.value)} ${figure.dataset.unit}`,
    },
    xAxis: upright ? names : amounts,
    yAxis: upright ? amounts : names,
    series: [{
      type: "bar",
      barMaxWidth: 22,
      itemStyle: { borderRadius: 3 },
      label: { show: !upright, position: "right", color: look.ink, formatter: ({ value }) => compact.format(value) },
      data: figures.map((entry) => ({ value: entry.value, itemStyle: { color: look.tones[entry.tone] || look.tones.brand } })),
    }],
  };
}

async function draw(figure) {
  const { init } = await import(figure.dataset.engine);
  const picture = figure.querySelector(".chart-picture");
  const chart = init(picture, null, { renderer: "canvas" });
  chart.setOption(options(figure, theme()));
  drawn.set(figure, chart);
  new ResizeObserver(() => chart.resize()).observe(picture);
  figure.dataset.drawn = "1";
}

/* The picture takes the place of the table, or gives it back if it cannot be drawn. */
function swap(figure, toPicture) {
  figure.querySelector(".chart-picture").hidden = !toPicture;
  figure.querySelector("details").open = !toPicture;
}

/* The engine is fetched only where there is something to draw, and when that comes near. */
const near = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((each) => each.isIntersecting)) {
    near.unobserve(entry.target);
    draw(entry.target).catch(() => swap(entry.target, false));
  }
}, { rootMargin: "300px" });
document.querySelectorAll("[data-chart]").forEach((figure) => {
  swap(figure, true);
  near.observe(figure);
});

dark.addEventListener("change", () => {
  const look = theme();
  for (const [figure, chart] of drawn) chart.setOption(options(figure, look));
});
