export default {
  plot: "graphique",
  described: { one: "{heading}, {n} jour. Les flèches le lisent.", other: "{heading}, {n} jours. Les flèches les lisent jour par jour." },
  described_weeks: { one: "{heading}, {n} semaine. Les flèches la lisent.", other: "{heading}, {n} semaines. Les flèches les lisent semaine par semaine." },
  day: "Jour",
  week: "Semaine",
  week_from: "Semaine du {day}",
  as_table: "Voir en tableau",
  as_plot: "Voir en graphique",
};
