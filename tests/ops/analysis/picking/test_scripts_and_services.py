"""What scripts, keys, service containers and builders of documentation say when they cannot go on."""

import pytest


def test_an_error_of_powershell_is_told_with_the_script_and_the_message(explain):
    (failure,) = explain("""\
        Building the shop
        Get-Item: /srv/build.ps1:2
        Line |
           2 |  Get-Item ./dist/app.zip
             |  ~~~~~~~~~~~~~~~~~~~~~~~
             | Cannot find path '/srv/dist/app.zip'
             | because it does not exist.
        ##[error]Process completed with exit code 1.
        """)

    assert (failure.tool, failure.exit_code) == ("pwsh", 1)
    assert failure.headline == "Get-Item: Cannot find path '/srv/dist/app.zip' because it does not exist."
    assert str(failure.anchors[0]) == "/srv/build.ps1:2"
    assert [line.number for line in failure.lines] == [2, 3, 4, 5, 6, 7]


def test_an_error_of_windows_powershell_is_told_with_its_category(explain):
    (failure,) = explain("""\
        Building the shop
        Invoke-Sign : The term 'Invoke-Sign' is not recognized as the name of a cmdlet, or operable
        program. Check the spelling of the name.
        At C:\\a\\build.ps1:14 char:1
        + Invoke-Sign $file
        + ~~~~~~~~~~~
            + CategoryInfo          : ObjectNotFound: (Invoke-Sign:String) [], CommandNotFoundException
            + FullyQualifiedErrorId : CommandNotFoundException
        ##[error]Process completed with exit code 1.
        """)

    assert failure.headline.startswith("Invoke-Sign : The term 'Invoke-Sign' is not recognized")
    assert failure.exception == "CommandNotFoundException"
    assert [line.number for line in failure.lines] == [2, 3, 4, 5, 6, 7, 8]


def test_a_service_container_is_told_with_the_reason_of_its_own_log(explain):
    (failure,) = explain("""\
        ##[error]Failed to initialize container postgres:16
        ##[command]/usr/bin/docker logs --details 8e1
        PostgreSQL init process begins
        Error: Database is uninitialized and superuser password is not specified.
               You must specify POSTGRES_PASSWORD for the superuser.
        ##[error]One or more containers failed to start.
        """)

    assert failure.headline.startswith("Failed to initialize container postgres:16: Error: Database is uninit")
    assert [line.number for line in failure.lines] == [1, 4, 5]


def test_a_service_containers_log_may_stand_above_the_word_on_it(explain):
    (failure,) = explain("""\
        ##[group]Service container redis failed.
        ##[command]/usr/bin/docker logs --details 8e1
        # Fatal error, can't open config file '/etc/redis.conf': No such file or directory
        ##[endgroup]
        ##[error]Failed to initialize container redis:7
        ##[error]One or more containers failed to start.
        """)

    assert [line.number for line in failure.lines] == [3, 5]


def test_a_job_that_ran_too_long_is_a_failure_and_no_mere_ending(explain):
    (failure,) = explain("$ make test\nstep one\nERROR: Job failed: execution took longer than 1h0m0s seconds\n")

    assert failure.headline == "ERROR: Job failed: execution took longer than 1h0m0s seconds"


def test_a_changed_host_key_is_one_failure_with_what_rsync_says_of_it(explain):
    (failure,) = explain("""\
        @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
        @    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
        @@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
        Offending ED25519 key in /home/runner/.ssh/known_hosts:1
        Host key for web.example has changed and you have requested strict checking.
        Host key verification failed.
        rsync error: unexplained error (code 255) at io.c(231)
        ##[error]Process completed with exit code 255.
        """)

    assert failure.headline == "Host key for web.example has changed and you have requested strict checking."
    assert (failure.tool, failure.exit_code) == ("ssh", 255)


def test_a_strict_build_of_mkdocs_fails_by_its_warnings(explain):
    first, second = explain("""\
        INFO    -  Cleaning site directory
        WARNING -  Doc file 'guide.md' contains a link 'setup.md', but the target is not found.
        WARNING -  Doc file 'ops.md' contains a link '#gone', but there is no such anchor on this page.

        Aborted with 2 warnings in strict mode!
        """)

    assert (first.tool, str(first.anchors[0])) == ("mkdocs", "guide.md")
    assert second.headline.startswith("Doc file 'ops.md'")


@pytest.mark.parametrize(
    ("text", "headline", "rule"),
    [
        (
            "Warning, treated as error:\n/srv/docs/index.rst:7:no such document 'gone'\n",
            "no such document 'gone'",
            None,
        ),
        (
            "/srv/docs/index.rst:7: WARNING: no such document 'gone' [toc.not_readable]\n"
            "build finished with problems, 1 warning (with warnings treated as errors).\n",
            "no such document 'gone' [toc.not_readable]",
            "toc.not_readable",
        ),
    ],
)
def test_a_strict_build_of_sphinx_fails_by_its_warnings(explain, text, headline, rule):
    (failure,) = explain(text)

    assert (failure.headline, failure.rule, str(failure.anchors[0])) == (headline, rule, "/srv/docs/index.rst:7")


def test_a_suite_that_jest_cannot_read_is_told_by_the_parsers_own_word(explain):
    (failure,) = explain("""\
        FAIL src/tax.test.ts
          ● Test suite failed to run

            Jest encountered an unexpected token

            Jest failed to parse a file. This happens e.g. when your code uses non-standard syntax.

            Details:

            /srv/node_modules/nanoid/index.js:1
            SyntaxError: Cannot use import statement outside a module

              at Object.<anonymous> (src/tax.ts:1:1)

        Test Suites: 1 failed, 1 total
        """)

    assert failure.headline == "SyntaxError: Cannot use import statement outside a module"
    assert "non-standard" not in failure.text


def test_a_download_of_git_lfs_tells_why_and_not_only_that_the_filter_failed(explain):
    (failure,) = explain("""\
        Error downloading object: big.bin (abc): Smudge error: batch response: This repository exceeded its LFS budget.
        error: external filter 'git-lfs filter-process' failed
        fatal: big.bin: smudge filter lfs failed
        """)

    assert "LFS budget" in failure.headline


def test_shellcheck_is_read_with_its_rule_and_place(explain):
    (failure,) = explain("""\
        In deploy.sh line 3:
        rm -rf $DIR/*
               ^--^ SC2086 (info): Double quote to prevent globbing.

        For more information:
          https://www.shellcheck.net/wiki/SC2086 -- Double quote to prevent globbing ...
        """)

    assert (failure.tool, failure.rule, str(failure.anchors[0])) == ("shellcheck", "SC2086", "deploy.sh:3")


@pytest.mark.parametrize(
    ("text", "tool", "named"),
    [
        (
            "Your requirements could not be resolved to an installable set of packages.\n\n  Problem 1\n"
            "    - Root composer.json requires acme/money ^9.0, found acme/money[1.0].\n",
            "composer",
            "acme/money",
        ),
        (
            'Bundler could not find compatible versions for gem "rack":\n  In Gemfile:\n    rack (~> 3.0)\n',
            "bundler",
            "rack",
        ),
    ],
)
def test_composer_and_bundler_name_the_package_that_cannot_be_resolved(explain, text, tool, named):
    (failure,) = explain(text)

    assert failure.tool == tool
    assert named in failure.headline
    assert failure.text.count("\n") >= 1
