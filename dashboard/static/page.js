// Once per browser page: copy buttons, and telling the server when the theme changes.
if (!window.__decaiPage) {
  window.__decaiPage = true;

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // No clipboard permission (or plain http on another host): the old way still works.
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    await copy(button.dataset.copy);
    button.classList.add("copied");
    button.setAttribute("aria-label", "Copied");
    setTimeout(() => {
      button.classList.remove("copied");
      button.setAttribute("aria-label", "Copy");
    }, 1400);
  });

  // Links between pages go through Streamlit's own history handling: a full load would end the session (and with
  // it the wallet's).
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.act[href]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const target = new URL(link.href);
    if (target.origin !== location.origin) return;
    event.preventDefault();
    history.pushState({}, "", target);
    window.dispatchEvent(new PopStateEvent("popstate"));
  });

  // On a phone the sidebar lies over the page: fold it away once it has done its work.
  document.addEventListener("click", (event) => {
    if (innerWidth > 768 || !event.target.closest("[data-testid=stSidebarNavLink]")) return;
    setTimeout(() => document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click(), 50);
  });

  // Streamlit puts the navigation's sections between its list and the entries, which leaves assistive software
  // without a list: each section is made one of its own, named by its heading.
  const nameSections = () => {
    for (const section of document.querySelectorAll("[data-testid=stSidebarNavItems] > div:not([role])")) {
      section.parentElement.setAttribute("role", "none");
      section.setAttribute("role", "list");
      section.setAttribute("aria-label", section.querySelector("header p")?.textContent.trim() ?? "");
    }
  };

  let scheme = "";
  const follow = () => {
    const app = document.querySelector(".stApp");
    if (!app) return;
    const now = getComputedStyle(app).colorScheme;
    if (now === scheme) return;
    // Dialogs, popovers and toasts live outside .stApp.
    document.documentElement.style.colorScheme = now;
    if (scheme) document.querySelector(".st-key-theme-sync button")?.click();
    scheme = now;
  };
  const look = () => {
    follow();
    nameSections();
  };
  look();
  setInterval(look, 400);
}
