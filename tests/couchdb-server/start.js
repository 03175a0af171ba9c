// Starts pouchdb-server in a folder of its own and ends with the process that started it (the other end of
// standard input closes). Arguments: folder, port.
'use strict';
const fs = require('fs');
const [folder, port] = process.argv.slice(2);
process.chdir(folder);
process.stdin.resume();
for (const event of ['end', 'close', 'error']) process.stdin.on(event, () => process.exit(0));
// CouchDB's own limit on a document.
if (!fs.existsSync('config.json')) {
  const config = { admins: { admin: process.env.TEST_SERVER_SECRET }, couchdb: { max_document_size: '8000000' }, log: { level: 'none' } };
  fs.writeFileSync('config.json', JSON.stringify(config));
}
process.argv.splice(2, 2, '--port', port, '--dir', folder, '--config', folder + '/config.json', '--no-stdout-logs');
require('pouchdb-server');
