"""The bus: a durable, partitioned, ordered log. One protocol, one conformance suite, one file per backend."""
