"""The try-out's own mail system: IMAP, POP3 and SMTP servers in memory on loopback, and sample mail.

Nothing here knows the rest of Postroom, and nothing leaves the machine: whatever is sent to any address lands in a
mailbox of this process, and is gone when it ends.
"""
