"""What of the host's package configuration goes to a build and into a connected sandbox, and what does not."""

from pathlib import Path

from repo_agent_dagster.sandbox.host_config import (
    CA_BUNDLE,
    apt_sources,
    npmrc,
    package_access,
    pip_conf,
    read_host_config,
)


def test_pip_keeps_http_indexes_and_drops_paths_of_the_host() -> None:
    listing = (
        ":env:.find-links='/opt/wheels'\n"
        "global.cert='/etc/ssl/certs/ca-certificates.crt'\n"
        "global.index-url='https://user:pw@index.example/simple'\n"
        "global.extra-index-url='file:///opt/pypi https://extra.example/simple'\n"
    )

    assert pip_conf(listing) == (
        "[global]\nindex-url = https://user:pw@index.example/simple\nextra-index-url = https://extra.example/simple\n"
    )


def test_pips_environment_wins_over_its_files() -> None:
    listing = ":env:.index-url='https://env.example/'\nglobal.index-url='https://file.example/'\n"

    assert "https://env.example/" in pip_conf(listing)
    assert "file.example" not in pip_conf(listing)


def test_pip_without_an_index_of_its_own_gives_no_file() -> None:
    assert pip_conf("global.find-links='/opt/wheels'\n") == ""


def test_npm_keeps_registry_scopes_and_credentials_only() -> None:
    mine = "//npm.example/:_authToken=abc\n@acme:registry=https://npm.example/\naudit=false\nprefix=/opt\n"

    assert npmrc("https://npm.example/", [mine]) == (
        "registry=https://npm.example/\n//npm.example/:_authToken=abc\n@acme:registry=https://npm.example/\n"
    )
    assert npmrc("file:///srv/npm", []) == ""


def test_apt_sources_are_those_of_the_release_with_debians_key(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text(
        "# deb http://commented.example/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
        "http://one.example/debian bookworm main\n"
        "deb-src http://one.example/debian bookworm main\n"
        "deb http://one.example/debian trixie main\n"
        "deb [signed-by=/etc/apt/keyrings/docker.gpg] https://docker.example/debian bookworm stable\n"
    )
    (parts / "debian.sources").write_text(
        "Types: deb deb-src\n# why not\nURIs: http://two.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\n contrib\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
        "Types: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\nEnabled: no\n\n"
        "Types: deb\nURIs: https://node.example/\nSuites: bookworm\nComponents: main\nSigned-By: /k/node.gpg\n\n"
        "Types: deb\nURIs: file:/srv/debian http://own.example/\nSuites: bookworm/\nComponents: main\nTrusted: yes\n"
    )

    assert apt_sources("bookworm", tmp_path).splitlines() == [
        "deb [arch=amd64] http://one.example/debian bookworm main",
        "deb http://two.example/debian bookworm main contrib",
        "deb http://two.example/debian bookworm-updates main contrib",
        "deb [trusted=yes] http://own.example/ bookworm/ main",
    ]


def test_the_hosts_proxy_and_certificates_come_from_the_environment(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("certificates")

    host = read_host_config(
        "bookworm", {"https_proxy": "http://proxy.example:3128", "SSL_CERT_FILE": str(bundle), "OTHER": "x"}
    )

    assert host.proxies == {"https_proxy": "http://proxy.example:3128"}
    assert host.ca_bundle == bundle


def test_secrets_are_files_that_only_the_owner_reads(tmp_path: Path) -> None:
    from repo_agent_dagster.sandbox.host_config import HostConfig

    bundle = tmp_path / "ca.pem"
    secrets = HostConfig({}, bundle, pip="[global]\n", npmrc="", apt_sources="", apt_conf="").write_secrets(tmp_path)

    assert set(secrets) == {"pip", "ca"}
    assert secrets["pip"].stat().st_mode & 0o777 == 0o600


def test_a_sandbox_gets_no_url_with_a_password(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("certificates")
    environment = {
        "HTTPS_PROXY": "http://user:secret@proxy.example:3128",
        "HTTP_PROXY": "http://proxy.example:3128",
        "PIP_CERT": str(bundle),
    }

    access, found = package_access(environment)

    assert "secret" not in str(access)
    assert access["HTTP_PROXY"] == "http://proxy.example:3128"
    assert access["PIP_CERT"] == access["NODE_EXTRA_CA_CERTS"] == CA_BUNDLE
    assert found == bundle
