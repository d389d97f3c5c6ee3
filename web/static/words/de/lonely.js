export default {
  error_title: "Wir können diese Seite nicht zeigen",
  error_text: "Cuelight konnte gerade nicht antworten oder hat die Anfrage nicht angenommen. Einlösungen werden trotzdem bearbeitet: Sie werden notiert, bevor wir Twitch antworten.",
  again: "Noch einmal versuchen",
  missing_title: "Hier wohnt nichts",
  missing_text: "Unter dieser Adresse gibt es keine Seite. Der Link ist vielleicht alt, oder ein Buchstabe fehlt. Deine VIPs und alles andere sind, wo sie waren.",
  activity: "Sehen, was passiert ist",
  overview: "Übersicht öffnen",
};
