/** A window small enough for Node: events, storage, timers under our control; and wallets to put into it. */
import { parseHTML } from "linkedom";
import { readFileSync } from "node:fs";

export function makeWindow(storage = new Map()) {
  const { window } = parseHTML("<!doctype html><html><body></body></html>");
  const target = new EventTarget();
  const timers = new Map();
  let next = 1;
  return {
    document: window.document,
    location: { origin: "http://127.0.0.1:8501" },
    Event,
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
    dispatchEvent: target.dispatchEvent.bind(target),
    localStorage: {
      getItem: (key) => storage.get(key) ?? null,
      setItem: (key, value) => void storage.set(key, value),
      removeItem: (key) => void storage.delete(key),
    },
    setTimeout: (run, ms) => (timers.set(next, { run, ms }), next++),
    clearTimeout: (id) => void timers.delete(id),
    timers,
    /** Let every pending time-out run out. */
    elapse() {
      for (const [id, { run }] of [...timers]) (timers.delete(id), run());
    },
  };
}

export const settle = async () => {
  for (let i = 0; i < 8; i += 1) await Promise.resolve();
};

export const LOCALNET = "solana:localnet";
export const ADDRESS = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB";
export const OTHER = "4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKiD";

export function makeWallet({ name = "Mock", accounts = [ADDRESS], chains = [LOCALNET], features = {}, silent = false } = {}) {
  const listeners = new Set();
  const make = (address) => ({ address, publicKey: new Uint8Array(32), chains, features: [] });
  const calls = [];
  const wallet = {
    version: "1.0.0",
    name,
    icon: "data:image/svg+xml;base64,AA==",
    chains,
    accounts: [],
    calls,
    features: {
      "standard:connect": {
        connect: async (options) => {
          calls.push(options?.silent ? "silent" : "connect");
          wallet.accounts = options?.silent && !silent ? [] : accounts.map(make);
          return { accounts: wallet.accounts };
        },
      },
      "standard:disconnect": { disconnect: async () => void calls.push("disconnect") },
      "standard:events": { on: (_, listener) => (listeners.add(listener), () => listeners.delete(listener)) },
      "solana:signTransaction": {
        supportedTransactionVersions: ["legacy", 0],
        signTransaction: async ({ transaction }) => (calls.push("signTransaction"), [{ signedTransaction: transaction }]),
      },
      "solana:signMessage": {
        signMessage: async ({ message }) => (calls.push("signMessage"), [{ signedMessage: message, signature: new Uint8Array(64) }]),
      },
      ...features,
    },
    change(addresses, newChains = chains) {
      wallet.accounts = addresses.map((address) => ({ ...make(address), chains: newChains }));
      for (const listener of listeners) listener({ accounts: wallet.accounts });
    },
    listeners,
  };
  for (const [key, value] of Object.entries(wallet.features)) if (value === null) delete wallet.features[key];
  return wallet;
}

/** A wallet that was there before the page: it announces itself, and again when the page says it is ready. */
export function announce(win, wallet) {
  const callback = (api) => (wallet.unregister = api.register(wallet));
  const event = new Event("wallet-standard:register-wallet");
  Object.defineProperty(event, "detail", { value: callback });
  win.dispatchEvent(event);
  win.addEventListener("wallet-standard:app-ready", (ready) => callback(ready.detail));
}

export const request = (id, more = {}) => ({
  id,
  kind: "transaction",
  preview: `preview-${id}`,
  address: ADDRESS,
  chain: LOCALNET,
  version: 0,
  payload: "AQID",
  timeoutMs: 1000,
  ...more,
});

const html = readFileSync(new URL("../wallet.html", import.meta.url), "utf-8");

/** What Streamlit hands to the component, with what it said back. */
export function makeComponent(win, data) {
  const root = win.document.createElement("div");
  root.innerHTML = html;
  win.document.body.append(root);
  Object.defineProperty(win.document, "defaultView", { value: win, configurable: true });
  const said = [];
  return { parentElement: root, data, said, setStateValue: (name, value) => said.push([name, value]) };
}
