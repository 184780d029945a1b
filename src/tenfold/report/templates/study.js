(function () {
  "use strict";
  var specs = JSON.parse(document.getElementById("figures").textContent);
  var plots = Array.prototype.slice.call(document.querySelectorAll(".plot"));
  var printing = false;
  var PAPER = 660;

  function themed(value, style) {
    if (typeof value === "string") {
      if (value.charAt(0) !== "@") { return value; }
      return style.getPropertyValue("--" + value.slice(1)).trim();
    }
    if (Array.isArray(value)) { return value.map(function (part) { return themed(part, style); }); }
    if (value && typeof value === "object") {
      var out = {};
      Object.keys(value).forEach(function (key) { out[key] = themed(value[key], style); });
      return out;
    }
    return value;
  }

  function draw(plot) {
    var spec = specs[plot.getAttribute("data-figure")];
    if (!spec) { return; }
    var width = printing ? PAPER : plot.clientWidth;
    var chosen = spec.layouts.find(function (pair) { return width >= pair[0]; })[1];
    var style = getComputedStyle(document.documentElement);
    var layout = themed(chosen, style);
    layout.width = width;
    layout.font.family = style.getPropertyValue("--sans").trim();
    plot.style.height = layout.height + "px";
    Plotly.react(plot, themed(spec.data, style), layout, {
      displayModeBar: false, responsive: false, scrollZoom: false, doubleClick: false, staticPlot: printing,
      showTips: false
    });
  }

  function all() {
    plots.forEach(draw);
    document.documentElement.setAttribute("data-width", String(document.documentElement.clientWidth));
  }

  var pending = 0;
  var last = document.documentElement.clientWidth;
  window.addEventListener("resize", function () {
    if (document.documentElement.clientWidth === last || printing) { return; }
    last = document.documentElement.clientWidth;
    window.clearTimeout(pending);
    pending = window.setTimeout(all, 120);
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  window.matchMedia("print").addEventListener("change", function (event) { printing = event.matches; all(); });
  window.addEventListener("beforeprint", function () { printing = true; all(); });
  window.addEventListener("afterprint", function () { printing = false; all(); });
  all();
  document.documentElement.setAttribute("data-drawn", String(plots.length));
})();
