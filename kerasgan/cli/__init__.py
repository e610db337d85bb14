"""The `kerasgan` command."""

from kerasgan.cli.command import main

__all__ = ["main"]
