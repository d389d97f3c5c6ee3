// Run once, when MongoDB starts on an empty volume (compose.yaml): the user that the daemons log in as. He may read and
// write his own database and make its indexes, and nothing else.
db.getSiblingDB("cuelight").createUser({
  user: "cuelight",
  pwd: process.env.MONGO_PASSWORD,
  roles: [{ role: "readWrite", db: "cuelight" }],
});
