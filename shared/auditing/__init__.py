"""The audit log held against what was published of it: heads on the bus, walking the chain, reading it."""
