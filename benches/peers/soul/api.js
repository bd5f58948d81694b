// An extension of soul that makes commits durable. Soul has no setting for that, and in WAL mode its SQLite commits
// without fdatasync by default.
const database = require('soul-cli/src/db');

database.pragma('synchronous = FULL');

module.exports = {
  synchronous: {
    method: 'GET',
    path: '/synchronous',
    handler: (request, response, db) => response.send(String(db.pragma('synchronous', { simple: true }))),
  },
};
