"""Access control: this machine's own pages only, since there is no password."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask, Response

HEADER = "X-ImageJ-DL"
"""Sent by the page with what changes something. Pages of other origins cannot send it."""
_POLICY = "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; "
_POLICY += "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def guard(app: Flask, hosts: Any) -> None:
    """Refuse what other pages ask an application for, and forbid its own page all but itself.

    Parameters
    ----------
    hosts : names under which it may be asked for besides localhost and addresses in numbers.
    """
    from flask import abort, request

    @app.before_request
    def refuse() -> Any:
        # A name that is not ours is that of a page which made its name point at us.
        if not _ours(request.host, hosts):
            abort(403, "requested under another host name")
        if request.method not in ("GET", "HEAD"):
            origin = request.headers.get("Origin")
            site = request.headers.get("Sec-Fetch-Site", "same-origin")
            same = origin is None or origin == request.host_url.rstrip("/")
            if not same or site != "same-origin" or request.headers.get(HEADER) != "1":
                abort(403, "comes from another page")
        return None

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "no-store"
        return response


def _ours(asked: str, hosts: Any) -> bool:
    name = asked.rsplit(":", 1)[0] if not asked.endswith("]") else asked
    name = name.strip("[]").lower()
    if name == "localhost" or name in hosts:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True  # no other page's name can point at it
