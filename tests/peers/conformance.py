"""Drives every operation that the sandbox offers with boto3's core, and holds all that comes back
against botocore's models.

    conformance.py URL [CHECK...]

Prints each check, and at the end how much was asked and what was found. A check is a sentence that
holds (`checks/`); a finding is something that a model does not allow (`wire/`), or something that
is offered and was not tried, so that this cannot fall behind the sandbox. Exit code 1 on any.

`CHECK` chooses checks by the beginning of their names, for example `rollouts.`; then nothing is
said of what was not tried.
"""

from __future__ import annotations

import sys
import time

import checks
import offered
import suite
from sandbox import SPEED, Sandbox, Scope, accounts
from wire import Finding, Oracle


def chosen(wanted: list[str]) -> list[suite.Check]:
    """The checks that are wanted."""
    found = suite.collect(checks)
    return [
        one
        for one in found
        if not wanted
        or any(f"{one.__module__}.{one.__name__}".startswith(f"checks.{w}") for w in wanted)
    ]


def main() -> int:
    """Runs the checks; gives the exit code."""
    url, *wanted = sys.argv[1:]
    began = time.monotonic()
    sandbox, oracle = Sandbox(url.rstrip("/")), Oracle()
    sandbox.set_speed(SPEED)
    scopes = (Scope(sandbox, account, oracle.attach) for account in accounts())
    results = [suite.run(one, next(scopes)) for one in chosen(wanted)]
    findings = dict(oracle.findings)
    if not wanted:
        scope = next(scopes)
        operations = offered.operations(sandbox, scope)
        results += [suite.run(one, next(scopes)) for one in offered.checks(operations)]
        findings = dict(oracle.findings) | offered.untried(operations, oracle, scope)
    report(findings, oracle, results, time.monotonic() - began)
    return 1 if findings or not all(results) else 0


def report(
    findings: dict[Finding, str], oracle: Oracle, results: list[bool], seconds: float
) -> None:
    """Prints what was found, and the counts."""
    for finding, excerpt in findings.items():
        print(f"FINDING {finding}\n        {excerpt}")
    print(
        f"\n{results.count(True)} checks hold, {results.count(False)} do not, in {seconds:.1f} s\n"
        f"{len(oracle.operations)} operations, {oracle.requests} requests, "
        f"{len(findings)} findings"
    )


if __name__ == "__main__":
    sys.exit(main())
