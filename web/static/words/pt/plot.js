export default {
  plot: "gráfico",
  described: { one: "{heading}, {n} dia. As setas o leem.", other: "{heading}, {n} dias. As setas os leem dia a dia." },
  described_weeks: { one: "{heading}, {n} semana. As setas a leem.", other: "{heading}, {n} semanas. As setas as leem semana a semana." },
  day: "Dia",
  week: "Semana",
  week_from: "Semana de {day}",
  as_table: "Ver como tabela",
  as_plot: "Ver como gráfico",
};
