"""The input arguments of a response group: what one workflow is told for each group that runs it.

They are declared like a driver's parameters, so that forms, files, the command line and the reference read one list.
Steps read them as `context.arguments`, conditions as `arguments.NAME`.
"""

from __future__ import annotations

from postroom.conf.parameters import Parameter

ARGUMENTS: tuple[Parameter, ...] = (
    Parameter(
        "ProcessName",
        "text",
        "The workflow that every inbound event of this response group runs through.",
        default="Process Message",
        direction="in",
        required=True,
    ),
    Parameter(
        "RealTime",
        "boolean",
        "True: the inbound receiver's own process also processes the events. "
        "False: they wait for an inbound processor, on any machine.",
        default=True,
        direction="in",
    ),
    Parameter(
        "CatalogName",
        "text",
        "The catalog that categories are taken from: of the step category's rules, those of this catalog "
        "and those of none. Empty: only those of none.",
        direction="in",
        group="content",
    ),
    Parameter(
        "DisableSendAcknowledgement",
        "boolean",
        "True: no message of this response group is ever acknowledged.",
        default=False,
        direction="out",
        group="outgoing",
    ),
    Parameter(
        "EnableAssignment",
        "boolean",
        "True: a follow-up goes to the agent who has the conversation. False: it waits in the inbox for anyone.",
        default=True,
        direction="in",
    ),
    Parameter(
        "EnableLookupSenderByOrganization",
        "boolean",
        "True: an author whose organization isn't known is given the domain of the address, "
        "unless that is a free-mail provider's.",
        default=False,
        direction="in",
    ),
    Parameter(
        "EnableTestMode",
        "boolean",
        "True: everything is decided and recorded, but no acknowledgement is sent.",
        default=False,
        direction="both",
    ),
    Parameter(
        "DefaultLanguage",
        "text",
        "The language (ISO 639-1, such as en) of a message whose language can't be told.",
        default="en",
        direction="in",
        group="content",
    ),
    Parameter(
        "AcknowledgementTemplate",
        "text",
        "The template of the acknowledgement. Empty: nothing is acknowledged.",
        direction="out",
        group="outgoing",
    ),
    Parameter(
        "ErrorTemplate",
        "text",
        "The template of the mail that tells the administrator of events that failed. Empty: a plain list.",
        direction="out",
        group="outgoing",
    ),
    Parameter(
        "MaxAttempts",
        "number",
        "How often an event is tried before it counts as failed and waits for a person.",
        default=5,
        direction="in",
        group="limits",
        unit="attempts",
        minimum=1,
        maximum=20,
    ),
)
