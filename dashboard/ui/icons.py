"""The icons, drawn on a 24 × 24 grid with one stroke; Streamlit strips inline SVG, so they are CSS masks."""

from __future__ import annotations

from functools import cache

PATHS = {
    "alert": (
        "M12 9v4.5M12 17v.2M10.4 4.3L2.9 17.2A1.9 1.9 0 004.5 20h15a1.9 1.9 0 001.6-2.8L13.6 4.3a1.9 1.9 0 00-3.2 0z"
    ),
    "check": "M5 12.5l4.5 4.5L19 7.5",
    "clock": "M12 7v5l3 2M12 3a9 9 0 100 18 9 9 0 000-18z",
    "copy": "M9 9h10v10H9zM5 15V5h10",
    "cpu": "M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4",
    "dot": "M12 9a3 3 0 100 6 3 3 0 000-6z",
    "inbox": "M4 13l2.5-8h11L20 13v6H4zM4 13h5l1 2.5h4l1-2.5h5",
    "info": "M12 11v5M12 8v.2M12 3a9 9 0 100 18 9 9 0 000-18z",
    "layers": "M12 4l8 4.5-8 4.5-8-4.5zM4 13l8 4.5 8-4.5",
    "leaf": "M5 19c0-9 5-13 14-14 0 9-4 14-12 13M5 19c2-5 5-7 8-8",
    "link": "M10 14a4 4 0 006 0l3-3a4 4 0 00-6-6l-1 1M14 10a4 4 0 00-6 0l-3 3a4 4 0 006 6l1-1",
    "lock": "M6 11h12v9H6zM9 11V8a3 3 0 016 0v3",
    "shield": "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2.2 2.2L15.5 10",
    "spark": "M12 4v4M12 16v4M4 12h4M16 12h4M7 7l2 2M15 15l2 2M17 7l-2 2M9 15l-2 2",
    "vote": "M4 13v6h16v-6M8 13h8M9 9l3 3 6-7",
    "wallet": "M4 7h14a2 2 0 012 2v8a2 2 0 01-2 2H6a2 2 0 01-2-2zM4 7l11-3v3M16 13h.2",
    "x": "M6 6l12 12M18 6L6 18",
}

_SVG = (
    "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24' fill='none' stroke='%23000' "
    "stroke-width='1.8' stroke-linecap='round' stroke-linejoin='round'%3E%3Cpath d='{path}'/%3E%3C/svg%3E"
)


@cache
def stylesheet() -> str:
    """One CSS rule an icon: ``.d .i-NAME`` sets the mask that ``.d .ico`` fills with the text's colour."""
    return "".join(
        f'.d .i-{name}{{--i:url("data:image/svg+xml,{_SVG.format(path=path)}")}}' for name, path in PATHS.items()
    )
