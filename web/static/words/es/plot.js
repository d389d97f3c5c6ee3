export default {
  plot: "gráfico",
  described: { one: "{heading}, {n} día. Las flechas lo leen.", other: "{heading}, {n} días. Las flechas los leen día a día." },
  described_weeks: { one: "{heading}, {n} semana. Las flechas la leen.", other: "{heading}, {n} semanas. Las flechas las leen semana a semana." },
  day: "Día",
  week: "Semana",
  week_from: "Semana desde el {day}",
  as_table: "Ver como tabla",
  as_plot: "Ver como gráfico",
};
