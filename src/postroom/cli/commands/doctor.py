"""Look the installation over, and say what is wrong and what to do."""

from __future__ import annotations

import click

from postroom.cli.output import clean, emit_json, json_option, say


@click.command()
@json_option
def command(as_json: bool) -> int:
    """Look the installation over: files, key, database, configuration, profiles, what is stuck.

    Connects to no mail server; `postroom profile test` does. Exit status 1 if something is wrong.

    \b
    Example:
      postroom doctor
    """
    from postroom.cli.examination import examine

    findings = list(examine())
    wrong = [finding for finding in findings if finding.state == "wrong"]
    if as_json:
        names = ("about", "state", "sentence", "advice")
        emit_json([{name: getattr(finding, name) for name in names} for finding in findings])
        return 1 if wrong else 0
    for finding in findings:
        mark = {"well": "✓", "note": "!", "wrong": "✗"}[finding.state]
        say(f"{mark} {clean(finding.about)}: {clean(finding.sentence)}")
        if finding.advice:
            say(f"    {clean(finding.advice)}")
    count = "1 thing is" if len(wrong) == 1 else f"{len(wrong)} things are"
    say(f"\n{count} wrong." if wrong else "\nAll is well.")
    return 1 if wrong else 0
