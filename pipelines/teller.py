"""Progress of long work on standard error."""

import sys

import click


class Teller:
    """Progress on standard error: lines where it is kept, one changing line where it is looked at."""

    def __init__(self) -> None:
        self.is_terminal = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        """Show one step."""
        if self.is_terminal:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)
        else:
            click.echo(text, err=True)

    def clear(self) -> None:
        """End the changing line."""
        if self.is_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)
