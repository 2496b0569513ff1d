"""The demo's configuration, as a file that could be applied: two profiles, two response groups, one template."""

from __future__ import annotations

from postroom.cli.demo.samples import MAX_MESSAGE_SIZE, SALES, SUPPORT
from postroom.cli.demo.servers import MailSystem


def document(mail: MailSystem) -> str:
    """The YAML document for these servers."""
    outgoing = f"SMTPServer: 127.0.0.1, SMTPPort: {mail.smtp_port}, SMTPEncryption: none"
    limits = f"StartFrom: all, PollingInterval: 2, MaxMessageSize: {MAX_MESSAGE_SIZE}"
    return f"""\
drivers:
  - name: Demo POP3
    kind: internet-smtp-pop3
    parameters: {{POP3Server: 127.0.0.1, POP3Port: {mail.pop3_port}, POP3Encryption: none, {outgoing}, {limits}}}
  - name: Demo IMAP
    kind: internet-smtp-imap
    parameters: {{IMAPServer: 127.0.0.1, IMAPPort: {mail.imap_port}, IMAPEncryption: none, {outgoing}, {limits}}}
profiles:
  - name: {SUPPORT}
    address: {SUPPORT}
    driver: Demo POP3
    overrides: {{POP3AccountName: {SUPPORT}, POP3Password: {mail.password}, FromName: Postroom Support}}
    response_group: Support
    responsibilities: [Support agents]
  - name: {SALES}
    address: {SALES}
    driver: Demo IMAP
    overrides: {{IMAPAccountName: {SALES}, IMAPPassword: {mail.password}, FromName: Postroom Sales}}
    response_group: Sales
    responsibilities: [Sales agents]
response_groups:
  - name: Support
    real_time: false
    input_arguments: {{ProcessName: Process Message, AcknowledgementTemplate: Acknowledgement}}
    administrator: ops@postroom.example
  - name: Sales
    real_time: true
    input_arguments: {{ProcessName: Process Message, AcknowledgementTemplate: Acknowledgement}}
    administrator: ops@postroom.example
responsibilities:
  - {{name: Support agents, members: [alice]}}
  - {{name: Sales agents, members: [bob]}}
users:
  - {{name: alice, email: alice@postroom.example}}
  - {{name: bob, email: bob@postroom.example}}
templates:
  - name: Acknowledgement
    subject: "Re: {{{{ subject }}}}"
    text: |
      {{% if contact.first_name != "" %}}Dear {{{{ contact.first_name }}}},{{% else %}}Hello,{{% endif %}}

      we have your message and will answer soon. Its number is {{{{ conversation.id }}}}.
"""
