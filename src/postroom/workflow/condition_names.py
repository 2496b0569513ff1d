"""The names that conditions may use. The reference's tables are made of `VARIABLES` and `FUNCTIONS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from postroom.workflow.arguments import ARGUMENTS


class Variable(NamedTuple):
    """A name that conditions may use; the reference's table is made of these."""

    name: str
    type: str
    meaning: str


VARIABLES: tuple[Variable, ...] = (
    Variable("message.subject", "text", "the subject, decoded"),
    Variable("message.author", "text", "the author's address in lower case, empty if there is none"),
    Variable("message.author_name", "text", "the author's display name"),
    Variable("message.author_domain", "text", "the domain of the author's address, in lower case"),
    Variable("message.to", "list", "the addresses of To, in lower case; at most 100"),
    Variable("message.cc", "list", "the addresses of Cc, in lower case; at most 100"),
    Variable("message.text", "text", "the plain text, its first 100,000 characters"),
    Variable("message.size", "number", "the size in octets"),
    Variable("message.attachments", "list", "the names of the attachments; at most 100"),
    Variable("message.header", "map", "header fields by name in lower case, the first of each name; see header()"),
    Variable("message.protection", "text", "smime-signed, smime-encrypted, pgp-signed, pgp-encrypted, or empty"),
    Variable("facts.received_ms", "number", "when the message was accepted, in milliseconds since 1970"),
    Variable("facts.automatic", "text", "why it is automatic mail, empty if a person wrote it"),
    Variable("facts.loop", "text", "why it is mail of our own, empty if it is not"),
    Variable("facts.report", "boolean", "whether it is a delivery report"),
    Variable("facts.junk", "text", "why it is junk, empty if it is not"),
    Variable("facts.conversation", "number", "the conversation that it continues, 0 for a new one"),
    Variable("facts.thread_evidence", "text", "how the conversation was found"),
    Variable("facts.contact", "number", "the author's contact, 0 if not seen before"),
    Variable("facts.sender_name", "text", "the author's name, as the contact has it"),
    Variable("facts.organization", "text", "the author's organization"),
    Variable("facts.language", "text", "the language (ISO 639-1), such as en"),
    Variable("facts.category", "text", "the category, empty if there is none"),
    Variable("facts.owner", "text", "the user name of the conversation's owner, empty if it has none"),
    Variable("profile", "text", "the name of the profile that the message came to"),
    Variable("address", "text", "the address of that profile"),
    Variable("group", "text", "the name of the response group"),
    *(Variable(f"arguments.{argument.name}", argument.type, argument.help) for argument in ARGUMENTS),
)

FUNCTIONS: Mapping[str, str] = {
    "header": 'header("list-id"): the first header field of that name, empty if there is none',
    "contains": 'message.subject.contains("invoice"): whether the text stands in it; case counts',
    "startsWith": "whether a text starts so",
    "endsWith": "whether a text ends so",
    "matches": 'message.subject.matches("(?i)invoice"): a regular expression (RE2), written as one text',
    "size": "the length of a text or list",
    "int": "a number of a text",
    "double": "a number with a fraction",
    "string": "the text of a number",
    "type": "the type of a value",
    "dyn": "the value, its type not looked at",
}
