// npm cloudevents and the library read what the other writes, in every mode, over sockets.
//
//   node interop.mjs <peer> <folder with node_modules>
//
// Each event goes from npm to the peer in one mode and comes back in another, once in the peer's
// answer and once in a request of the peer's to a server of node.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';

const [, , program, folder] = process.argv;
const require = createRequire(path.join(path.resolve(folder), 'package.json'));
const { CloudEvent, HTTP } = require('cloudevents');

const kModes = ['binary', 'structured', 'batch'];
const kBytes = Buffer.from([0, 1, 2, 0xfe, 0xff, 0x0a, 0x22]);
const base = { source: '/npm', time: '2026-03-04T05:06:07.089Z' };
const kEvents = [
  { ...base, id: 'minimal', type: 'test.minimal' },
  { ...base, id: 'json', type: 'test.json', datacontenttype: 'application/json',
    data: { bids: [['1.50', '2']], text: 'caf\u00e9 \u{1f600} "quoted" \\', deep: [[[]]],
      none: null } },
  { ...base, id: 'text', type: 'test.text', datacontenttype: 'text/plain',
    data: 'caf\u00e9 "\n%41' },
  { ...base, id: 'bytes', type: 'test.bytes', datacontenttype: 'application/octet-stream',
    data: kBytes },
  { ...base, id: 'all', type: 'test.all', source: 'urn:com.virtufin:test?a=b#c',
    subject: 'order/17', dataschema: 'https://example.com/schema',
    datacontenttype: 'application/json', data: [1, 2],
    extstring: 'text', extinteger: -5, extboolean: true, marketworld: 'hyp.a' },
  { ...base, id: 'with space and "quotes"', type: 'test.spaces', subject: 'a b  c: d, e;',
    extstring: '/\\!#$&' },
];

const listen = (server) => new Promise((resolve) => {
  server.listen(0, '127.0.0.1', () => resolve(server.address().port));
});

// The body as npm wants it: bytes where they are data, else text.
function messageOf(headers, chunks) {
  const bytes = Buffer.concat(chunks);
  const binary = headers['content-type'] === 'application/octet-stream';
  return { headers, body: bytes.length === 0 ? undefined : binary ? bytes : bytes.toString() };
}

async function post(url, { headers, body }) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: 'POST', headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({
        status: response.statusCode, ...messageOf(response.headers, chunks) }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

// npm writes no batches: an array of its own JSON is one.
function written(mode, event) {
  if (mode === 'binary') return HTTP.binary(event);
  if (mode === 'structured') return HTTP.structured(event);
  return { headers: { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' },
    body: JSON.stringify([event]) };
}

// npm does not decode header values: that is done here, and what it reads is said to be encoded.
function readByNpm(mode, message) {
  const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => {
    if (!name.startsWith('ce-')) return [name, value];
    assert.match(value, /^[!#-~]*$/, `${name} has characters that are to be encoded`);
    return [name, decodeURIComponent(value)];
  }));
  const read = HTTP.toEvent({ headers, body: message.body });
  if (mode !== 'batch') return read;
  assert.equal(read.length, 1);
  return read[0];
}

// Data as bytes, or as it is.
const plain = (data) => (ArrayBuffer.isView(data) ? Buffer.from([...data]).toString('hex') : data);

function same(event, read, mode, wrote) {
  for (const name of ['id', 'source', 'type', 'specversion', 'subject', 'dataschema', 'time']) {
    assert.equal(read[name], event[name], name);
  }
  // In binary mode npm names a type for data that has none.
  if (wrote !== 'binary' || event.datacontenttype !== undefined) {
    assert.equal(read.datacontenttype, event.datacontenttype);
  }
  assert.deepEqual(plain(read.data), plain(event.data), 'data');
  for (const [name, value] of Object.entries(event).filter(([key]) => key.startsWith('ext'))) {
    // Header fields have no types.
    const kept = mode === 'binary' || wrote === 'binary' ? String(value) : value;
    assert.deepEqual(read[name], kept, name);
  }
}

// Pins EV-54.
async function everyWay(url, port, received) {
  let events = 0;
  for (const properties of kEvents) {
    const event = new CloudEvent(properties);
    for (const wrote of kModes) {
      for (const mode of kModes) {
        const message = written(wrote, event);
        const answer = await post(`${url}/answer/${mode}`, message);
        assert.equal(answer.status, 200, `${event.id} in ${wrote}: ${answer.body}`);
        same(event, readByNpm(mode, answer), mode, wrote);
        const forwarded = await post(`${url}/forward/${mode}/${port}`, message);
        assert.equal(forwarded.status, 204, `${event.id} in ${wrote}: ${forwarded.body}`);
        assert.equal(received.length, 1);
        same(event, readByNpm(mode, received.pop()), mode, wrote);
        events += 2;
      }
    }
  }
  return events;
}

async function wholeBatches(url) {
  const events = kEvents.map((properties) => new CloudEvent(properties));
  const answer = await post(`${url}/answer/batch`, {
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify(events) });
  const read = HTTP.toEvent(answer);
  assert.equal(read.length, events.length);
  events.forEach((event, i) => same(event, read[i], 'batch', 'batch'));
}

async function refusals(url) {
  const { headers, body } = HTTP.binary(new CloudEvent(kEvents[1]));
  const refused = async (message, words) => {
    const answer = await post(`${url}/answer/binary`, message);
    assert.equal(answer.status, 400);
    assert.match(answer.body, words);
  };
  await refused({ headers: { ...headers, 'ce-specversion': '0.3' }, body },
    /specversion: expected/);
  await refused({ headers, body: '{"cut":' }, /data is not JSON/);
  await refused({ headers: { 'content-type': 'text/plain' }, body },
    /expected a field ce-specversion/);
}

const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
const limit = setTimeout(() => {
  console.error('expected to be done within a minute');
  child.kill();
  process.exit(1);
}, 60_000);
const received = [];
const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    received.push(messageOf(request.headers, chunks));
    response.writeHead(204).end();
  });
});
const ended = new Promise((resolve) => { child.on('exit', resolve); });
try {
  const lines = readline.createInterface({ input: child.stdout });
  const url = await new Promise((resolve, reject) => {
    lines.once('line', resolve);
    child.once('error', reject);
    child.once('exit', () => reject(new Error('the peer ended without telling its URL')));
  });
  const port = await listen(server);
  const events = await everyWay(url, port, received);
  await wholeBatches(url);
  await refusals(url);
  console.log(`${events} events there and back in ${kModes.length} modes each way`);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  clearTimeout(limit);
  server.close();
  server.closeAllConnections();
  http.globalAgent.destroy();
  child.stdin.end();
  if (await ended !== 0) process.exitCode = 1;
}
