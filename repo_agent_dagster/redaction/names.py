"""Which names tell that their value is a secret, and which values are none whatever their name."""

import base64
import binascii
import re
from functools import lru_cache


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = _words(
    "password passwords passwd passphrase pwd secret secrets token tokens apikey accesskey privatekey accountkey "
    "authorization credential credentials cookie secretkey"
)
_SECRET_ENDINGS = ("password", "passwd", "secret", "token", "apikey")
_WEAK_WORDS = frozenset({"auth", "signature", "sig"})
_KEYS_OF = _words(
    "api access private account shared encryption signing license licence master secret service admin auth app "
    "application deploy ssh storage session client hmac redaction"
)
# After a secret's name, these make it the name of something about the secret.
_ABOUT = _words(
    "age arn attempts budget bytes class count counts dir domain endpoint env error exists expired expires expiration "
    "expiry field file files format generator helper hint id ids index issuer kind length len limit lifetime "
    "manager max min "
    "mode name names ok page path paths per policy position prefix provider ref refresh ref refs required reset scope "
    "scopes size source status stdin store symbol ttl type types uri url usage used user username valid validation "
    "version"
)
# Counts of tokens and lists of secrets are told by the same words as secrets.
_PLURAL = frozenset({"tokens", "secrets", "passwords", "cookies", "credentials"})

_NO_SECRETS = _words(
    "null none nil true false undefined empty missing required invalid expired optional incorrect wrong unknown unset "
    "hidden masked redacted removed secret password token cookie string number boolean object any bytes text str int "
    "bool void yes no ok on off set failed failure mismatch mismatched changed disabled enabled default rejected "
    "accepted revoked denied present absent found provided configured verified unauthorized unauthenticated forbidden "
    "basic bearer digest negotiate ntlm oauth oauth2 oidc jwt saml identifier expression keyword punctuation operator "
    "not must should cannot may was is has will does already unexpected authentication authorization write read admin "
    "secretstr changeme example placeholder inherit session sessions successful success successfully"
)
_STANDS_FOR_A_VALUE = re.compile(
    r"\*+|[xX•.-]{3,}|<[^>]*|\$(?:[A-Z_][A-Z0-9_]*|[a-z_]+|env:\w+|[({].*)|\{\{.*|\{[\w.]*\}?"
    r"|%\(?\w*\)?s?|\[[A-Za-z _-]*\]?"
    r"|(?:process\.)?env\b[.\[].*|os\.(?:environ|getenv).*|arn:aws.*|secrets?\..*",
    re.ASCII | re.DOTALL,
)
_PATH = re.compile(r"(?:~|\.{1,2})?(?:/[\w.@-]{1,40}){1,40}/?|[A-Za-z]:\\.*", re.ASCII)
_EXTENSION = re.compile(r"\.[a-z]{1,5}$")
_CODE = re.compile(r"[A-Za-z_]\w*(?:(?:\.[A-Za-z_]\w*)+(?:[(\[].*)?|[(\[].*)", re.ASCII | re.DOTALL)
_LETTERS = re.compile(r"[A-Za-z]+(?:[-_./:][A-Za-z]+)*", re.ASCII)


@lru_cache(4096)
def tells_secret(name: str) -> bool:
    """Tell whether a name such as ``DB_PASSWORD``, ``clientSecret`` or ``x-api-key`` is that of a secret."""
    words = [word.lower() for word in _WORDS.findall(name)]
    for at, word in enumerate(words):
        is_secret = word in _SECRET_WORDS or word in _WEAK_WORDS or word.endswith(_SECRET_ENDINGS)
        if word == "key" and at:
            is_secret = words[at - 1] in _KEYS_OF
        if is_secret and not _ABOUT.intersection(words[at + 1 :]):
            return True
    return False


@lru_cache(4096)
def is_weak(name: str) -> bool:
    """Tell whether a name is that of a secret only when the value looks like one: ``auth``, ``sig``."""
    words = {word.lower() for word in _WORDS.findall(name)}
    return bool(words & _WEAK_WORDS) and not words & _SECRET_WORDS


def counts(name: str) -> bool:
    """Tell whether a name may be that of a number of secrets or tokens: ``max_tokens``."""
    return any(word.lower() in _PLURAL for word in _WORDS.findall(name))


def is_no_secret(value: str) -> bool:
    """Tell whether a value is a word about secrets, or stands for one that is elsewhere: ``null``, ``${TOKEN}``."""
    bare = value.strip(".,:;!?()[]{}'\"`\\").lower()
    return not bare or bare in _NO_SECRETS or stands_for_a_value(value) or _is_path(value)


def _is_path(value: str) -> bool:
    if not _PATH.fullmatch(value):
        return False
    # Base64 may begin with a slash, too.
    return (value == value.lower() or bool(_EXTENSION.search(value))) and not any(map(looks_made, value.split("/")))


def stands_for_a_value(value: str) -> bool:
    """Tell whether a value is the place of one: ``***``, ``${TOKEN}``, ``<your token>``."""
    return bool(_STANDS_FOR_A_VALUE.fullmatch(value))


def is_reference(name: str, value: str) -> bool:
    """Tell whether a value is a program's word for what the name says: ``token=settings.api_token``."""
    return value.lower() == name.lower() or (is_code(value) and tells_secret(value))


def is_code(value: str) -> bool:
    """Tell whether a value is an expression of a program: ``row.token``, ``next(tokens)``."""
    return bool(_CODE.fullmatch(value)) and not looks_made(re.split(r"[(\[]", value)[0])


def is_plain_word(value: str) -> bool:
    """Tell whether a value is letters only, or words of them: prose, or the name of a thing."""
    return bool(_LETTERS.fullmatch(value.strip(".,:;!?()[]{}'\"`")))


def looks_made(value: str) -> bool:
    """Tell whether a value is such as people do not write: long, with letters and digits."""
    return len(value) >= 16 and any(c.isdigit() for c in value) and any(c.isalpha() for c in value)


def is_basic(value: str) -> bool:
    """Tell whether a value is the base64 of ``name:password``."""
    if not 8 <= len(value) <= 1000:
        return False
    try:
        told = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return False
    return b":" in told and told.isascii() and told.decode("ascii").isprintable()
