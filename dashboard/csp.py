"""The Content-Security-Policy that this dashboard works under: ``python -m dashboard.csp``.

For the proxy that serves it (docs/serving.md). Inline scripts are named by their hashes, so nothing that finds its way
into a page can run; they change with Streamlit's version and with ours, so print the policy again after an upgrade.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

__all__ = ["inline_scripts", "policy"]

_SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<body>.*?)</script>", re.S | re.I)


def inline_scripts() -> list[str]:
    """The text of every inline script: those of Streamlit's page, and the dashboard's own."""
    import streamlit

    index = (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")
    theirs = [m["body"] for m in _SCRIPT.finditer(index) if "src=" not in m["attributes"] and m["body"].strip()]
    return [*theirs, (Path(__file__).parent / "static" / "page.js").read_text("utf-8")]


def policy() -> str:
    """The header's value.

    Returns
    -------
    str
        ``blob:`` is how Streamlit loads a component's module; ``'unsafe-inline'`` is for styles alone, which Streamlit
        and Plotly write into elements.
    """
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in inline_scripts()]
    scripts = " ".join(f"'sha256-{h}'" for h in hashes)
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' blob: {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "object-src 'none'",
        ]
    )


if __name__ == "__main__":
    print(policy())
