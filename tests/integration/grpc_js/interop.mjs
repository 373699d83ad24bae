// npm @grpc/grpc-js drives a worker from its creation to its end, knowing nothing but reflection.
//
//   WORKER=<library> OTHER_WORKER=<library> node interop.mjs <daemon> <folder with node_modules>
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';

const [, , program, folder] = process.argv;
const require = createRequire(path.join(path.resolve(folder), 'package.json'));
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const kLoad = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
const kKey = 'a key of the test';

// The messages of reflection in the bytes of Protobuf: field number and text each.
function field(number, bytes) {
  const length = [];
  for (let left = bytes.length; ; left = Math.floor(left / 128)) {
    length.push(left >= 128 ? (left % 128) + 128 : left);
    if (left < 128) break;
  }
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes]);
}

// [number, bytes] of each length-delimited field.
function fields(bytes) {
  const found = [];
  let at = 0;
  const varint = () => {
    let value = 0, factor = 1;
    for (;;) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      factor *= 128;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag % 8 === 0) {
      varint();
      continue;
    }
    assert.equal(tag % 8, 2);
    const size = varint();
    found.push([Math.floor(tag / 8), bytes.subarray(at, at + size)]);
    at += size;
  }
  return found;
}

// The loader does not know from a descriptor that a list of entries is a map.
const entriesOf = (map) => Object.entries(map).map(([key, value]) => ({ key, value }));

const only = (bytes, number) => fields(bytes).filter(([n]) => n === number).map(([, b]) => b);

// One stream of reflection, one request after the other.
class Reflection {
  constructor(address, version, metadata) {
    this.client = new grpc.Client(address, grpc.credentials.createInsecure());
    const same = (bytes) => bytes;
    this.stream = this.client.makeBidiStreamRequest(
      `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`, same, same, metadata);
  }
  ask(number, text) {
    return new Promise((resolve, reject) => {
      this.stream.once('data', resolve);
      this.stream.once('error', reject);
      this.stream.write(field(number, Buffer.from(text)));
    });
  }
  async services() {
    const [list] = only(await this.ask(7, '*'), 6);
    return only(list, 1).map((service) => only(service, 1)[0].toString()).sort();
  }
  // A FileDescriptorSet of what describes the symbol.
  async files(symbol) {
    const [response] = only(await this.ask(4, symbol), 4);
    return Buffer.concat(only(response, 1).map((file) => field(1, file)));
  }
  async end() {
    const ended = new Promise((resolve) => { this.stream.once('status', resolve); });
    this.stream.end();
    this.stream.resume();
    const status = await ended;
    assert.equal(status.code, grpc.status.OK);
    this.client.close();
  }
}

async function serviceByReflection(address, metadata) {
  let Service;
  for (const version of ['v1', 'v1alpha']) {
    const reflection = new Reflection(address, version, metadata);
    assert.deepEqual(await reflection.services(), [
      'grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection', 'virtufin.WorkManager']);
    const set = await reflection.files('virtufin.WorkManager');
    await reflection.end();
    const definition = loader.loadFileDescriptorSetFromBuffer(set, kLoad);
    Service = grpc.loadPackageDefinition(definition).virtufin.WorkManager;
  }
  // A history has the code, which is large in a sanitized build.
  const client = new Service(address, grpc.credentials.createInsecure(),
    {'grpc.max_receive_message_length': 64 * 1024 * 1024});
  // client.Method(request) as a promise.
  return new Proxy(client, {
    get: (target, name) => {
      if (name === 'close') return () => target.close();
      if (!(name in target)) return undefined;
      return (request = {}) => new Promise((resolve, reject) => {
        target[name](request, metadata, (error, response) => {
          if (error) reject(error); else resolve(response);
        });
      });
    },
  });
}

async function refused(call, code, words) {
  await assert.rejects(call, (error) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.details, words);
    return true;
  });
}

// Pins WM-65, WM-80.
async function wholeLife(workers) {
  const content = fs.readFileSync(process.env.WORKER);
  const { id } = await workers.CreateWorker({
    code_source: { content }, mime_type: 'application/x-nativedll', topics: ['in.a', 'in.b'],
    config: entriesOf({ desk: 'fx' }), tags: entriesOf({ team: 'caf\u00e9' }) });
  assert.match(id, /^[0-9a-f-]{36}$/);
  const info = async () => {
    const list = await workers.ListWorkers({ filter: ['team=caf\u00e9'] });
    assert.equal(list.workers.length, 1);
    return list.workers[0];
  };
  let worker = await info();
  assert.equal(worker.id, id);
  assert.equal(worker.mime_type, 'application/x-native-dll');
  assert.equal(worker.language, 'Native');
  assert.deepEqual(worker.topics, ['in.a', 'in.b']);
  assert.deepEqual(worker.config, entriesOf({ desk: 'fx' }));
  assert.equal(worker.status, 'WORKER_STATUS_STOPPED');
  assert.ok(Math.abs(Date.parse(worker.created_at) - Date.now()) < 60_000);
  await workers.StartWorker({ id });
  assert.equal((await info()).status, 'WORKER_STATUS_RUNNING');
  await workers.LoadCode({ id, code_source: {
    content: fs.readFileSync(process.env.OTHER_WORKER) } });
  const { entries } = await workers.GetWorkerHistory({ id });
  assert.equal(entries.length, 2);
  assert.ok(entries[0].code_source.content.equals(content));
  await workers.SetTag({ id, key: 'owner', value: 'bob' });
  assert.equal((await workers.GetTag({ id, key: 'owner' })).value, 'bob');
  await workers.SetTags({ id, tags: entriesOf({ team: 'caf\u00e9' }) });
  assert.deepEqual((await workers.GetTags({ id })).tags, entriesOf({ team: 'caf\u00e9' }));
  await refused(workers.GetTag({ id, key: 'owner' }), grpc.status.NOT_FOUND, /owner/);
  const { engines } = await workers.ListEngines();
  assert.ok(engines.some((engine) => engine.mime_type === 'application/x-native-dll' &&
    engine.available));
  await workers.StopWorker({ id });
  assert.equal((await info()).status, 'WORKER_STATUS_STOPPED');
  await workers.DeleteWorker({ id });
  assert.deepEqual((await workers.ListWorkers()).workers, []);
  await refused(workers.StartWorker({ id }), grpc.status.NOT_FOUND, new RegExp(id));
  await refused(workers.CreateWorker({ code_source: { content: Buffer.from('no library') },
    mime_type: 'application/x-native-dll', topics: ['in'] }), grpc.status.INVALID_ARGUMENT,
    /expected a shared library/);
}

async function keysNeeded(address) {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const same = (bytes) => bytes;
  const call = (method) => new Promise((resolve) => {
    client.makeUnaryRequest(method, same, same, Buffer.alloc(0), (error) => {
      resolve(error ? error.code : grpc.status.OK);
    });
  });
  assert.equal(await call('/virtufin.WorkManager/ListWorkers'), grpc.status.UNAUTHENTICATED);
  assert.equal(await call('/grpc.health.v1.Health/Check'), grpc.status.OK);
  client.close();
}

const data = fs.mkdtempSync(path.join(os.tmpdir(), 'virtufin-grpc-js-'));
const child = spawn(program, ['--http-port', '0', '--grpc-port', '0', '--data-directory', data], {
  stdio: ['ignore', 'inherit', 'pipe'], env: { ...process.env, ApiAuth__Keys__test: kKey } });
const limit = setTimeout(() => {
  console.error('expected to be done within a minute');
  child.kill('SIGKILL');
  process.exit(1);
}, 60_000);
const ended = new Promise((resolve) => { child.on('exit', resolve); });
try {
  const lines = readline.createInterface({ input: child.stderr });
  const port = await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const ready = line.match(/ready: .* grpc (\d+)/);
      if (ready) resolve(ready[1]);
      if (/ (warn|error) /.test(line)) console.error(line);
    });
    child.once('exit', () => reject(new Error('the daemon ended without being ready')));
  });
  const metadata = new grpc.Metadata();
  metadata.set('x-api-key', kKey);
  const address = `127.0.0.1:${port}`;
  const workers = await serviceByReflection(address, metadata);
  await wholeLife(workers);
  workers.close();
  await keysNeeded(address);
  console.log('a worker lived from its creation to its end by reflection alone');
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  clearTimeout(limit);
  child.kill('SIGTERM');
  if (await ended !== 0) process.exitCode = 1;
  fs.rmSync(data, { recursive: true });
}
