"""A workflow step to copy: tags conversations of authors that the administrator names.

What a step needs: a name, a title, declared parameters with help, and `decide`. A package of your own offers it by

    [project.entry-points."postroom.steps"]
    tag-authors = "your_package.tag_authors:step"

`decide` reads the context, changes nothing, raises nothing, takes time and memory only within bounds, and gives its
reason in a sentence that an agent understands. `postroom.workflow.testing` has what its tests need.
"""

from __future__ import annotations

from postroom.conf.parameters import Parameter, Values
from postroom.workflow.contract import Context, Decided, Step, Tag


class TagAuthors:
    name = "tag-authors"
    title = "Tag authors"
    parameters: tuple[Parameter, ...] = (
        Parameter("Authors", "addresses", "The authors whose conversations are tagged.", default=(), direction="in"),
        Parameter("Tag", "text", "The tag that they get.", default="important", direction="in"),
    )

    def decide(self, context: Context, values: Values) -> Decided:
        author = context.message.author
        if author is None or author.key not in {address.lower() for address in values.texts("Authors")}:
            return Decided("The author is none of those named.")
        tag = values.text("Tag")
        return Decided(f"The author is one of those named, so the conversation is tagged {tag}.", (Tag(tag),))


step: Step = TagAuthors()
