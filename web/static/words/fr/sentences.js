export default {
  they_read: "Ils lisent dans le chat",
  silent: "Rien n’en est dit dans le chat : tu as coupé ce message.",
};
