"""What the command line says when it cannot do as asked."""


class Complaint(Exception):
    """One line that says what is wrong and what to do; never a traceback, never personal data."""
