export default {
  error_title: "No podemos mostrar esta página",
  error_text: "Cuelight no ha podido responder ahora mismo, o no ha aceptado lo que se pedía. Los canjes se atienden igualmente: se anotan antes de responder a Twitch.",
  again: "Probar otra vez",
  missing_title: "Aquí no hay nada",
  missing_text: "No hay ninguna página en esta dirección. Quizá el enlace sea antiguo o falte una letra. Tus VIP y todo lo demás siguen donde estaban.",
  activity: "Ver qué ha pasado",
  overview: "Abrir el resumen",
};
