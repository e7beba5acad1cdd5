"""A run as a JUnit file, whatever its runner reports in: what artifacts and other tools take."""

from xml.etree.ElementTree import Element, SubElement, tostring

from repo_agent_dagster.pathways.suites.testrun import TestRun, suite_of


def junit_xml(run: TestRun, *, name: str = "tests") -> bytes:
    """Return the run as JUnit XML, one suite for each file or class, in the order of the run."""
    root = Element("testsuites", name=name, time=f"{run.duration_seconds:.3f}")
    suites: dict[str, Element] = {}
    for case in run.cases:
        of = case.suite or suite_of(case.id)
        if of not in suites:
            suites[of] = SubElement(root, "testsuite", name=of)
        duration: dict[str, str] = {} if case.duration_seconds is None else {"time": f"{case.duration_seconds:.6f}"}
        named = {"classname": of, "name": case.id.rpartition("::")[2]}
        element = SubElement(suites[of], "testcase", {**named, **duration})
        if case.outcome == "skipped":
            SubElement(element, "skipped", message=case.message)
        elif case.outcome != "passed":
            SubElement(element, "failure" if case.outcome == "failed" else "error", message=case.message)
    for of, suite in suites.items():
        inside = [case for case in run.cases if (case.suite or suite_of(case.id)) == of]
        suite.set("tests", str(len(inside)))
        suite.set("failures", str(sum(case.outcome == "failed" for case in inside)))
        suite.set("errors", str(sum(case.outcome == "error" for case in inside)))
        suite.set("skipped", str(sum(case.outcome == "skipped" for case in inside)))
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written
