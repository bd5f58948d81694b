// An extension of soul: it has no setting for durability, and its SQLite commits without fdatasync in WAL mode unless told.
const database = require('soul-cli/src/db');

database.pragma('synchronous = FULL');

module.exports = {
  synchronous: {
    method: 'GET',
    path: '/synchronous',
    handler: (request, response, db) => response.send(String(db.pragma('synchronous', { simple: true }))),
  },
};
