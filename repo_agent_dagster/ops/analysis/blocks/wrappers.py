"""Lines that only tell that something before them failed: exit codes, lifecycle scripts, make, counts of failures."""

import re
from dataclasses import dataclass

from repo_agent_dagster.ops.analysis.blocks.telling_words import may_tell


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What such a line tells: the exit code where it names one, the command where it names one."""

    exit_code: int | None = None
    command: str | None = None
    ends_step: bool = False


_ENDS = re.compile(
    r"(?:Error: )?Process completed with exit code (?P<code>-?\d+)"
    r"|ERROR: Job failed(?:$|: (?:command terminated with )?exit (?:code|status) (?P<code2>\d+))"
    r"|Exited with code (?:exit status )?(?P<code3>\d+)"
    r"|The command \".*\" exited with (?P<code4>\d+)|Build step .* marked build as failure"
    r"|script returned exit code (?P<code5>\d+)"
    r"|Cleaning up project directory|Job failed$|Finished: FAILURE"
)
_WRAPPERS = re.compile(
    r"npm (?:ERR!|error) (?:code ELIFECYCLE|errno \d+|Exit status (?P<code>\d+)"
    r"|code (?P<code2>\d+)|Lifecycle script .*|Test failed\..*|Failed at .*"
    r"|path .*|workspace .*|location .*|command (?:failed|sh|/bin).*|This is probably not.*"
    r"|\S+@\S+ \w+: `(?P<command>.*)`)"
    r"|\s?(?:ELIFECYCLE|ERR_PNPM_RECURSIVE_RUN_FIRST_FAIL)\b.*?(?:exit code (?P<code3>\d+).*)?$"
    r"|error Command failed with (?:exit code (?P<code4>\d+)|signal).*|error Command \".*\" failed.*"
    r"|make(?:\[\d+\])?: \*\*\* \[(?P<command2>.*)\] Error (?P<code6>\d+).*"
    r"|make(?:\[\d+\])?: Target .* not remade.*|make: \*\*\* Waiting for unfinished.*"
    r"|error: (?:could not compile|aborting due to|test failed, to rerun|\d+ targets? failed"
    r"|doctest failed|process didn't exit).*"
    r"|(?:The )?[Pp]rocess '(?P<command3>.*)' failed with exit code (?P<code7>\d+).*"
    r"|exit status (?P<code8>\d+)|error: script \".*\" exited with code (?P<code9>\d+)"
    r"|Command exited with (?:code|status) (?P<code10>\d+)"
    r"|ninja: build stopped: .*|collect2: error: ld returned.*|compilation terminated\.|FAIL\t\S+\t[\d.]+s|FAIL$"
    r"|(?:ERROR: )?(?:InvocationError|tox: ).*|nox > .*(?:failed|unsuccessful).*"
    r"|error: Recipe `(?P<command4>.*)` failed .*exit code (?P<code11>\d+)"
    r"|(?:lerna|turbo|nx|NX) (?:ERR!|ERROR).*| ?ERROR  run failed: command .*"
    r"|Failed:\s+\S+#\S+|Error: Command failed(?: with exit code (?P<code12>\d+))?: .*"
    r"|issues found|(?:✗ |x )?Build failed in [\d.]+m?s|BUILD FAIL(?:ED|URE).*"
    r"|\[ERROR\] (?:-> \[Help|To see the full|Re-run Maven"
    r"|For more information|After correcting|\[Help|\s*mvn <|$|COMPILATION ERROR.*)"
    r"|\[(?:ERROR|INFO)\] BUILD FAILURE|Error: Process completed.*"
    r"|FAILURE: Build failed with an exception\.|> Build failed.*"
)
_COUNTS = re.compile(
    r"=+ .*\b\d+ (?:failed|errors?)\b.* in [\d.]+s.*=+$|\d+ (?:failed|passed"
    r"|errors?),? .*in [\d.]+s.*|!+ .* !+|Found \d+ errors?.*|FAILED \((?:failures|errors).*"
    r"|Tests:?\s+.*\bfailed\b.*|Test Suites:.*|Test Files\s.*|test result: FAILED.*"
    r"|✖ \d+ problems?.*|\s*\d+ (?:failing|passing|pending).*"
    r"|error: aborting due to .*|Some errors have detailed explanations.*"
    r"|For more information about (?:this|an) error.*|Ran \d+ tests? in.*"
    r"|\[ERROR\] (?:Tests run:.*|Failures:.*|Errors:.*|There are test failures\.?.*"
    r"|\s+\S+:\d+ .*)|\d+ (?:tests? completed|errors? generated).*|\d+ errors?$"
    r"|Snapshots:.*|Found \d+ .*(?:warnings?|problems?|fixable).*|Oh no! .*"
    r"|ThreadSanitizer: reported \d+ warnings?|Aborted with \d+ warnings? in .*|build finished with problems.*"
    r"|==\d+== ERROR SUMMARY: .*|Errors while running CTest|\d+% tests passed.*"
    r"|One or more containers failed to start\.?"
    r"|All matched files .*|\d+ files? would be (?:reformatted|left).*"
)


def wrapper(text: str) -> Wrapper | None:
    """Return what a line that follows from an earlier failure tells, or None when the line is no such line."""
    if len(text) > 1000 or not may_tell(text):
        return None
    stripped = text.strip()
    if match := _ENDS.match(stripped):
        return Wrapper(_code(match), None, ends_step=True)
    if match := _WRAPPERS.match(text.rstrip()) or _WRAPPERS.match(stripped):
        command = next((match[name] for name in ("command", "command3", "command4") if match[name]), None)
        if target := match["command2"]:  # [Makefile:12: test]
            command = f"make {target.rpartition(' ')[2]}"
        return Wrapper(_code(match), command)
    if _COUNTS.match(stripped):
        return Wrapper()
    return None


def _code(match: re.Match[str]) -> int | None:
    code = next((value for name, value in match.groupdict().items() if name.startswith("code") and value), None)
    return int(code) if code else None
