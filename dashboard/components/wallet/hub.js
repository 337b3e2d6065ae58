/**
 * The page's one wallet hub: Wallet Standard registry, connection and request queue.
 *
 * Streamlit calls a component's function again on every rerun and unmounts it when the page changes, so nothing
 * that must outlive a rerun may live in a component. It lives here, once per window, and every mounted component
 * is a view on it. No part of this file touches the DOM beyond window events, so Node tests it as it is.
 */

const KEY = "__decaiWalletHub";
const REMEMBERED = "decai.wallet"; // localStorage: name of the wallet to reconnect to silently; never an address
const REFUSALS = /reject|declin|denied|cancell?ed|refus/i;
const USER_REJECTED = 4001; // EIP-1193's code, which Solana wallets use too

export const base64 = (bytes) => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
};
export const unbase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** Wallets that can't sign for Solana are not offered at all. */
export const usable = (wallet) =>
  Boolean(
    wallet?.features?.["standard:connect"] &&
      (wallet.features["solana:signTransaction"] || wallet.features["solana:signAndSendTransaction"]) &&
      wallet.chains?.some((chain) => chain.startsWith("solana:")),
  );

const solanaAccount = (accounts) =>
  accounts?.find((account) => account.chains?.some((chain) => chain.startsWith("solana:"))) ?? null;

/** What a wallet's exception means for a person: they said no, or something broke. */
export function failure(error) {
  const message = String(error?.message ?? error ?? "no reason given").slice(0, 300);
  const refused = error?.code === USER_REJECTED || REFUSALS.test(`${error?.name ?? ""} ${message}`);
  return { status: refused ? "refused" : "error", message };
}

/** Why `request` can't be put to this wallet and account, or null. Checked before the wallet is asked. */
export function objection(request, wallet, account, origin) {
  if (!wallet || !account) return { status: "gone", message: "No wallet is connected." };
  if (request.address && request.address !== account.address)
    return { status: "account", message: "The wallet has switched to another account than this was prepared for." };
  if (request.kind === "message") {
    if (!wallet.features["solana:signMessage"])
      return { status: "unsupported", message: `${wallet.name} can't sign messages.` };
    if (request.origin && request.origin !== origin)
      return { status: "origin", message: `This sign-in is for ${request.origin}, but this page is ${origin}.` };
    return null;
  }
  if (!account.chains.includes(request.chain))
    return {
      status: "cluster",
      message: `${wallet.name} doesn't serve ${request.chain} with this account; it serves ${account.chains.join(", ")}.`,
    };
  const feature = transactionFeature(request, wallet);
  if (!feature) return { status: "unsupported", message: `${wallet.name} can't sign without sending; this chain needs that.` };
  const versions = wallet.features[feature].supportedTransactionVersions ?? ["legacy"];
  if (!versions.includes(request.version ?? 0))
    return { status: "unsupported", message: `${wallet.name} doesn't know version ${request.version ?? 0} transactions.` };
  return null;
}

/** signTransaction wherever possible (we send); signAndSendTransaction only if the chain is public. */
export function transactionFeature(request, wallet) {
  if (wallet.features["solana:signTransaction"]) return "solana:signTransaction";
  if (request.maySend && wallet.features["solana:signAndSendTransaction"]) return "solana:signAndSendTransaction";
  return null;
}

async function callWallet(request, wallet, account) {
  if (request.kind === "message") {
    const [out] = await wallet.features["solana:signMessage"].signMessage({ account, message: unbase64(request.payload) });
    return { status: "signed", signedMessage: base64(out.signedMessage), signature: base64(out.signature) };
  }
  const input = { account, chain: request.chain, transaction: unbase64(request.payload) };
  const feature = transactionFeature(request, wallet);
  if (feature === "solana:signTransaction") {
    const [out] = await wallet.features[feature].signTransaction(input);
    return { status: "signed", transaction: base64(out.signedTransaction) };
  }
  const [out] = await wallet.features[feature].signAndSendTransaction(input);
  return { status: "sent", signature: base64(out.signature) };
}

export class Hub {
  constructor(win) {
    this.win = win;
    this.wallets = new Set();
    this.session = null; // { wallet, account }
    this.connecting = null; // name of the wallet being asked to connect
    this.notice = ""; // what last happened to the connection, in words
    this.listeners = new Set();
    this.requests = new Map(); // id -> { request, state: "queued" | "waiting" | "done", reply }
    this.approved = new Set(); // previews a person approved with a click in this window
    this.unwatch = null;
    this.attempt = 0; // only the newest connection attempt may set the session
    this.silentTried = new WeakSet();
    this.register = this.register.bind(this);
    this.listen();
  }

  // -- registry -------------------------------------------------------------------------------------------------

  /** Both halves of the Wallet Standard handshake: wallets that loaded before us, and those that load after. */
  listen() {
    const api = Object.freeze({ register: this.register });
    this.win.addEventListener("wallet-standard:register-wallet", (event) => event.detail?.(api));
    const ready = new this.win.Event("wallet-standard:app-ready");
    Object.defineProperty(ready, "detail", { value: api });
    this.win.dispatchEvent(ready);
    this.win.addEventListener("storage", (event) => event.key === REMEMBERED && this.otherTab(event.newValue));
  }

  register(...wallets) {
    for (const wallet of wallets) if (usable(wallet)) this.wallets.add(wallet);
    this.reconnect();
    this.changed();
    return () => {
      for (const wallet of wallets) this.wallets.delete(wallet);
      if (wallets.includes(this.session?.wallet)) {
        this.notice = `${this.session.wallet.name} has gone from this browser.`;
        this.drop("gone", this.notice);
      }
      this.changed();
    };
  }

  // -- connection -----------------------------------------------------------------------------------------------

  async connect(wallet, { silent = false } = {}) {
    const attempt = ++this.attempt;
    this.connecting = wallet.name;
    this.notice = silent ? "" : `Asking ${wallet.name} to connect.`;
    this.changed();
    try {
      const { accounts } = await wallet.features["standard:connect"].connect(silent ? { silent: true } : undefined);
      if (attempt !== this.attempt) return;
      const account = solanaAccount(accounts);
      if (!account) {
        this.notice = silent ? "" : `${wallet.name} shared no Solana account.`;
        return;
      }
      this.notice = `Connected to ${wallet.name}.`;
      this.enter(wallet, account);
      this.remember(wallet.name);
    } catch (error) {
      if (attempt !== this.attempt) return;
      const { status, message } = failure(error);
      if (!silent) this.notice = status === "refused" ? `You declined in ${wallet.name}.` : `${wallet.name}: ${message}`;
    } finally {
      if (attempt === this.attempt) this.connecting = null;
      this.changed();
    }
  }

  enter(wallet, account) {
    this.unwatch?.();
    this.session = { wallet, account };
    this.unwatch = wallet.features["standard:events"]?.on("change", () => this.walletChanged(wallet)) ?? null;
  }

  walletChanged(wallet) {
    if (this.session?.wallet !== wallet) return;
    const before = this.session.account;
    const still = wallet.accounts?.find((account) => account.address === before.address);
    // A wallet lists the account in use first; a switch is a new first account, even when the old one is still shared.
    const account = solanaAccount(wallet.accounts) ?? still ?? null;
    if (!account) {
      this.notice = `${wallet.name} was disconnected.`;
      this.drop("gone", this.notice);
    } else {
      this.session = { wallet, account };
      if (account.address !== before.address) {
        this.notice = `${wallet.name} switched to another account.`;
        this.settleAll("account", "The account changed before the wallet answered.");
      }
    }
    this.changed();
  }

  async disconnect({ forget = true } = {}) {
    const wallet = this.session?.wallet;
    this.attempt += 1;
    this.connecting = null;
    if (forget) this.remember(null);
    this.notice = wallet ? `Disconnected from ${wallet.name}.` : "";
    this.drop("gone", "The wallet was disconnected.");
    this.changed();
    try {
      if (forget) await wallet?.features["standard:disconnect"]?.disconnect();
    } catch (error) {
      this.notice = `Disconnected here; ${wallet.name} said: ${failure(error).message}`;
      this.changed();
    }
  }

  drop(status, message) {
    this.unwatch?.();
    this.unwatch = null;
    this.session = null;
    this.approved.clear();
    this.settleAll(status, message);
  }

  remembered() {
    try {
      return this.win.localStorage.getItem(REMEMBERED);
    } catch {
      return null; // storage may be forbidden; then nothing is remembered and nothing else changes
    }
  }

  remember(name) {
    try {
      if (name === null) this.win.localStorage.removeItem(REMEMBERED);
      else this.win.localStorage.setItem(REMEMBERED, name);
    } catch {
      // see remembered()
    }
  }

  /** Without asking the person anything: wallets answer a silent connect only for sites they already trust. */
  reconnect(name = this.remembered()) {
    if (!name || this.session || this.connecting) return;
    const wallet = [...this.wallets].find((candidate) => candidate.name === name);
    if (!wallet || this.silentTried.has(wallet)) return;
    this.silentTried.add(wallet);
    void this.connect(wallet, { silent: true });
  }

  otherTab(name) {
    if (name === null) {
      if (this.session) void this.disconnect({ forget: false });
      return;
    }
    this.silentTried = new WeakSet();
    this.reconnect(name);
  }

  // -- requests -------------------------------------------------------------------------------------------------

  /** The person pressed the button under this preview. Only then may a request that cites it reach the wallet. */
  approve(preview) {
    this.approved.add(preview);
  }

  /** They changed their mind before the server had built it. */
  revoke(preview) {
    this.approved.delete(preview);
  }

  /** Put a request to the wallet once. Asking again with the same id, however often, changes nothing. */
  ask(request) {
    if (this.requests.has(request.id) || !this.approved.has(request.preview)) return;
    this.approved.delete(request.preview); // one click, one signature
    this.requests.set(request.id, { request, state: "queued", reply: null });
    this.pump();
  }

  pump() {
    const entries = [...this.requests.values()];
    if (entries.some((entry) => entry.state === "waiting")) return;
    const next = entries.find((entry) => entry.state === "queued");
    if (next) void this.put(next);
  }

  async put(entry) {
    const { request } = entry;
    const { wallet, account } = this.session ?? {};
    entry.state = "waiting";
    const problem = objection(request, wallet, account, this.win.location.origin);
    if (problem) return this.settle(request.id, problem);
    entry.notice = `Waiting for ${wallet.name}. Look for its window.`;
    this.changed();
    entry.timer = this.win.setTimeout(
      () => this.settle(request.id, { status: "timeout", message: `${wallet.name} didn't answer in time.` }),
      request.timeoutMs ?? 120_000,
    );
    try {
      const answer = await callWallet(request, wallet, account);
      this.settle(request.id, { ...answer, address: account.address, wallet: wallet.name });
    } catch (error) {
      this.settle(request.id, { ...failure(error), wallet: wallet.name });
    }
  }

  /** The first outcome counts. What a wallet answers after a time-out or a cancel is dropped. */
  settle(id, reply) {
    const entry = this.requests.get(id);
    if (!entry || entry.state === "done") return;
    this.win.clearTimeout(entry.timer);
    entry.state = "done";
    entry.reply = { id, kind: entry.request.kind, ...reply };
    entry.notice = words(reply);
    this.changed();
    this.pump();
  }

  settleAll(status, message) {
    for (const id of [...this.requests.keys()]) this.settle(id, { status, message });
  }

  cancel(id) {
    this.settle(id, { status: "refused", cancelled: true, message: "Cancelled on this page." });
  }

  /** Replies the server hasn't confirmed. They are published until it has: none is lost to a rerun. */
  outbox(acknowledged = []) {
    for (const id of acknowledged) {
      const entry = this.requests.get(id);
      if (entry?.reply) entry.reply = null;
    }
    return [...this.requests.values()].filter((entry) => entry.reply).map((entry) => entry.reply);
  }

  state(id) {
    return this.requests.get(id)?.state ?? null;
  }

  requestNotice(id) {
    return this.requests.get(id)?.notice ?? "";
  }

  // -- views ----------------------------------------------------------------------------------------------------

  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  changed() {
    for (const listener of [...this.listeners]) listener();
  }

  /** What the server may know: never a key, and the address is unproven until a signature verifies. */
  account() {
    if (!this.session) return null;
    const { wallet, account } = this.session;
    return {
      wallet: wallet.name,
      address: account.address,
      chains: [...account.chains].sort(),
      features: Object.keys(wallet.features).sort(),
    };
  }
}

/** An outcome, as it is announced beside the button. */
export function words(reply) {
  if (reply.status === "signed") return "Signed.";
  if (reply.status === "sent") return "Signed and sent by the wallet.";
  if (reply.status === "refused" && !reply.cancelled) return "You declined in the wallet. Nothing was sent.";
  return `${reply.message} Nothing was sent.`;
}

export const hubOf = (win) => (win[KEY] ??= new Hub(win));
