"""Who may ask: this computer's own pages alone, or, where the server listens to others, who has the token."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN = "x-vos-tab"  # a header that no page of another site can send without asking first
NO_COOKIE = "open the page with the address that was printed when the program began: it ends in ?token=..."
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; form-action 'none'; "
    "base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Guard:
    """Lets requests of the page through, and of nobody else.

    Pages of other sites reach a server on this computer through the user's browser. They are told by their Origin, by
    the name of the host that they believe to talk to (a name of theirs that leads here), and by a header of ours that
    they cannot send.

    Attributes:
        app: what is guarded.
        port: that the server listens at.
        token: that has to be shown, once in the address and from then on as a cookie; "" = it listens to this
            computer alone.
    """

    app: ASGIApp
    port: int
    token: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, as ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        await (refusal or self.app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers, method = Headers(scope=scope), scope["method"]
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self.token and host not in self._own_names():
            return PlainTextResponse(f"there is no {host} here; open http://127.0.0.1:{self.port}/", 403)
        if origin is not None and origin.partition("://")[2] != host:
            return PlainTextResponse("other sites' pages may not use this one", 403)
        if method not in ("GET", "HEAD") and OWN not in headers:
            return PlainTextResponse(f"requests that change something need the header {OWN}", 403)
        return self._without_token(scope, headers) if self.token else None

    def _own_names(self) -> set[str]:
        names = {f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        return names | {name.rpartition(":")[0] for name in names} if self.port == 80 else names

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """Takes the token out of the address into a cookie, which the page's own requests then bring."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        cookie = f"vos_{self.port}"  # the ports of a computer share their cookies
        if self._is_token(given):
            response = RedirectResponse(scope["path"], 303)
            response.set_cookie(cookie, self.token, httponly=True, samesite="strict")
            return response
        return None if self._is_token(cookies(headers).get(cookie, "")) else PlainTextResponse(NO_COOKIE, 403)

    def _is_token(self, word: str) -> bool:
        return hmac.compare_digest(word.encode(), self.token.encode())


def cookies(headers: Headers) -> Mapping[str, str]:
    """Reads the cookies of a request."""
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs}


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            pairs = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message["headers"], *pairs]}
        await send(message)

    return sending
