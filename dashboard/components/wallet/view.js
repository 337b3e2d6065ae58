/**
 * The wallet component's face: one function that Streamlit calls on each rerun, for two places.
 *
 * mode "account" (sidebar): choose, connect, disconnect; sign in. mode "sign" (dialog): the one button under the
 * preview. Both draw from the page's hub and never keep state that matters.
 */
import { hubOf } from "./hub.js";

const mounts = new WeakMap();
const shorten = (address) => `${address.slice(0, 4)}…${address.slice(-4)}`;

/** Children by key: an element that stays keeps its node, so keyboard focus survives every redraw. */
function reconcile(parent, specs) {
  const kept = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let cursor = null;
  for (const spec of specs) {
    let node = kept.get(spec.key);
    if (node && node.localName !== spec.tag) node = undefined;
    if (!node) {
      node = parent.ownerDocument.createElement(spec.tag);
      node.dataset.key = spec.key;
    }
    kept.delete(spec.key);
    if (spec.className !== undefined && node.className !== spec.className) node.className = spec.className;
    for (const [name, value] of Object.entries(spec.attributes ?? {})) {
      if (value === null || value === false) node.removeAttribute(name);
      else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
    }
    if (spec.children) reconcile(node, spec.children);
    else if (spec.text !== undefined && node.textContent !== spec.text) node.textContent = spec.text;
    if (spec.tag === "button") node.onclick = spec.onClick ?? null;
    const wanted = cursor ? cursor.nextElementSibling : parent.firstElementChild;
    if (node !== wanted) parent.insertBefore(node, wanted);
    cursor = node;
  }
  for (const stale of kept.values()) stale.remove();
}

const text = (key, className, value, tag = "span") => ({ key, tag, className, text: value });
const button = (key, label, onClick, className = "quiet", attributes = {}) => ({
  key,
  tag: "button",
  className,
  text: label,
  onClick,
  attributes: { type: "button", ...attributes },
});

/** A wallet's icon is its own data: only inline images are shown, so that no wallet makes the page fetch anything. */
function walletButton(hub, wallet, index) {
  const inline = /^data:image\/(svg\+xml|png|webp|gif|jpeg)[;,]/.test(wallet.icon ?? "");
  const busy = hub.connecting === wallet.name;
  return {
    key: `wallet-${index}-${wallet.name}`,
    tag: "button",
    className: "wallet",
    attributes: { type: "button", "aria-busy": busy ? "true" : null, "aria-disabled": busy ? "true" : null },
    onClick: () => !busy && void hub.connect(wallet),
    children: [
      ...(inline ? [{ key: "icon", tag: "img", attributes: { src: wallet.icon, alt: "", width: 20, height: 20 } }] : []),
      text("name", "", busy ? `Connecting ${wallet.name}` : `Connect ${wallet.name}`),
    ],
  };
}

export function accountSpecs(hub, data, actions) {
  if (!hub.session) {
    const wallets = [...hub.wallets].sort((a, b) => a.name.localeCompare(b.name));
    if (wallets.length) return wallets.map((wallet, index) => walletButton(hub, wallet, index));
    return [text("none", "muted", data.emptyText ?? "No Solana wallet found in this browser. Viewing needs none.", "p")];
  }
  const { wallet, account } = hub.session;
  const specs = [
    {
      key: "who",
      tag: "div",
      className: "who",
      children: [
        { key: "address", tag: "span", className: "mono", text: shorten(account.address), attributes: { title: account.address, "aria-label": `Address ${account.address}`, role: "img" } },
        text("state", data.verified ? "chip ok" : "chip", data.verified ? "Signed in" : "Connected"),
      ],
    },
  ];
  if (data.chain && !account.chains.includes(data.chain))
    specs.push(text("cluster", "note warn", `${wallet.name} serves ${account.chains.join(", ")}, this page needs ${data.chain}. Change the network in the wallet; nothing can be signed until then.`, "p"));
  const children = [];
  if (data.challenge && !data.verified)
    children.push(button("sign-in", "Sign in", () => actions.approve(data.challenge), "quiet", { "aria-disabled": actions.busy() ? "true" : null }));
  children.push(button("disconnect", `Disconnect ${wallet.name}`, () => void hub.disconnect()));
  specs.push({ key: "actions", tag: "div", className: "actions", children });
  return specs;
}

export function signSpecs(hub, data, actions) {
  if (data.done) return [];
  const wallet = hub.session?.wallet;
  if (!wallet) return [text("gone", "note warn", "The wallet is no longer connected. Connect it again in the sidebar.", "p")];
  if (hub.session.account.address !== data.address)
    return [text("other", "note warn", "The wallet has switched to another account than this was prepared for. Close this and start again.", "p")];
  if (data.chain && !hub.session.account.chains.includes(data.chain))
    return [text("cluster", "note warn", `${wallet.name} doesn't serve ${data.chain} with this account. Change the network in the wallet.`, "p")];
  if (actions.busy() && !actions.answered()) return [button("cancel", "Cancel", () => actions.cancel())];
  const attributes = { "aria-disabled": actions.answered() ? "true" : null };
  return [button("approve", `Sign with ${wallet.name}`, () => actions.approve(data.preview), "primary", attributes)];
}

class Mount {
  constructor(root, hub) {
    this.root = root;
    this.hub = hub;
    this.data = {};
    this.published = {};
    this.intent = null; // preview approved here, waiting for the server to build its request
    this.stop = hub.subscribe(() => this.draw());
  }

  update(component) {
    this.component = component;
    this.data = component.data ?? {};
    for (const id of this.data.closed ?? []) this.hub.cancel(id); // dialogs that were closed while the wallet was asked
    const request = this.data.request;
    if (request) {
      if (request.preview === this.intent) this.intent = null;
      this.hub.ask(request);
    }
    if (this.intent !== null && this.intent !== (this.data.mode === "sign" ? this.data.preview : this.data.challenge)) {
      this.hub.revoke(this.intent); // the server has moved on to another preview: what was pressed is past
      this.intent = null;
    }
    this.draw();
  }

  /** From the click until the server has dealt with the answer; a click in between would approve what is past. */
  busy() {
    const request = this.data.request;
    return this.intent !== null || (request && this.hub.state(request.id) !== null);
  }

  answered() {
    const request = this.data.request;
    return Boolean(request && this.hub.state(request.id) === "done");
  }

  approve(preview) {
    if (this.busy()) return;
    this.hub.approve(preview);
    if (this.data.request?.preview === preview) this.hub.ask(this.data.request);
    else {
      this.intent = preview;
      this.publish("approved", preview);
    }
    this.draw();
  }

  cancel() {
    const request = this.data.request;
    if (this.intent !== null) this.hub.revoke(this.intent);
    this.intent = null;
    if (request) this.hub.cancel(request.id);
    this.draw();
  }

  /** Say a thing once. The server echoes what it knows, so a lost message is said again and a known one is not. */
  publish(name, value) {
    const said = JSON.stringify(value);
    if (this.published[name] === said) return;
    this.published[name] = said;
    this.component.setStateValue(name, value);
  }

  draw() {
    if (!this.component) return;
    const { hub, data } = this;
    const actions = { approve: (p) => this.approve(p), cancel: () => this.cancel(), busy: () => this.busy(), answered: () => this.answered() };
    const specs = data.mode === "sign" ? signSpecs(hub, data, actions) : accountSpecs(hub, data, actions);
    const body = this.root.querySelector("[data-body]");
    const held = body.ownerDocument.activeElement && body.contains(this.root.activeElement ?? body.ownerDocument.activeElement);
    reconcile(body, specs);
    if (held && !body.contains(this.root.activeElement ?? body.ownerDocument.activeElement)) body.querySelector("button")?.focus();
    const status = this.root.querySelector("[role=status]");
    const notice = this.notice();
    if (status.textContent !== notice) status.textContent = notice;
    this.synchronise();
  }

  notice() {
    if (this.intent !== null) return this.data.mode === "sign" ? "Building the transaction." : "Preparing the message.";
    const request = this.data.request ? this.hub.requestNotice(this.data.request.id) : "";
    return request || (this.data.mode === "sign" ? "" : this.hub.notice);
  }

  synchronise() {
    const { hub, data } = this;
    if (data.mode !== "sign") {
      const account = hub.account();
      if (JSON.stringify(account) !== JSON.stringify(data.account ?? null)) this.publish("account", account);
      else delete this.published.account; // heard: should the server forget it, it is told again
    }
    const outbox = hub.outbox(data.acknowledged ?? []).filter((reply) => data.request?.id === reply.id);
    if (outbox.length) this.publish("outbox", outbox);
  }
}

export default function (component) {
  const root = component.parentElement;
  let mount = mounts.get(root);
  if (!mount) {
    mount = new Mount(root, hubOf(root.ownerDocument.defaultView));
    mounts.set(root, mount);
    mount.hub.reconnect();
  }
  mount.update(component);
  return () => {
    mount.stop();
    mounts.delete(root);
  };
}
