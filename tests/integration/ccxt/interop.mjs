// npm ccxt against the simulated venue: the book it keeps is the venue's truth at the same update id,
// and a market stream on the retired futures URL is accepted and silent.
//
//   node interop.mjs <simulated_venue> <folder with node_modules>
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';

const [, , program, folder] = process.argv;
const require = createRequire(path.join(path.resolve(folder), 'package.json'));
const ccxt = require('ccxt');
const WebSocket = require('ws');

const kUpdates = 60;
const started = [];

async function startVenue(market) {
  const child = spawn(program, ['--market', market, '--pairs', '3', '--seed', '7'],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  for await (const line of readline.createInterface({ input: child.stdout })) {
    const found = line.match(/^rest\s+http:\/\/(\S+)$/);
    if (found) return found[1];
  }
  throw new Error(`${program} ended without telling its URL`);
}

async function truth(host, symbol, id) {
  const answer = await fetch(`http://${host}/sim/truth?symbol=${symbol}&id=${id}`);
  assert.equal(answer.status, 200, `no truth of ${symbol} at ${id}`);
  return answer.json();
}

const numbers = (levels) => levels.map(([price, quantity]) => [Number(price), Number(quantity)]);

// ccxt refuses a snapshot whose id lies in a hole between two diffs of the symbol, which happens on
// USD-M, and wants to be called again then. Once it has applied a diff, a refusal is a gap.
async function nextBook(exchange, symbol, state) {
  for (;;) {
    try {
      const book = await exchange.watchOrderBook(symbol);
      state.sinceSnapshot += 1;
      return book;
    } catch (error) {
      if (!(error instanceof ccxt.ChecksumError) || state.sinceSnapshot > 1) throw error;
      state.sinceSnapshot = 0;
      if (++state.refused > 50) throw error;
    }
  }
}

async function booksAreTrue(exchange, host, symbol, id) {
  let compared = 0;
  const state = { sinceSnapshot: 0, refused: 0 };
  const seen = new Set();
  while (compared < kUpdates) {
    const book = await nextBook(exchange, symbol, state);
    if (book.nonce === undefined || seen.has(book.nonce)) continue;
    seen.add(book.nonce);
    // Copied before anything is awaited: ccxt goes on in the same object.
    const [nonce, bids, asks] = [book.nonce, numbers([...book.bids]), numbers([...book.asks])];
    const expected = await truth(host, id, nonce);
    assert.deepEqual(bids, numbers(expected.bids), `bids of ${symbol} at ${nonce}`);
    assert.deepEqual(asks, numbers(expected.asks), `asks of ${symbol} at ${nonce}`);
    assert.ok(bids.length > 10 && asks.length > 10, `a thin book of ${symbol}`);
    compared += 1;
  }
  console.log(`${symbol}: ${compared} books equal the venue's, `
    + `last at id ${Math.max(...seen)}, ${state.refused} snapshots refused`);
}

// Counts frames of a stream; opened() tells that it was accepted.
function listen(url) {
  const socket = new WebSocket(url);
  const heard = { frames: 0, close: () => socket.terminate() };
  heard.opened = new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('message', () => { heard.frames += 1; });
  return heard;
}

async function retiredUrlIsSilent(host) {
  const retired = listen(`ws://${host}/ws/btcusdt@aggTrade`);
  const retiredPublic = listen(`ws://${host}/ws/btcusdt@bookTicker`);
  const routed = listen(`ws://${host}/market/ws/btcusdt@aggTrade`);
  await Promise.all([retired.opened, retiredPublic.opened, routed.opened]);
  while (routed.frames < 20 || retiredPublic.frames < 20) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(retired.frames, 0, 'a market stream on the retired URL speaks');
  console.log(`retired URL: 0 frames of aggTrade, ${routed.frames} on /market`);
  for (const each of [retired, retiredPublic, routed]) each.close();
}

// One exchange per venue: with both markets loaded ccxt tells spot from futures by the host's name.
async function connect(type, urls, sockets) {
  const exchange = new ccxt.pro.binance({ enableRateLimit: false });
  // Its own agents are for https and wss.
  exchange.agent = new http.Agent({ keepAlive: true });
  await exchange.loadHttpProxyAgent();
  Object.assign(exchange.urls.api, urls);
  Object.assign(exchange.urls.api.ws, sockets);
  exchange.options.fetchMarkets = { types: [type] };
  exchange.options.fetchCurrencies = false;
  await exchange.loadMarkets();
  return exchange;
}

async function main() {
  const spot = await startVenue('spot');
  const usdm = await startVenue('usdm');
  const onSpot = await connect('spot', { public: `http://${spot}/api/v3` },
    { spot: `ws://${spot}/ws` });
  await booksAreTrue(onSpot, spot, 'BTC/USDT', 'BTCUSDT');
  await onSpot.close();
  const onUsdm = await connect('linear', { fapiPublic: `http://${usdm}/fapi/v1` },
    { future: `ws://${usdm}/ws` });
  await booksAreTrue(onUsdm, usdm, 'ETH/USDT:USDT', 'ETHUSDT');
  await onUsdm.close();
  await retiredUrlIsSilent(usdm);
}

const limit = setTimeout(() => {
  console.error('expected to be done within two minutes');
  process.exitCode = 1;
  for (const child of started) child.kill();
  process.exit();
}, 120_000);
try {
  await main();
  console.log('ccxt interop passed');
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  clearTimeout(limit);
  for (const child of started) child.kill();
}
