"""What is no secret stays as it is: hashes, ids, words about secrets, and code that speaks of them."""

import pytest

from repo_agent_dagster.redaction import redact
from tests.redaction.made_secrets import HEX, made

ORDINARY = [
    "GET /v1/orders/48213 200 in 37 ms",
    "TypeError: Cannot read properties of undefined (reading 'id')",
    "Unexpected token } in JSON at position 4",
    "SyntaxError: Unexpected token: identifier (src/a.ts:3:7)",
    "SyntaxError: Unexpected token: punc ())",
    "Unexpected token: 12345",
    "basic understanding of bearer authentication required",
    "401 Basic Authentication failed, Bearer token expired",
    "token: null, secret=undefined, password: None, cookie=false",
    "token expired",
    "error: token has expired, please log in again",
    "password: must not be empty",
    "password: required",
    "ValidationError: password: String should have at least 8 characters",
    "Password incorrect for user bob",
    "key=user_id", "cache key: user:42:orders", "primary key (id) violated", "KeyError: 'token'",
    "foreign key constraint fails (`shop`.`orders`, CONSTRAINT `fk` FOREIGN KEY (`id`))",
    "prompt_tokens=1234 completion_tokens=567 max_tokens: 4096 total_tokens=1801",
    '{"usage":{"prompt_tokens":1234,"total_tokens":1801},"model":"m"}',
    "token_type=bearer token_expiry=2026-03-04T00:00:00Z secret_name=db-credentials",
    "secretKeyRef: name=shop-db key=password",
    "secret/shop-tls created", "serviceaccount: builder, secret: shop-tls",
    "##[warning] Input 'token' not supplied. token: ***",
    "PASSWORD=*** TOKEN=<hidden> API_KEY=${API_KEY} SECRET=$SECRET X_TOKEN=${{ secrets.X_TOKEN }}",
    "export TOKEN=$(cat /run/secrets/token)",
    "    token = next(tokens)", "    password = getpass.getpass()", "    secret = os.environ['SECRET']",
    "    token = self.request.token",
    "const auth = useAuth(); auth: required",
    "ssl_certificate_key: /etc/ssl/private/server.key", "private_key=/etc/ssl/server.key", "passphrase file missing",
    "docker build --secret id=npmrc,src=.npmrc .", "docker login --password-stdin ghcr.io", "--token is required",
    "author: Bob <bob@example.com>", "authored by bob, authority granted, authentication: success",
    "https://example.com/a@b/c is fine, mail bob@example.com", "npm i @types/node@20.1.0 git@github.com:acme/shop.git",
    "git clone ssh://git@github.com/acme/shop.git", "postgres://postgres@db:5432/shop",
    "commit 3fa9c1d2e4b5a6978899aabbccddeeff00112233 by task-runner",
    "sha256:" + made(64, HEX), "integrity sha512-" + made(86) + "==", "etag W/\"" + made(32, HEX) + '"',
    "request 6f1c2d3e-4b5a-6978-8990-aabbccddeeff took 3 ms", "trace_id=" + made(32, HEX) + " span_id=" + made(16, HEX),
    "data:image/png;base64,iVBORw0KGgo" + made(400), "//# sourceMappingURL=data:application/json;base64," + made(300),
    "module scikit sk-learn-contrib-package-of-words loaded", "locale sk-SK",
    "task-runner-with-a-long-name-indeed failed",
    "risk-adjusted-return-of-the-portfolio", "disk-usage-monitor-service restarted", "hf_transfer enabled",
    "GET /v1/items?key=user_id&code=404&hash=short", "checkpoint ASIA-PACIFIC region, Malaysia, fantasia",
    "-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----",
    "no private key found in file", "error: -----BEGIN RSA PRIVATE " + "KEY----- expected, not found in server.key",
    "PASS tests/test_auth.py::test_token_expired[key-1] 0.03s", "passed 12, compass: 3, bypass=true",
    "Set-Cookie header missing", "cookie: not set", "cookies: 3",
    "signature: invalid", "[x] token: y, secret - z", "sig=ok", "ERROR: signature mismatch for sha256",
    "Host key verification failed.", "load key \"/home/ci/.ssh/id_rsa\": Permission denied",
    "credentials: include", "credential helper: store", "No credentials found",
    "Successfully logged in with token ending in 4f2a",
    "webhook delivered to /webhooks/github in 12 ms", "hooks.example.com/services/list",
    "    provider = Provider(api_token=settings.api_token, tokens=tokens, max_tokens=8_000, token_env=TOKEN_VARIABLE)",
    "cloning https://***@github.com/acme/shop and https://x:${TOKEN}@github.com/acme/shop",
    "<token>expired</token>", "Type '{ token: string; }' is not assignable to type 'Session'.",
]  # fmt: skip


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text
