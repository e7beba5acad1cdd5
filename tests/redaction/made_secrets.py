"""Made-up secrets of every known shape, put together at run time so that no scanner takes them for real ones."""

import base64
import hashlib

ALNUM = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
HEX = "0123456789abcdef"


def made(length: int, alphabet: str = ALNUM, *, seed: str = "") -> str:
    """Return characters that look random and are the same for the same arguments."""
    stream = b"".join(hashlib.sha256(f"{seed}{alphabet}{n}".encode()).digest() for n in range(length // 32 + 1))
    return "".join(alphabet[byte % len(alphabet)] for byte in stream[:length])


def _jwt() -> str:
    texts = ('{"alg":"HS256"}', '{"sub":"1234567"}')
    head, body = (base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in texts)
    return f"{head}.{body}.{made(43)}"


STANDING_ALONE: dict[str, list[str]] = {
    "github-token": [*(f"gh{kind}_" + made(36) for kind in "pousr"), "github" + "_pat_" + made(22) + "_" + made(59)],
    "gitlab-token": [f"gl{kind}-" + made(20) for kind in ("pat", "dt", "rt", "cbt", "ptt", "ft", "soat", "agent")],
    "bitbucket-token": ["AT" + "BB" + made(32)],
    "atlassian-token": ["ATA" + "TT3" + made(180) + "=1A2B3C4D"],
    "aws-key-id": ["AK" + "IA" + made(16, UPPER), "AS" + "IA" + made(16, UPPER)],
    "google-api-key": ["AI" + "za" + made(35)],
    "google-oauth": ["ya" + "29." + made(60), "GOC" + "SPX-" + made(28)],
    "azure-secret": [made(3) + "8" + "Q~" + made(34), made(76) + "AZ" + "DO" + made(4)],
    "slack-token": ["xo" + "xb-" + "123456789012-" + made(24), "xap" + "p-1-A012345-" + made(40)],
    "stripe-key": ["s" + "k_live_" + made(24), "r" + "k_test_" + made(24), "wh" + "sec_" + made(32)],
    "api-key": [
        *("s" + "k-" + made(48), "s" + "k-proj-" + made(60), "s" + "k-ant-api03-" + made(80), "g" + "sk_" + made(52)),
        *("xa" + "i-" + made(70), "pp" + "lx-" + made(48), "r" + "8_" + made(37), "fig" + "d_" + made(42)),
        *("PM" + "AK-" + made(24, HEX) + "-" + made(34, HEX), "pat" + "-na1-" + made(8, HEX) + "-" + made(27, HEX)),
    ],
    "hugging-face-token": ["h" + "f_" + made(34)],
    "registry-token": [
        "np" + "m_" + made(36),
        "py" + "pi-" + made(100),
        "ruby" + "gems_" + made(48, HEX),
        "AK" + "Cp" + made(64),
    ],
    "docker-token": ["dc" + "kr_pat_" + made(27)],
    "cloudflare-token": ["v1" + ".0-" + made(24, HEX) + "-" + made(146, HEX), "cf" + "ut_" + made(40)],
    "digitalocean-token": ["do" + "p_v1_" + made(64, HEX)],
    "twilio-key": ["S" + "K" + made(32, HEX)],
    "sendgrid-key": ["S" + "G." + made(22) + "." + made(43)],
    "mail-key": ["ke" + "y-" + made(32, HEX), "xke" + "ysib-" + made(64, HEX) + "-" + made(16)],
    "telegram-token": ["123456789" + ":AA" + made(33)],
    "shopify-token": ["shp" + "at_" + made(32, HEX)],
    "square-token": ["sq0" + "atp-" + made(22)],
    "databricks-token": ["da" + "pi" + made(32, HEX)],
    "heroku-key": ["HR" + "KU-" + made(40)],
    "new-relic-key": ["NR" + "AK-" + made(27, UPPER)],
    "sentry-token": ["sntr" + "yu_" + made(64, HEX)],
    "grafana-token": ["gl" + "sa_" + made(32) + "_" + made(8, HEX), "gl" + "c_" + made(60)],
    "jwt": [_jwt()],
    "age-key": ["AGE-SEC" + "RET-KEY-1" + made(58, UPPER)],
    "vault-token": ["hv" + "s." + made(90)],
    "terraform-token": [made(14) + ".atla" + "sv1." + made(67)],
    "pulumi-token": ["pu" + "l-" + made(40, HEX)],
    "doppler-token": ["dp" + ".pt." + made(43)],
    "linear-key": ["li" + "n_api_" + made(40)],
    "notion-token": ["nt" + "n_" + made(46), "sec" + "ret_" + made(43)],
    "hosting-token": ["vc" + "p_" + made(56), "nf" + "p_" + made(40), "tsk" + "ey-auth-" + made(30)],
    "database-token": ["sb" + "p_" + made(40, HEX), "sb_sec" + "ret_" + made(31), "psca" + "le_tkn_" + made(43)],
    "ci-token": ["CCI" + "PAT_" + made(22) + "_" + made(40, HEX), "bk" + "ua_" + made(40, HEX)],
}
"""Secrets by the kind that they are known as, wherever they stand."""

WITH_A_PLACE: list[tuple[str, str, str]] = [
    ("webhook", "https://hooks.sla" + "ck.com/services/{}", "T0AAAAAAA/B0BBBBBBB/" + made(24)),
    ("webhook", "https://disc" + "ord.com/api/webhooks/{}", "123456789012345678/" + made(68)),
    ("url-credentials", "fetch https://{}@example.com/x failed", "bob:" + "hunter2"),
    ("url-credentials", "https://{}@o1.ingest.sentry.io/42", made(32, HEX)),
    ("url-credentials", "amqp://{}@mq:5672/", "svc:" + "p@ss"),
    ("authorization", "Authorization: Bearer {}", made(30)),
    ("authorization", "proxy-authorization: basic {}", base64.b64encode(b"bob:" + b"hunter2").decode()),
    ("authorization", "curl -H 'Authorization: token {}'", made(40, HEX)),
    ("authorization", '"authorization": "{}"', made(30)),
    ("authorization", '"authorization": "Bearer {}"', made(30)),
    ("authorization", "sent Basic {}", base64.b64encode(b"bob:" + b"secretsecret").decode().rstrip("=")),
    ("cookie", "Cookie: {}", "theme=dark; session=" + made(20)),
    ("query", "GET /cb?code={}&state=1", made(30)),
    ("query", "https://s.blob.core.windows.net/c/f?sv=2022&sig={}&se=1", made(40) + "%3D"),
    ("query", "https://maps.example.com/js?key={}&v=3", made(30)),
    ("secret", "GET /cb?access_token={}&x=1", made(21)),
    ("secret", "password={}", "hunter2"),
    ("secret", "password: {}", "hunter2"),
    ("secret", "  db_password: {}", "correct" + "horse"),
    ("secret", '{{"password": "{}"}}', "correct horse battery"),
    ("secret", '{{\\"password\\":\\"{}\\"}}', "hunter2"),
    ("secret", '"api_key": "{}"', made(21)),
    ("secret", "DB_PASSWORD='{}'", "hunter22"),
    ("secret", "dbpassword={}", "hunter22"),
    ("secret", "AWS_SECRET_ACCESS_KEY={}", made(40)),
    ("secret", "aws_session_token = {}", made(80)),
    ("secret", "DD_API_KEY={}", made(32, HEX)),
    ("secret", "HEROKU_API_KEY={}", made(8, HEX) + "-" + made(27, HEX)),
    ("secret", "TWILIO_AUTH_TOKEN={}", made(32, HEX)),
    ("secret", "AccountName=x;AccountKey={};EndpointSuffix=core.windows.net", made(86) + "=="),
    ("secret", "Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey={}", made(43) + "="),
    ("secret", "Server=db;User Id=sa;Password={};", "Hunter2!"),
    ("secret", "clientSecret: {}", made(21)),
    ("secret", "X-Api-Key: {}", made(21)),
    ("secret", "PRIVATE-TOKEN: {}", made(21)),
    ("secret", "//registry.example/:_authToken={}", made(36, HEX)),
    ("secret", "_auth={}", base64.b64encode(b"bob:" + b"hunter2").decode()),
    ("secret", '"auth": "{}"', base64.b64encode(b"bob:" + b"hunter2").decode()),
    ("secret", "docker login --password {} registry", "hunter22"),
    ("secret", "nuget push --api-key {}", "oy2" + made(43).lower()),
    ("secret", "<password>{}</password>", "hunter22"),
    ("secret", "error: (password={})", "hunter2"),
    ("secret", "Unexpected token: secret={}", made(12)),
    ("secret", "auth: password={}", "hunter2"),
    ("secret", "password: \x1b[32m'{}'\x1b[39m", "hunter2"),
    ("secret", "\x1b[36mdb_password\x1b[0m=\x1b[33m{}\x1b[0m", "hunter2"),
    ("secret", "password: \\u001b[32m'{}'\\u001b[39m", "hunter2"),
    ("authorization", "\x1b[36mauthorization\x1b[0m: \x1b[32m'Bearer {}'\x1b[39m", made(30)),
]
"""A kind, a text with a place in it, and a secret that is known by what stands about that place."""


def private_key(kind: str = "RSA ", lines: int = 8) -> list[str]:
    """Return the lines of a made-up private key in PEM."""
    body = [made(64, seed=str(number)) for number in range(lines)]
    return [f"-----BEGIN {kind}PRIVATE " + "KEY-----", *body, made(30) + "==", f"-----END {kind}PRIVATE " + "KEY-----"]


def all_lines() -> list[tuple[str, str]]:
    """Return lines of a log, each with the secret in it."""
    alone = [(f"using {secret} for it", secret) for group in STANDING_ALONE.values() for secret in group]
    return [*alone, *((text.format(secret), secret) for _, text, secret in WITH_A_PLACE)]
