export default {
  plot: "plot",
  described: { one: "{heading}, {n} day. The arrow keys read it.", other: "{heading}, {n} days. The arrow keys read them day by day." },
  described_weeks: { one: "{heading}, {n} week. The arrow keys read it.", other: "{heading}, {n} weeks. The arrow keys read them week by week." },
  day: "Day",
  week: "Week",
  week_from: "Week from {day}",
  as_table: "Show as table",
  as_plot: "Show as plot",
};
