"""One function per use case. Each changes state and records what happened; none commits."""
