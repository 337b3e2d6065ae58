/**
 * A Wallet Standard wallet for tests, injected before the page's own scripts. Real Ed25519 keys (WebCrypto), real
 * signatures; how it behaves is set in `window.mockWallet` before or while the page runs:
 *   name, seeds (one account each), chains, late (register only when told), trusted (answers a silent connect),
 *   reject ("connect" | "sign"), never (doesn't answer), change ("recipient" | "fee" | "huge-fee" | "blockhash"),
 *   sendOnly (has no signTransaction), calls (what it was asked, in order).
 */
(() => {
  if (!crypto.subtle) return; // the empty document that a new tab begins with has no keys, nor wallets
  const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  const PKCS8 = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
  const mock = (window.mockWallet = {
    name: "Mock Wallet",
    seeds: [7],
    chains: ["solana:localnet", "solana:devnet"],
    late: false,
    trusted: false,
    reject: "",
    never: false,
    change: "",
    sendOnly: false,
    calls: [],
    ...(window.mockWallet ?? {}),
  });

  const base58 = (bytes) => {
    let number = 0n;
    for (const byte of bytes) number = number * 256n + BigInt(byte);
    let text = "";
    for (; number; number /= 58n) text = ALPHABET[Number(number % 58n)] + text;
    for (const byte of bytes) {
      if (byte) break;
      text = "1" + text;
    }
    return text;
  };
  const unbase64url = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

  async function makeAccount(seed) {
    const raw = new Uint8Array([...PKCS8, ...new Uint8Array(32).fill(seed)]);
    const key = await crypto.subtle.importKey("pkcs8", raw, { name: "Ed25519" }, true, ["sign"]);
    const publicKey = unbase64url((await crypto.subtle.exportKey("jwk", key)).x);
    return { key, publicKey, address: base58(publicKey) };
  }
  const keys = Promise.all(mock.seeds.map(makeAccount));
  const sign = async (address, bytes) => {
    const { key } = (await keys).find((k) => k.address === address);
    return new Uint8Array(await crypto.subtle.sign("Ed25519", key, bytes));
  };

  /** A version 0 message in parts, and back: all that a wallet that meddles needs. Counts here are below 128. */
  function parse(message) {
    let at = 4;
    const take = (n) => message.slice(at, (at += n));
    const keyCount = message[at++];
    const accountKeys = Array.from({ length: keyCount }, () => take(32));
    const blockhash = take(32);
    const instructions = Array.from({ length: message[at++] }, () => {
      const program = message[at++];
      const accounts = take(message[at++]);
      return { program, accounts, data: take(message[at++]) };
    });
    return { header: message.slice(1, 4), accountKeys, blockhash, instructions };
  }
  function write({ header, accountKeys, blockhash, instructions }) {
    const body = instructions.flatMap((i) => [i.program, i.accounts.length, ...i.accounts, i.data.length, ...i.data]);
    return new Uint8Array([
      0x80, ...header, accountKeys.length, ...accountKeys.flatMap((k) => [...k]), ...blockhash,
      instructions.length, ...body, 0,
    ]);
  }
  const COMPUTE_BUDGET = [
    3, 6, 70, 111, 229, 33, 23, 50, 255, 236, 173, 186, 114, 195, 155, 231, 188, 140, 229, 187, 197, 247, 18, 107,
    44, 67, 155, 58, 64, 0, 0, 0,
  ];
  function meddle(message) {
    const parts = parse(message);
    if (mock.change === "recipient") parts.accountKeys[1] = new Uint8Array(32).fill(9);
    if (mock.change === "blockhash") parts.blockhash = mock.blockhash;
    if (mock.change === "fee" || mock.change === "huge-fee") {
      const micro = mock.change === "fee" ? 25_000n : 10_000_000_000n;
      parts.accountKeys.push(new Uint8Array(COMPUTE_BUDGET));
      parts.header[2] += 1;
      const price = new Uint8Array(new BigUint64Array([micro]).buffer);
      parts.instructions.push({ program: parts.accountKeys.length - 1, accounts: [], data: [3, ...price] });
    }
    return write(parts);
  }

  async function signTransaction(input) {
    const raw = input.transaction;
    const count = raw[0];
    let message = raw.slice(1 + 64 * count);
    if (mock.change) message = meddle(message);
    const signed = new Uint8Array(1 + 64 * count + message.length);
    signed.set(raw.subarray(0, 1 + 64 * count));
    signed.set(await sign(input.account.address, message), 1);
    signed.set(message, 1 + 64 * count);
    return signed;
  }

  const listeners = new Set();
  let accounts = [];
  const tell = () => listeners.forEach((listener) => listener({ accounts }));
  const answer = async (name, make) => {
    mock.calls.push(name);
    if (mock.never) return new Promise((resolve) => (mock.release = () => make().then(resolve)));
    if (mock.reject && (name === "connect") === (mock.reject === "connect"))
      throw Object.assign(new Error("User rejected the request."), { code: 4001 });
    return make();
  };
  const shared = async (first = 0) => {
    const all = await keys;
    const features = Object.keys(wallet.features).filter((f) => f.startsWith("solana:"));
    const made = all.map((k) => Object.freeze({ address: k.address, publicKey: k.publicKey, chains: mock.chains, features }));
    return [made[first], ...made.filter((_, i) => i !== first)];
  };
  const features = {
    "standard:connect": {
      version: "1.0.0",
      connect: async (options) => {
        if (options?.silent) {
          mock.calls.push("silent");
          accounts = mock.trusted ? await shared() : [];
          return { accounts };
        }
        return answer("connect", async () => ({ accounts: (accounts = await shared()) }));
      },
    },
    "standard:disconnect": {
      version: "1.0.0",
      disconnect: async () => {
        mock.calls.push("disconnect");
        accounts = [];
        tell();
      },
    },
    "standard:events": {
      version: "1.0.0",
      on: (_, listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    "solana:signTransaction": {
      version: "1.0.0",
      supportedTransactionVersions: ["legacy", 0],
      signTransaction: (...inputs) =>
        answer("signTransaction", async () => [{ signedTransaction: await signTransaction(inputs[0]) }]),
    },
    "solana:signMessage": {
      version: "1.0.0",
      signMessage: (...inputs) =>
        answer("signMessage", async () => {
          const message = mock.change === "message" ? new TextEncoder().encode("something else") : inputs[0].message;
          return [{ signedMessage: message, signature: await sign(inputs[0].account.address, message) }];
        }),
    },
  };
  if (mock.sendOnly) delete features["solana:signTransaction"];
  const wallet = {
    version: "1.0.0",
    name: mock.name,
    icon: "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCA4IDgiPjxyZWN0IHdpZHRoPSI4IiBoZWlnaHQ9IjgiIGZpbGw9IiM1NTYiLz48L3N2Zz4=",
    chains: mock.chains,
    features,
    get accounts() {
      return accounts;
    },
  };

  let unregister = null;
  mock.register = () => {
    const callback = (api) => (unregister = api.register(wallet));
    window.dispatchEvent(new CustomEvent("wallet-standard:register-wallet", { detail: callback }));
    window.addEventListener("wallet-standard:app-ready", (event) => callback(event.detail));
  };
  mock.gone = () => unregister();
  mock.switchTo = async (index) => {
    accounts = await shared(index);
    tell();
  };
  mock.switchChains = async (chains) => {
    mock.chains = chains;
    accounts = await shared();
    tell();
  };
  if (!mock.late) mock.register();
})();
