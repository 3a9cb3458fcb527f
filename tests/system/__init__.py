"""The whole of Pulang, as a newcomer meets it: the command line, over real processes."""
