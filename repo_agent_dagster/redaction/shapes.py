"""The shapes by which secrets are known wherever they stand, as data.

Formats are from the issuers' public documentation. Every repetition is bounded, or over one class of characters that
the rest does not need: no text makes a rule slow.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of secret: signs (`signs.Signs`), one of which is in each text that holds one, and its pattern.

    Where the pattern has a group ``secret``, that alone is replaced.
    """

    kind: str
    signs: tuple[str, ...]
    pattern: re.Pattern[str]


# Not inside a word; an escaped line break, as in JSON within JSON, is no letter before it.
_START = r"(?:(?<![\w-])|(?<=\\[nrt]))"


def _shape(kind: str, signs: str, pattern: str) -> Shape:
    return Shape(kind, tuple(signs.split()), re.compile(pattern, re.ASCII))


SHAPES: tuple[Shape, ...] = (
    _shape("github-token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"gh[pousr]_\w{20,}|github_pat_\w{20,}"),
    _shape(
        "gitlab-token",
        "glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glimt- glagent- glsoat- gloas- glffct- glwt-",
        r"gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|soat|oas|ffct|wt)-[\w.-]{16,}",
    ),
    _shape("bitbucket-token", "atbb", rf"{_START}ATBB[A-Za-z0-9]{{28,}}"),
    _shape("atlassian-token", "tt3", r"AT[AC]TT3[\w=+/-]{40,}"),
    _shape("aws-key-id", "akia asia abia", r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA)[0-9A-Z]{16}(?![A-Z0-9])"),
    _shape("google-api-key", "aiza", r"AIza[\w-]{30,}"),
    _shape("google-oauth", "ya29. gocspx-", r"ya29\.[\w.-]{20,}|GOCSPX-[\w-]{20,}"),
    _shape("azure-secret", "q~ azdo", r"[\w.~-]{3}\dQ~[\w.~-]{31,40}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"),
    _shape(
        "slack-token",
        "xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe.xox xapp-",
        r"xox[a-eoprs](?:[.-]xox[a-z])?-[\w-]{16,}|xapp-\d-[\w-]{16,}",
    ),
    _shape(
        "webhook",
        "hooks.slack.com/ /webhooks/ .webhook.office.com/",
        r"(?i:hooks\.slack\.com/(?:services|workflows|triggers)/|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/"
        r"|\.webhook\.office\.com/webhookb2/)(?P<secret>[\w/@-]{20,})",
    ),
    _shape(
        "stripe-key",
        "k_live_ k_test_ k_prod_ whsec_",
        r"[rs]k_(?:live|test|prod)_\w{10,}|whsec_[A-Za-z0-9+/=]{20,}",
    ),
    # What follows sk- in names of packages and locales is words; in keys there are digits or capitals.
    _shape("api-key", "sk-", rf"{_START}sk-(?=[\w-]{{0,200}}[0-9A-Z])[\w-]{{16,}}"),
    _shape("api-key", "gsk_ xai- pplx- r8_", rf"{_START}(?:gsk_|xai-|pplx-|r8_)[A-Za-z0-9]{{32,}}"),
    _shape("hugging-face-token", "hf_ api_org_", rf"{_START}(?:hf|api_org)_[A-Za-z0-9]{{30,}}"),
    _shape("registry-token", "npm_ pypi- rubygems_", r"npm_[A-Za-z0-9]{30,}|pypi-[\w-]{30,}|rubygems_[0-9a-f]{40,}"),
    _shape("registry-token", "akcp", rf"{_START}AKCp[A-Za-z0-9]{{50,}}"),
    _shape("docker-token", "dckr_pat_ dckr_oat_", r"dckr_[po]at_[\w-]{20,}"),
    _shape(
        "cloudflare-token",
        "cfut_ cfat_ cfk_ v1.0-",
        rf"{_START}(?:cf(?:ut|at|k)_\w{{30,}}|v1\.0-[0-9a-f]{{24}}-[0-9a-f]{{100,}})",
    ),
    _shape("digitalocean-token", "doo_v1_ dop_v1_ dor_v1_", r"do[opr]_v1_[0-9a-f]{32,}"),
    _shape("twilio-key", "sk##", r"(?<![A-Z0-9])SK[0-9a-f]{32}(?![0-9a-f])"),
    _shape("sendgrid-key", "sg.", rf"{_START}SG\.[\w-]{{16,64}}\.[\w-]{{16,}}"),
    _shape("mail-key", "key- xkeysib-", rf"{_START}key-[0-9a-f]{{32}}\b|xkeysib-[\w-]{{40,}}"),
    _shape("telegram-token", ":aa", r"(?<!\d)\d{8,10}:AA[\w-]{32,}"),
    _shape("shopify-token", "shpat_ shpca_ shppa_ shpss_ shpua_", r"shp(?:at|ca|pa|ss|ua)_[0-9a-fA-F]{32,}"),
    _shape("square-token", "sq0", r"sq0[a-z]{3}-[\w-]{22,}"),
    _shape("databricks-token", "dapi", r"dapi[0-9a-f]{32}(?:-\d)?"),
    _shape("heroku-key", "hrku-", r"HRKU-[\w-]{30,}"),
    _shape("new-relic-key", "nrak- nrii- nrra-", r"NR(?:AK|II|RA)-[\w-]{20,}"),
    _shape("sentry-token", "sntrys_ sntryu_", r"sntry[su]_[\w+/=-]{40,}"),
    _shape("grafana-token", "glc_ glsa_", r"glc_[A-Za-z0-9+/=]{32,}|glsa_\w{32,}"),
    _shape("jwt", "eyj", rf"{_START}eyJ[\w-]{{8,}}+\.[\w-]{{8,}}+\.[\w-]*+(?:\.[\w-]*+){{0,2}}"),
    _shape("age-key", "age-secret-key-", r"AGE-SECRET-KEY-1[0-9A-Z]{40,}"),
    _shape("vault-token", "hvs. hvb. hvr.", r"hv[sbr]\.[\w-]{24,}"),
    _shape("terraform-token", "atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}"),
    _shape("pulumi-token", "pul-", rf"{_START}pul-[0-9a-f]{{40}}\b"),
    _shape("doppler-token", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", r"dp\.[a-z]{2,5}\.[\w.-]{40,}"),
    _shape("linear-key", "lin_api_ lin_oauth_", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    _shape("notion-token", "ntn_ secret_", rf"{_START}(?:ntn_[A-Za-z0-9]{{40,}}|secret_[A-Za-z0-9]{{43}}\b)"),
    _shape(
        "hosting-token",
        "vcp_ vci_ vca_ vcr_ vck_ vercel_blob_rw_ nfp_ rnd_ fo1_ fm1a_ fm1r_ fm2_ tskey-",
        rf"{_START}(?:vc[piark]_\w{{24,}}|vercel_blob_rw_\w{{24,}}|nfp_\w{{36,}}|rnd_[A-Za-z0-9]{{28,}}|fo1_[\w-]{{40,}}"
        r"|fm(?:1[ar]|2)_[\w+/=-]{40,}|tskey-[\w-]{16,})",
    ),
    _shape(
        "database-token",
        "sbp_ sb_secret_ pscale_",
        r"sbp_[0-9a-f]{40}|sb_secret_[\w-]{20,}|pscale_[a-z]{2,5}_[\w.-]{30,}",
    ),
    _shape("ci-token", "ccipat_ cciprj_ bkua_", r"CCI(?:PAT|PRJ)_\w{30,}|bkua_[0-9a-f]{40}"),
    _shape(
        "api-key",
        "pmak- cfpat- figd_ pat-na pat-eu",
        rf"PMAK-[0-9a-f]{{24}}-[0-9a-f]{{34}}|CFPAT-[\w-]{{40,}}|{_START}figd_[\w-]{{40,}}"
        rf"|{_START}pat-(?:na|eu)\d-[0-9a-f-]{{36}}",
    ),
)
"""Tokens and keys that tell what they are by how they begin; their own order does not matter."""
