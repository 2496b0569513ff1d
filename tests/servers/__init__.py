"""Real mail servers and a real PostgreSQL for tests, each in a private folder on loopback and on free ports.

Nothing of the machine's own configuration is read or written, and nothing can leave the machine.
"""
