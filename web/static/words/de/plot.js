export default {
  plot: "Diagramm",
  described: { one: "{heading}, {n} Tag. Die Pfeiltasten lesen ihn vor.", other: "{heading}, {n} Tage. Die Pfeiltasten lesen sie Tag für Tag vor." },
  described_weeks: { one: "{heading}, {n} Woche. Die Pfeiltasten lesen sie vor.", other: "{heading}, {n} Wochen. Die Pfeiltasten lesen sie Woche für Woche vor." },
  day: "Tag",
  week: "Woche",
  week_from: "Woche ab {day}",
  as_table: "Als Tabelle zeigen",
  as_plot: "Als Diagramm zeigen",
};
