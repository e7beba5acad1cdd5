"""Programs that run inside a sandbox, beside a repository's test runner: put there as files, never imported here.

They write what the runner tells, a JSON object per line, as it happens: a run that is killed leaves what it got to.
Their environment: REPO_AGENT_REPORTS (folder for reports), REPO_AGENT_ONLY (JSON file with the ids of the tests to
run), REPO_AGENT_SHARD (``1/3``: the files whose hash falls into that part), REPO_AGENT_COVERAGE (``1``: measure it).
"""
