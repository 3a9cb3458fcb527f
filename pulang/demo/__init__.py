"""`pulang demo`: start, replay, compare, and keep serving."""

from pulang.demo.command import run_demo

__all__ = ["run_demo"]
