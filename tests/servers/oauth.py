"""An OAuth2 server on loopback: grants tokens for a refresh token (RFC 6749 section 6), tells who holds one (RFC 7662).

Dovecot asks it for the user of a token; the drivers under test fetch their access tokens from it.
"""

from __future__ import annotations

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


class TokenServer:
    """`grant(user)` gives a refresh token for a mailbox; `token_url` is where clients use it."""

    client_id = "postroom-test"
    client_secret = "test-client-secret"

    def __init__(self) -> None:
        self.refreshes = 0
        self._users_by_access_token: dict[str, str] = {}
        self._users_by_refresh_token: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def token_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/token"

    @property
    def introspection_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/introspect"

    def grant(self, user: str) -> str:
        """A refresh token for `user`."""
        token = secrets.token_hex(16)
        self._users_by_refresh_token[token] = user
        return token

    def access_token(self, user: str) -> str:
        """An access token for `user`, as if it had been fetched."""
        token = secrets.token_hex(16)
        self._users_by_access_token[token] = user
        return token

    def expire_access_tokens(self) -> None:
        """Every access token is refused from now on; refresh tokens still work."""
        self._users_by_access_token.clear()

    def revoke(self, refresh_token: str) -> None:
        """The user has withdrawn the consent: `invalid_grant` from now on."""
        self._users_by_refresh_token.pop(refresh_token, None)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        """HTTP status and JSON for one request."""
        if path == "/introspect":
            user = self._users_by_access_token.get(form.get("token", ""))
            return (200, {"active": True, "username": user}) if user else (401, {"active": False})
        if path != "/token":
            return 404, {"error": "not_found"}
        if form.get("client_id") != self.client_id or form.get("client_secret") != self.client_secret:
            return 401, {"error": "invalid_client"}
        user = self._users_by_refresh_token.get(form.get("refresh_token", ""))
        if form.get("grant_type") != "refresh_token" or user is None:
            return 400, {"error": "invalid_grant", "error_description": "the refresh token is unknown or revoked"}
        self.refreshes += 1
        return 200, {"access_token": self.access_token(user), "token_type": "Bearer", "expires_in": 3600}


def _handler(tokens: TokenServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            octets = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            form = {name: values[0] for name, values in parse_qs(octets.decode()).items()}
            status, answer = tokens.answer(self.path, form)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Requests hold tokens: nothing is logged."""

    return Handler
