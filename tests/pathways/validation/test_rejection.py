"""What a rejected diff tells: git's words, and the hunk that they mean."""

from repo_agent_dagster.pathways.validation.rejection import explain_rejection

DIFF = """--- a/one.py
+++ b/one.py
@@ -1,2 +1,2 @@
-first
+erste
 second
@@ -40,2 +40,2 @@
-fortieth
+vierzigste
 next
--- a/two.py
+++ b/two.py
@@ -40 +40 @@
-other
+andere
"""


def test_the_hunk_that_git_names_is_shown() -> None:
    said = "error: patch failed: one.py:40\nerror: one.py: patch does not apply\n"

    assert explain_rejection(said, DIFF) == (
        "error: patch failed: one.py:40\nerror: one.py: patch does not apply\n"
        "The hunk that does not fit:\n@@ -40,2 +40,2 @@\n-fortieth\n+vierzigste\n next"
    )


def test_a_hunk_of_the_same_line_in_another_file_is_not_mistaken_for_it() -> None:
    explained = explain_rejection("error: patch failed: two.py:40\n", DIFF)

    assert explained.endswith("@@ -40 +40 @@\n-other\n+andere")


def test_a_long_hunk_is_cut() -> None:
    diff = "--- a/x\n+++ b/x\n@@ -1,0 +1,30 @@\n" + "+line\n" * 30

    assert explain_rejection("error: patch failed: x:1\n", diff).endswith("+line\n… 10 more lines")


def test_other_complaints_stand_for_themselves() -> None:
    assert explain_rejection("error: corrupt patch at line 3\n", DIFF) == "error: corrupt patch at line 3"
    assert "without saying why" in explain_rejection("", DIFF)
