"""Show the demo in the terminal: what happens to each message as it happens, then a table of where each ended."""

from __future__ import annotations

import sys

import click

from postroom.cli.demo.story import Followed, Story
from postroom.cli.output import clean, say, table

_COLOURS = {"→": "green", "quarantined": "yellow", "excluded": "yellow", "failed": "red", "paused": "red"}


def news(story: Story) -> None:
    """Print what is new, in one block for each message that has news."""
    last: Followed | None = None
    for one, line in story.look():
        if one is not last:
            number = story.followed.index(one) + 1
            click.echo("\n" + click.style(f"{number:>2}. {one.sample.title}", bold=True) + f"  ({one.sample.address})")
            last = one
        colour = next((c for start, c in _COLOURS.items() if line.startswith(start)), None)
        click.echo(click.style(f"    {clean(line)}", fg=colour))
    sys.stdout.flush()


def summary(story: Story) -> None:
    """The table of where each message ended, and a sentence."""
    rows = [
        (n, one.sample.title, one.sample.address.partition("@")[0], one.event or "", one.place or "not settled",
         "✓" if one.as_expected else f"✗ expected: {one.sample.expected}")
        for n, one in enumerate(story.followed, 1)
    ]  # fmt: skip
    say()
    table(("", "message", "mailbox", "event", "where it ended", ""), rows)
    good = sum(one.as_expected for one in story.followed)
    say(f"\n{good} of {len(story.followed)} messages ended where they should.")
