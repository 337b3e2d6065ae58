import assert from "node:assert/strict";
import { test } from "node:test";
import { Hub, base64, failure, hubOf, unbase64 } from "../hub.js";
import { ADDRESS, LOCALNET, OTHER, announce, makeWallet, makeWindow, request, settle } from "./world.js";

async function connected(options, storage) {
  const win = makeWindow(storage);
  const wallet = makeWallet(options);
  announce(win, wallet);
  const hub = new Hub(win);
  await hub.connect(wallet);
  return { win, wallet, hub };
}
function ask(hub, one) {
  hub.approve(one.preview);
  hub.ask(one);
}

test("base64 carries every byte", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(unbase64(base64(bytes)), bytes);
});

test("wallets that came before and wallets that come later are both listed, each once", () => {
  const win = makeWindow();
  const early = makeWallet({ name: "Early" });
  announce(win, early);
  const hub = new Hub(win);
  const late = makeWallet({ name: "Late" });
  announce(win, late);
  announce(win, late);
  assert.deepEqual([...hub.wallets].map((w) => w.name), ["Early", "Late"]);
});

test("wallets that can't sign for Solana aren't listed", () => {
  const hub = new Hub(makeWindow());
  hub.register(makeWallet({ chains: ["sui:mainnet"] }));
  hub.register(makeWallet({ features: { "solana:signTransaction": null } }));
  hub.register({ name: "broken" });
  assert.equal(hub.wallets.size, 0);
});

test("one hub per window", () => {
  const win = makeWindow();
  assert.equal(hubOf(win), hubOf(win));
  assert.notEqual(hubOf(win), hubOf(makeWindow()));
});

test("connecting remembers the wallet's name and nothing else", async () => {
  const storage = new Map();
  const { hub } = await connected({}, storage);
  assert.equal(hub.account().address, ADDRESS);
  assert.deepEqual([...storage], [["decai.wallet", "Mock"]]);
});

test("a remembered wallet is reconnected silently, once, even if it registers late", async () => {
  const win = makeWindow(new Map([["decai.wallet", "Mock"]]));
  const hub = new Hub(win);
  hub.reconnect();
  const wallet = makeWallet({ silent: true });
  announce(win, wallet);
  await settle();
  hub.reconnect();
  assert.deepEqual(wallet.calls, ["silent"]);
  assert.equal(hub.account().address, ADDRESS);
});

test("a wallet that doesn't trust the site stays unconnected and isn't asked aloud", async () => {
  const win = makeWindow(new Map([["decai.wallet", "Mock"]]));
  const hub = new Hub(win);
  const wallet = makeWallet({ silent: false });
  announce(win, wallet);
  await settle();
  assert.deepEqual(wallet.calls, ["silent"]);
  assert.equal(hub.session, null);
  assert.equal(hub.notice, "");
});

test("storage that throws costs the memory, not the connection", async () => {
  const win = makeWindow();
  win.localStorage = { getItem() { throw new Error("denied"); }, setItem() { throw new Error("denied"); }, removeItem() { throw new Error("denied"); } };
  const hub = new Hub(win);
  const wallet = makeWallet();
  hub.register(wallet);
  await hub.connect(wallet);
  assert.equal(hub.account().address, ADDRESS);
  await hub.disconnect();
  assert.equal(hub.session, null);
});

test("declining to connect is told as such and leaves nothing connected", async () => {
  const refuse = { connect: async () => { throw Object.assign(new Error("User rejected the request."), { code: 4001 }); } };
  const { hub } = await connected({ features: { "standard:connect": refuse } });
  assert.equal(hub.session, null);
  assert.equal(hub.connecting, null);
  assert.equal(hub.notice, "You declined in Mock.");
});

test("only the newest connection attempt counts", async () => {
  const win = makeWindow();
  const hub = new Hub(win);
  let answer;
  const slow = makeWallet({ name: "Slow", accounts: [OTHER] });
  slow.features["standard:connect"] = { connect: () => new Promise((resolve) => { answer = () => resolve({ accounts: [{ address: OTHER, chains: [LOCALNET] }] }); }) };
  const quick = makeWallet({ name: "Quick" });
  hub.register(slow, quick);
  const first = hub.connect(slow);
  await hub.connect(quick);
  answer();
  await first;
  assert.equal(hub.session.wallet.name, "Quick");
});

test("disconnecting forgets, tells the wallet and ends what was asked", async () => {
  const storage = new Map();
  const { hub, wallet } = await connected({ features: { "solana:signTransaction": { supportedTransactionVersions: [0], signTransaction: () => new Promise(() => {}) } } }, storage);
  ask(hub, request("a"));
  await hub.disconnect();
  assert.equal(hub.outbox()[0].status, "gone");
  assert.deepEqual(wallet.calls, ["connect", "disconnect"]);
  assert.equal(wallet.listeners.size, 0);
  assert.equal(storage.size, 0);
});

test("switching the account is seen, and ends what was asked for the old one", async () => {
  const { hub, wallet } = await connected({ accounts: [ADDRESS, OTHER], features: { "solana:signTransaction": { supportedTransactionVersions: [0], signTransaction: () => new Promise(() => {}) } } });
  ask(hub, request("a"));
  wallet.change([OTHER, ADDRESS]);
  assert.equal(hub.account().address, OTHER);
  assert.equal(hub.outbox()[0].status, "account");
});

test("an account that only changes its networks stays, with the new ones", async () => {
  const { hub, wallet } = await connected();
  wallet.change([ADDRESS], ["solana:mainnet"]);
  assert.deepEqual(hub.account().chains, ["solana:mainnet"]);
  ask(hub, request("a"));
  await settle();
  assert.equal(hub.outbox()[0].status, "cluster");
  assert.deepEqual(wallet.calls, ["connect"]);
});

test("a wallet that takes all accounts away is disconnected", async () => {
  const { hub, wallet } = await connected();
  wallet.change([]);
  assert.equal(hub.account(), null);
});

test("a wallet that leaves the browser is gone, and so is what it was asked", async () => {
  const { hub, wallet } = await connected({ features: { "solana:signTransaction": { supportedTransactionVersions: [0], signTransaction: () => new Promise(() => {}) } } });
  ask(hub, request("a"));
  wallet.unregister();
  assert.equal(hub.account(), null);
  assert.equal(hub.wallets.size, 0);
  assert.equal(hub.outbox()[0].status, "gone");
});

test("a request reaches the wallet only after a click on its preview, and once a click", async () => {
  const { hub, wallet } = await connected();
  hub.ask(request("a"));
  await settle();
  assert.deepEqual(wallet.calls, ["connect"]);
  hub.approve("preview-a");
  for (let i = 0; i < 5; i += 1) hub.ask(request("a"));
  await settle();
  hub.ask(request("a"));
  hub.ask({ ...request("b"), preview: "preview-a" });
  await settle();
  assert.deepEqual(wallet.calls, ["connect", "signTransaction"]);
  assert.deepEqual(hub.outbox(), [{ id: "a", kind: "transaction", status: "signed", transaction: "AQID", address: ADDRESS, wallet: "Mock" }]);
});

test("an answer is kept until it is acknowledged", async () => {
  const { hub } = await connected();
  ask(hub, request("a"));
  await settle();
  assert.equal(hub.outbox([]).length, 1);
  assert.equal(hub.outbox(["other"]).length, 1);
  assert.equal(hub.outbox(["a"]).length, 0);
  assert.equal(hub.outbox([]).length, 0);
});

test("requests are put one at a time, in order", async () => {
  const answers = [];
  const sign = { supportedTransactionVersions: [0], signTransaction: ({ transaction }) => new Promise((resolve) => answers.push(() => resolve([{ signedTransaction: transaction }]))) };
  const { hub } = await connected({ features: { "solana:signTransaction": sign } });
  ask(hub, request("a"));
  ask(hub, request("b"));
  assert.equal(answers.length, 1);
  assert.equal(hub.state("b"), "queued");
  answers[0]();
  await settle();
  assert.equal(answers.length, 2);
});

test("declining, failing and never answering each have their outcome, and a late answer is dropped", async () => {
  let mode = "decline";
  let release;
  const sign = {
    supportedTransactionVersions: [0],
    signTransaction: async ({ transaction }) => {
      if (mode === "decline") throw new Error("User rejected the request.");
      if (mode === "fail") throw new Error("ledger unplugged");
      return new Promise((resolve) => { release = () => resolve([{ signedTransaction: transaction }]); });
    },
  };
  const { hub, win } = await connected({ features: { "solana:signTransaction": sign } });
  ask(hub, request("a"));
  await settle();
  mode = "fail";
  ask(hub, request("b"));
  await settle();
  mode = "never";
  ask(hub, request("c"));
  win.elapse();
  release();
  await settle();
  const found = Object.fromEntries(hub.outbox().map((r) => [r.id, r.status]));
  assert.deepEqual(found, { a: "refused", b: "error", c: "timeout" });
  assert.equal(win.timers.size, 0);
});

test("cancelling ends the wait; what the wallet says after is dropped", async () => {
  let release;
  const sign = { supportedTransactionVersions: [0], signTransaction: () => new Promise((resolve) => { release = () => resolve([{ signedTransaction: new Uint8Array(1) }]); }) };
  const { hub } = await connected({ features: { "solana:signTransaction": sign } });
  ask(hub, request("a"));
  hub.cancel("a");
  release();
  await settle();
  assert.deepEqual(hub.outbox().map((r) => [r.status, r.cancelled]), [["refused", true]]);
});

test("what a wallet can't do, or was not prepared for, is refused before it is asked", async () => {
  const cases = [
    [{}, { address: OTHER }, "account"],
    [{}, { chain: "solana:mainnet" }, "cluster"],
    [{ features: { "solana:signTransaction": { supportedTransactionVersions: ["legacy"], signTransaction: async () => assert.fail() } } }, {}, "unsupported"],
    [{ features: { "solana:signMessage": null } }, { kind: "message" }, "unsupported"],
    [{}, { kind: "message", origin: "https://evil.example" }, "origin"],
  ];
  for (const [options, more, status] of cases) {
    const { hub, wallet } = await connected(options);
    ask(hub, request("a", more));
    await settle();
    assert.equal(hub.outbox()[0].status, status);
    assert.deepEqual(wallet.calls, ["connect"]);
  }
});

test("sending by the wallet is the last resort, on public clusters only", async () => {
  const sent = [];
  const send = { supportedTransactionVersions: [0], signAndSendTransaction: async (input) => (sent.push(input.chain), [{ signature: new Uint8Array(64) }]) };
  const both = await connected({ features: { "solana:signAndSendTransaction": send } });
  ask(both.hub, request("a", { maySend: true }));
  await settle();
  assert.equal(both.hub.outbox()[0].status, "signed");
  const only = { "solana:signTransaction": null, "solana:signAndSendTransaction": send };
  const local = await connected({ features: only });
  ask(local.hub, request("a", { maySend: false }));
  await settle();
  assert.equal(local.hub.outbox()[0].status, "unsupported");
  const publicly = await connected({ features: only, chains: ["solana:devnet"] });
  ask(publicly.hub, request("a", { maySend: true, chain: "solana:devnet" }));
  await settle();
  assert.equal(publicly.hub.outbox()[0].status, "sent");
  assert.deepEqual(sent, ["solana:devnet"]);
});

test("tabs: disconnecting in one disconnects the other, connecting reconnects it silently", async () => {
  const storage = new Map();
  const { win, wallet, hub } = await connected({ silent: true }, storage);
  const told = (newValue) => win.dispatchEvent(Object.assign(new Event("storage"), { key: "decai.wallet", newValue }));
  told(null);
  await settle();
  assert.equal(hub.session, null);
  assert.deepEqual(wallet.calls, ["connect"]);
  told("Mock");
  await settle();
  assert.equal(hub.account().address, ADDRESS);
  assert.deepEqual(wallet.calls, ["connect", "silent"]);
});

test("errors are told apart from refusals", () => {
  assert.equal(failure(Object.assign(new Error("x"), { code: 4001 })).status, "refused");
  assert.equal(failure(new Error("Transaction cancelled")).status, "refused");
  assert.equal(failure(new Error("Ledger device: locked")).status, "error");
  assert.equal(failure(undefined).message, "no reason given");
  assert.equal(failure(new Error("x".repeat(999))).message.length, 300);
});
