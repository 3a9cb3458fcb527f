"""The command line and the all-in-one app: the only code that knows every service."""
