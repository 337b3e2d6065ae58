import assert from "node:assert/strict";
import { test } from "node:test";
import { hubOf } from "../hub.js";
import view from "../view.js";
import { ADDRESS, OTHER, LOCALNET, announce, makeComponent, makeWallet, makeWindow, request, settle } from "./world.js";

const buttons = (component) => [...component.parentElement.querySelectorAll("button")];
const press = (component, label) => {
  const found = buttons(component).find((b) => b.textContent === label);
  assert.ok(found, `no button ${label} among ${buttons(component).map((b) => b.textContent)}`);
  found.onclick();
};
const status = (component) => component.parentElement.querySelector("[role=status]").textContent;
const rerun = (component, data) => view({ ...component, data: (component.data = { ...component.data, ...data }) });

async function page({ mode = "account", wallet = makeWallet(), ...data } = {}) {
  const win = makeWindow();
  if (wallet) announce(win, wallet);
  const component = makeComponent(win, { mode, chain: LOCALNET, ...data });
  view(component);
  return { win, wallet, component, hub: hubOf(win) };
}

test("without a wallet it says so", async () => {
  const { component } = await page({ wallet: null });
  assert.match(component.parentElement.textContent, /No Solana wallet found/);
});

test("a wallet that registers late appears", async () => {
  const { win, component } = await page({ wallet: null });
  announce(win, makeWallet({ name: "Late" }));
  assert.deepEqual(buttons(component).map((b) => b.textContent), ["Connect Late"]);
});

test("icons are shown only when they are inline images", async () => {
  const wallet = makeWallet();
  wallet.icon = "https://evil.example/track.png";
  const { component } = await page({ wallet });
  assert.equal(component.parentElement.querySelector("img"), null);
  const { component: good } = await page();
  assert.ok(good.parentElement.querySelector("img"));
});

test("a wallet's name is text, never markup", async () => {
  const { component } = await page({ wallet: makeWallet({ name: "<img src=x onerror=alert(1)>" }) });
  assert.equal(component.parentElement.querySelectorAll("img").length, 1); // its icon alone
  assert.match(buttons(component)[0].textContent, /<img src=x/);
});

test("connecting publishes the account once, until the server has heard it", async () => {
  const { component } = await page();
  press(component, "Connect Mock");
  await settle();
  const [[name, account]] = component.said;
  assert.equal(name, "account");
  assert.equal(account.address, ADDRESS);
  rerun(component, {});
  rerun(component, { account });
  assert.equal(component.said.length, 1);
  assert.match(component.parentElement.textContent, /GmaD…AEGB/);
  press(component, "Disconnect Mock");
  await settle();
  assert.deepEqual(component.said.at(-1), ["account", null]);
});

test("the server forgetting the account (a new session) gets it told again", async () => {
  const { component } = await page();
  press(component, "Connect Mock");
  await settle();
  rerun(component, { account: component.said[0][1] });
  rerun(component, { account: null });
  assert.equal(component.said.length, 2);
});

test("another network is shown where one connects", async () => {
  const { component } = await page({ wallet: makeWallet({ chains: ["solana:mainnet"] }) });
  press(component, "Connect Mock");
  await settle();
  assert.match(component.parentElement.textContent, /serves solana:mainnet, this page needs solana:localnet/);
});

async function signing(options) {
  const { win, wallet, hub } = await page(options);
  await hub.connect(wallet);
  const component = makeComponent(win, { mode: "sign", chain: LOCALNET, address: ADDRESS, preview: "preview-a" });
  view(component);
  return { win, wallet, hub, component };
}

test("signing: press, the server builds, the wallet is asked once, the answer is published until acknowledged", async () => {
  const { wallet, component } = await signing();
  press(component, "Sign with Mock");
  press(component, "Cancel");
  press(component, "Sign with Mock");
  assert.deepEqual(component.said, [["approved", "preview-a"]]);
  assert.equal(status(component), "Building the transaction.");
  for (let i = 0; i < 4; i += 1) rerun(component, { request: request("a") });
  await settle();
  rerun(component, {});
  assert.deepEqual(wallet.calls, ["connect", "signTransaction"]);
  assert.equal(status(component), "Signed.");
  assert.deepEqual(component.said.map(([name]) => name), ["approved", "outbox"]);
  assert.equal(component.said[1][1][0].transaction, "AQID");
  rerun(component, { request: null, acknowledged: ["a"] });
  assert.equal(component.said.length, 2);
});

test("signing: a request whose preview nobody pressed here isn't put to the wallet", async () => {
  const { wallet, component } = await signing();
  rerun(component, { request: request("a") });
  await settle();
  assert.deepEqual(wallet.calls, ["connect"]);
  press(component, "Sign with Mock");
  await settle();
  assert.deepEqual(wallet.calls, ["connect", "signTransaction"]);
});

test("signing: cancelling while the server builds means the request that comes is not put", async () => {
  const { wallet, component } = await signing();
  press(component, "Sign with Mock");
  press(component, "Cancel");
  rerun(component, { request: request("a") });
  await settle();
  assert.deepEqual(wallet.calls, ["connect"]);
});

test("signing: a wallet that declines is announced", async () => {
  const sign = { supportedTransactionVersions: [0], signTransaction: async () => { throw new Error("User rejected the request."); } };
  const { component } = await signing({ wallet: makeWallet({ features: { "solana:signTransaction": sign } }) });
  press(component, "Sign with Mock");
  rerun(component, { request: request("a") });
  await settle();
  assert.equal(status(component), "You declined in the wallet. Nothing was sent.");
  assert.equal(component.said.at(-1)[1][0].status, "refused");
});

test("signing: a click on a preview that the server has replaced is forgotten, not waited on", async () => {
  const { hub, component } = await signing();
  press(component, "Sign with Mock");
  rerun(component, { preview: "preview-b" });
  assert.equal(hub.approved.size, 0);
  press(component, "Sign with Mock");
  assert.deepEqual(component.said.map(([, value]) => value), ["preview-a", "preview-b"]);
});

test("signing: between the answer and the server's next word there is nothing to press", async () => {
  const sign = { supportedTransactionVersions: [0], signTransaction: async () => { throw new Error("User rejected the request."); } };
  const { hub, component } = await signing({ wallet: makeWallet({ features: { "solana:signTransaction": sign } }) });
  press(component, "Sign with Mock");
  rerun(component, { request: request("a") });
  await settle();
  assert.equal(buttons(component)[0].getAttribute("aria-disabled"), "true");
  press(component, "Sign with Mock");
  assert.equal(hub.approved.size, 0);
  rerun(component, { request: null, preview: "preview-b", acknowledged: ["a"] });
  press(component, "Sign with Mock");
  assert.deepEqual(component.said.at(-1), ["approved", "preview-b"]);
});

test("signing: another account, another network or no wallet have no button, and say why", async () => {
  const { wallet, hub, component } = await signing();
  wallet.change([OTHER]);
  assert.equal(buttons(component).length, 0);
  assert.match(component.parentElement.textContent, /switched to another account/);
  wallet.change([ADDRESS], ["solana:mainnet"]);
  assert.match(component.parentElement.textContent, /doesn't serve solana:localnet/);
  await hub.disconnect();
  assert.match(component.parentElement.textContent, /no longer connected/);
});

test("a redraw keeps the very buttons, so that focus stays", async () => {
  const { hub, component } = await signing();
  const before = buttons(component)[0];
  hub.changed();
  rerun(component, {});
  assert.equal(buttons(component)[0], before);
});

test("an unmounted component no longer draws", async () => {
  const { win, hub } = await page();
  const component = makeComponent(win, { mode: "account" });
  const unmount = view(component);
  const drawn = hub.listeners.size;
  unmount();
  assert.equal(hub.listeners.size, drawn - 1);
});

test("a dialog that was closed while the wallet was asked doesn't hold up the next request", async () => {
  const answers = [];
  const sign = { supportedTransactionVersions: [0], signTransaction: ({ transaction }) => new Promise((resolve) => answers.push(() => resolve([{ signedTransaction: transaction }]))) };
  const { win, hub, component } = await signing({ wallet: makeWallet({ features: { "solana:signTransaction": sign } }) });
  const sidebar = makeComponent(win, { mode: "account", chain: LOCALNET });
  view(sidebar);
  press(component, "Sign with Mock");
  rerun(component, { request: request("a") });
  rerun(sidebar, { closed: ["a"] });
  assert.equal(hub.state("a"), "done");
  const next = makeComponent(win, { mode: "sign", chain: LOCALNET, address: ADDRESS, preview: "preview-b" });
  view(next);
  press(next, "Sign with Mock");
  rerun(next, { request: request("b") });
  assert.equal(answers.length, 2);
  answers[0]();
  answers[1]();
  await settle();
  assert.deepEqual(next.said.at(-1)[1].map((r) => [r.id, r.status]), [["b", "signed"]]);
});
